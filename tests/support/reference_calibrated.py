"""The calibrated method once more, in plain Python: what the C core is tested against.

Written from the equations in docs/method.md. Everything is looked at every time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

import reference
from reference import Belief, Configuration, Decision, Expected, outputs

CERTAIN = 12.0
RATIO = 1e6
Z_CUT = 4.0
SPREAD = (0.005, 0.4)
SAME_LEVEL = 1.65
ONE_LEVEL = 1.16
CHANGE_MEMORY = 1000.0


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
    """`parts` are (weight, level, spread)."""

    parts: tuple[tuple[float, float, float], ...] = ()

    def in_time(self, t: float) -> float:
        x = self.time / t
        one, other = (student_cdf((x / level - 1.0) / spread) for _, level, spread in self.parts)
        return one + self.parts[1][0] * (other - one)


# ----------------------------------------------------------------------------------------- regimes


@dataclass
class Regime:
    level: float
    spread: float
    inputs: float = 0.0

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
    """Two regimes of the slowdown and the probability `w` that the last input ran in the other."""

    constants: dict[str, float]
    w: float = 0.0
    outlier: float | None = None
    now: Regime = field(init=False)
    other: Regime = field(init=False)
    changes: float = field(init=False)
    inputs: float = field(init=False)

    def __post_init__(self) -> None:
        c = self.constants
        self.now = Regime(1.0, c["spread_0"], 1.0)
        self.other = self.supposed()
        self.inputs = c["change_inputs"]
        self.changes = c["change_rate"] * c["change_inputs"]

    def supposed(self) -> Regime:
        c = self.constants
        return Regime(cut(self.now.level * c["other_level"], 1 / RATIO, RATIO), c["other_spread"])

    def forecast(self) -> tuple[tuple[float, float, float], ...]:
        h = self.changes / self.inputs
        other = self.w + h * (1.0 - 2.0 * self.w)
        return (
            (1.0 - other, self.now.level, self.now.spread),
            (other, self.other.level, self.other.spread),
        )

    def count(self, changes: float) -> None:
        self.changes += changes
        self.inputs += 1.0
        if self.inputs > CHANGE_MEMORY:
            self.changes, self.inputs = self.changes / 2, self.inputs / 2

    def update(self, ratio: float) -> None:
        x = cut(ratio, 1.0 / RATIO, RATIO)
        c = self.constants
        density = self.now.density(x), self.other.density(x)
        (weight_now, *_), (weight_other, *_) = self.forecast()
        either = weight_now * density[0] + weight_other * density[1]
        if either < c["outlier"] or either == 0.0:
            self.meet_outlier(x)
            return
        self.outlier = None
        h = self.changes / self.inputs
        self.count(h * ((1.0 - self.w) * density[1] + self.w * density[0]) / either)
        self.w = weight_other * density[1] / either
        self.now.learn(x, 1.0 - self.w, c["level_gain"], c["spread_gain"])
        if self.w > 0.01:
            self.other.learn(x, self.w, c["level_gain"], c["spread_gain"])
        if self.w > 0.5:
            self.now, self.other, self.w = self.other, self.now, 1.0 - self.w
        if 1.0 / ONE_LEVEL < self.other.level / self.now.level < ONE_LEVEL:
            self.w, self.other = 0.0, self.supposed()
        if self.other.inputs == 0.0:
            self.other = self.supposed()

    def meet_outlier(self, x: float) -> None:
        first, self.outlier = self.outlier, x
        level = self.now.level
        again = (
            first is not None
            and (first > level) == (x > level)
            and max(x, first) < SAME_LEVEL * min(x, first)
        )
        self.count(float(again))
        if first is None or not again:
            return
        spread = max(self.now.spread, self.constants["spread_0"])
        self.other = self.now
        self.now = Regime(math.sqrt(x * first), spread, 2.0)
        self.w, self.outlier = 0.0, None


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
        self.price()

    def is_priced(self) -> bool:
        return self.goal.window is None

    @property
    def saving(self) -> bool:
        return self.goal.objective == "min_energy"

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
        cheapest = ends[0][1]
        most, dearest = max(points, key=lambda p: (p[0], -p[1]))
        gain = max(most - goal.q_fail, 1e-3)
        start = None
        for slope, (q, e) in zip(slopes, ends[1:], strict=True):
            if start is None and (q >= goal.bound if self.saving else e > goal.bound):
                start = slope
        if not slopes:
            slopes = [dearest / gain]
        self.low = math.log(slopes[0]) - math.log(c["price_reach"])
        self.high = math.log(slopes[-1]) + math.log(c["price_reach"])
        self.log_price = math.log(slopes[-1] if start is None else start)
        if self.saving and goal.bound <= ends[0][0]:
            self.log_price = self.low
        if not self.saving and goal.bound >= dearest:
            self.log_price = self.high
        if self.saving and goal.bound > most:
            self.log_price = self.high
        if not self.saving and goal.bound < cheapest:
            self.log_price = self.low
        self.unit = gain if self.saving else (dearest - cheapest or dearest)

    def moments(self) -> tuple[float, float]:
        parts = self.regimes.forecast()
        mean = sum(weight * level for weight, level, _ in parts)
        square = sum(w * (level**2 + 2.0 * (level * s) ** 2) for w, level, s in parts)
        return mean, math.sqrt(square - mean**2)

    def believe(self, time: float) -> Belief:
        return MixtureBelief(*self.moments(), time, self.idle.phi, self.regimes.forecast())

    def learn(self, slowdown: float) -> None:
        self.regimes.update(slowdown)

    def set_goal(self, goal: reference.Goal) -> Decision:
        if (goal.objective, goal.window) != (self.goal.objective, self.goal.window):
            self.total = 0.0
            self.booked = 0
            self.owed.clear()
        before, self.goal = self.goal, goal
        if (goal.objective, goal.bound, goal.deadline, goal.q_fail) != (
            before.objective,
            before.bound,
            before.deadline,
            before.q_fail,
        ):
            self.price()
        return self._decide(self.usual_deadline())

    def settle(self, accuracy: float, joules: float) -> None:
        super().settle(accuracy, joules)
        if not self.is_priced():
            return
        c = self.constants
        if self.saving:
            owed = self.bound + c["price_margin"] - accuracy
        else:
            owed = joules - self.bound * (1.0 - c["price_margin"])
        self.total += owed
        self.booked += 1
        step = c["price_integral"] * owed / self.unit
        self.log_price = cut(self.log_price + (step if self.saving else -step), self.low, self.high)

    def price_now(self) -> float:
        c = self.constants
        reserve = c["price_reserve"] * self.booked / (self.booked + c["price_ramp"])
        pull = c["price_gain"] * (self.total / self.unit + reserve)
        pull = cut(pull, -c["price_swing"], c["price_swing"])
        return math.exp(self.log_price + (pull if self.saving else -pull))

    def value(self, e: Expected) -> float:
        return e.energy - self.price_now() * e.accuracy

    def is_hopelessly_late(self) -> bool:
        """It came late, and nothing can be expected to finish it in time."""
        order = self.goal.priority
        fastest = min(outputs(self.table, c)[-1][0] for c in self.everything)
        return (
            self.deadline < self.goal.deadline
            and order.index("latency") < order.index("energy")
            and self.moments()[0] * fastest > self.belief.time
        )

    def choose(self) -> tuple[Configuration, Expected, bool]:
        if self.is_hopelessly_late():

            def lateness(c: Configuration) -> tuple[float, ...]:
                e = self.everything[c]
                exit = -1 if c.exit is None else c.exit
                return outputs(self.table, c)[-1][0], e.energy, c.cap, c.model, exit

            c = min(self.everything, key=lateness)
            return c, self.everything[c], False
        if not self.is_priced():
            return super().choose()

        def rank(c: Configuration, e: Expected) -> tuple[float, ...]:
            return self.value(e), e.energy, c.cap, c.model, -1 if c.exit is None else c.exit

        exhausted = self.log_price >= self.high if self.saving else self.log_price <= self.low
        for attempt in reference.attempts(self.goal, self.switching):
            left = [
                (rank(c, e), c, e)
                for c, e in self.everything.items()
                if attempt.among(c)
                and ("latency" not in attempt.bounds or reference.meets(self.goal, "latency", e))
            ]
            if left:
                _, c, e = min(left)
                return c, e, attempt.feasible and not exhausted
        raise AssertionError("something meets no bounds at all")
