"""A profile that is learnt while serving, once more: what the C core is tested against.

Written from the equations in docs/method.md, with NumPy and whole matrices. The tables are worked
out anew from all runs where that is asked for: a Kalman filter and a regression give the same."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import reference
import reference_calibrated
import reference_paper
import reference_regimes
from numpy.typing import NDArray
from reference_offsets import causes_of

CUT = 4.0
LEAST = 1e-4
MOVED = 0.03
INPUTS = 64


def student(z: float) -> float:
    return math.pow(1.0 + z * z / 4.0, -2.5)


class Table:
    """Logarithms of positive numbers: a sum of one for all, for the model, and for the cap."""

    def __init__(
        self, constants: dict[str, float], guess: NDArray[np.float64], u: NDArray[np.float64]
    ) -> None:
        self.models, self.caps = guess.shape
        self.u = u
        logs = np.log(guess)
        c = logs[:, -1].mean()
        row = logs.mean(axis=0) - c
        g = min(max(float(row @ u / (u @ u)), -10.0), 10.0) if (u @ u) > 0.0 else 0.0
        self.m = np.concatenate(([c, g], logs[:, -1] - c, row - g * u))
        deviations = [constants["table_scale"], constants["table_exponent"]]
        deviations += [constants["table_size"]] * self.models
        deviations += [constants["table_cap"]] * self.caps
        self.p = np.diag(np.square(deviations))

    def x(self, i: int, j: int) -> NDArray[np.float64]:
        x = np.zeros(len(self.m))
        x[[0, 1, 2 + i, 2 + self.models + j]] = 1.0, self.u[j], 1.0, 1.0
        return x

    def log(self, i: int, j: int) -> float:
        return float(self.x(i, j) @ self.m)

    def variance(self, i: int, j: int) -> float:
        x = self.x(i, j)
        return float(x @ self.p @ x)

    def logs(self) -> NDArray[np.float64]:
        return np.array([[self.log(i, j) for j in range(self.caps)] for i in range(self.models)])

    def learn(self, i: int, j: int, y: float, variance: float) -> None:
        x = self.x(i, j)
        own = float(x @ self.p @ x)
        off = y - float(x @ self.m)
        if own < variance:
            most = CUT * math.sqrt(own + variance)
            off = min(max(off, -most), most)
        gain = self.p @ x / (own + variance)
        self.m = self.m + gain * off
        self.p = self.p - np.outer(gain, self.p @ x)
        self.p[2 + i, 2 + i] += max(LEAST - own * variance / (own + variance), 0.0)


class Learning(reference_paper.Scheduler):
    """Steps as the package's scheduler does with a guessed profile."""

    table_constants: dict[str, float]

    def start(self) -> None:
        guess = self.table
        finite = [cap for cap in guess.power_caps if cap is not None]
        ratio = [max(finite, default=1.0) / cap if cap else 1.0 for cap in guess.power_caps]
        u = np.log(ratio)
        self.times = Table(self.table_constants, np.array(guess.latency), u)
        self.watts = Table(self.table_constants, np.array(guess.power), u)
        self.served = [np.log(guess.latency), np.log(guess.power)]
        self.runs = np.zeros((len(guess.latency), len(guess.power_caps)))
        self.taught = False
        super().start()

    # ------------------------------------------------------------------------------- from an input

    def causes(self, t: float) -> list[tuple[float, float, float]]:
        """Weight, slowdown and variance of its logarithm."""
        mean, std = self.moments()
        return [(1.0, mean, (std / mean) ** 2)]

    def step(self, latency: float, energy: float | None, **more: Any) -> reference_paper.Decision:
        c = self.decision.configuration
        exit = more.get("exit", c.exit)
        ran = c if exit is None else c._replace(exit=exit)
        self.input = c.model, c.cap, reference.outputs(self.seen, ran)[-1][0], latency, energy
        return super().step(latency, energy, **more)

    def learn(self, slowdown: float) -> None:
        """Let the table take its share of the surprise, and the method learn from the rest."""
        i, j, t, latency, energy = self.input
        noise = self.table_constants["table_noise"] ** 2
        y = self.served[0][i, j] + math.log(min(max(latency / t, 1e-6), 1e6))
        off, own = y - self.times.log(i, j), self.times.variance(i, j)
        weighed = []
        known = self.causes(t)
        first = known[0][1]
        causes = [(0.95 * weight, x, variance) for weight, x, variance in known]
        for weight, x, variance in [*causes, (0.05, first, 1.0)]:
            d = math.sqrt((own + variance + noise) / 2.0)
            weighed.append((weight * student((off - math.log(x)) / d) / d, x, variance + noise))
        total = sum(weight for weight, *_ in weighed)
        for weight, x, variance in weighed:
            if weight / total > 0.01:
                self.times.learn(i, j, y - math.log(x), variance * total / weight)
        if self.table.knows_power and energy and latency:
            power = min(max(energy / latency, 1e-12), 1e9)
            self.watts.learn(i, j, math.log(power), noise)
        self.runs[i, j] += 1
        self.taught = True
        t = min(max(t * math.exp(self.times.log(i, j) - self.served[0][i, j]), 1e-12), 1e9)
        self.learn_rest(t, latency)

    def learn_rest(self, t: float, latency: float) -> None:
        super().learn(latency / t)

    # --------------------------------------------------------------------------- to the next choice

    def give(self, goal: reference.Goal | None) -> None:
        if self.taught:
            self.taught = False
            self.renew()
        super().give(goal)

    def has_moved(self) -> bool:
        n = int(self.runs.sum())
        now = [self.times.logs(), self.watts.logs()]
        moved = [np.abs(a - b).max() for a, b in zip(now, self.served, strict=True)]
        far = moved[0] > MOVED or (self.table.knows_power and moved[1] > MOVED)
        return n & (n - 1) == 0 or n % INPUTS == 0 or far

    def renew(self) -> None:
        if not self.has_moved():
            return
        self.times.m[0] += math.log(self.set_quiet())
        self.served = [np.clip(t.logs(), -69.0, 69.0) for t in (self.times, self.watts)]
        costs = [np.clip(np.exp(logs), 1e-12, 1e9).tolist() for logs in self.served]
        new = replace(self.table, latency=costs[0])
        if self.table.knows_power:
            new = replace(new, power=costs[1])
        self.take_over(new)
        self.look()

    def set_quiet(self) -> float:
        return 1.0

    def take_over(self, new: reference.Table) -> None:
        self.table = new

    def choose(self) -> tuple[reference.Configuration, reference.Expected, bool]:
        """Run each model once that can start: the one of the smallest guess first."""
        left = [
            i
            for i in range(self.times.models)
            if not self.runs[i].any() and not self.seen.delay.get(i, 0.0)
        ]
        if not left:
            return super().choose()
        last = self.within_limit - 1
        i = min(left, key=lambda i: (self.times.log(i, self.times.caps - 1), i))
        exit = len(self.table.exits[i]) - 1 if i in self.table.exits else None
        c = reference.Configuration(i, last, exit)
        return c, self.everything[c], True


class Calibrated(Learning, reference_calibrated.Scheduler):
    """The same with method="calibrated"."""

    has_offsets = False

    def causes(self, t: float) -> list[tuple[float, float, float]]:
        return causes_of(self.regimes, t)

    def learn_rest(self, t: float, latency: float) -> None:
        self.profiled = t
        reference_calibrated.Scheduler.learn(self, latency / t)

    def set_quiet(self) -> float:
        regimes = self.regimes
        first, second = regimes.both
        quiet = first.level
        if second.inputs > 0.0:
            quiet = min(quiet, second.level + regimes.lost)
        factor = math.sqrt(quiet)
        first.level, second.level = first.level / factor, second.level / factor
        if second.inputs > 0.0 and regimes.lost > 0.0:
            regimes.lost = reference_regimes.cut(regimes.lost / factor, 1e-4, 50.0)
        if regimes.outlier is not None:
            regimes.outlier = min(max(regimes.outlier / factor, 1e-6), 1e6)
        return factor

    def take_over(self, new: reference.Table) -> None:
        def change() -> None:
            self.table = new

        self.move_price(change)
