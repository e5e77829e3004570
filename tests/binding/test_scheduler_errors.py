"""Bad options and calls of a scheduler: the message says what is wrong, and nothing has changed."""

from __future__ import annotations

import math
from typing import Any

import pytest
from bad_input import GOAL, PROFILE, got, running

import alert


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
        ({"history": 10**17}, MemoryError, f"^no memory .* with a history of {10**17} inputs$"),
        ({"history": 10**30}, MemoryError, "^no memory .* with a history of .* inputs$"),
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
