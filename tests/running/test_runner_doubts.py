"""What a runner is given may be meant otherwise: warnings, and arguments that are refused."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from simulation import CHEAP, Bench, Machine, Package, profile

import alert
from alert.measuring import fingerprint
from alert.running.runner import Runner


def of_origin(**origin: Any) -> alert.Profile:
    quiet = profile()
    return alert.Profile(
        quiet.latency,
        quiet.power,
        quiet.accuracy,
        quiet.power_caps,
        quiet.idle_power,
        quiet.models,
        origin=origin,
    )


def make(table: alert.Profile, goal: alert.Goal = CHEAP) -> Runner:
    machine = Machine()
    return Runner([str, str], table, goal, Package(machine), clock=machine.clock)


# ------------------------------------------------------------------------------------- warnings


def test_a_profile_of_another_kind_of_device_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="measured with power 'rapl' and runs with .*'simulated'"):
        make(of_origin(power="rapl", emulated=False))
    make(of_origin(power="simulated", emulated=True))
    make(of_origin())


def test_a_profile_of_another_machine_is_warned_of() -> None:
    here = fingerprint.machine()
    make(of_origin(power="simulated", machine=here))
    with pytest.warns(UserWarning, match="measured on another machine: cpu: abacus, here"):
        make(of_origin(power="simulated", machine={**here, "cpu": "abacus"}))
    with pytest.warns(UserWarning, match="the profile was measured") as both:
        make(of_origin(power="rapl", machine={**here, "cpu": "abacus"}))
    assert len(both) == 2


def test_a_deadline_in_milliseconds_is_warned_of() -> None:
    slowest = float(profile().latency.max())
    for factor in (100.0, 1e6):
        goal = dataclasses.replace(CHEAP, deadline=factor * slowest)
        with pytest.warns(UserWarning, match=rf"{factor:.0f} times as long .*are in seconds") as w:
            make(profile(), goal)
        assert [warning.filename for warning in w] == [__file__]
    runner = make(profile(), dataclasses.replace(CHEAP, deadline=99.0 * slowest))
    with pytest.warns(UserWarning, match="are in seconds"):
        runner.goal = goal


def test_latencies_in_milliseconds_are_warned_of() -> None:
    fastest = float(profile().latency.min())
    make(profile(), dataclasses.replace(CHEAP, deadline=fastest / 19.0))
    with pytest.warns(UserWarning, match=r"takes 0\.\d+ s, 50 times the deadline .* in seconds"):
        make(profile(), dataclasses.replace(CHEAP, deadline=fastest / 50.0))


# ------------------------------------------------------------------------------------ arguments


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"power": None}, TypeError, "power: expected a kind of device or an open device"),
        ({"power": "steam"}, ValueError, "power: expected one of 'auto', .*, got 'steam'"),
        ({"power": 5}, TypeError, "power: expected a kind of device or an open device"),
        ({"clock": 5}, TypeError, "clock: expected a callable, got int"),
        ({"overhead": ""}, TypeError, "overhead: expected a number, got str"),
        ({"overhead": math.nan}, ValueError, "overhead: expected a finite number of seconds"),
        ({"dwell": "x"}, TypeError, "dwell: expected a number, got str"),
        ({"dwell": math.inf}, ValueError, "dwell: expected a finite number of seconds"),
        ({"idle_gap": "x"}, TypeError, "idle_gap: expected a number, got str"),
        ({"idle_gap": math.nan}, ValueError, "idle_gap: expected seconds >= 0"),
        ({"release_after": "1"}, TypeError, "release_after: expected a number, got str"),
        ({"release_after": -1}, ValueError, "release_after: expected a finite number of seconds"),
        ({"dwell": 10**400}, ValueError, "dwell: expected a number within"),
    ],
)
def test_arguments_of_the_wrong_kind_are_named(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    machine = Machine()
    package = Package(machine)
    with pytest.raises(error, match=message):
        Runner([str, str], profile(), CHEAP, **{"power": package, **options})
    assert not package.closed


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"delay": -1e-9}, ValueError, "delay: expected a finite number of seconds >= 0"),
        ({"delay": math.nan}, ValueError, "delay: expected a finite number of seconds >= 0"),
        ({"delay": "1"}, TypeError, "delay: expected a number, got str"),
        ({"delay": 0.1, "arrival": 1.0}, ValueError, "delay: expected arrival or delay, got both"),
        ({"arrival": "1"}, TypeError, "arrival: expected a number, got str"),
        ({"deadline": "1"}, TypeError, "deadline: expected a number, got str"),
        ({"deadline": np.ones(1)}, TypeError, "deadline: expected a number, got ndarray"),
    ],
)
def test_times_of_the_wrong_kind_are_named(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    bench = Bench()
    with pytest.raises(error, match=message):
        bench.runner("x", **options)
    assert bench.runner("x") == ("small", "x")
    assert bench.runner.report().inputs == 1


def test_a_delay_is_an_arrival_before_now() -> None:
    bench, twin = Bench(), Bench()
    bench.runner("x", delay=0.15)
    twin.runner("x", arrival=twin.machine.now - 0.15)
    assert bench.runner.history.tobytes() == twin.runner.history.tobytes()
    assert bench.runner.history["response"][0] > 0.15
    bench.runner("x", delay=0.0, deadline=0.1)
    assert bench.runner.history["deadline"][1] == 0.1
