"""The calibrated method once more, in plain Python: what the C core is tested against.

Written from the equations in docs/method.md. Everything is looked at every time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import reference
from reference import Belief, Configuration, Decision, Expected, outputs

CERTAIN = 12.0
RATIO = 1e6
Z_CUT = 4.0
SPREAD = (0.05, 0.4)
SAME_LEVEL = 3.0
ONE_LEVEL = 1.16
FAR = 4.0
CHANGE_MEMORY = 300.0
BROKEN_MOST = 0.1
SURPRISE_0 = 0.01
SURPRISE_GAIN = 0.01
OWED_AT_ONCE = 30.0
STEP_CUT = 5.0


def cut(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


# ------------------------------------------------------------------------------------ distribution


def student_density(z: float) -> float:
    """Of Student's t with four degrees of freedom."""
    return 0.375 / math.pow(1.0 + z * z / 4.0, 2.5)


def student_cdf(z: float) -> float:
    if z >= CERTAIN:
        return 1.0
    u = z / math.sqrt(1.0 + z * z / 4.0)
    return max(0.5 + 0.375 * u * (1.0 - u * u / 12.0), 0.0)


@dataclass(frozen=True)
class MixtureBelief(Belief):
    """`parts` are (weight, level, spread). A share `broken` of all promises is not kept; an output
    that is certain in every part is in time with the probability `certain`."""

    parts: tuple[tuple[float, float, float], ...] = ()
    broken: float = 0.0
    certain: float = 1.0

    def in_time(self, t: float) -> float:
        x = self.time / t
        each = [student_cdf((x / level - 1.0) / spread) for _, level, spread in self.parts]
        if all(p == 1.0 for p, (weight, *_) in zip(each, self.parts, strict=True) if weight > 0):
            return self.certain
        return (1.0 - self.broken) * sum(
            weight * p for p, (weight, *_) in zip(each, self.parts, strict=True)
        )


# ----------------------------------------------------------------------------------------- regimes


@dataclass
class Regime:
    level: float
    spread: float
    inputs: float = 0.0
    left: float = 0.0  # changes to the other regime
    stayed: float = 0.0  # changes or not: inputs after one that ran in this regime

    @property
    def leaves(self) -> float:
        return self.left / self.stayed

    def density(self, x: float) -> float:
        """Of ln x."""
        return x / self.level * student_density((x / self.level - 1) / self.spread) / self.spread

    def learn(self, x: float, share: float, level_gain: float, spread_gain: float) -> None:
        z = cut((x / self.level - 1.0) / self.spread, -Z_CUT, Z_CUT)
        self.inputs += share
        level_gain = min(max(level_gain, 1.0 / self.inputs), 0.5)
        spread_gain = min(max(spread_gain, 1.0 / self.inputs), 0.2)
        factor = max(1.0 + share * level_gain * self.spread * z, 0.1)
        self.level = cut(self.level * factor, 1.0 / RATIO, RATIO)
        self.spread = cut(self.spread * (1.0 + share * spread_gain * (abs(z) - 1.0)), *SPREAD)


@dataclass
class Regimes:
    """Two regimes of the slowdown and the probability `w` that the last input ran in the second."""

    constants: dict[str, float]
    w: float = 0.0
    outlier: float | None = None
    broken: float = 0.0
    both: list[Regime] = field(init=False)

    def __post_init__(self) -> None:
        self.both = [Regime(1.0, cut(self.constants["spread_0"], *SPREAD), 1.0), Regime(1.0, 1.0)]
        self.suppose()
        for regime in self.both:
            self.forget_changes(regime)

    def suppose(self) -> None:
        """Take the second regime for one that was never met."""
        c, second = self.constants, self.both[1]
        second.level = cut(self.both[0].level * c["other_level"], 1 / RATIO, RATIO)
        second.spread = cut(c["other_spread"], *SPREAD)
        second.inputs = 0.0

    def forget_changes(self, regime: Regime) -> None:
        regime.stayed = self.constants["change_inputs"]
        regime.left = self.constants["change_rate"] * regime.stayed

    def forecast(self) -> tuple[tuple[float, float, float], ...]:
        first, second = self.both
        w = self.w * (1.0 - second.leaves) + (1.0 - self.w) * first.leaves
        return (1.0 - w, first.level, first.spread), (w, second.level, second.spread)

    def calibrate(self, promised: float, done: bool) -> None:
        if promised > 0.5:
            gain = self.constants["broken_gain"]
            self.broken = cut(self.broken + gain * (promised - done), 0.0, BROKEN_MOST)

    def update(self, ratio: float) -> None:
        x = cut(ratio, 1.0 / RATIO, RATIO)
        c = self.constants
        was = 1.0 - self.w, self.w
        path = [
            [
                was[i] * (k.leaves if i != j else 1.0 - k.leaves) * self.both[j].density(x)
                for j in (0, 1)
            ]
            for i, k in enumerate(self.both)
        ]
        total = sum(map(sum, path))
        if total < c["outlier"]:
            self.meet_outlier(x)
            return
        self.outlier = None
        for i, k in enumerate(self.both):
            k.left += path[i][1 - i] / total
            k.stayed += sum(path[i]) / total
            if k.stayed > CHANGE_MEMORY:
                assumed = c["change_rate"] * c["change_inputs"]
                k.left, k.stayed = max(k.left / 2, assumed), k.stayed / 2
        self.w = (path[0][1] + path[1][1]) / total
        if self.w > 0.5 and self.both[1].inputs == 0.0:
            self.both[1].level = x
        for k, share in zip(self.both, (1.0 - self.w, self.w), strict=True):
            if share >= 0.01:
                k.learn(x, share, c["level_gain"], c["spread_gain"])
        self.rearrange()

    def rearrange(self) -> None:
        """Make one regime of two that have become alike."""
        first, second = self.both
        if 1.0 / ONE_LEVEL < second.level / first.level < ONE_LEVEL:
            if self.w > 0.5:
                first.level, first.spread, first.inputs = (
                    second.level,
                    second.spread,
                    second.inputs,
                )
            self.w = 0.0
            self.suppose()
        elif second.inputs == 0.0:
            self.suppose()

    def meet_outlier(self, x: float) -> None:
        first, self.outlier = self.outlier, x
        if first is None or not max(x, first) < SAME_LEVEL * min(x, first):
            return
        self.outlier = None
        new = 0 if self.w > 0.5 else 1  # the one that does not hold gives way
        spread = cut(self.constants["spread_0"], *SPREAD)
        k = self.both[new]
        k.level, k.inputs = math.sqrt(x * first), 2.0
        k.spread = cut(abs(math.log(x / first)) / 2.0, spread, SPREAD[1])
        self.both[1 - new].left += 1.0
        self.both[1 - new].stayed += 1.0
        self.forget_changes(k)
        self.w = float(new)


# ------------------------------------------------------------------------------------------- price


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


class Scheduler(reference.Scheduler):
    """Steps as the package's scheduler does with method="calibrated"."""

    constants: dict[str, float] = {}  # noqa: RUF012  (set by the tests)

    def start(self) -> None:
        self.regimes = Regimes(self.constants)
        self.total = 0.0
        self.booked = 0
        if self.is_priced():
            self.price()

    def is_priced(self) -> bool:
        return self.goal.averaged

    @property
    def saving(self) -> bool:
        return self.goal.objective == "min_energy"

    @property
    def sign(self) -> float:
        return 1.0 if self.saving else -1.0

    def price(self) -> None:
        """Start from the profile."""
        c, table, goal = self.constants, self.table, self.goal
        times = [(*outputs(table, x)[-1], x) for x in reference.configurations(table)]
        time = max(goal.deadline - self.overhead, 0.0, min(t for t, *_ in times))
        points = [
            (q, table.power[x.model][x.cap] * t + table.idle_power * (time - t))
            for t, q, x in times
            if t <= time
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
        self.low = max(math.log(slopes[0]) - reach, math.log(start) - span)
        self.high = min(math.log(slopes[-1]) + reach, math.log(start) + span)
        self.log_price = cut(math.log(start), self.low, self.high)
        if goal.bound > most if self.saving else goal.bound >= dearest:
            self.log_price = self.high
        if goal.bound <= least if self.saving else goal.bound < cheapest:
            self.log_price = self.low
        whole = self.accuracies if self.saving else dearest - cheapest
        self.a = max(whole / (math.log(slopes[-1] / slopes[0]) + 1.0), 0.3 * self.g)
        self.late_j = c["late_worth"] * dearest
        self.beyond = goal.bound > most if self.saving else goal.bound < cheapest
        if self.booked == 0:
            self.surprise = (SURPRISE_0 * self.unit) ** 2

    def moments(self) -> tuple[float, float]:
        """Of a mixture whose less likely level counts for at most four times the other."""
        far, near = sorted(self.regimes.forecast(), key=lambda part: part[0])
        far = far[0], min(far[1], FAR * near[1]), far[2]
        mean = near[0] * near[1] + far[0] * far[1]
        square = sum(w * (level**2 + 2.0 * (level * s) ** 2) for w, level, s in (near, far))
        return mean, math.sqrt(square - mean**2)

    def believe(self, time: float) -> Belief:
        broken = self.regimes.broken
        hard = not self.is_priced() or bool(self.goal.probability)
        return MixtureBelief(
            *self.moments(),
            time,
            self.idle.phi,
            self.regimes.forecast(),
            broken,
            1.0 if hard else 1.0 - broken,
        )

    def step(self, latency: float, energy: float | None, **more: Any) -> Decision:
        ran = self.decision.configuration
        exit = more.get("exit")
        stopped = ran if exit is None else ran._replace(exit=exit)
        whole = outputs(self.seen, ran)[-1][0] / outputs(self.seen, stopped)[-1][0]
        time = reference.belief_under(self.seen, self.belief, self.switching, ran).time
        self.done = latency * whole <= time
        return super().step(latency, energy, **more)

    def learn(self, slowdown: float) -> None:
        self.regimes.calibrate(self.decision.expected.probability, self.done)
        self.regimes.update(slowdown)

    def set_goal(self, goal: reference.Goal) -> Decision:
        opens = self.opens_window(goal)
        if opens:
            self.total = 0.0
            self.booked = 0
            self.owed.clear()
        before, self.goal = self.goal, goal
        same = (goal.bound, goal.deadline, goal.q_fail) == (
            before.bound,
            before.deadline,
            before.q_fail,
        )
        if self.is_priced() and (opens or not same):
            self.price()
        return self._decide(self.usual_deadline())

    def expected(self) -> float:
        """What was expected of the input just finished, in the measure of the bound."""
        c, e, _ = self.decision
        if self.saving:
            return e.accuracy
        if self.shared is not None and self.shared[1] > 1:  # no idle time before the next word
            return self.table.power[c.model][c.cap] * e.latency
        return e.energy

    def settle(self, accuracy: float, joules: float) -> None:
        super().settle(accuracy, joules)
        if not self.is_priced():
            return
        c = self.constants
        margin = c["price_margin"] if self.saving else -self.bound * c["price_margin"]
        credited, expected = (accuracy if self.saving else joules), self.expected()
        aim = self.bound + margin
        if self.goal.window is None:
            self.total += min(self.sign * (aim - credited), OWED_AT_ONCE * self.unit)
        else:
            self.total = math.fsum(self.owed[-(self.goal.window - 1) :])
        asked = self.sign * (aim - expected) + self.wanted() / c["price_horizon"]
        step = self.sign * c["price_gain"] * cut(asked / self.a, -STEP_CUT, STEP_CUT)
        self.log_price = cut(self.log_price + step, self.low, self.high)
        self.booked += 1
        gain = max(SURPRISE_GAIN, 1.0 / (self.booked + 10.0))
        self.surprise += gain * ((credited - expected) ** 2 - self.surprise)

    def wanted(self) -> float:
        """What is owed, and what is to be in hand."""
        c = self.constants
        reserve = c["price_reserve"] * math.sqrt(self.surprise)
        reserve *= self.booked / (self.booked + c["price_ramp"])
        return self.total + c["price_ease"] * self.l + reserve

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
        value = self.everything[c].energy - price * worth
        if self.shared is not None and self.shared[1] > 1 and self.belief.time > 0.0:
            seconds = self.moments()[0] * self.until_done(c)
            value += price * self.accuracies * seconds / self.belief.time
        return value

    def until_done(self, c: Configuration) -> float:
        """Profiled seconds, with those before it can start."""
        delay = self.seen.delay.get(c.model, 0.0)
        return outputs(self.seen, c)[-1][0] + (delay / self.moments()[0] if delay else 0.0)

    def is_hopelessly_late(self) -> bool:
        """It came late, and nothing can be expected to finish it in time."""
        order = self.goal.priority
        return (
            self.deadline < self.goal.deadline
            and order.index("latency") < order.index("energy")
            and self.moments()[0] * min(map(self.until_done, self.everything)) > self.belief.time
        )

    def choose(self) -> tuple[Configuration, Expected, bool]:
        if self.is_hopelessly_late():

            def lateness(c: Configuration) -> tuple[float, ...]:
                e = self.everything[c]
                exit = -1 if c.exit is None else c.exit
                return self.until_done(c), e.energy, c.cap, c.model, exit

            c = min(self.everything, key=lateness)
            return c, self.everything[c], False
        if not self.is_priced():
            return super().choose()

        def rank(c: Configuration, e: Expected) -> tuple[float, ...]:
            return self.value(c), e.energy, c.cap, c.model, -1 if c.exit is None else c.exit

        at_end = self.log_price >= self.high if self.saving else self.log_price <= self.low
        exhausted = self.beyond or (at_end and self.pull() >= self.constants["price_up"])
        for attempt in reference.attempts(self.goal, self.switching):
            left = [
                (rank(c, e), c, e)
                for c, e in self.everything.items()
                if attempt.among(c)
                and ("latency" not in attempt.bounds or reference.meets(self.goal, "latency", e))
            ]
            if left:
                _, c, e = min(left)
                kept = reference.meets(self.goal, self.goal.bounded, e)
                return c, e, attempt.feasible and (kept or not exhausted)
        raise AssertionError("something meets no bounds at all")
