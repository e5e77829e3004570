"""Threads that use one object at once: nothing is lost, and what they are given is of one moment.

Without a GIL each of these fails when the lock that it is about is taken out; CONTRIBUTING.md says
how to run them so.
"""

from __future__ import annotations

import copy
import itertools
import sys
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import synthetic
from numpy.typing import NDArray
from threads import at_once
from two_models import PROFILE, table_arrays

import alert
from alert import _core
from alert.evaluation import OutputTrace

GOALS = [
    alert.Goal.min_energy(0.1, 0.7, window=2),
    alert.Goal.min_energy(0.09, 0.8, window=500),  # whose idle time costs less
]
REPLAYED = synthetic.trace(300)
ROUNDS = 30
THREADS = 4


@pytest.fixture
def restless() -> Iterator[None]:
    """Let threads change places between any two instructions, not every 5 ms."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


FIELDS = ("model", "power_cap", "exit", "latency", "energy", "accuracy", "probability", "feasible")


def fields(decision: alert.Decision) -> tuple[object, ...]:
    return tuple(getattr(decision, name) for name in FIELDS)


@pytest.mark.parametrize("method", alert._core.METHODS)
def test_steps_of_many_threads_are_all_taken(method: str) -> None:
    steps = 20_000
    scheduler = alert.Scheduler(PROFILE, GOALS[0], method=method, history=THREADS * steps)

    def step(thread: int) -> None:
        for i in range(steps):
            scheduler.step(0.03 + 1e-7 * (thread * steps + i), 0.5)

    at_once(*(lambda thread=thread: step(thread) for thread in range(THREADS)))
    history = scheduler.history
    np.testing.assert_array_equal(history["input"], np.arange(THREADS * steps))
    taken = np.sort(history["latency"])
    np.testing.assert_array_equal(taken, [0.03 + 1e-7 * i for i in range(THREADS * steps)])


@pytest.mark.parametrize("act", ["decide", "share"])
def test_each_thread_gets_the_choice_it_asked_for(act: str) -> None:
    scheduler = alert.Scheduler(PROFILE, GOALS[0])

    def choose(deadline: float) -> tuple[object, ...]:
        if act == "decide":
            return fields(scheduler.decide(deadline))
        return fields(scheduler.share(deadline, 2))

    deadlines = [0.02 * (2 + i) for i in range(THREADS)]
    expected = [choose(deadline) for deadline in deadlines]
    assert len(set(expected)) == THREADS
    found: list[set[tuple[object, ...]]] = [set() for _ in deadlines]

    def ask(i: int) -> None:
        for _ in range(10_000):
            found[i].add(choose(deadlines[i]))

    at_once(*(lambda i=i: ask(i) for i in range(THREADS)))
    assert found == [{choice} for choice in expected]


LOOKS: dict[str, Callable[[alert.Scheduler], object]] = {
    "decision": lambda scheduler: fields(scheduler.decision),
    "slowdown": lambda scheduler: scheduler.slowdown,
    "state": lambda scheduler: scheduler._save()[0],
}


@pytest.mark.parametrize(
    ("change", "look"),
    [("goal", "decision"), ("goal", "state"), *itertools.product(["restore"], LOOKS)],
)
def test_what_is_read_meanwhile_is_of_one_moment(change: str, look: str) -> None:
    """Of one goal or the other, whose windows differ in size, or of one state or the other."""
    scheduler = alert.Scheduler(PROFILE, GOALS[0], history=0)
    states = [scheduler._save()[0]]
    for i in range(50):
        scheduler.step(0.03, 0.5 + 0.01 * i)
    states.append(scheduler._save()[0])

    def turn(i: int) -> None:
        if change == "goal":
            scheduler.goal = GOALS[i % 2]
        else:
            scheduler._restore(states[i % 2])

    def turn_often() -> None:
        while not done.is_set():
            for i in range(100):
                turn(i)

    def look_often() -> None:
        try:
            found.update(LOOKS[look](scheduler) for _ in range(40_000))
        finally:
            done.set()

    turn(1)
    possible = set()
    for i in range(2):
        turn(i)
        possible.add(LOOKS[look](scheduler))
    assert len(possible) == 2
    found: set[object] = set()
    done = threading.Event()
    at_once(turn_often, look_often)
    assert found <= possible


@pytest.mark.usefixtures("restless")
def test_a_copy_made_while_the_goal_changes_is_of_one_moment() -> None:
    scheduler = alert.Scheduler(PROFILE, GOALS[0], history=0)
    decision = {goal: fields(alert.Scheduler(PROFILE, goal).decision) for goal in GOALS}
    done = threading.Event()

    def turn() -> None:
        while not done.is_set():
            for goal in GOALS:
                scheduler.goal = goal

    def take_copies() -> None:
        try:
            for _ in range(5_000):
                found = copy.copy(scheduler)  # a state for another window is refused
                assert fields(found.decision) == decision[found.goal]
        finally:
            done.set()

    at_once(turn, take_copies)


def test_what_is_saved_while_another_window_is_set_is_one_state() -> None:
    """The size was read before the wait for the thread that steps: it was then too small."""
    scheduler = alert.Scheduler(REPLAYED.profile, GOALS[0], method="paper", history=0)
    r = OutputTrace.of(REPLAYED)
    latency, energy = (np.tile(array, (200, 1, 1)) for array in (r.latency, r.energy))
    found: list[bytes] = []

    def replay() -> None:
        scheduler._replay(latency, energy, r.idle_power)

    def save() -> None:
        found.append(scheduler._save()[0])

    for i in range(ROUNDS):

        def change(i: int = i) -> None:
            scheduler.goal = GOALS[i % 2]

        at_once(replay, save, change)
    assert len(found) == ROUNDS
    like = {}
    for goal in GOALS:
        fresh = alert.Scheduler(REPLAYED.profile, goal, method="paper", history=0)
        like[len(fresh._save()[0])] = fresh
    assert len(like) == 2
    for state in found:
        like[len(state)]._restore(state)  # refuses what is no state


def test_a_trace_that_is_read_while_it_grows_has_no_gaps() -> None:
    scheduler = alert.Scheduler(REPLAYED.profile, GOALS[0], history=100_000)
    r = OutputTrace.of(REPLAYED)
    kept: list[NDArray[np.void]] = []

    def replay() -> None:
        scheduler._replay(r.latency, r.energy, r.idle_power)

    def read() -> None:
        kept.extend(scheduler.history["input"].copy() for _ in range(3))

    for _ in range(ROUNDS):
        at_once(replay, read, replay)
    assert len(scheduler.history) == 2 * ROUNDS * len(REPLAYED)
    for inputs in kept:
        np.testing.assert_array_equal(inputs, np.arange(len(inputs)))


@pytest.mark.parametrize("steps", [90, 500])
def test_a_trace_that_is_read_while_it_begins_anew_or_wraps_has_no_gaps(steps: int) -> None:
    """Its length is asked for before room is made for it, and may have changed when there is."""
    scheduler = alert.Scheduler(PROFILE, GOALS[0], history=100)
    empty = scheduler._save()[0]

    done = threading.Event()

    def fill() -> None:
        while not done.is_set():
            scheduler._restore(empty)
            for _ in range(steps):
                scheduler.step(0.03, 0.5)

    def read() -> None:
        try:
            for _ in range(5_000):
                inputs = scheduler.history["input"].astype(np.int64)
                assert (np.diff(inputs) == 1).all()
        finally:
            done.set()

    at_once(fill, read)


def test_replays_and_batches_of_the_same_schedulers_take_turns() -> None:
    one, other = (alert.Scheduler(REPLAYED.profile, GOALS[0], history=100_000) for _ in range(2))
    batch = [alert.Scheduler(REPLAYED.profile, GOALS[0], history=0) for _ in range(10_000)]
    batch += [other, one]
    latencies = np.full(len(batch), 0.03)
    r = OutputTrace.of(REPLAYED)

    def step() -> None:
        alert.step_many(batch, latencies, None)

    def replay() -> None:
        other._replay(r.latency, r.energy, r.idle_power)

    def replay_both() -> None:
        one._replay(r.latency, r.energy, r.idle_power, None, other)

    for _ in range(ROUNDS):
        at_once(step, replay, replay_both)
    assert len(one.history) == ROUNDS * (1 + len(REPLAYED))
    assert len(other.history) == ROUNDS * (1 + 2 * len(REPLAYED))


def test_numbers_that_turn_bad_during_a_replay_are_refused_or_were_good() -> None:
    """A replay reads its arrays while it runs, for a copy would take as long as the replay."""
    r = OutputTrace.of(REPLAYED)
    latency, energy = (np.tile(array, (20, 1, 1)) for array in (r.latency, r.energy))
    good = latency[-1].copy()

    def replay() -> None:
        for _ in range(ROUNDS):
            scheduler = alert.Scheduler(REPLAYED.profile, GOALS[0], method="paper", history=1)
            try:
                outcomes = scheduler._replay(latency, energy, r.idle_power)
                assert np.isfinite(outcomes["latency"]).all()
            except ValueError as error:
                assert f"latency[{len(latency) - 1}]: expected a finite" in str(error)  # noqa: PT017
            scheduler.step(0.03, 0.5)  # is not left taken

    def spoil() -> None:
        for value in (np.nan, -1.0, np.inf):
            for _ in range(1_000):
                latency[-1] = value
                latency[-1] = good

    at_once(replay, spoil)


def test_a_table_is_made_of_one_moment_of_its_arrays() -> None:
    """Exits that are counted, checked and counted again must be as many each time."""
    arrays = table_arrays()
    counts = arrays["exit_count"]

    done = threading.Event()

    def change() -> None:
        while not done.is_set():
            for _ in range(100):
                counts[0] = 2**32
                counts[0] = 2

    def make() -> None:
        try:
            for _ in range(20_000):
                try:
                    _core.Profile(**arrays)
                except ValueError as error:
                    assert "exits: expected as many pairs" in str(error)  # noqa: PT017
        finally:
            done.set()

    at_once(make, change)
