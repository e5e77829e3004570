"""A scheduler that is read while one thread steps it without the GIL and another changes it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import synthetic
from numpy.typing import NDArray

import alert
from alert.evaluation import Recording

GOALS = [alert.Goal.min_energy(0.1, 0.7, window=window) for window in (2, 20_000)]
REPLAYED = synthetic.trace(300)
ROUNDS = 30


def at_once(*acts: Callable[[], object]) -> None:
    """Start each while the first one runs."""
    threads = [threading.Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_what_is_saved_while_another_window_is_set_is_one_state() -> None:
    """The size was read before the wait for the thread that steps: it was then too small."""
    scheduler = alert.Scheduler(REPLAYED.profile, GOALS[0], method="paper", trace=0)
    r = Recording.of(REPLAYED)
    latency, energy = (np.tile(array, (200, 1, 1)) for array in (r.latency, r.energy))
    found: list[bytes] = []

    def replay() -> None:
        scheduler._replay(latency, energy, r.idle_power)

    def save() -> None:
        found.append(scheduler._save())

    for i in range(ROUNDS):

        def change(i: int = i) -> None:
            scheduler.goal = GOALS[i % 2]

        at_once(replay, save, change)
    assert len(found) == ROUNDS
    like = {}
    for goal in GOALS:
        fresh = alert.Scheduler(REPLAYED.profile, goal, method="paper", trace=0)
        like[len(fresh._save())] = fresh
    assert len(like) == 2
    for state in found:
        like[len(state)]._restore(state)  # refuses what is no state


def test_a_trace_that_is_read_while_it_grows_has_no_gaps() -> None:
    scheduler = alert.Scheduler(REPLAYED.profile, GOALS[0], trace=100_000)
    r = Recording.of(REPLAYED)
    kept: list[NDArray[np.void]] = []

    def replay() -> None:
        scheduler._replay(r.latency, r.energy, r.idle_power)

    def read() -> None:
        kept.extend(scheduler.trace["input"].copy() for _ in range(3))

    for _ in range(ROUNDS):
        at_once(replay, read, replay)
    assert len(scheduler.trace) == 2 * ROUNDS * len(REPLAYED)
    for inputs in kept:
        np.testing.assert_array_equal(inputs, np.arange(len(inputs)))


def test_replays_and_batches_of_the_same_schedulers_take_turns() -> None:
    one, other = (alert.Scheduler(REPLAYED.profile, GOALS[0], trace=100_000) for _ in range(2))
    batch = [alert.Scheduler(REPLAYED.profile, GOALS[0], trace=0) for _ in range(10_000)]
    batch += [other, one]
    latencies = np.full(len(batch), 0.03)
    r = Recording.of(REPLAYED)

    def step() -> None:
        alert.step_many(batch, latencies, None)

    def replay() -> None:
        other._replay(r.latency, r.energy, r.idle_power)

    def replay_both() -> None:
        one._replay(r.latency, r.energy, r.idle_power, None, other)

    for _ in range(ROUNDS):
        at_once(step, replay, replay_both)
    assert len(one.trace) == ROUNDS * (1 + len(REPLAYED))
    assert len(other.trace) == ROUNDS * (1 + 2 * len(REPLAYED))
