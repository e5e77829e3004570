"""Running and measuring where nothing is capped: models alone are chosen, and nothing waits."""

from __future__ import annotations

import math
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rapl_tree import Zone, build
from simulation import ACCURACY, CAPS, CHEAP, SECONDS, Machine, Network, Package, profile

import alert
from alert import Goal, power
from alert.running.runner import Runner


class Meter(Package):
    """A device that can only be read: nothing slows down, and 15 W are drawn while work runs."""

    kind = "meter"
    emulated = False
    can_cap = False
    cap_range = (math.nan, math.nan)
    BUSY = 15.0

    def set_cap(self, watts: float, /) -> None:
        raise AssertionError("no cap is to be set")

    def pace(self) -> None:
        self.working = True
        self._book()
        self._begun = self.machine.now
        self.working = False

    def _book(self) -> None:
        watts = self.BUSY if self.working else self.IDLE
        self._joules += watts * (self.machine.now - self._booked)
        self._booked = self.machine.now


class Room:
    """Two models on a simulated machine that is not capped."""

    def __init__(self, power: Any = None) -> None:
        self.machine = Machine()
        self.power = Meter(self.machine) if power is None else power
        self.models = {name: Network(self.machine, name, s) for name, s in SECONDS.items()}

    def measure(self, **options: Any) -> alert.Profile:
        arguments: dict[str, Any] = {"accuracy": ACCURACY, "power": self.power, "progress": False}
        arguments |= {"clock": self.machine.clock, "sleep": self.machine.sleep}
        return alert.Profile.measure(self.models, "x", **{**arguments, **options})

    def runner(self, profile: alert.Profile, goal: Goal = CHEAP, **options: Any) -> Runner:
        return Runner(self.models, profile, goal, self.power, clock=self.machine.clock, **options)


# ---------------------------------------------------------------------------------------- measuring


def test_what_can_only_be_read_has_one_column_and_real_joules() -> None:
    found = Room().measure()
    assert found.power_caps.tolist() == [math.inf]
    np.testing.assert_allclose(found.latency[:, 0], list(SECONDS.values()))
    np.testing.assert_allclose(found.power[:, 0], Meter.BUSY)
    assert found.idle_power == pytest.approx(Meter.IDLE)
    assert found.origin["energy_read"] is True
    assert found.origin["power"] == "meter"


def test_nothing_read_and_nothing_stated_is_no_power() -> None:
    room = Room("none")
    start = room.machine.now
    found = room.measure(idle_seconds=50.0)
    assert not found.knows_power
    assert found.power_caps.tolist() == [math.inf]
    assert found.origin["energy_read"] is False
    assert found.origin["power"] == "none"
    assert room.machine.now - start < 50.0  # there is no idle power to wait for
    np.testing.assert_allclose(found.latency[:, 0], list(SECONDS.values()))


def test_the_power_of_the_machine_may_be_stated() -> None:
    found = Room("none").measure(busy_power=25.0, idle_power=5.0)
    assert found.power.tolist() == [[25.0], [25.0]]
    assert found.idle_power == 5.0
    assert Room("none").measure(busy_power=25.0).idle_power == 0.0
    with pytest.raises(ValueError, match="busy_power: expected a finite number"):
        Room("none").measure(busy_power=0.0)


def test_what_is_counted_comes_before_what_is_stated() -> None:
    np.testing.assert_allclose(Room().measure(busy_power=99.0).power, Meter.BUSY)


def test_says_that_there_is_no_power() -> None:
    room = Room()
    room.power.readable = False
    with pytest.warns(UserWarning, match="cannot be read, and the profile has no power"):
        assert not room.measure().knows_power
    with pytest.warns(UserWarning, match=r"takes busy_power=, or each power cap"):
        assert room.measure(busy_power=9.0).power.tolist() == [[9.0], [9.0]]


def test_no_cap_may_be_measured_beside_caps() -> None:
    machine = Machine()
    package = Package(machine)
    room = Room(package)
    room.machine, package.machine = machine, machine
    room.models = {name: Network(machine, name, s) for name, s in SECONDS.items()}
    found = room.measure(power_caps=[20.0, None])
    assert found.power_caps.tolist() == [20.0, math.inf]
    assert package.caps_set == [Package.PEAK, 20.0, Package.PEAK]  # the highest stands for none
    np.testing.assert_allclose(found.power, [[20.0, 40.0]] * 2)
    package.readable = False
    with pytest.warns(UserWarning, match="each power cap"):
        assert room.measure(power_caps=[20.0, None]).power.tolist() == [[20.0, 40.0]] * 2


def test_a_cap_that_is_asked_for_is_refused_before_anything_runs() -> None:
    room = Room("none")
    with pytest.raises(power.PowerError, match="power 'none' sets no caps"):
        room.measure(power_caps=[20.0])
    assert room.machine.now == 100.0


def test_a_trace_needs_joules() -> None:
    inputs: list[Any] = ["x"]
    with pytest.raises(ValueError, match="power: expected a device that caps or counts energy"):
        alert.Trace.record([len], inputs, accuracy=[0.5], power="none", progress=False)


# ------------------------------------------------------------------------------------------ running


def test_runs_with_the_joules_that_are_read() -> None:
    room = Room()
    with room.runner(room.measure()) as runner:
        for _ in range(5):
            assert runner("x") == ("small", "x")
            room.machine.now += 0.1
        report = runner.report()
    assert report.choices == {("small", None): 5}
    assert report.energy == pytest.approx(5 * 0.01 * Meter.BUSY + 4 * 0.1 * Meter.IDLE)
    assert not report.estimated
    assert report.cap_changes == 0
    assert "5 x small with no cap" in repr(report)
    assert "cap changes" not in repr(report)


@pytest.mark.parametrize("stated", [None, 25.0])
def test_runs_models_only(stated: float | None) -> None:
    room = Room("none")
    table = room.measure(busy_power=stated, idle_power=5.0 if stated else None)
    start = room.machine.now
    goal = Goal.min_energy(deadline=0.05, accuracy=0.7)
    with room.runner(table, goal) as runner:
        for _ in range(40):
            runner("x")
        history, report = runner.history, runner.report()
    assert np.isinf(history["power_cap"]).all()
    assert set(history["model"]) == {0, 1}  # it mixes, by time alone where no power is known
    assert np.isnan(history["energy"]).all()
    assert history["met"].all()
    assert history["accuracy"].mean() == pytest.approx(0.7, abs=0.01)
    seconds = history["latency"].sum()
    assert room.machine.now - start == pytest.approx(seconds)  # nothing was waited for
    if stated:
        assert report.energy == pytest.approx(25.0 * seconds)
        assert report.estimated
        assert "estimated" in repr(report)
    else:
        assert report.energy is None
        assert not report.estimated
        assert "not read" in repr(report)


def test_a_goal_in_joules_needs_a_power() -> None:
    room, bounded = Room("none"), Goal.max_accuracy(deadline=0.05, energy=0.5)
    with pytest.raises(ValueError, match="busy_power="):
        room.runner(room.measure(), bounded)
    with room.runner(room.measure(busy_power=25.0), bounded) as runner:
        runner("x")
    with room.runner(room.measure()) as runner, pytest.raises(ValueError, match="busy_power="):
        runner.scheduler.goal = bounded


def test_a_profile_with_caps_runs_by_its_highest() -> None:
    room = Room()
    with pytest.warns(UserWarning, match="power caps, and this meter device sets none.*40 W"):
        runner = room.runner(profile())
    with runner:
        runner("x")
        assert runner.scheduler.profile == profile().without_caps()
        assert runner.history["power_cap"].tolist() == [math.inf]


def test_no_caps_fit_to_no_caps() -> None:
    """Rights have come or gone since the profile was measured; its latencies hold all the same."""
    for there, here in (("none", "meter"), ("meter", "none")):
        room = Room(None if here == "meter" else "none")
        table = profile().without_caps()._with(origin={"power": there})
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with room.runner(table) as runner:
                runner("x")
    with pytest.warns(UserWarning, match="measured with power 'none' and runs with power 'sim"):
        Room(Package(Machine())).runner(profile().without_caps()._with(origin={"power": "none"}))


def test_none_by_name_is_silent_about_caps() -> None:
    room = Room("none")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with room.runner(profile()) as runner:
            runner("x")
    assert runner.report().choices == {("small", None): 1}


def test_gives_back_nothing_in_a_pause() -> None:
    room = Room("none")
    with room.runner(room.measure(), release_after=60.0) as runner:
        runner._give_back()
        runner("x")


def test_energy_counted_later_needs_no_power_in_the_profile() -> None:
    """The profile was measured without rights, which have been granted since."""
    room = Room()
    table = alert.Profile([[0.01], [0.03]], None, [0.6, 0.8], [None], 0.0, list(SECONDS))
    with room.runner(table) as runner:
        for _ in range(3):
            runner("x")
    np.testing.assert_allclose(runner.history["energy"], 0.01 * Meter.BUSY)


# --------------------------------------------------------------------------------------------- auto


def test_auto_reads_where_nothing_can_be_capped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a processor of AMD: counters, and no limits."""
    root = build(tmp_path / "powercap", [Zone("package-0")])
    opened = power.open
    monkeypatch.setattr("alert.power.opening.open", lambda kind: opened(kind, root=root))
    told = "no power cap is set, models alone are chosen, energy is measured: .*no long_term"
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = alert.Profile.measure(
            [len],
            "x",
            accuracy=[0.5],
            max_seconds=0.02,
            idle_power=1.0,
            busy_power=9.0,
            progress=False,
        )
    assert re.match(told, str(said[0].message))
    assert said[0].filename == __file__
    assert not any("no power cap" in str(w.message) for w in said[1:])  # but counters stand still
    assert found.power_caps.tolist() == [math.inf]
    assert found.origin["power"] == "rapl"
    with Runner([len], profile({"a": 0.01}, {"a": 0.5}), CHEAP) as runner:  # it has been said
        assert runner("x") == 1


def test_a_device_opened_by_name_says_that_it_sets_no_caps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = build(tmp_path / "powercap", [Zone("package-0")])
    opened = power.open
    monkeypatch.setattr("alert.power.opening.open", lambda kind: opened(kind, root=root))
    with (
        pytest.warns(power.PowerWarning, match="no power cap is set.*no long_term") as caught,
        Runner([len], profile({"a": 0.01}, {"a": 0.5}), CHEAP, "rapl") as runner,
    ):
        assert runner("x") == 1
    assert len(caught) == 1


def test_the_caps_of_the_tests_above_are_in_the_range() -> None:
    assert max(CAPS) == Package.PEAK
