"""Many streams in one call."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import alert

PROFILE = alert.Profile(
    latency=[[0.040, 0.020, 0.015], [0.080, 0.040, 0.030]],
    power=[[10.0, 20.0, 30.0], [11.0, 21.0, 31.0]],
    accuracy=[0.70, 0.80],
    power_caps=[10.0, 20.0, 30.0],
    idle_power=5.0,
    exits={1: [(0.5, 0.60), (1.0, 0.80)]},
)
GOALS = (
    alert.Goal.min_energy(deadline=0.1, accuracy=0.69),
    alert.Goal.max_accuracy(deadline=0.1, energy=1.0),
    alert.Goal.min_energy(deadline=0.1, accuracy=0.75, window=10),
)


def make_streams(count: int) -> list[alert.Scheduler]:
    return [alert.Scheduler(PROFILE, GOALS[i % len(GOALS)], history=4) for i in range(count)]


def states(streams: list[alert.Scheduler]) -> list[bytes]:
    return [stream._save()[0] for stream in streams]


def test_the_same_as_a_loop_of_steps() -> None:
    together, apart = make_streams(31), make_streams(31)
    random = np.random.default_rng(5)
    for _ in range(40):
        latencies = random.uniform(0.0, 0.2, 31)
        energies = random.uniform(0.0, 2.0, 31)
        energies[::4] = np.nan
        choices = alert.step_many(together, latencies, energies)
        for i, stream in enumerate(apart):
            known = None if np.isnan(energies[i]) else float(energies[i])
            expected = stream.step(float(latencies[i]), known)
            choice = choices[i]
            assert (choice["model"], choice["power_cap"]) == tuple(expected)
            assert choice["exit"] == (-1 if expected.exit is None else expected.exit)
            assert PROFILE.power_caps[choice["cap"]] == expected.power_cap
            for name in ("latency", "energy", "accuracy", "probability", "feasible"):
                assert choice[name] == getattr(expected, name)
    for one, other in zip(together, apart, strict=True):
        assert one.slowdown == other.slowdown
        for name in one.history.dtype.names or ():
            np.testing.assert_array_equal(one.history[name], other.history[name])


def test_no_energies_at_all() -> None:
    together, apart = make_streams(3), make_streams(3)
    alert.step_many(together, [0.03, 0.04, 0.05], None)
    for stream, latency in zip(apart, (0.03, 0.04, 0.05), strict=True):
        stream.step(latency, None)
    assert [s.decision for s in together] == [s.decision for s in apart]


def test_no_streams() -> None:
    assert len(alert.step_many([], [], [])) == 0


@pytest.mark.parametrize(
    ("latencies", "energies", "message"),
    [
        (
            [0.1, -1.0, 0.1],
            None,
            r"latency\[1\]: expected a finite number of seconds >= 0.*got -1$",
        ),
        ([0.1, 0.1, float("nan")], None, r"latency\[2\]: .*nan"),
        ([0.1, 0.1, 0.1], [1.0, 1.0, -2.0], r"energy\[2\]: .*joules.*got -2$"),
        ([0.1, 0.1], None, "latencies: expected 3 numbers, one for each scheduler, got 2"),
        ([0.1, 0.1, 0.1], [1.0], "energies: expected 3 numbers, one for each scheduler, got 1"),
        ([[0.1, 0.1, 0.1]], None, "latencies: expected 1 dimension, got 2$"),
        (
            np.ma.masked_array([0.1, 0.1, 0.1], [False, True, False]),
            None,
            "latencies: expected numbers everywhere, got masked elements$",
        ),
        (
            [0.1, 0.1, 0.1],
            np.ma.masked_array([1.0, 1.0, 1.0], [False, False, True]),
            "energies: expected numbers everywhere, got masked elements$",
        ),
    ],
)
def test_a_bad_number_changes_no_scheduler(
    latencies: Any, energies: list[float] | None, message: str
) -> None:
    streams = make_streams(3)
    before = states(streams)
    with pytest.raises(ValueError, match=message):
        alert.step_many(streams, latencies, energies)
    assert states(streams) == before
    alert.step_many(streams, [0.1] * 3, None)  # and none is left taken


@pytest.mark.parametrize("bad", ["0.1", {}], ids=repr)
def test_what_is_no_number(bad: Any) -> None:
    streams = make_streams(2)
    message = "latencies: expected numbers, got " + ("text$" if bad == "0.1" else r"\[0.1, .*\]$")
    with pytest.raises(TypeError, match=message):
        alert.step_many(streams, [0.1, bad], None)


def test_a_scheduler_listed_twice() -> None:
    streams = make_streams(3)
    before = states(streams)
    with pytest.raises(ValueError, match=r"schedulers\[3\]: .*got schedulers\[1\] again"):
        alert.step_many([*streams, streams[1]], [0.1] * 4, None)
    assert states(streams) == before
    alert.step_many(streams, [0.1] * 3, None)


def test_something_that_is_no_scheduler() -> None:
    with pytest.raises(TypeError, match=r"schedulers\[1\]: expected a Scheduler, got int"):
        alert.step_many([make_streams(1)[0], 7], [0.1, 0.1], None)  # type: ignore[list-item]


def test_threads_that_share_schedulers_lose_no_step() -> None:
    streams = make_streams(200)
    calls, threads = 50, 4
    latencies = np.full(len(streams), 0.03)

    def work(seed: int) -> None:
        order = np.random.default_rng(seed)
        for _ in range(calls):
            shuffled = [streams[i] for i in order.permutation(len(streams))]
            alert.step_many(shuffled, latencies, None)
            streams[seed].step(0.03, None)

    running = [threading.Thread(target=work, args=(seed,)) for seed in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    for i, stream in enumerate(streams):
        own = calls if i < threads else 0
        assert stream.history["input"][-1] + 1 == calls * threads + own


def test_an_array_that_masks_nothing_is_taken() -> None:
    streams = make_streams(3)
    alert.step_many(streams, np.ma.masked_array([0.1, 0.1, 0.1]), None)
    alert.step_many(streams, np.ma.masked_array([0.1, 0.1, 0.1], [False] * 3), None)
    assert [len(stream.history) for stream in streams] == [2, 2, 2]
