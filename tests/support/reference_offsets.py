"""Models that are off their profile, once more: what the C core is tested against.

Written from the equations in docs/method.md."""

from __future__ import annotations

import math

from reference_regimes import Regimes, cut

MOVED, PULL, SHARE, MOST = 1.1, 0.1, 0.01, 20.0
UNKNOWN = 0.05

Cause = tuple[float, float, float]
"""Weight, slowdown, and variance of its logarithm."""


def causes_of(regimes: Regimes, t: float) -> list[Cause]:
    """Say what may have slowed down a run of t seconds, as far as the regimes know."""
    first, second = regimes.forecast()
    found = [(first.weight, first.level, first.spread * first.mean)]
    for chance, n in second.slices(t):
        x = second.level + n * second.slice / t
        found.append((second.weight * chance, x, second.spread * second.mean))
    return [(weight, x, 2.0 * (width / x) ** 2) for weight, x, width in found]


def ratio(a: float, b: float) -> float:
    """Return how far apart two numbers are, whichever is larger."""
    return max(a, b) / min(a, b)


class Offsets:
    """Learns where the model changes."""

    def __init__(self, constants: dict[str, float], models: int) -> None:
        self.constants = constants
        self.s, self.v = [1.0] * models, [constants["offset_spread"] ** 2] * models
        self.served = [1.0] * models
        self.last: int | None = None
        self.right = 1.0  # factor within which the profile of the last one counts as right

    def learn(self, i: int, known: list[Cause], x: float) -> None:
        """Learn from a run of model i; x is its slowdown against the latency served."""
        if i == self.last:
            return
        c, v = self.constants, self.v[i]
        noise = c["table_noise"] ** 2
        unknown = c["offset_new"] if v >= c["offset_spread"] ** 2 else UNKNOWN
        before, self.last = self.last, i
        alike = before is not None and (self.served[before] - 1.0) * (self.served[i] - 1.0) > 0.0
        self.right = MOVED if alike else c["offset_served"]
        _, quiet, least = known[0]
        x = cut(x, 1e-6, 1e6) * self.served[i] / self.s[i]
        causes = [(weight * (1.0 - unknown), y, w) for weight, y, w in known]
        dense = []
        for weight, y, w in [*causes, (unknown, quiet, 1.0)]:
            d = math.sqrt((v + w + noise) / 2.0)
            z = 2.0 * (x - y) / (x + y) / d
            dense.append(weight * math.pow(1.0 + z * z / 4.0, -2.5) / d)
        share = dense[0] / sum(dense)
        if share <= SHARE or ratio(x, quiet) > c["offset_far"]:
            return
        seen = (least + noise) / share
        gain = v / (v + seen)
        h = gain * (x - quiet) / (x + quiet)
        self.s[i] = cut(self.s[i] * (1.0 + h) / (1.0 - h), 1.0 / MOST, MOST)
        if alike:
            h = PULL * (1.0 - self.s[i]) / (1.0 + self.s[i])
            self.s[i] *= (1.0 + h) / (1.0 - h)
        self.v[i] = max(gain * seen, c["offset_least"] ** 2)

    def serve(self, i: int) -> list[float]:
        """Return the factors to serve after an input of model i: the same list where none moves."""
        due = 1.0 if ratio(self.s[i], 1.0) <= self.right else self.s[i]
        if ratio(due, self.served[i]) <= MOVED:
            return self.served
        return [*self.served[:i], due, *self.served[i + 1 :]]
