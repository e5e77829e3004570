"""Bad arguments of the C core itself, which does not rely on its Python face."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bad_input import GOAL, PROFILE, running

import alert


@pytest.mark.parametrize(
    ("goal", "kind", "message"),
    [
        ([], TypeError, "goal: expected a tuple, got list"),
        (
            (7, 0.1, 0.5, 1.0, 0.0, 0.0, 0.0, (0, 1, 2), 1, 0),
            ValueError,
            "objective: expected ALERT_MIN_E",
        ),
        (
            (0, 0.1, 0.5, 1.0, 0.0, 0.0, 0.0, (0, 1, 2), -1, 0),
            ValueError,
            "window: expected a number of inputs",
        ),
        ((0, 0.1, 0.5, 1.0, 0.0, 0.0, 0.0, (0, 1, 1), 1, 0), ValueError, "priority: .*each once"),
        ((0, 0.1, 0.5, 1.0, 0.0, 0.0, 0.0, (0, 1, 3), 1, 0), ValueError, "priority: .*each once"),
    ],
)
def test_the_core_does_not_rely_on_its_python_face(
    goal: Any, kind: type[Exception], message: str
) -> None:
    scheduler = running()
    before = scheduler._save()[0]
    with pytest.raises(kind, match=message):
        scheduler._set_goal(goal, GOAL)
    assert scheduler._save()[0] == before


@pytest.mark.parametrize(
    "name",
    [
        "profile",
        "goal",
        "constants",
        "overhead",
        "switch_cost",
        "hold_inputs",
        "history",
        "machine_price",
        "feedback",
    ],
)
def test_arguments_of_the_core_have_their_types(name: str) -> None:
    given: dict[str, Any] = {
        "profile": PROFILE._data,
        "goal": GOAL._as_tuple(),
        "given": GOAL,
        "method": "paper",
        "constants": {},
        "overhead": 0.0,
        "switch_cost": 0.0,
        "hold_inputs": 1,
        "history": 0,
        "machine_price": None,
        "feedback": None,
        "learnt": None,
    }
    alert._core.Scheduler(**given)
    with pytest.raises(TypeError, match=f"{name}: expected a.*, got list"):
        alert._core.Scheduler(**given | {name: []})
    with pytest.raises(TypeError, match=name):
        alert._core.Scheduler(**{key: value for key, value in given.items() if key != name})


def test_functions_of_the_core_have_their_types() -> None:
    with pytest.raises(TypeError, match="goal: expected a tuple, got int"):
        alert._core.check_goal(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"method: expected one of .*, got 3"):
        alert._core.constants(3)  # type: ignore[arg-type]


class Unavailable:
    """What cannot be had as an array, for reasons of its own."""

    def __array__(self, *_: object, **__: object) -> np.ndarray[Any, Any]:
        raise LookupError("not here")


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"latency": "x"}, TypeError, "latency: expected numbers, got text$"),
        ({"accuracy": {}}, TypeError, "accuracy: expected numbers, got {}$"),
        ({"power": Unavailable()}, LookupError, "not here"),
        ({"exit_count": [1, 1]}, ValueError, "exits: expected 1 models along axis 0, got 2"),
        ({"exit_count": [1]}, ValueError, "exits: expected 1 exits along axis 0, got 2"),
        ({"exit_accuracy": [0.5]}, ValueError, "exits: expected 2 exits along axis 0, got 1"),
        ({"idle_power": "low"}, TypeError, "must be real number"),
    ],
)
def test_a_bad_table(change: dict[str, Any], kind: type[Exception], message: str) -> None:
    given: dict[str, Any] = {
        "latency": [[0.1]],
        "power": [[10.0]],
        "accuracy": [0.5],
        "power_caps": [10.0],
        "idle_power": 1.0,
        "exit_count": [2],
        "exit_fraction": [0.5, 1.0],
        "exit_accuracy": [0.4, 0.5],
        "exit_share": None,
        "fixed_share": None,
        "size": 1.0,
    }
    alert._core.Profile(**given)
    with pytest.raises(kind, match=message):
        alert._core.Profile(**given | change)


def test_what_needs_no_error() -> None:
    """Zero seconds and joules happen; NumPy's numbers are numbers."""
    scheduler = running()
    scheduler.step(0, 0)
    step: Any = scheduler.step
    step(np.float32(0.5), np.int64(2), deadline=np.float64(0.1), idle_power=np.int8(3))
    assert scheduler.history["latency"].tolist()[1:] == [0.0, 0.5]
