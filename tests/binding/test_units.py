"""Caps of another unit than watts: profiles keep it, and everything that shows a cap says it."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from simulation import Machine, Package

import alert
from alert._text import cap_range_text, cap_text, under_cap
from alert.power.caps import caps_to_offer


def threads(**changes: Any) -> alert.Profile:
    arguments: dict[str, Any] = {
        "latency": [[0.04, 0.02], [0.08, 0.05]],
        "power": [[5.0, 8.0], [6.0, 9.0]],
        "accuracy": [0.7, 0.9],
        "power_caps": [1.0, 4.0],
        "idle_power": 2.0,
        "models": ["small", "large"],
        "unit": "threads",
    }
    return alert.Profile(**{**arguments, **changes})


class Cores(Package):
    """A package whose cap is a number of threads, or another unit."""

    kind, unit, cap_range, PEAK = "cores", "threads", (1.0, 4.0), 4.0
    settings = [1.0, 2.0, 3.0, 4.0]  # noqa: RUF012
    emulated = False


def test_every_copy_of_a_profile_keeps_the_unit(tmp_path: Path) -> None:
    profile = threads()
    assert profile.unit == "threads"
    assert alert.Profile([[1.0]], [[1.0]], [0.5], [1.0], 0.0).unit == "W"
    profile.save(tmp_path / "profile.json")
    copies = [
        alert.Profile.load(tmp_path / "profile.json"),
        pickle.loads(pickle.dumps(profile)),
        copy.deepcopy(profile),
        profile.subset(),
        profile.merge(profile),
        profile.add("huge", [0.2, 0.1], [7.0, 9.0], 0.95).subset(["small", "large"]),
    ]
    for other in copies:
        assert other.unit == "threads"
        assert other == profile
    assert threads(unit="GHz") != profile


def test_a_file_without_a_unit_is_of_watts(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    threads(unit="W").save(path)
    document = json.loads(path.read_text("utf-8"))
    assert document.pop("unit") == "W"
    path.write_text(json.dumps(document), "utf-8")
    assert alert.Profile.load(path) == threads(unit="W")
    path.write_text(json.dumps({**document, "unit": 3}), "utf-8")
    with pytest.raises(ValueError, match="unit"):
        alert.Profile.load(path)


@pytest.mark.parametrize("unit", ["", "x" * 21, "G\nHz", "\x1b[31m"])
def test_units_that_are_none(unit: str) -> None:
    with pytest.raises(ValueError, match=r"^unit: expected 1 to 20 characters that print, got"):
        threads(unit=unit)


@pytest.mark.parametrize("unit", [3, None, b"W"])
def test_units_that_are_no_text(unit: Any) -> None:
    with pytest.raises(TypeError, match=r"^unit: expected a text"):
        threads(unit=unit)


def test_profiles_of_two_units_do_not_merge() -> None:
    with pytest.raises(ValueError, match=r"^other: expected power caps in threads, got GHz"):
        threads().merge(threads(unit="GHz"))


def test_the_text_of_a_cap() -> None:
    assert cap_text(1.0, "threads") == "1 thread"
    assert cap_text(4.0, "threads") == "4 threads"
    assert cap_text(None, "threads") == "no cap"
    assert cap_text(2.3456, "GHz", ".3g") == "2.35 GHz"
    assert under_cap(20.0) == "under 20 W"
    assert under_cap(None) == "with no cap"
    assert under_cap(2.4, "GHz") == "under 2.4 GHz"
    assert under_cap(2.0, "threads") == "with 2 threads"
    assert cap_range_text(0.8, 3.6, "GHz") == "0.8-3.6 GHz"


def test_what_shows_a_cap_says_its_unit() -> None:
    machine = Machine()
    device = Cores(machine)
    profile = threads()
    goal = alert.Goal.min_energy(deadline=0.5, accuracy=0.9)
    assert "1-4 threads" in repr(profile)
    assert "1 thread, 4 threads" in profile._repr_html_()
    models = [lambda x: machine.work(0.02), lambda x: machine.work(0.05)]
    with alert.Runner(models, profile, goal, device, clock=machine.clock) as runner:
        for _ in range(3):
            runner(1)
        cap = runner.scheduler.decision.power_cap
        assert cap == device.cap
        said = under_cap(cap, "threads")
        assert said in repr(runner.scheduler)
        assert said in runner.scheduler._repr_html_()
        report = runner.report()
        assert report.unit == "threads"
        assert f" x large {said}" in repr(report)
        assert " W" not in repr(report).replace(" W on average", "")


def test_another_number_of_threads_in_force_is_told() -> None:
    machine = Machine()
    device = Cores(machine)
    goal = alert.Goal.max_accuracy(deadline=0.5, energy=100.0)
    model = [lambda x: machine.work(0.2)]
    profile = threads(latency=[[0.4, 0.2]], power=[[5.0, 8.0]], accuracy=[0.7], models=["one"])
    with alert.Runner(model, profile, goal, device, clock=machine.clock) as runner:
        runner(1)
        device.cap = device.cap - 0.3 if device.cap > 1.0 else 1.3  # less than half a watt
        with pytest.warns(alert.power.PowerWarning, match=r"\d threads is in force, not"):
            runner(1)


def test_caps_that_are_measured_are_settings_there_are() -> None:
    device = Cores(Machine())
    assert caps_to_offer(None, device) == [1.0, 2.0, 3.0, 4.0]
    many = Cores(Machine())
    many.settings = [float(n) for n in range(1, 33)]
    many.cap_range = (1.0, 32.0)
    assert caps_to_offer(None, many) == [1.0, 9.0, 17.0, 24.0, 32.0]
    with pytest.raises(ValueError, match=r"power_caps\[0\]: expected 1 to 4 threads, as the cores"):
        caps_to_offer([8.0], device)


def test_a_profile_that_is_measured_has_the_unit_of_the_device() -> None:
    machine = Machine()
    device = Cores(machine)
    arguments: dict[str, Any] = {"clock": machine.clock, "sleep": machine.sleep, "power": device}
    models = {"one": lambda x: machine.work(0.02)}
    profile = alert.Profile.measure(models, 1, accuracy=[0.7], **arguments)
    assert (profile.unit, profile.knows_power) == ("threads", True)
    assert profile.power_caps.tolist() == [1.0, 2.0, 3.0, 4.0]
    device.readable = False
    with pytest.warns(UserWarning, match="the profile has no power: busy_power= states it"):
        profile = alert.Profile.measure(models, 1, accuracy=[0.7], **arguments)
    assert not profile.knows_power  # threads are no watts


def test_a_trace_is_of_one_unit() -> None:
    def trace(unit: str) -> alert.Trace:
        ones = [[[0.1, 0.1], [0.1, 0.1]]]
        return alert.Trace(threads(unit=unit), ones, ones)

    with pytest.raises(ValueError, match="expected the models and power caps"):
        trace("threads").followed_by(trace("GHz"))
