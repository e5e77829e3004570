"""The linear programme behind goals that hold on average, solved exactly.

Every input runs one of C configurations, or a mix of them:

    minimise   sum of cost
    subject to sum of gain >= need
               sum of missed <= allowed
               sum of time <= budget       within each group of inputs, where there are groups

A multiplier prices each constraint. For given prices every input chooses for itself. The
Lagrangian dual is concave and piecewise linear in a price, and each choice gives one of its lines.
Cutting planes in one dimension find its maximum: take the price where two lines cross, choose
there, add the line of that choice, and repeat. This ends after finitely many choices. The two
choices whose lines meet at the optimum are the two to mix. Prices are nested: the price of time
(one per group) is inside the price of the gain, and this one inside the price of misses. See
Dantzig and Wolfe, "Decomposition Principle for Linear Programs", Operations Research 8 (1960).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alert._arguments import Floats

# Two lines closer than this share of the sums count as one.
_ROUNDING = 1e-12

# Weight of the second criterion, which breaks ties.
_SLIGHT = 1e-9

# At this price, in multiples of the largest cost of one input, no miss is bought.
_DEAR = 1e4


@dataclass(frozen=True, eq=False)
class Mixture:
    """Cost, gain and misses of n inputs, mixed or not; each array of shape (n,)."""

    cost: Floats
    gain: Floats
    missed: Floats

    def mixed(self, other: Mixture, weight: float | Floats) -> Mixture:
        """Mix with `other`, which gets this weight."""
        return Mixture(
            self.cost + weight * (other.cost - self.cost),
            self.gain + weight * (other.gain - self.gain),
            self.missed + weight * (other.missed - self.missed),
        )


@dataclass(frozen=True, eq=False)
class Groups:
    """Holds G groups of inputs that share time, one after the other.

    Attributes
    ----------
    time : ndarray, shape (n, C)
        Time of each configuration. Some mixture must keep every budget; a configuration that
        takes no time ensures it.
    starts : ndarray, shape (G,)
        First input of each.
    budget : ndarray, shape (G,)
    """

    time: Floats
    starts: NDArray[np.intp]
    budget: Floats

    def of_inputs(self, values: NDArray[Any]) -> NDArray[Any]:
        """Repeat the value of each group for its inputs."""
        return np.repeat(values, np.diff(self.starts, append=len(self.time)))

    def sums(self, table: Floats, column: NDArray[np.intp]) -> Floats:
        """Sum up these columns over each group."""
        chosen = table[np.arange(len(table)), column]
        total: Floats = np.add.reduceat(chosen, self.starts)
        return total

    def choose(self, table: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
        """Minimise the sum of `table` within the budgets.

        Returns
        -------
        low, high : ndarray
            Two columns for each input.
        weight : ndarray
            Weight of the second column.
        """
        time = self.time
        low = (table + _SLIGHT * time).argmin(axis=1)
        high = (time + _SLIGHT * table).argmin(axis=1)
        weight = np.zeros(len(self.starts))
        t_low = self.sums(time, low)
        open_ = t_low > self.budget
        while open_.any():
            v_low, v_high = self.sums(table, low), self.sums(table, high)
            t_low, t_high = self.sums(time, low), self.sums(time, high)
            price = np.where(open_, (v_high - v_low) / np.where(open_, t_low - t_high, 1.0), 0.0)
            middle = (table + self.of_inputs(price)[:, None] * time).argmin(axis=1)
            t_middle = self.sums(time, middle)
            line = v_low + price * t_low
            value = self.sums(table, middle) + price * t_middle
            scale = np.abs(v_low) + np.abs(v_high) + price * (t_low + t_high)
            done = open_ & (value >= line - _ROUNDING * scale)
            share = (t_low - self.budget) / np.where(open_, t_low - t_high, 1.0)
            weight[done] = share[done]
            open_ &= ~done
            fits = t_middle <= self.budget
            high = np.where(self.of_inputs(open_ & fits), middle, high)
            low = np.where(self.of_inputs(open_ & ~fits), middle, low)
        return low, high, self.of_inputs(weight)


@dataclass(frozen=True, eq=False)
class Programme:
    """Tables of the programme, each of shape (n, C), and bounds on sums over the inputs."""

    cost: Floats
    gain: Floats
    missed: Floats
    need: float
    allowed: float
    groups: Groups | None = None

    def solve(self) -> Mixture:
        """Find the optimum.

        When no mixture meets all constraints, return the one with the highest gain, and among these
        the one with the lowest cost.
        """
        best = self._solve_gain(0.0)
        if best.missed.sum() <= self.allowed:
            return best
        careful = self._solve_gain(_DEAR * float(np.ptp(self.cost)))
        short = self.need - careful.gain.sum()
        if careful.missed.sum() > self.allowed or short > _ROUNDING * np.abs(careful.gain).sum():
            return self._at(-self.gain + _SLIGHT * self.cost)
        return _search(
            best,
            careful,
            need=-self.allowed,
            amount=lambda m: float(-m.missed.sum()),
            value=lambda m: float(m.cost.sum()),
            at_price=self._solve_gain,
        )

    def _solve_gain(self, price_of_misses: float) -> Mixture:
        """Solve with a price on misses in place of their bound."""
        priced = self.cost + price_of_misses * self.missed
        cheapest = self._at(priced - _SLIGHT * self.gain)
        if cheapest.gain.sum() >= self.need:
            return cheapest
        richest = self._at(-self.gain + _SLIGHT * priced)
        if richest.gain.sum() < self.need:
            return richest
        return _search(
            cheapest,
            richest,
            need=self.need,
            amount=lambda m: float(m.gain.sum()),
            value=lambda m: float((m.cost + price_of_misses * m.missed).sum()),
            at_price=lambda price: self._at(priced - price * self.gain),
        )

    def _at(self, priced: Floats) -> Mixture:
        """Minimise the sum of `priced`, without regard to gain and misses."""
        if self.groups is None:
            return self._columns(priced.argmin(axis=1))
        low, high, weight = self.groups.choose(priced)
        return self._columns(low).mixed(self._columns(high), weight)

    def _columns(self, column: NDArray[np.intp]) -> Mixture:
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
    """Mix the two choices on both sides of the optimum; only `low` gains less than `need`."""
    while True:
        v_low, v_high, a_low, a_high = value(low), value(high), amount(low), amount(high)
        price = (v_high - v_low) / (a_high - a_low)
        middle = at_price(price)
        gained = v_low - price * a_low - (value(middle) - price * amount(middle))
        scale = abs(v_low) + abs(v_high) + abs(price) * (abs(a_low) + abs(a_high))
        if gained <= _ROUNDING * scale:
            return low.mixed(high, (need - a_low) / (a_high - a_low))
        if amount(middle) >= need:
            high = middle
        else:
            low = middle
