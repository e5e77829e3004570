"""The calibrated method once more, in plain Python: what the C core is tested against.

Written from the equations in docs/method.md. Everything is looked at every time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import reference
import reference_paper
from reference import Belief, Configuration, Expected, outputs
from reference_offsets import Offsets, causes_of
from reference_paper import Decision
from reference_regimes import MixtureBelief, Regimes, cut

FAR = 4.0
OTHER_MACHINE = 1.3  # a price starts anew
SURPRISE_0 = 0.01
SURPRISE_GAIN = 0.01
SURPRISE_CUT = 3.0
OWED_AT_ONCE = 30.0
STEP_CUT = 5.0


def hull(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Lower convex hull of (accuracy, energy), from the cheapest to the most accurate."""
    cheap = min(points, key=lambda p: (p[1], -p[0]))
    ends = [cheap]
    while True:
        beyond = [p for p in points if p[0] > ends[-1][0] and p[1] > ends[-1][1]]
        if not beyond:
            return ends
        q, e = ends[-1]
        ends.append(min(beyond, key=lambda p: ((p[1] - e) / (p[0] - q), -p[0])))


class Scheduler(reference_paper.Scheduler):
    """Steps as the package's scheduler does with method="calibrated"."""

    has_offsets = True
    constants: dict[str, float] = {}  # noqa: RUF012  (set by the tests)

    def start(self) -> None:
        self.regimes = Regimes(self.constants)
        self.offsets = Offsets(self.constants, len(self.table.latency))
        self.total = 0.0
        self.booked = 0
        self.inputs_left = self.goal.inputs or 0
        self.usual = 1.0  # slowdown of the machine that the price starts from
        if self.goal.averaged:
            self.price()

    def is_priced(self) -> bool:
        """Whether the pending input is chosen by a price."""
        return self.asked.averaged

    @property
    def saving(self) -> bool:
        return self.goal.objective == "min_energy"

    @property
    def sign(self) -> float:
        return 1.0 if self.saving else -1.0

    def price(self) -> None:
        """Start from the profile."""
        c, table, goal = self.constants, self.table, self.goal
        allowed = [x for x in reference.configurations(table) if x.cap < self.within_limit]
        served = self.offsets.served
        times = [
            (served[x.model] * t, q, served[x.model] * reference.run_time(table, x), x)
            for x in allowed
            for t, q in outputs(table, x)[-1:]
        ]
        m = self.usual
        time = max(goal.deadline - self.overhead, 0.0, m * min(t for t, *_ in times))
        points = [
            (q, table.power[x.model][x.cap] * m * run + self.seen.idle * (time - m * run))
            for t, q, run, x in times
            if m * t <= time
        ]
        ends = hull(points)
        slopes = [(f - e) / (r - q) for (q, e), (r, f) in pairwise(ends)]
        (least, cheapest), (most, dearest) = ends[0], ends[-1]
        self.accuracies = most - least
        gain = max(most - goal.q_fail, 1e-3)
        self.unit = gain if self.saving else (dearest - cheapest or dearest)
        at = next(
            (
                k
                for k, (q, e) in enumerate(ends[1:])
                if (q >= goal.bound if self.saving else e > goal.bound)
            ),
            len(slopes) - 1,
        )
        if slopes:
            start = slopes[at]
            (q, e), (r, f) = ends[at], ends[at + 1]
            self.g = r - q if self.saving else f - e
            self.l = cut(goal.bound - q if self.saving else f - goal.bound, 0.0, self.g)
        else:
            slopes = [dearest / gain]
            start = slopes[0]
            self.g = 1e-3 if self.saving else 0.01 * dearest
            self.l = cut(goal.bound - least if self.saving else dearest - goal.bound, 0.0, self.g)
        reach, span = math.log(c["price_reach"]), math.log(c["price_span"])
        cheap = min(cheapest / max(least - goal.q_fail, 1e-3), slopes[0])
        self.low = max(math.log(cheap) - reach, math.log(start) - span)
        self.high = min(math.log(slopes[-1]) + reach, math.log(start) + span)
        self.log_price = cut(math.log(start), self.low, self.high)
        if goal.bound > most if self.saving else goal.bound >= dearest:
            self.log_price = self.high
        if goal.bound <= least if self.saving else goal.bound < cheapest:
            self.log_price = self.low
        whole = self.accuracies if self.saving else dearest - cheapest
        self.a = max(whole / (math.log(slopes[-1] / slopes[0]) + 1.0), 0.3 * self.g)
        self.late_j = c["late_worth"] * dearest
        self.most, self.cheapest = most, cheapest
        if self.booked == 0:
            self.surprise = (SURPRISE_0 * self.unit) ** 2

    def moments(self) -> tuple[float, float]:
        """Of a mixture whose less likely mean counts for at most four times the other."""
        far, near = sorted(self.regimes.forecast(), key=lambda part: part.weight)
        most = min(far.mean, FAR * near.mean)
        width = far.spread * most
        mean = near.weight * near.mean + far.weight * most
        square = near.weight * (near.mean**2 + 2.0 * (near.mean * near.spread) ** 2)
        square += far.weight * (most**2 + 2.0 * width**2)
        return mean, math.sqrt(square - mean**2)

    def believe(self, time: float) -> Belief:
        broken = self.regimes.broken
        hard = not self.is_priced() or bool(self.asked.probability)
        return MixtureBelief(
            *self.moments(),
            time,
            self.phi,
            self.regimes.forecast(),
            broken,
            1.0 if hard else 1.0 - broken,
        )

    def step(self, latency: float, energy: float | None, **more: Any) -> Decision:
        ran = self.decision.configuration
        exit = more.get("exit")
        stopped = ran if exit is None else ran._replace(exit=exit)
        whole = outputs(self.seen, ran)[-1][0] / outputs(self.seen, stopped)[-1][0]
        whole = 1.0 if more.get("sure") else whole
        time = reference.belief_under(self.seen, self.belief, self.switching, ran).time
        self.done = latency * whole <= time
        self.model_ran = ran.model
        self.profiled, self.latency = outputs(self.seen, stopped)[-1][0], latency
        self.time_ran = time
        power = self.table.power[ran.model][ran.cap]
        idle = more.get("idle_power")
        idle = self.believed_idle(power) if idle is None else idle
        self.spent = self.evened(latency, power * latency if energy is None else energy, idle)
        self.counted = max(self.deadline - time, 0.0) + self.evened(latency, latency, 1.0)
        return super().step(latency, energy, **more)

    def missed(self) -> Decision:
        self.spent = self.counted = 0.0
        self.time_ran = self.time_for(self.decision.configuration)
        return super().missed()

    def look(self) -> None:
        accuracy, latency, delay = self.said
        served = self.offsets.served
        factors = [w * s for w, s in zip(latency or [1.0] * len(served), served, strict=True)]
        seen = reference.as_expected(self.table, accuracy, factors, delay, self.size)
        self.seen = replace(seen, machine_price=self.seen.machine_price)

    def learn(self, slowdown: float) -> None:
        offsets, i = self.offsets, self.model_ran
        before = after = offsets.served
        if self.has_offsets and len(before) > 1:
            offsets.learn(i, causes_of(self.regimes, self.profiled), slowdown)
            after = offsets.serve(i)
        self.profiled *= after[i] / before[i]
        self.learn_slowdown()
        if after is not before:
            self.move_price(lambda: setattr(offsets, "served", after))
            self.look()

    def learn_slowdown(self) -> None:
        self.regimes.calibrate(self.decision.expected.probability, self.done)
        self.regimes.update(self.profiled, self.latency)
        found = self.regimes.usual()
        if max(found, self.usual) > OTHER_MACHINE * min(found, self.usual):
            self.move_price(lambda: setattr(self, "usual", found))

    def share_machine(self, price: float | None) -> None:
        before = self.seen.machine_price
        super().share_machine(price)
        if (before is None) != (price is None) and self.goal.averaged:
            self.price()

    def limit_power(self, limit: float | None) -> None:
        self.move_price(lambda: reference_paper.Scheduler.limit_power(self, limit))

    def move_price(self, change: Callable[[], None]) -> None:
        """Let the price keep its distance from where it starts, or stay at another end."""
        if not self.goal.averaged:
            change()
            return
        slow, low, high = self.log_price, self.low, self.high
        self.price()
        start = self.log_price
        stays_low = slow <= low and start > self.low
        stays_high = slow >= high and start < self.high
        change()
        self.price()
        self.log_price = cut(self.log_price + (slow - start), self.low, self.high)
        if stays_low:
            self.log_price = self.low
        if stays_high:
            self.log_price = self.high

    def set_goal(self, goal: reference.Goal) -> Decision:
        opens = self.starts_anew(goal)
        if opens:
            self.total = 0.0
            self.booked = 0
            self.inputs_left = goal.inputs or 0
            self.left = (goal.bound * goal.inputs, goal.inputs) if goal.inputs else None
            self.owed.clear()
        before, self.goal, self.own = self.goal, goal, None
        same = (goal.bound, goal.deadline, goal.q_fail) == (
            before.bound,
            before.deadline,
            before.q_fail,
        )
        if goal.averaged and (opens or not same):
            self.price()
        return self._decide(self.usual_deadline())

    def evened(self, latency: float, energy: float, idle: float) -> float:
        """Energy with idle time. That of a shared deadline is spread: each input is booked with
        what it leaves of the first share, the last with what then remains."""
        left, inputs = self.shared or (0.0, 0)
        if self.seen.machine_price is not None:  # nobody's
            return energy
        if inputs > 1:
            return energy + idle * (self.share_0 - self.overhead - latency)
        booked = left - self.share_0 if inputs else 0.0
        return energy + idle * (reference.rest(self.time_ran, latency) - booked)

    def expected(self) -> float:
        """What was expected of the input just finished, in the measure of the bound."""
        c, e, _ = self.decision
        if self.saving or self.shared is None:
            return e.accuracy if self.saving else e.energy
        power = self.table.power[c.model][c.cap]
        return self.evened(e.latency, power * e.latency, self.believed_idle(power))

    def believed_idle(self, power: float) -> float:
        phi = self.belief.phi
        return self.table.idle_power if phi is None else phi * power

    def share(self, deadline: float, inputs: int) -> Decision:
        self.share_0 = deadline / inputs
        return super().share(deadline, inputs)

    def settle(self, accuracy: float, joules: float) -> None:
        super().settle(accuracy, joules)
        if not self.is_priced():
            return
        c = self.constants
        power = self.goal.power
        bound = self.goal.bound if power is None else power * self.counted
        margin = c["price_margin"] if self.saving else -bound * c["price_margin"]
        credited, expected = (accuracy if self.saving else self.spent), self.expected()
        aim = bound + margin
        if self.left is not None:
            self.total = self.goal.bound * self.left[1] - self.left[0]
            self.inputs_left = self.left[1]
        elif self.goal.window is None:
            self.inputs_left = 0
            self.total += min(self.sign * (aim - credited), OWED_AT_ONCE * self.unit)
        else:
            self.total = math.fsum(self.owed[-(self.goal.window - 1) :])
        asked = self.sign * (aim - expected) + self.wanted() / c["price_horizon"]
        step = self.sign * c["price_gain"] * cut(asked / self.a, -STEP_CUT, STEP_CUT)
        self.log_price = cut(self.log_price + step, self.low, self.high)
        self.booked += 1
        gain = max(SURPRISE_GAIN, 1.0 / (self.booked + 10.0))
        off = cut(credited - expected, -SURPRISE_CUT * self.unit, SURPRISE_CUT * self.unit)
        self.surprise += gain * (off**2 - self.surprise)

    def wanted(self) -> float:
        """What is owed, and what is to be in hand."""
        c = self.constants
        reserve = c["price_reserve"] * math.sqrt(self.surprise)
        n = min(self.booked, self.goal.window or self.booked)
        reserve *= n / (n + c["price_ramp"])
        horizon = c["price_horizon"]  # a budget's debt is repaid over the inputs left
        due = self.total * horizon / max(horizon, self.inputs_left)
        return due + c["price_ease"] * self.l + reserve

    def pull(self) -> float:
        return self.wanted() / (self.constants["price_step"] * self.g)

    def price_now(self) -> float:
        c = self.constants
        pull = cut(self.pull(), -c["price_down"], c["price_up"])
        return math.exp(self.log_price + self.sign * pull)

    def value(self, c: Configuration) -> float:
        """Energy less what the accuracy is worth; time has a price where inputs share it."""
        price, goal = self.price_now(), self.goal
        under = reference.belief_under(self.seen, self.belief, self.switching, c)
        late = goal.q_fail - self.late_j / price  # a late output counts for less than q_fail
        worth = reference.expect(self.seen, under, late, c).accuracy
        value = reference.cost(self.seen, c, self.everything[c]) - price * worth
        if self.shared is not None and self.shared[1] > 1 and self.belief.time > 0.0:
            seconds = self.moments()[0] * self.until_done(c)
            value += price * self.accuracies * seconds / self.belief.time
        return value

    def until_done(self, c: Configuration) -> float:
        """Profiled seconds, with those before it can start."""
        delay = self.seen.delay.get(c.model, 0.0)
        return reference.run_time(self.seen, c) + (delay / self.moments()[0] if delay else 0.0)

    def is_hopelessly_late(self) -> bool:
        """It came late, and nothing can be expected to finish it in time."""
        order = self.asked.priority
        within = [c for c in self.everything if c.cap < self.within_limit]
        return (
            self.deadline < self.asked.deadline
            and order.index("latency") < order.index("energy")
            and self.moments()[0] * min(map(self.until_done, within)) > self.belief.time
        )

    def choose(self) -> tuple[Configuration, Expected, bool]:
        if self.is_hopelessly_late():

            def lateness(c: Configuration) -> tuple[float, ...]:
                e = self.everything[c]
                exit = -1 if c.exit is None else c.exit
                return self.until_done(c), reference.cost(self.seen, c, e), c.cap, c.model, exit

            within = [c for c in self.everything if c.cap < self.within_limit]
            c = min(within, key=lateness)
            return c, self.everything[c], False
        if not self.is_priced():
            return super().choose()

        def rank(c: Configuration, e: Expected) -> tuple[float, ...]:
            its_cost = reference.cost(self.seen, c, e)
            return self.value(c), its_cost, c.cap, c.model, -1 if c.exit is None else c.exit

        at_end = self.log_price >= self.high if self.saving else self.log_price <= self.low
        bound = self.goal.bound
        if self.inputs_left:
            bound -= self.total / self.inputs_left
        beyond = bound > self.most if self.saving else bound < self.cheapest
        exhausted = beyond or (at_end and self.pull() >= self.constants["price_up"])
        for attempt in reference.attempts(self.goal, self.switching, self.within_limit):
            left = [
                (rank(c, e), c, e)
                for c, e in self.everything.items()
                if attempt.among(c)
                and ("latency" not in attempt.bounds or reference.meets(self.goal, "latency", e))
            ]
            if left:
                _, c, e = min(left)
                kept = reference.meets(self.average(), self.goal.bounded, e)
                return c, e, attempt.feasible and (kept or not exhausted)
        raise AssertionError("something meets no bounds at all")
