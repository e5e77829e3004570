"""How long the next input runs, as the calibrated method believes: the twin in plain Python.

Written from the equations in docs/method.md. Everything is looked at every time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from reference import Belief

CERTAIN = 12.0
RATIO = 1e6
Z_CUT = 4.0
SPREAD = (0.05, 0.4)
SAME_LEVEL = 3.0
ONE_LEVEL = 1.16
LOST = (1e-4, 50.0)
CHANGE_MEMORY = 300.0
BROKEN_MOST = 0.1


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
class Part:
    """One regime, as the next input meets it: a share `lost` of its run time goes to other work."""

    weight: float
    level: float
    spread: float
    lost: float
    slice: float

    @property
    def mean(self) -> float:
        return self.level + self.lost

    def slices(self, t: float) -> list[tuple[float, int]]:
        """How many time slices a run of t seconds may lose, with their probabilities."""
        least = math.floor(self.lost / self.slice * t)
        more = self.lost / self.slice * t - least
        return [(1.0 - more, least), (more, least + 1)]

    def deviation(self, x: float) -> float:
        return (x - self.level) / (self.spread * self.mean)

    def in_time(self, t: float, time: float) -> float:
        chances = [(p, time - n * self.slice) for p, n in self.slices(t)]
        return sum(p * student_cdf(self.deviation(left / t)) for p, left in chances if left > 0.0)

    def explain(self, t: float, x: float) -> tuple[float, float]:
        """Density of ln x, and the deviation from the likelier number of slices, in spreads."""
        terms = []
        for p, n in self.slices(t):
            z = self.deviation(x - n * self.slice / t)
            terms.append((p * x * student_density(z) / (self.spread * self.mean), z))
        return sum(density for density, _ in terms), max(terms, key=lambda term: term[0])[1]


@dataclass(frozen=True)
class MixtureBelief(Belief):
    """A share `broken` of all promises is not kept; an output that is certain in every part is in
    time with the probability `certain`."""

    parts: tuple[Part, ...] = ()
    broken: float = 0.0
    certain: float = 1.0

    def in_time(self, t: float) -> float:
        each = [(part.weight, part.in_time(t, self.time)) for part in self.parts]
        if all(p == 1.0 for weight, p in each if weight > 0):
            return self.certain
        return (1.0 - self.broken) * sum(weight * p for weight, p in each)


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

    def learn(self, z: float, share: float, level_gain: float, spread_gain: float) -> None:
        z = cut(z, -Z_CUT, Z_CUT)
        level_gain = min(max(level_gain, 1.0 / self.inputs), 0.5)
        spread_gain = min(max(spread_gain, 1.0 / self.inputs), 0.2)
        factor = max(1.0 + share * level_gain * self.spread * z, 0.1)
        self.level = cut(self.level * factor, 1.0 / RATIO, RATIO)
        self.spread = cut(self.spread * (1.0 + share * spread_gain * (abs(z) - 1.0)), *SPREAD)


@dataclass
class Regimes:
    """Two regimes and the probability `w` that the last input ran in the second, where runs lose a
    share of their time to other work."""

    constants: dict[str, float]
    w: float = 0.0
    lost: float = 0.0
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
        second.level = self.both[0].level
        second.spread = cut(c["other_spread"], *SPREAD)
        second.inputs = 0.0
        self.lost = cut(c["other_lost"], *LOST)

    def forget_changes(self, regime: Regime) -> None:
        regime.stayed = self.constants["change_inputs"]
        regime.left = self.constants["change_rate"] * regime.stayed

    def forecast(self) -> tuple[Part, Part]:
        first, second = self.both
        slice = self.constants["time_slice"]
        w = self.w * (1.0 - second.leaves) + (1.0 - self.w) * first.leaves
        return (
            Part(1.0 - w, first.level, first.spread, 0.0, slice),
            Part(w, second.level, second.spread, self.lost, slice),
        )

    def calibrate(self, promised: float, done: bool) -> None:
        if promised > 0.5:
            gain = self.constants["broken_gain"]
            self.broken = cut(self.broken + gain * (promised - done), 0.0, BROKEN_MOST)

    def update(self, t: float, latency: float) -> None:
        x = cut(latency / t, 1.0 / RATIO, RATIO)
        c = self.constants
        was = 1.0 - self.w, self.w
        (density_0, z_0), (density_1, z_1) = (part.explain(t, x) for part in self.forecast())
        density, deviation = (density_0, density_1), (z_0, z_1)
        path = [
            [was[i] * (k.leaves if i != j else 1.0 - k.leaves) * density[j] for j in (0, 1)]
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
        for k, share, z in zip(self.both, (1.0 - self.w, self.w), deviation, strict=True):
            if share >= 0.01:
                k.inputs += share
                if k is self.both[1] and self.lost > 0.0:
                    self.learn_lost(t, x)
                k.learn(z, share, c["level_gain"], c["spread_gain"])
        self.rearrange()

    def usual(self) -> float:
        """Slowdown of the regime that is met nearly always, or else of the first."""
        first, second = self.both
        return second.level + self.lost if second.inputs > 10.0 * first.inputs else first.level

    def learn_lost(self, t: float, x: float) -> None:
        c, second = self.constants, self.both[1]
        told = t / (t + c["time_slice"])
        gain = max(min(1.0 / second.inputs, 0.5) * told, c["lost_gain"])
        most = 2.0 + 3.0 * c["time_slice"] / t
        more = cut(x - second.level - self.lost, -most, most)
        self.lost = cut(self.lost + self.w * gain * told * more, *LOST)

    def rearrange(self) -> None:
        """Make one regime of two that have become alike."""
        first, second = self.both
        mean = second.level + self.lost
        if 1.0 / ONE_LEVEL < mean / first.level < ONE_LEVEL:
            if self.w > 0.5:
                first.level = cut(mean, 1.0 / RATIO, RATIO)
                first.spread, first.inputs = second.spread, second.inputs
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
        self.lost *= 1 - new  # a regime found so has none
        k.spread = cut(abs(math.log(x / first)) / 2.0, spread, SPREAD[1])
        self.both[1 - new].left += 1.0
        self.both[1 - new].stayed += 1.0
        self.forget_changes(k)
        self.w = float(new)
