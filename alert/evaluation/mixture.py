"""The linear programme behind goals that hold on average, solved exactly.

For every input one of C configurations, or a mix of them:

    minimise   sum of cost
    subject to sum of gain >= need,  sum of missed <= allowed

A multiplier prices each constraint; for given prices every input chooses for itself. The
Lagrangian dual is concave and piecewise linear in a price, and each choice gives one of its lines.
So cutting planes in one dimension (the price where two lines cross, the choice there, the line it
gives, and so on) end at the optimum after finitely many choices, and the two whose lines meet there
are the two to mix. The price of misses is found around the price of the gain in the same way. See
Dantzig and Wolfe, "Decomposition Principle for Linear Programs", Operations Research 8 (1960).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from alert.profile import Floats

# Share of the sums within which two lines count as one.
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Mixture:
    """What n inputs cost, gain and miss, each array of shape (n,); mixed or not."""

    cost: Floats
    gain: Floats
    missed: Floats

    def mixed(self, other: Mixture, weight: float) -> Mixture:
        """Give `other` this weight, and this mixture the rest."""
        return Mixture(
            *(
                (1.0 - weight) * getattr(self, name) + weight * getattr(other, name)
                for name in ("cost", "gain", "missed")
            )
        )


@dataclass(frozen=True, eq=False)
class Programme:
    """Its tables, each of shape (n, C), and its bounds on sums over the inputs."""

    cost: Floats
    gain: Floats
    missed: Floats
    need: float
    allowed: float

    def solve(self) -> Mixture:
        """Find the optimum.

        Where no mixture meets both constraints, the one with the highest gain, and the lowest cost
        for that, comes back.
        """
        best = self._solve_gain(0.0)
        if best.missed.sum() <= self.allowed:
            return best
        careful = self._avoiding_misses()._solve_gain(0.0)
        if careful.missed.sum() > self.allowed or careful.gain.sum() < self.need:
            return self._extreme(-self.gain, self.cost)
        return _search(
            best,
            careful,
            need=-self.allowed,
            amount=lambda m: float(-m.missed.sum()),
            value=lambda m: float(m.cost.sum()),
            at_price=self._solve_gain,
        )

    def _solve_gain(self, price_of_misses: float) -> Mixture:
        """Solve it with a price on misses in the place of their bound."""
        priced = self.cost + price_of_misses * self.missed
        cheapest = self._extreme(priced, -self.gain)
        if cheapest.gain.sum() >= self.need:
            return cheapest
        richest = self._extreme(-self.gain, priced)
        if richest.gain.sum() < self.need:
            return richest
        return _search(
            cheapest,
            richest,
            need=self.need,
            amount=lambda m: float(m.gain.sum()),
            value=lambda m: float((m.cost + price_of_misses * m.missed).sum()),
            at_price=lambda price: self._at((priced - price * self.gain).argmin(axis=1)),
        )

    def _avoiding_misses(self) -> Programme:
        """Leave out configurations that miss more than need be."""
        avoidable = self.missed > self.missed.min(axis=1, keepdims=True)
        return replace(
            self,
            cost=np.where(avoidable, np.inf, self.cost),
            gain=np.where(avoidable, -np.inf, self.gain),
        )

    def _extreme(self, first: Floats, then: Floats) -> Mixture:
        """Choose by the lowest `first`, and by the lowest `then` where that leaves a choice."""
        ties = first == first.min(axis=1, keepdims=True)
        return self._at(np.where(ties, then, np.inf).argmin(axis=1))

    def _at(self, column: NDArray[np.intp]) -> Mixture:
        at = np.arange(len(column)), column
        return Mixture(self.cost[at], self.gain[at], self.missed[at])


def _search(
    low: Mixture,
    high: Mixture,
    need: float,
    amount: Callable[[Mixture], float],
    value: Callable[[Mixture], float],
    at_price: Callable[[float], Mixture],
) -> Mixture:
    """Mix the two choices between which the optimum lies; only `low` has less than `need`."""
    while True:
        price = (value(high) - value(low)) / (amount(high) - amount(low))
        middle = at_price(price)
        line = value(low) - price * amount(low)
        if value(middle) - price * amount(middle) >= line - _ROUNDING * abs(line):
            return low.mixed(high, (need - amount(low)) / (amount(high) - amount(low)))
        if amount(middle) >= need:
            high = middle
        else:
            low = middle
