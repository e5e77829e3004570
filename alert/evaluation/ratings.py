"""Replays in which users rate outputs, and the true accuracies are not those that were published.

Latencies and energies are recorded ones. The users are made up: an output in time is right with the
true chance of its model, and a part of the users says so, some inputs later.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from alert._arguments import Floats
from alert.feedback import Feedback
from alert.goal import Goal
from alert.profile import Profile
from alert.scheduler import Scheduler
from alert.trace import Trace

Scheme: TypeAlias = Literal["published", "known", "feedback", "asked"]
SCHEMES: tuple[Scheme, ...] = ("published", "known", "feedback", "asked")
"""The profile's accuracies, the true ones, those learnt from one input in five, and those learnt
where the scheduler says that a rating would help."""

INPUTS = 2400
RATED = 0.2
"""Share of the outputs in time that users rate, where they are asked."""

LATEST = 30
"""Inputs until a rating comes, at most."""

_DEADLINE = 0.12
_PHASE = 50  # inputs that a context lasts


@dataclass(frozen=True)
class World:
    """What is true of three models of `images`, and what is asked for.

    Attributes
    ----------
    name : str
    accuracy : tuple of tuple of float
        Of each model in each context.
    goal : float
        Least accuracy on average.
    """

    name: str
    accuracy: tuple[tuple[float, ...], ...]
    goal: float

    @property
    def contexts(self) -> int:
        """How many contexts there are."""
        return len(self.accuracy[0])


WORLDS = (
    World("order turned round", ((0.80,), (0.72,), (0.70,)), 0.765),
    World("one model breaks in a context", ((0.75, 0.80), (0.76, 0.30), (0.80, 0.78)), 0.76),
    World("all lower than published", ((0.62,), (0.66,), (0.71,)), 0.70),
)


@dataclass(frozen=True, eq=False)
class Run:
    """What came of every input.

    Attributes
    ----------
    accuracy, energy : ndarray, shape (n,)
        The true accuracy, 0 for a late output; joules up to the deadline.
    model : ndarray of int, shape (n,)
    context : ndarray of int, shape (n,)
    late, asked : ndarray of bool, shape (n,)
    regret : ndarray, shape (n,)
        Joules given away, with the accuracy at its price in hindsight; see `hindsight_price`.
    mean, deviation : ndarray, shape (n, N)
        What was known of the accuracy of each model, in the context of the input.
    ratings : int
        Ratings learnt from.
    """

    accuracy: Floats
    energy: Floats
    model: NDArray[np.int64]
    context: NDArray[np.int64]
    late: NDArray[np.bool_]
    asked: NDArray[np.bool_]
    regret: Floats
    mean: Floats
    deviation: Floats
    ratings: int


class Playground:
    """The first three models of a trace, over and over, in a world.

    Parameters
    ----------
    trace : Trace
    world : World
    seed : int
        Of the contexts and of the users.
    inputs : int, default 2400
    """

    def __init__(self, trace: Trace, world: World, seed: int, inputs: int = INPUTS) -> None:
        p = trace.profile
        models = len(world.accuracy)
        at = np.arange(inputs) % len(trace)
        self.world = world
        self.seed = seed
        self.latency = trace.latency[at, :models]
        rest = np.maximum(_DEADLINE - self.latency, 0.0)
        self.energy = trace.energy[at, :models] + p.idle_power * rest
        self.active = trace.energy[at, :models]
        self.profile = Profile(
            p.latency[:models],
            p.power[:models],
            p.accuracy[:models],
            p.power_caps,
            p.idle_power,
            models=p.models[:models],
        )
        self.goal = Goal.min_energy(deadline=_DEADLINE, accuracy=world.goal)
        random = np.random.default_rng(seed)
        phases = random.integers(0, world.contexts, inputs // _PHASE + 1)
        self.context = np.repeat(phases, _PHASE)[:inputs]
        self.right = random.random(inputs)  # an output is right where this is below its chance
        self.rates = random.random(inputs) < RATED
        self.delay = random.integers(1, LATEST + 1, inputs)
        truth = np.array(world.accuracy).T[self.context]  # n x models
        self.in_time = self.latency <= _DEADLINE
        self.credited = np.where(self.in_time, truth[:, :, None], 0.0)

    def hindsight(self) -> tuple[float, Floats]:
        """Return the price of accuracy by which choices in hindsight just reach the goal.

        Every input then takes what is best at this price: the linear programme's optimum. The
        second result is the value of this choice, joules less price times accuracy.
        """
        n = len(self.energy)
        energy, credited = self.energy.reshape(n, -1), self.credited.reshape(n, -1)
        low, high = 0.0, 1e4
        for _ in range(60):
            price = 0.5 * (low + high)
            best = (energy - price * credited).argmin(axis=1)
            if credited[np.arange(n), best].mean() >= self.world.goal:
                high = price
            else:
                low = price
        return high, (energy - high * credited).min(axis=1)

    def play(self, scheme: Scheme) -> Run:
        """Let a scheduler run all inputs."""
        n, models = self.latency.shape[:2]
        contexts = self.world.contexts
        learns = Feedback(context=int(contexts > 1), seed=self.seed)
        is_learning = scheme in ("feedback", "asked")
        s = Scheduler(self.profile, self.goal, history=0, feedback=learns if is_learning else None)
        caps = {watts: j for j, watts in enumerate(self.profile.power_caps)}
        chosen, asked = np.zeros((n, 2), np.int64), np.zeros(n, bool)
        mean, deviation = np.zeros((n, models)), np.zeros((n, models))
        waiting: list[tuple[int, int, float]] = []
        learnt = 0
        for k in range(n):
            self._show_context(s, scheme, k)
            while waiting and waiting[0][0] <= k:
                _, ticket, score = heapq.heappop(waiting)
                learnt += s.feedback(ticket, score)
            decision = s.decide()
            model, cap = decision.model, caps[decision.power_cap]
            chosen[k], asked[k] = (
                (model, cap),
                is_learning and (decision.ask or scheme == "feedback"),
            )
            mean[k], deviation[k] = s.accuracies()
            s.step(float(self.latency[k, model, cap]), float(self.active[k, model, cap]))
            if asked[k] and self.rates[k] and self.in_time[k, model, cap]:
                assert decision.ticket is not None
                score = float(self.right[k] < self.credited[k, model, cap])
                heapq.heappush(waiting, (k + int(self.delay[k]), decision.ticket, score))
        return self._run(chosen, asked, mean, deviation, learnt)

    def _show_context(self, s: Scheduler, scheme: Scheme, k: int) -> None:
        """Tell the scheduler the context, or what is true in it."""
        context = int(self.context[k])
        if k > 0 and context == self.context[k - 1]:
            return
        if scheme == "known":
            s.expect(accuracy=[of[context] for of in self.world.accuracy])
        elif scheme != "published" and self.world.contexts > 1:
            s.context = [context]

    def _run(
        self,
        chosen: NDArray[np.int64],
        asked: NDArray[np.bool_],
        mean: Floats,
        deviation: Floats,
        learnt: int,
    ) -> Run:
        cells = (np.arange(len(chosen)), chosen[:, 0], chosen[:, 1])
        accuracy, energy = self.credited[cells], self.energy[cells]
        price, best = self.hindsight()
        return Run(
            accuracy=accuracy,
            energy=energy,
            model=chosen[:, 0],
            context=self.context,
            late=~self.in_time[cells],
            asked=asked,
            regret=energy - price * accuracy - best,
            mean=mean,
            deviation=deviation,
            ratings=learnt,
        )


def play(
    trace: Trace, world: World, schemes: Sequence[Scheme] = SCHEMES, seeds: int = 4
) -> dict[Scheme, list[Run]]:
    """Play a world under some schemes, each with several seeds."""
    grounds = [Playground(trace, world, seed) for seed in range(seeds)]
    return {scheme: [ground.play(scheme) for ground in grounds] for scheme in schemes}
