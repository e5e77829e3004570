"""A scheduler once more, in plain Python, with the paper's method.

Written from the equations and the contract, as `reference` is. Another method replaces parts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from reference import (
    Belief,
    Configuration,
    Expected,
    Goal,
    IdleFilter,
    Said,
    SlowdownFilter,
    Switching,
    Table,
    as_expected,
    belief_under,
    choose,
    expect_all,
    outputs,
    rest,
)


class Decision(NamedTuple):
    """What to run next, and what is expected of it."""

    configuration: Configuration
    expected: Expected
    feasible: bool


class Finished(NamedTuple):
    """An input that is done, as the trace tells it."""

    configuration: Configuration  # -1, -1, None: it was not run
    exit: int | None
    deadline: float
    slowdown: float
    mean: float
    std: float
    accuracy: float
    met: bool


class Scheduler:
    """Steps as the package's scheduler does, by the equations."""

    def __init__(
        self,
        table: Table,
        goal: Goal,
        overhead: float = 0.0,
        switch_cost: float = 0.0,
        hold_inputs: int = 1,
    ) -> None:
        self.table = table
        self.seen = table  # with what is expected of the next inputs
        self.said: Said = (None, None, None)
        self.size = table.size  # of the pending input
        self.goal = goal
        self.own: Goal | None = None  # of the pending input
        self.overhead = overhead
        self.switch_cost = switch_cost
        self.hold_inputs = hold_inputs
        self.caps: list[int] = []  # that inputs ran under
        self.within_limit = len(table.power_caps)  # how many of the caps
        self.slowdown = SlowdownFilter()
        self.idle = IdleFilter()
        self.owed: list[float] = []  # by every input since the window was opened
        self.left = (goal.bound * goal.inputs, goal.inputs) if goal.inputs else None  # of a budget
        self.shared: tuple[float, int] | None = None
        self.finished: list[Finished] = []
        self.start()
        self._decide(goal.deadline)

    # ---------------------------------------------------------------- what another method replaces

    def start(self) -> None:
        """Prepare for the first decision."""

    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of the slowdown."""
        return self.slowdown.mean, math.sqrt(self.slowdown.s2)

    def believe(self, time: float) -> Belief:
        return Belief(*self.moments(), time, self.phi)

    def choose(self) -> tuple[Configuration, Expected, bool]:
        return choose(self.seen, self.belief, self.moved_goal(), self.switching, self.within_limit)

    def learn(self, slowdown: float) -> None:
        self.slowdown.update(slowdown)

    def settle(self, accuracy: float, joules: float) -> None:
        self.owed.append(
            self.bound - accuracy if self.goal.bounded == "accuracy" else joules - self.bound
        )

    @property
    def phi(self) -> float | None:
        """The idle ratio, where idle time counts."""
        if self.seen.machine_price is None:
            return self.idle.phi
        return None if self.idle.phi is None else 0.0

    # ---------------------------------------------------------------------------------- deciding

    @property
    def asked(self) -> Goal:
        """The goal of the pending input. One of its own holds for this input alone."""
        return self.goal if self.own is None else replace(self.own, window=1)

    def average(self) -> Goal:
        """The goal, with the bound for this input."""
        asked = self.asked
        if self.own is None and self.left is not None:
            joules, inputs = self.left
            return replace(asked, bound=joules / inputs + 1e-12 * asked.bound)
        if asked.power is not None:
            return replace(asked, bound=asked.power * self.deadline)
        return asked

    def moved_goal(self) -> Goal:
        """The goal, with its bound moved by what the last inputs left owing."""
        asked = self.average()
        if self.goal.window is None or not asked.averaged:
            return asked
        owed = math.fsum(self.owed[-(self.goal.window - 1) :])
        if self.owed:
            owed -= 1e-12 * asked.bound  # the contract: nothing is asked for rounding's sake
        towards = 1 if self.goal.bounded == "accuracy" else -1
        return replace(asked, bound=asked.bound + towards * owed)

    def usual_deadline(self) -> float:
        if self.own is not None or self.shared is None:
            return self.asked.deadline
        left, inputs = self.shared
        return left / inputs

    @property
    def switching(self) -> Switching | None:
        if not self.caps or (self.switch_cost == 0.0 and self.hold_inputs == 1):
            return None
        last = self.caps[-1]
        return Switching(
            last, self.switch_cost, self.hold_inputs, self.cap_inputs() < self.hold_inputs
        )

    def cap_inputs(self) -> int:
        """Inputs one after the other under the cap in force."""
        return next(
            (n for n, cap in enumerate(reversed(self.caps)) if cap != self.caps[-1]), len(self.caps)
        )

    def _decide(self, deadline: float) -> Decision:
        self.deadline = deadline
        self.belief = self.believe(max(deadline - self.overhead, 0.0))
        self.everything = expect_all(self.seen, self.belief, self.asked.q_fail, self.switching)
        self.decision = Decision(*self.choose())
        return self.decision

    def give(self, goal: Goal | None) -> None:
        """Let the pending input have this goal."""
        self.own = None if goal == self.goal else goal

    def decide(
        self, deadline: float | None = None, goal: Goal | None = None, size: float | None = None
    ) -> Decision:
        if size is not None:
            self.give_size(size)
        usual = self.deadline
        if goal is not None:
            self.give(goal)
            usual = self.usual_deadline()
        return self._decide(usual if deadline is None else deadline)

    def expect(
        self,
        accuracy: Sequence[float] | None = None,
        latency: Sequence[float] | None = None,
        delay: Sequence[float] | None = None,
    ) -> Decision:
        self.said = accuracy, latency, delay
        self.look()
        return self._decide(self.deadline)

    def look(self) -> None:
        """See the profile as it is expected."""
        seen = as_expected(self.table, *self.said, self.size)
        self.seen = replace(seen, machine_price=self.seen.machine_price)

    def give_size(self, size: float | None) -> None:
        """Let the pending input have this size."""
        self.size = self.table.size if size is None else size
        self.look()

    def share_machine(self, price: float | None) -> None:
        """Give the machine's time a price, from the next choice on."""
        self.seen = replace(self.seen, machine_price=price)

    def limit_power(self, limit: float | None) -> None:
        """Allow the caps up to this one, from the next choice on."""
        caps = [math.inf if cap is None else cap for cap in self.table.power_caps]
        self.within_limit = sum(cap <= (math.inf if limit is None else limit) for cap in caps)

    def note_cap(self, cap: int) -> None:
        """Count an input of another application."""
        if self.switch_cost > 0.0 or self.hold_inputs > 1:
            self.caps.append(cap)

    def missed(self) -> Decision:
        """Book an input that was not run."""
        self.book(self.goal.q_fail, 0.0, 0.0)
        self.finished.append(
            Finished(
                Configuration(-1, -1, None),
                None,
                self.deadline,
                math.nan,
                self.belief.mean,
                self.belief.std,
                self.asked.q_fail,
                False,
            )
        )
        self.use_up(0.0)
        self.own = None
        self.give_size(None)
        return self._decide(self.usual_deadline())

    def time_for(self, c: Configuration) -> float:
        return belief_under(self.seen, self.belief, self.switching, c).time

    def idle_joules(self, reported: float | None, power: float, time: float) -> float:
        """Until the deadline; none before the next word of a sentence, or on a shared machine."""
        if self.seen.machine_price is not None or (self.shared is not None and self.shared[1] > 1):
            return 0.0
        phi = self.belief.phi
        if reported is None:
            reported = self.table.idle_power if phi is None else phi * power
        return reported * max(time, 0.0)

    def use_up(self, seconds: float) -> None:
        """Take what an input took off the deadline that it shares."""
        if self.shared is not None:
            left, inputs = self.shared
            self.shared = (left - seconds, inputs - 1) if inputs > 1 else None

    def share(self, deadline: float, inputs: int) -> Decision:
        self.shared = (deadline, inputs)
        self.own = None
        return self._decide(self.usual_deadline())

    def set_goal(self, goal: Goal) -> Decision:
        if self.starts_anew(goal):
            self.owed.clear()
            self.left = (goal.bound * goal.inputs, goal.inputs) if goal.inputs else None
        self.goal, self.own = goal, None
        return self._decide(self.usual_deadline())

    def starts_anew(self, goal: Goal) -> bool:
        """Whether debts under the goal so far count for nothing under this one."""
        new, old = (
            (g.objective, g.window if g.averaged else 1, g.inputs, g.bound if g.inputs else 0)
            for g in (goal, self.goal)
        )
        return new != old

    def run_instead(self, c: Configuration) -> None:
        """Let another configuration than the one chosen be what runs."""
        self.decision = Decision(c, self.everything[c], self.decision.feasible)

    def ran(self, model: int, exit: int | None, cap: int | None, sure: bool = False) -> None:
        """Let what is said to have run be what was decided; a sure one was to run further."""
        chosen = self.decision.configuration
        if exit is None or sure:
            last = len(self.table.exits[model]) - 1 if model in self.table.exits else None
            within = model == chosen.model and (exit or 0) <= (chosen.exit or 0)
            exit = chosen.exit if within else last
        c = Configuration(model, chosen.cap if cap is None else cap, exit)
        if c != chosen:  # with today's overhead
            self.belief = self.believe(max(self.deadline - self.overhead, 0.0))
            self.everything = expect_all(self.seen, self.belief, self.asked.q_fail, self.switching)
            self.run_instead(c)

    # ---------------------------------------------------------------------------------- learning

    def book(self, accuracy: float, joules: float, seconds: float) -> None:
        """Book an input, whose energy is counted for so many seconds."""
        power = self.goal.power
        self.bound = self.goal.bound if power is None else power * seconds
        budget = self.left
        if budget is not None:
            self.left = budget[0] - joules, budget[1] - 1
        if self.own is None:
            self.settle(accuracy, joules)
        if budget is not None and budget[1] == 1:
            self.left = None  # used up

    def step(
        self,
        latency: float,
        energy: float | None,
        *,
        deadline: float | None = None,
        idle_power: float | None = None,
        exit: int | None = None,
        goal: Goal | None = None,
        size: float | None = None,
        sure: bool = False,
    ) -> Decision:
        ran = chosen = self.decision.configuration
        if exit is not None:
            ran = ran._replace(exit=exit)
        # A sure output counts as any later one.
        passed = outputs(self.seen, chosen if sure else ran)
        profiled = outputs(self.seen, ran)[-1][0]
        time = self.time_for(ran)
        power = self.table.power[ran.model][ran.cap]

        # An output came out when its share of the measured time was over.
        out = [q for t, q in passed if latency * (t / profiled) <= time]
        accuracy = out[-1] if out else self.asked.q_fail
        joules = power * latency if energy is None else energy
        idle = self.idle_joules(idle_power, power, rest(time, latency))
        pause = self.idle_joules(1.0, power, rest(time, latency))
        self.book(accuracy, joules + idle, max(self.deadline - time, 0.0) + latency + pause)

        slowdown = latency / profiled
        self.finished.append(
            Finished(
                self.decision.configuration,
                ran.exit,
                self.deadline,
                slowdown,
                self.belief.mean,
                self.belief.std,
                accuracy,
                bool(out),
            )
        )
        self.learn(slowdown)
        if idle_power is not None and self.table.knows_power:
            self.idle.update(idle_power / power, self.table.idle_power / power)
        changed = bool(self.caps) and ran.cap != self.caps[-1]
        used = latency + self.overhead + self.seen.delay.get(ran.model, 0.0)
        self.use_up(used + (self.switch_cost if changed else 0.0))
        self.caps.append(ran.cap)
        self.give(goal)
        self.give_size(size)
        return self._decide(self.usual_deadline() if deadline is None else deadline)
