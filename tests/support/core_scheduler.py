"""The scheduler of the C core, without its Python face."""

from __future__ import annotations

from typing import Any

from two_models import PROFILE

import alert
from alert import _core

GOAL = alert.Goal.min_energy(deadline=0.1, accuracy=0.69)


def core_scheduler(constants: dict[str, Any]) -> _core.Scheduler:
    return _core.Scheduler(
        profile=PROFILE._data,
        goal=GOAL._as_tuple(),
        given=GOAL,
        method="paper",
        constants=constants,
        overhead=0.0,
        switch_cost=0.0,
        hold_inputs=1,
        history=0,
        machine_price=None,
        feedback=None,
        learnt=None,
    )
