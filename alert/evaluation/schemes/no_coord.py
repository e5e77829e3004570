"""No-coord: application and system both adapt, and neither knows of the other.

The application chooses model and exit as if under the highest cap. The system chooses the cap as if
the application's most accurate model ran. Both measure the configuration that
ran, and each attributes the result to its own choice.
"""

from __future__ import annotations

import numpy as np

from alert.evaluation.output_trace import OutputTrace
from alert.evaluation.result import Replay
from alert.evaluation.schemes.schedulers import application_models
from alert.goal import Goal
from alert.profile import Profile
from alert.scheduler import Scheduler


def no_coord(trace: OutputTrace, goal: Goal) -> Replay:
    """Run two schedulers side by side."""
    models = application_models(trace.profile)
    caps = list(range(len(trace.profile.power_caps)))
    offered = trace.cut(models, caps)
    known = trace.cut(models, caps[-1:]).profile
    application = Scheduler(known, goal, method="paper", history=0)
    system = Scheduler(_most_accurate(offered.profile), goal, method="paper", history=0)
    inputs = application._replay(
        offered.latency,
        offered.energy,
        offered.idle_power,
        offered.sharing,
        system,
        offered.recorded,
    )
    inputs["model"] = np.array(models)[inputs["model"]]
    return Replay.of("no-coord", goal, inputs)


def _most_accurate(profile: Profile) -> Profile:
    """Keep only the most accurate model, as a traditional one."""
    p, best = profile, [int(profile.accuracy.argmax())]
    power = p.power[best] if p.knows_power else None
    return Profile(
        p.latency[best], power, p.accuracy[best], p.power_caps, p.idle_power, unit=p.unit
    )
