"""Old names work for one more release, and the warning points at the line that uses one."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import alert
import alert.evaluation
from alert._deprecated import renamed_attribute, renamed_keyword

PROFILE = alert.Profile([[0.1]], [[10.0]], [0.8], [20.0], 5.0)
GOAL = alert.Goal.min_energy(deadline=0.2, accuracy=0.5)


class Stopwatch:
    """Measures in seconds."""

    total_s = renamed_attribute("total")

    @renamed_keyword("total_s", "total")
    def __init__(self, *, total: float = 0.0) -> None:
        self.total = total

    @renamed_keyword("seconds_s", "seconds")
    def add(self, seconds: float) -> float:
        self.total += seconds
        return self.total


def warning_of(use: Callable[[], object]) -> tuple[object, str]:
    """What the use gives, and the text of its one warning, which is for that very line."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = use()
    (warning,) = caught
    assert warning.category is DeprecationWarning
    assert (warning.filename, warning.lineno) == (__file__, use.__code__.co_firstlineno)
    return result, str(warning.message)


def test_a_keyword_is_taken_by_its_old_name() -> None:
    stopwatch, text = warning_of(lambda: Stopwatch(total_s=2.0))  # type: ignore[call-arg]
    assert isinstance(stopwatch, Stopwatch)
    assert stopwatch.total == 2.0
    assert text == (
        "Stopwatch(total_s=) is now Stopwatch(total=): "
        "the old name will be removed in the next release"
    )
    result, text = warning_of(lambda: stopwatch.add(seconds_s=3.0))  # type: ignore[call-arg]
    assert result == 5.0
    assert text.startswith("Stopwatch.add(seconds_s=) is now Stopwatch.add(seconds=): ")


def test_a_signature_shows_the_new_name_only_and_nobody_gives_both() -> None:
    assert list(inspect.signature(Stopwatch).parameters) == ["total"]
    with pytest.raises(TypeError, match=r"Stopwatch\(\): expected total, got total_s"):
        Stopwatch(total=1.0, total_s=2.0)  # type: ignore[call-arg]
    assert Stopwatch(total=1.0).add(2.0) == 3.0  # which warns of nothing


def test_an_attribute_is_read_and_set_by_its_old_name() -> None:
    stopwatch = Stopwatch(total=2.0)
    result, text = warning_of(lambda: stopwatch.total_s)
    assert result == 2.0
    assert text == (
        "Stopwatch.total_s is now Stopwatch.total: the old name will be removed in the next release"
    )
    warning_of(lambda: setattr(stopwatch, "total_s", 4.0))
    assert stopwatch.total == 4.0
    assert Stopwatch.total_s.__doc__ == "Old name of `total`, removed in the next release."


@pytest.mark.parametrize("name", ["switch_cost", "settle", "tick"])
def test_a_c_type_speaks_in_the_same_words(name: str) -> None:
    with alert.power.open("emulated") as device:
        result, text = warning_of(lambda: getattr(device, f"{name}_s"))
        assert result == getattr(device, name)
    assert text == (
        f"PowerDevice.{name}_s is now PowerDevice.{name}: "
        "the old name will be removed in the next release"
    )


# ------------------------------------------------------------------------------------ the old names


@pytest.mark.parametrize(
    ("old", "new", "value"), [("trace", "history", 3), ("dwell", "hold_inputs", 4)]
)
@pytest.mark.parametrize("make", [alert.Scheduler, alert.init])
def test_keywords_and_attributes_of_a_scheduler(make: Any, old: str, new: str, value: int) -> None:
    scheduler, text = warning_of(lambda: make(PROFILE, GOAL, **{old: value}))
    assert isinstance(scheduler, alert.Scheduler)
    name = make.__name__
    assert text.startswith(f"{name}({old}=) is now {name}({new}=): ")
    for _ in range(5):
        scheduler.step(0.1, 1.0)
    assert (len(scheduler.history) if new == "history" else scheduler.hold_inputs) == value
    found, text = warning_of(lambda: getattr(scheduler, old))
    assert repr(found) == repr(getattr(scheduler, new))
    assert text.startswith(f"Scheduler.{old} is now Scheduler.{new}: ")


def test_the_cost_of_switching() -> None:
    scheduler = alert.Scheduler(PROFILE, GOAL)
    _, text = warning_of(lambda: scheduler.set_switching(0.01, dwell=3))  # type: ignore[call-arg]
    assert text.startswith("Scheduler.set_switching(dwell=) is now Scheduler.set_switching(hold_")
    assert (scheduler.switch_cost, scheduler.hold_inputs) == (0.01, 3)


def test_the_history_of_a_runner() -> None:
    made, text = warning_of(
        lambda: alert.Runner([abs], PROFILE, GOAL, "emulated", trace=2)  # type: ignore[call-arg]
    )
    assert text.startswith("Runner(trace=) is now Runner(history=): ")
    assert isinstance(made, alert.Runner)
    with made as runner:
        for _ in range(3):
            runner(1)
        found, text = warning_of(lambda: runner.trace)
        assert repr(found) == repr(runner.history)
        assert len(runner.history) == 2
        assert text.startswith("Runner.trace is now Runner.history: ")


def test_a_constant_by_its_old_name() -> None:
    made, text = warning_of(lambda: alert.Scheduler(PROFILE, GOAL, constants={"stray": 0.01}))
    assert text.startswith("constants['stray'] is now constants['outlier']: ")
    assert isinstance(made, alert.Scheduler)
    assert made._constants == {"outlier": 0.01}
    with pytest.raises(ValueError, match="constants: expected 'outlier', got 'stray'"):
        alert.Scheduler(PROFILE, GOAL, constants={"stray": 0.01, "outlier": 0.01})


def test_what_schemes_are_given() -> None:
    found, text = warning_of(lambda: alert.evaluation.Recording)
    assert found is alert.evaluation.OutputTrace
    assert text.startswith("alert.evaluation.Recording is now alert.evaluation.OutputTrace: ")
    with pytest.raises(AttributeError, match="no attribute 'Recorder'"):
        alert.evaluation.Recorder  # noqa: B018


class OldDevice:
    """A device of a user's own, as the release before asked for."""

    kind, emulated, can_cap, can_read = "board", False, True, True
    cap, cap_range = 20.0, (10.0, 20.0)
    switch_cost_s, settle_s, tick_s = 0.0, 0.0, 0.25

    def __init__(self) -> None:
        self.caps_set: list[float] = []
        self.closed = False

    def set_cap(self, cap: float) -> None:
        self.caps_set.append(cap)

    def energy(self) -> float:
        return 0.0

    def begin(self) -> None:
        pass

    pace = begin

    def close(self) -> None:
        self.closed = True


def test_attributes_of_a_device_of_ones_own() -> None:
    device: Any = OldDevice()
    profile = alert.Profile([[0.02, 0.01]], [[10, 20]], [0.7], [10, 20], 5)
    goal = alert.Goal.min_energy(deadline=0.5, accuracy=0.6)
    with pytest.warns(DeprecationWarning, match=r"OldDevice\.\w+_s is now") as caught:
        runner = alert.Runner([str], profile, goal, device)
    assert sorted(str(each.message).split()[0] for each in caught) == [
        *("OldDevice.settle_s", "OldDevice.switch_cost_s", "OldDevice.tick_s")
    ]
    assert {each.filename for each in caught} == {__file__}
    assert runner(1) == "1"
    assert runner.device.tick == 0.25
    assert device.caps_set
    runner.close()
    assert not device.closed  # it is the user's
