"""Turns: a runner runs one input at a time, and its choice stays while the model runs."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from alert.goal import Goal
from alert.running import doubts
from alert.scheduler import Scheduler, _check_goal_type

if TYPE_CHECKING:
    from alert._core import Decision

Expected: TypeAlias = tuple[ArrayLike | None, ArrayLike | None, ArrayLike | None]

_turns: weakref.WeakSet[Turn] = weakref.WeakSet()


class Turn:
    """Decides which thread may run an input with a runner, or change its next choice.

    Attributes
    ----------
    lock : RLock
        The thread whose turn it is holds the lock. Other threads wait for it.
    busy : bool
        True while a model runs.
    """

    __slots__ = ("__weakref__", "_later", "busy", "lock")

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.busy = False
        self._later: list[Callable[[], object]] = []
        _turns.add(self)

    def refuse_nested(self) -> None:
        """Raise RuntimeError while a model runs; the caller holds the lock."""
        if self.busy:
            raise RuntimeError(
                f"a model that runs in thread {threading.current_thread().name!r} uses the Runner "
                "that runs it: one input runs at a time"
            )

    def change(self, act: Callable[[], object]) -> None:
        """Call `act` between two inputs: now, or when the model that runs is done."""
        with self.lock:
            if self.busy:
                self._later.append(act)
            else:
                act()

    def catch_up(self) -> None:
        """Make the changes that models have asked for while they ran."""
        while self._later:
            self._later.pop(0)()


def _renew() -> None:
    """Free every turn in a forked process, which does not have the threads that held them."""
    for turn in _turns:
        turn.lock = threading.RLock()
        turn.busy = False


os.register_at_fork(after_in_child=_renew)


class TurnScheduler(Scheduler):
    """Keeps the choice of a runner's scheduler while the chosen model runs."""

    __slots__ = ("aside", "expected", "turn")

    turn: Turn
    expected: Expected  # by the user: accuracy, latency, delay
    aside: Sequence[float]  # delays of models that failed; empty where none did

    @property
    def goal(self) -> Goal:
        """The goal. A goal that is set while an input runs holds from the next input on."""
        goal: Goal = self._goal
        return goal

    @goal.setter
    def goal(self, goal: Goal) -> None:
        _check_goal_type(goal)
        doubts.of_deadline(goal, self.profile)
        self.turn.change(lambda: self._set_goal(goal._as_tuple(), goal))

    def decide(
        self,
        deadline: float | None = None,
        *,
        goal: Goal | None = None,
        size: float | None = None,
    ) -> Decision:
        """Choose again, while no input runs."""
        with self.turn.lock:
            self.turn.refuse_nested()
            return super().decide(deadline, goal=goal, size=size)

    def share(self, deadline: float, inputs: int) -> Decision:
        """Let the next inputs share a deadline, while no input runs."""
        with self.turn.lock:
            self.turn.refuse_nested()
            return super().share(deadline, inputs)

    def expect(
        self,
        accuracy: ArrayLike | None = None,
        latency: ArrayLike | None = None,
        delay: ArrayLike | None = None,
    ) -> Decision:
        """State what is expected of the next inputs, while no input runs."""
        with self.turn.lock:
            self.turn.refuse_nested()
            decision = super().expect(accuracy, latency, delay)
            self.expected = accuracy, latency, delay
            return self.reckon(None) if any(self.aside) else decision

    def set_aside(self, delays: Sequence[float]) -> None:
        """Choose again with delays of models that failed, until other ones are given."""
        self.aside = delays
        self.reckon(None)

    def reckon(self, delays: Sequence[float] | None) -> Decision:
        """Choose again with delays of the models, besides what the user expects."""
        accuracy, latency, delay = self.expected
        for more in (delays, self.aside):
            if more:
                delay = np.add(more, 0.0 if delay is None else delay)
        return super().expect(accuracy, latency, delay)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy the scheduler as one that belongs to no runner."""
        restore, (_, *rest), _ = super().__reduce__()
        return restore, (Scheduler, *rest)
