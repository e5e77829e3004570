"""Recording a trace on a machine that exists in the test only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import synthetic
from simulation import CAPS, SECONDS, Machine, Network, Package, Staircase

import alert


class Lab:
    """The small and the large model, an anytime one, and contention that doubles every latency."""

    def __init__(self) -> None:
        self.machine = Machine()
        self.package = Package(self.machine)
        self.switched: list[str] = []
        self.ran: list[tuple[str, Any, float]] = []  # model, input, cap
        self.models: dict[str, Any] = {
            name: self.noted(name, Network(self.machine, name, s)) for name, s in SECONDS.items()
        }
        self.models["anytime"] = self.noted("anytime", Staircase(self.machine, [0.01, 0.02, 0.01]))
        self.accuracy: dict[str, Any] = {"small": 0.6, "large": 0.8, "anytime": [0.5, 0.6, 0.7]}

    def noted(self, name: str, model: Any) -> Any:
        def run(x: Any) -> Any:
            self.ran.append((name, x, self.package.cap))
            return model(x)

        return run

    def switch(self, environment: str) -> None:
        self.switched.append(environment)
        self.machine.contention = 1.0 if environment == "quiet" else 2.0

    def record(self, inputs: Any = range(6), **options: Any) -> alert.Trace:
        settings: dict[str, Any] = {
            "accuracy": self.accuracy,
            "power": self.package,
            "power_caps": CAPS,
            "schedule": ["quiet", "quiet", "memory", "memory", "memory", "quiet"],
            "switch": self.switch,
            "progress": False,
            "clock": self.machine.clock,
            "sleep": self.machine.sleep,
        }
        return alert.Trace.record(self.models, list(inputs), **{**settings, **options})


def test_measures_every_configuration_of_every_input() -> None:
    lab = Lab()
    trace = lab.record(task="t", environment="memory", seed=7, group=[0, 0, 0, 4, 4, 4])
    seconds = np.array([0.01, 0.03, 0.04])
    quiet = seconds[:, None] * Package.PEAK / np.array(CAPS)
    beside = np.array([1.0, 1.0, 2.0, 2.0, 2.0, 1.0])
    np.testing.assert_allclose(trace.profile.latency, quiet, rtol=1e-9)
    np.testing.assert_allclose(trace.latency, beside[:, None, None] * quiet, rtol=1e-9)
    np.testing.assert_allclose(trace.energy, trace.latency * CAPS, rtol=1e-9)
    np.testing.assert_allclose(
        trace.exits[2], trace.latency[:, 2, :, None] * [0.25, 0.75, 1.0], rtol=1e-9
    )
    assert trace.profile.power.tolist() == pytest.approx(np.array([CAPS] * 3))
    assert trace.profile.idle_power == pytest.approx(Package.IDLE)
    np.testing.assert_allclose(
        trace.profile.exits[2], [(0.25, 0.5), (0.75, 0.6), (1.0, 0.7)], rtol=1e-9
    )
    assert trace.profile.models == ("small", "large", "anytime")
    assert trace.phases == ("quiet", "memory")
    assert trace.phase.tolist() == [0, 0, 1, 1, 1, 0]
    assert trace.group.tolist() == [0, 0, 0, 4, 4, 4]
    assert (trace.task, trace.environment, trace.seed) == ("t", "memory", 7)
    assert trace.emulated
    assert trace.origin["energy_read"] is True
    assert "cpu" in trace.origin["machine"]


def test_configurations_of_an_input_run_in_random_order_in_one_phase() -> None:
    lab = Lab()
    lab.record(profiled=1)
    laps = [lab.ran[k : k + 9] for k in range(0, len(lab.ran), 9)]
    assert [lap[0][1] for lap in laps] == [0, 0, 0, 0, 0, 1, 2, 3, 4, 5]  # warm up, profile, record
    for lap in laps:
        assert {(name, cap) for name, _, cap in lap} == {(n, c) for n in lab.models for c in CAPS}
        assert len({x for _, x, _ in lap}) == 1
    orders = [[(name, cap) for name, _, cap in lap] for lap in laps]
    assert len({tuple(order) for order in orders}) == len(orders)
    again = Lab()
    again.record(profiled=1)
    assert again.ran == lab.ran
    assert lab.switched == ["memory", "quiet", "quiet"]  # as scheduled, and when it is over


def test_goes_on_with_a_trace() -> None:
    lab = Lab()
    first = lab.record(schedule=None, seed=1, group=[0, 0, 3, 3, 3, 3])
    lab.machine.contention = 3.0  # no second profile is measured
    with pytest.warns(UserWarning, match="something else ran meanwhile: .* 3.00 to 3.00 times"):
        both = lab.record(after=first, seed=2, group=[7, 7, 8, 8, 8, 8])
    assert len(both) == 12
    assert both.profile == first.profile
    assert both.phases == ("quiet", "memory")
    assert both.phase.tolist() == [0] * 6 + [0, 0, 1, 1, 1, 0]
    assert both.group.tolist() == [0, 0, 3, 3, 3, 3, 4, 4, 5, 5, 5, 5]
    np.testing.assert_allclose(both.slowdown[:, 0, 0], [1.0] * 6 + [3, 3, 2, 2, 2, 1], rtol=1e-9)
    assert both.origin["seeds"] == [1, 2]

    for name, accuracy in (("small", 0.5), ("anytime", [0.5, 0.65, 0.7])):
        with pytest.raises(ValueError, match="after: expected a trace of these models"):
            lab.record(after=first, accuracy={**lab.accuracy, name: accuracy})
    with pytest.raises(ValueError, match="other: expected the phases"):
        both.followed_by(first)
    with pytest.raises(ValueError, match="other: expected the models and power caps"):
        first.followed_by(synthetic.trace(3))


def test_takes_the_caps_where_energy_cannot_be_read() -> None:
    lab = Lab()
    lab.package.readable = False
    trace = lab.record()
    np.testing.assert_allclose(trace.energy, trace.latency * CAPS, rtol=1e-9)
    assert trace.profile.idle_power == 0.0
    assert trace.origin["energy_read"] is False


def test_nothing_need_run_beside_it_nor_need_it_ever_be_quiet() -> None:
    lab = Lab()
    trace = lab.record(schedule=None, switch=None)
    assert (trace.phases, lab.switched) == (("quiet",), [])
    beside = lab.record(schedule=["memory"] * 6)  # there is nothing that should be like the profile
    np.testing.assert_allclose(beside.slowdown, 2.0, rtol=1e-9)


def test_a_cap_that_cannot_be_set_is_not_put_back() -> None:
    """Firmware may have left one above the range."""
    lab = Lab()
    lab.package.cap = 2 * Package.PEAK
    lab.record()
    assert set(lab.package.caps_set) == set(CAPS)


def test_lets_a_new_cap_settle() -> None:
    lab = Lab()
    lab.package.settle = 1.0
    lab.record(profiled=1, schedule=None)
    assert lab.machine.now > 100.0 + 10 * len(CAPS) * lab.package.settle


def test_is_quiet_again_whatever_happens() -> None:
    lab = Lab()

    def fail(x: Any) -> Any:
        lab.machine.work(0.01)
        if x == 3:
            raise KeyboardInterrupt
        return x

    lab.models["small"] = fail
    found = lab.package.cap
    with pytest.raises(KeyboardInterrupt):
        lab.record(profiled=1)
    assert lab.switched == ["memory", "quiet"]
    assert lab.package.cap == found
    assert not lab.package.working


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inputs": []}, "inputs: expected at least one"),
        ({"schedule": ["quiet"]}, "schedule: expected one for each of 6 inputs, got 1"),
        ({"switch": None}, "switch: needed where the schedule holds more than 'quiet'"),
        ({"profiled": 0}, "profiled: expected an integer >= 1, got 0"),
        ({"power_caps": [1.0]}, r"power_caps\[0\]: expected 10 to 40 W"),
        ({"group": [3, 2, 1, 0, 0, 0]}, "group.*: expected ascending"),
    ],
)
def test_refuses_bad_input(options: dict[str, Any], message: str) -> None:
    lab = Lab()
    with pytest.raises(ValueError, match=message):
        lab.record(**options)
