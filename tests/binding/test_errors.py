"""Bad input: the message names the argument, the place in it, what was expected and what came, and
nothing has changed.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import alert

GOOD: dict[str, Any] = {
    "latency": [[0.04, 0.02], [0.08, 0.05]],
    "power": [[10.0, 20.0], [11.0, 21.0]],
    "accuracy": [0.6, 0.8],
    "power_caps": [10.0, 20.0],
    "idle_power": 5.0,
    "models": ["small", "large"],
    "exits": {"large": [(0.5, 0.7), (1.0, 0.8)]},
}
PROFILE = alert.Profile(**GOOD)
GOAL = alert.Goal.min_energy(deadline=0.1, accuracy=0.5)


def got(number: float) -> str:
    """The end of a message: a whole number is shown without a point."""
    return f"got {number:.12g}$"


BAD_SECONDS = [math.nan, math.inf, -math.inf, 0.0, -1.0, 2e9]

# ------------------------------------------------------------------------------------------ profile


def grid(value: float) -> list[list[float]]:
    return [[0.04, 0.02], [0.08, value]]


BAD_PROFILES: list[tuple[dict[str, Any], str]] = [
    *(
        (
            {"latency": grid(bad)},
            rf"latency\[1, 1\]: expected a finite number of seconds > 0.*{got(bad)}",
        )
        for bad in BAD_SECONDS
    ),
    *(
        (
            {"power": grid(bad)},
            rf"power\[1, 1\]: expected a finite number of watts.*{got(bad)}",
        )
        for bad in (math.nan, math.inf, 0.0, -1.0)
    ),
    *(
        (
            {"accuracy": [bad, 0.8]},
            rf"accuracy\[0\]: expected a number from 0 to 1, {got(bad)}",
        )
        for bad in (math.nan, -0.1, 1.1, math.inf)
    ),
    *(
        (
            {"power_caps": [10.0, bad]},
            rf"power_caps\[1\]: expected a finite number of watts.*{got(bad)}",
        )
        for bad in (math.nan, math.inf, 0.0, -1.0)
    ),
    (
        {"power_caps": [20.0, 10.0]},
        r"power_caps\[1\]: expected strictly ascending watts, got 10$",
    ),
    (
        {"power_caps": [20.0, 20.0]},
        r"power_caps\[1\]: expected strictly ascending watts, got 20$",
    ),
    *(
        (
            {"idle_power": bad},
            rf"idle_power: expected a finite number of watts >= 0.*{got(bad)}",
        )
        for bad in (math.nan, math.inf, -1.0)
    ),
    ({"latency": [0.04, 0.02]}, "latency: expected 2 dimensions, got 1"),
    ({"latency": 0.04, "models": None, "exits": None}, "latency: expected 2 dimensions, got 0"),
    ({"latency": [[0.04, 0.02], [0.08]]}, "latency: expected rows of one length"),
    ({"latency": [[0.04], [0.08]]}, "latency: expected 2 power caps along axis 1, got 1"),
    ({"power": [[10.0, 20.0]]}, "power: expected 2 models along axis 0, got 1"),
    ({"power": [[10.0], [20.0]]}, "power: expected 2 power caps along axis 1, got 1"),
    ({"accuracy": [0.6]}, "accuracy: expected 2 models along axis 0, got 1"),
    ({"accuracy": [[0.6, 0.8]]}, "accuracy: expected 1 dimension, got 2"),
    ({"power_caps": [[10.0, 20.0]]}, "power_caps: expected 1 dimension, got 2"),
    (
        {
            "latency": np.empty((0, 2)),
            "power": np.empty((0, 2)),
            "accuracy": [],
            "models": None,
            "exits": None,
        },
        "latency: expected at least one model, got 0",
    ),
    (
        {"latency": np.empty((2, 0)), "power": np.empty((2, 0)), "power_caps": []},
        "power_caps: expected at least one power cap, got 0",
    ),
    ({"models": ["small"]}, "models: expected 2 names, as latency has rows, got 1"),
    ({"models": ["small", "small"]}, "models: expected distinct names"),
    ({"exits": {"huge": [(1.0, 0.8)]}}, r"exits\['huge'\]: expected the index or name of a model"),
    ({"exits": {2: [(1.0, 0.8)]}}, r"exits\[2\]: expected the index or name of a model"),
    ({"exits": {1: [(1, 0.8)], "large": [(1, 0.8)]}}, r"exits\['large'\]: .*each once"),
    ({"exits": {1: []}}, r"exits\[1\]: expected at least one exit"),
    ({"exits": {1: [(0.5, 0.7), (0.5, 0.8)]}}, r"exits\[1, 1\]: .*strictly ascending.*got 0\.5"),
    ({"exits": {1: [(0.6, 0.7), (0.5, 0.8)]}}, r"exits\[1, 1\]: .*strictly ascending.*got 0\.5"),
    ({"exits": {1: [(0.0, 0.7), (1.0, 0.8)]}}, r"exits\[1, 0\]: .*\(0, 1\], got 0$"),
    ({"exits": {1: [(math.nan, 0.7), (1.0, 0.8)]}}, r"exits\[1, 0\]: .*got nan"),
    ({"exits": {1: [(0.5, 0.7), (1.5, 0.8)]}}, r"exits\[1, 1\]: .*\(0, 1\], got 1\.5"),
    ({"exits": {1: [(0.5, 0.7), (0.9, 0.8)]}}, r"exits\[1, 1\]: expected the fraction 1.*got 0\.9"),
    ({"exits": {1: [(0.5, 1.7), (1.0, 0.8)]}}, r"exits\[1, 0\]: expected an accuracy.*got 1\.7"),
    (
        {"exits": {1: [(0.5, 0.7), (1.0, 0.7)]}},
        r"exits\[1, 1\]: expected the model's accuracy for the last exit, got 0\.7",
    ),
]


@pytest.mark.parametrize(("change", "message"), BAD_PROFILES)
def test_bad_profiles(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        alert.Profile(**{**GOOD, **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"latency": [["0.04", "0.02"], ["0.08", "0.05"]]},
            r"latency: expected numbers, got text \('0.04'\)$",
        ),
        ({"power": "much"}, r"power: expected numbers, got text \('much'\)$"),
        ({"accuracy": [0.6, "high"]}, r"accuracy: expected numbers, got text \('high'\)$"),
        ({"accuracy": [0.6, 1j]}, "accuracy: expected numbers, got complex$"),
        ({"power_caps": {"a": 1}}, "power_caps: expected numbers, got dict$"),
        ({"idle_power": "5"}, "idle_power: expected a number, got str$"),
        ({"idle_power": None}, "idle_power: expected a number, got NoneType$"),
        ({"idle_power": [5.0]}, "idle_power: expected a number, got list"),
        ({"models": "ab"}, "models: expected a sequence of names, got 'ab'"),
        ({"models": [1, 2]}, "models: expected a sequence of names"),
        ({"exits": {1: 0.5}}, r"exits\[1\]: expected pairs"),
        ({"exits": {1: [0.5]}}, r"exits\[1\]: expected pairs"),
    ],
)
def test_profiles_of_the_wrong_kind(change: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        alert.Profile(**{**GOOD, **change})


# --------------------------------------------------------------------------------------------- goal

BAD_GOALS: list[tuple[dict[str, Any], str]] = [
    *(
        ({"deadline": bad}, rf"deadline: expected a finite number of seconds > 0.*{got(bad)}")
        for bad in (math.nan, math.inf, 0.0, -1.0)
    ),
    *(
        ({"accuracy": bad}, rf"accuracy: expected a number from 0 to 1, {got(bad)}")
        for bad in (math.nan, -0.1, 1.1)
    ),
    *(
        (
            {"probability": bad},
            rf"probability: expected a number from 0 to 1, 1 excluded, {got(bad)}",
        )
        for bad in (math.nan, -0.1, 1.0, 1.1)
    ),
    *(
        ({"q_fail": bad}, rf"q_fail: expected a number from 0 to 1, {got(bad)}")
        for bad in (math.nan, -0.1, 1.1)
    ),
    ({"priority": ("latency", "energy")}, "priority: expected .* got "),
    ({"priority": ("latency", "latency", "energy")}, "priority: expected .* got "),
    ({"priority": "latency"}, "priority: expected .* got 'latency'"),
    ({"window": 0}, "window: expected at least 1 input or None, got 0"),
    ({"window": -3}, "window: expected at least 1 input or None, got -3"),
    ({"window": 1_000_001}, "window: expected at most 1000000 inputs, got 1000001"),
    ({"window": 10**30}, "window: expected at most 1000000 inputs"),
]


@pytest.mark.parametrize(("change", "message"), BAD_GOALS)
def test_bad_goals(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        alert.Goal.min_energy(**{"deadline": 0.1, "accuracy": 0.5, **change})


@pytest.mark.parametrize("bad", [math.nan, math.inf, 0.0, -1.0])
def test_a_bad_energy(bad: float) -> None:
    with pytest.raises(ValueError, match=f"energy: expected a finite .* joules > 0.*{got(bad)}"):
        alert.Goal.max_accuracy(deadline=0.1, energy=bad)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"deadline": "0.1"}, "deadline: expected a number, got str"),
        ({"deadline": None}, "deadline: expected a number, got NoneType"),
        ({"accuracy": [0.5]}, "accuracy: expected a number, got list"),
        ({"probability": "high"}, "probability: expected a number, got str"),
        ({"q_fail": None}, "q_fail: expected a number, got NoneType"),
        ({"window": 2.5}, "window: expected a number of inputs or None, got float"),
    ],
)
def test_goals_of_the_wrong_kind(change: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        alert.Goal.min_energy(**{"deadline": 0.1, "accuracy": 0.5, **change})


def test_a_goal_with_the_bound_of_the_other_objective() -> None:
    with pytest.raises(TypeError, match="energy: a min_energy goal is bounded by accuracy only"):
        replace(GOAL, energy=1.0)
    with pytest.raises(TypeError, match="energy: expected a number, got NoneType"):
        replace(GOAL, objective="max_accuracy", accuracy=None)
    with pytest.raises(ValueError, match=r"objective: expected one of .* got 'both'"):
        replace(GOAL, objective="both")  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------- scheduler


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"profile": 3}, TypeError, "profile: expected a Profile, got int"),
        ({"goal": "fast"}, TypeError, "goal: expected a Goal, got str"),
        ({"method": "best"}, ValueError, r"method: expected one of \(.*'paper'.*\), got 'best'"),
        ({"method": 1}, ValueError, "method: expected one of .* got 1"),
        ({"constants": 3}, TypeError, "constants: expected a mapping of names to numbers, got int"),
        (
            {"constants": {"beta": 1}},
            ValueError,
            r"^constants: method 'calibrated' has no constant 'beta'; "
            r"alert\.constants\('calibrated'\) lists them$",
        ),
        (
            {"method": "paper", "constants": {"alpha": "x"}},
            TypeError,
            "alpha: expected a number, got str",
        ),
        (
            {"method": "paper", "constants": {"alpha": 1.5}},
            ValueError,
            "alpha: expected a number from 0 to 1, got 1.5",
        ),
        (
            {"method": "paper", "constants": {"k0": -0.1}},
            ValueError,
            "k0: expected a number from 0 to 1, got -0.1",
        ),
        (
            {"method": "paper", "constants": {"q0": 0.0}},
            ValueError,
            "q0: expected a number > 0.*got 0$",
        ),
        (
            {"method": "paper", "constants": {"r": math.nan}},
            ValueError,
            "r: expected a number > 0.*got nan",
        ),
        (
            {"method": "paper", "constants": {"mu0": math.inf}},
            ValueError,
            "mu0: expected a number > 0.*got inf",
        ),
        ({"overhead": -0.1}, ValueError, "overhead: expected a finite number of seconds.*-0.1"),
        ({"overhead": math.nan}, ValueError, "overhead: .*got nan"),
        ({"overhead": "1"}, TypeError, "overhead: expected a number of seconds, got str"),
        ({"history": -1}, ValueError, "history: expected a number of inputs, got -1"),
        ({"history": 1.5}, TypeError, "history: expected a number of inputs, got float"),
        ({"history": 10**30}, MemoryError, "^$"),
    ],
)
def test_bad_options(options: dict[str, Any], kind: type[Exception], message: str) -> None:
    arguments: dict[str, Any] = {"profile": PROFILE, "goal": GOAL, **options}
    with pytest.raises(kind, match=message):
        alert.Scheduler(**arguments)


BAD_STEPS: list[tuple[dict[str, Any], type[Exception], str]] = [
    *(
        (
            {"latency": bad},
            ValueError,
            rf"latency: expected a finite .* seconds >= 0.*{got(bad)}",
        )
        for bad in (math.nan, math.inf, -math.inf, -1e-9)
    ),
    *(
        (
            {"energy": bad},
            ValueError,
            rf"energy: expected a finite .* joules >= 0.*{got(bad)}",
        )
        for bad in (math.nan, math.inf, -1.0)
    ),
    *(
        (
            {"deadline": bad},
            ValueError,
            rf"deadline: expected a finite number of seconds > 0.*{got(bad)}",
        )
        for bad in (math.nan, math.inf, 0.0, -1.0)
    ),
    *(
        (
            {"idle_power": bad},
            ValueError,
            rf"idle_power: expected a finite .* watts.*{got(bad)}",
        )
        for bad in (math.nan, math.inf, -1.0)
    ),
    ({"latency": 10**400}, ValueError, "latency: expected a number of seconds, got a number too"),
    ({"latency": None}, TypeError, "latency: expected a number of seconds, got NoneType"),
    ({"latency": "0.1"}, TypeError, "latency: expected a number of seconds, got str"),
    ({"energy": "1"}, TypeError, "energy: expected a number of joules or None, got str"),
    ({"deadline": []}, TypeError, "deadline: expected a number of seconds or None, got list"),
    ({"idle_power": {}}, TypeError, "idle_power: expected a number of watts or None, got dict"),
    ({"exit": 0.5}, TypeError, "exit: expected an index or None, got float"),
    ({"exit": -1}, ValueError, "exit: expected an index or None, got -1"),
    ({"exit": 0}, ValueError, "exit: expected None for a model without exits, got 0"),
    ({"power": 1.0}, TypeError, r"step\(\) got an unexpected keyword argument 'power'"),
]


def running() -> alert.Scheduler:
    """A scheduler in mid-run, a traditional model pending."""
    scheduler = alert.Scheduler(PROFILE, replace(GOAL, window=5), overhead=0.001, history=3)
    for latency in (0.03, 0.05, 0.04, 0.02):
        scheduler.step(latency, 1.0, idle_power=4.0)
    assert scheduler.decision.exit is None
    return scheduler


@pytest.mark.parametrize(("change", "kind", "message"), BAD_STEPS)
def test_a_bad_step_changes_nothing(
    change: dict[str, Any], kind: type[Exception], message: str
) -> None:
    scheduler = running()
    before = scheduler._save()[0]
    with pytest.raises(kind, match=message):
        scheduler.step(**{"latency": 0.04, "energy": 1.0, **change})
    assert scheduler._save()[0] == before
    assert scheduler.step(0.04, 1.0) == running().step(0.04, 1.0)


def test_arguments_of_step_by_position_and_name() -> None:
    scheduler = running()
    before = scheduler._save()[0]
    step: Any = scheduler.step
    with pytest.raises(TypeError, match=r"step\(\) missing required argument 'energy'"):
        step(0.1)
    with pytest.raises(TypeError, match=r"step\(\) takes 2 positional arguments, got 3"):
        step(0.1, 1.0, 0.2)
    with pytest.raises(TypeError, match=r"step\(\) got multiple values for argument 'latency'"):
        step(0.1, 1.0, latency=0.1)
    assert scheduler._save()[0] == before
    by_position, by_name, by_another_string = running(), running(), running()
    by_position.step(0.1, 1.0)
    by_name.step(energy=1.0, latency=0.1)
    assert by_position._save()[0] == by_name._save()[0]
    again: Any = {"".join(["ener", "gy"]): 1.0}  # an equal string, not the same
    by_another_string.step(0.1, **again)
    assert by_position._save()[0] == by_another_string._save()[0]


def test_an_exit_beyond_the_one_chosen() -> None:
    goal = alert.Goal.max_accuracy(deadline=9, energy=99)
    scheduler = alert.Scheduler(PROFILE, goal, method="paper")
    assert scheduler.decision.exit == 1
    before = scheduler._save()[0]
    with pytest.raises(
        ValueError, match=r"exit: expected an exit not beyond the one chosen, got 2"
    ):
        scheduler.step(0.04, 1.0, exit=2)
    assert scheduler._save()[0] == before


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda s: s.decide(0.0), ValueError, "deadline: expected a finite number of seconds > 0"),
        (lambda s: s.decide(math.nan), ValueError, "deadline: .*got nan"),
        (lambda s: s.decide("soon"), TypeError, "deadline: expected a number of seconds or None"),
        (lambda s: s.decide(0.1, 3), TypeError, r"decide\(\)"),
        (lambda s: s.share(math.inf, 3), ValueError, "deadline: .*got inf"),
        (lambda s: s.share(0.3, 0), ValueError, "inputs: expected at least one input, got 0"),
        (lambda s: s.share(0.3, -3), ValueError, "inputs: expected at least one input, got -3"),
        (lambda s: s.share(0.3, 1.5), TypeError, "inputs: expected at least one input, got float"),
        (lambda s: s.share("soon", 3), TypeError, "deadline: expected .*, got str"),
        (lambda s: s.share(0.3), TypeError, r"share\(\)"),
        (lambda s: s.set_switching("dear", 3), TypeError, "switch_cost: expected .*, got str"),
        (lambda s: s.set_switching(0.1, 1.5), TypeError, "hold_inputs: expected .*, got float"),
        (lambda s: s.set_switching(0.1), TypeError, r"set_switching\(\)"),
        (lambda s: s._replay(3), TypeError, r"_replay\(\)"),
        (lambda s: alert.step_many(*[[s]]), TypeError, r"step_many\(\)"),
        (lambda s: alert.step_many(s, [0.1], None), TypeError, "not iterable"),
        (lambda s: setattr(s, "goal", 3), TypeError, "goal: expected a Goal, got int"),
        (lambda s: setattr(s, "overhead", -1.0), ValueError, "overhead: .*got -1$"),
        (lambda s: setattr(s, "overhead", None), TypeError, "overhead: .*got NoneType"),
        (lambda s: delattr(s, "overhead"), AttributeError, "overhead"),
        (lambda s: s._restore(b""), ValueError, "state: expected the bytes saved"),
        (lambda s: s._restore(bytes(len(s._save()[0]))), ValueError, "state: expected the bytes"),
    ],
)
def test_other_bad_calls_change_nothing(call: Any, kind: type[Exception], message: str) -> None:
    scheduler = running()
    before, goal = scheduler._save()[0], scheduler.goal
    with pytest.raises(kind, match=message):
        call(scheduler)
    assert (scheduler._save()[0], scheduler.goal, scheduler.overhead) == (before, goal, 0.001)


@pytest.mark.parametrize(
    ("goal", "kind", "message"),
    [
        ([], TypeError, "goal: expected a tuple, got list"),
        ((7, 0.1, 0.5, 0.0, 0.0, (0, 1, 2), 1), ValueError, "objective: expected ALERT_MIN_ENERGY"),
        ((0, 0.1, 0.5, 0.0, 0.0, (0, 1, 2), -1), ValueError, "window: expected a number of inputs"),
        ((0, 0.1, 0.5, 0.0, 0.0, (0, 1, 1), 1), ValueError, "priority: .*each once"),
        ((0, 0.1, 0.5, 0.0, 0.0, (0, 1, 3), 1), ValueError, "priority: .*each once"),
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
    "name", ["profile", "goal", "constants", "overhead", "switch_cost", "hold_inputs", "history"]
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
