"""A runner that learns from ratings: later, from anywhere, and no input is disturbed."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from simulation import AnytimeBench, Bench, state

import alert
from alert import Feedback

GOAL = alert.Goal.min_energy(deadline=0.2, accuracy=0.75)


def bench(**options: Any) -> Bench:
    return Bench(GOAL, feedback=Feedback(seed=1, **options))


def test_ratings_change_what_runs() -> None:
    b = bench()
    assert b.runner.ticket is None
    for _ in range(300):
        small = b.runner(0)[0] == "small"
        assert b.runner.ticket is not None
        assert b.runner.feedback(b.runner.ticket, 1.0 if small else 0.4)
    assert b.runner(0)[0] == "small"
    assert b.runner.scheduler.accuracies()[0][0] > 0.85


def test_the_context_is_that_of_the_input() -> None:
    b = bench(context=1)
    for n in range(100):
        b.runner(0, context=[n % 2])
        assert b.runner.ticket is not None
        b.runner.feedback(b.runner.ticket, float(n % 2))
    low, high = (b.runner.scheduler.accuracies([c])[0].min() for c in (0.0, 1.0))
    assert low < 0.5 < high
    b.runner(0)  # keeps the last one
    assert b.runner.scheduler.context == (1.0,)


def test_a_rating_while_a_model_runs_leaves_the_input_alone() -> None:
    b = bench()
    b.runner(0)
    first = b.runner.ticket
    assert first is not None
    seen: list[tuple[int, int]] = []
    learnt: list[bool] = []

    def model(x: Any) -> Any:
        before = b.runner.scheduler.decision
        learnt.append(b.runner.feedback(first, 0.0))  # in the same thread
        seen.append((before.model, b.runner.scheduler.decision.model))
        b.machine.work(0.01)
        return x

    b.runner._machine.execution.models[:] = [model, model]
    b.runner(1)
    assert learnt == [True]
    assert seen[0][0] == seen[0][1]
    assert b.runner.history["model"][-1] == seen[0][0]


def test_a_rating_from_another_thread_does_not_wait_for_the_model() -> None:
    b = bench()
    b.runner(0)
    first = b.runner.ticket
    assert first is not None
    entered, go = threading.Event(), threading.Event()

    def slow(x: Any) -> Any:
        entered.set()
        assert go.wait(60)
        return x

    b.runner._machine.execution.models[:] = [slow, slow]
    thread = threading.Thread(target=lambda: b.runner(1))
    thread.start()
    assert entered.wait(60)
    assert b.runner.feedback(first, 1.0)
    go.set()
    thread.join(60)


def test_each_thread_gets_the_ticket_of_its_own_input() -> None:
    b = bench()
    b.runner(0)
    mine, outcome = b.runner.ticket, b.runner.last
    other: list[Any] = []

    def serve() -> None:
        other.append(b.runner.last)  # has run none: the last of all
        b.runner(0)
        other.append(b.runner.ticket)

    thread = threading.Thread(target=serve)
    thread.start()
    thread.join()
    assert other[0] == outcome
    assert other[1] not in (None, mine)
    assert (b.runner.ticket, b.runner.last) == (mine, outcome)


def test_ratings_are_learnt_from_after_close() -> None:
    b = bench()
    b.runner(0)
    assert b.runner.ticket is not None
    b.runner.close()
    assert b.runner.feedback(b.runner.ticket, 1.0)
    with pytest.raises(ValueError, match="not rated before"):
        b.runner.feedback(b.runner.ticket, 1.0)


def test_an_exit_is_rated_for_what_it_is() -> None:
    b = AnytimeBench(GOAL, feedback=Feedback(seed=1))
    b.runner(0)
    assert b.runner.ticket is not None
    b.runner.feedback(b.runner.ticket, 1.0)
    share = {0: 0.5, 1: 0.7, 2: 0.8}[int(b.runner.history["exit"][-1])] / 0.8
    expected = 0.8 + share * (1.0 - share * 0.8) / (20.0 + share**2)
    assert b.runner.scheduler.accuracies()[0][0] == pytest.approx(expected)


def test_bad_ratings_and_contexts_change_nothing() -> None:
    b = bench(context=2)
    b.runner(0, context=[0.1, 0.2])
    ticket, before = b.runner.ticket, state(b.runner)
    assert ticket is not None
    for score in (float("nan"), 2.0, -1.0):
        with pytest.raises(ValueError, match="score: expected a number from 0 to 1"):
            b.runner.feedback(ticket, score)
    for context in ([0.1], [0.1, float("nan")], [0.1, 1e9]):
        with pytest.raises(ValueError, match="context"):
            b.runner(0, context=context)
    with pytest.raises(ValueError, match="ticket: expected a ticket of this scheduler"):
        b.runner.feedback(ticket + 2**40, 1.0)
    assert state(b.runner) == before


def test_without_feedback_there_is_no_ticket() -> None:
    b = Bench(GOAL)
    b.runner(0)
    assert b.runner.ticket is None
    with pytest.raises(ValueError, match="context: expected none, without feedback"):
        b.runner(0, context=[1.0])
    with pytest.raises(ValueError, match="made without feedback"):
        b.runner.feedback(0, 1.0)
