"""What bounds a goal with a bound on accuracy: the forecast, or the price that has to be learnt.

Run ``python benchmarks/limits.py``. It replays the traces in the settings of ``alert evaluate``.
The default method is given knowledge that no method can have:

    first price         the best price for the whole run, to start from
    price               the best price for the whole run, or a mixture of two
    costs               what every configuration costs on average in each phase; phases are inferred
    costs, last phase   the same, and the phase of the input before
    costs, phase        the same, and the phase of the input itself

All of it together is `informed`. The schedulers are the plain Python twin of the tests, in which
everything can be replaced. It takes some minutes. (``--known "price;costs"`` takes a part.)
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from statistics import mean
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

import alert
from alert._arguments import Floats
from alert.evaluation import grid
from alert.evaluation.costs import Costs, costs
from alert.evaluation.output_trace import OutputTrace
from alert.evaluation.result import Replay
from alert.evaluation.schemes import Scheme
from alert.evaluation.schemes.informed import informed
from alert.evaluation.schemes.optimum import optimum, replay_of
from alert.evaluation.schemes.schedulers import default
from alert.evaluation.settings import DEADLINES, settings

sys.path[:0] = [str(Path(__file__).parent.parent / "tests/support")]

import reference  # noqa: E402
import reference_calibrated  # noqa: E402
from reference import Configuration, Expected, configurations  # noqa: E402
from reference_paper import Decision  # noqa: E402
from reference_regimes import cut  # noqa: E402

# Prices tried, in multiples of (largest difference in energy / largest difference in accuracy).
PRICES = np.concatenate(([0.0], np.geomspace(1e-2, 1e3, 30), [1e9]))

# A phase's costs are known for these deadlines, in multiples of the goal's. One in between counts
# as the next lower one.
LEFT = np.concatenate(([0.0], np.geomspace(0.05, 1.0, 60), np.geomspace(1.04, 10.0, 60)))


class Twin(reference_calibrated.Scheduler):
    """The default method on a trace, with its price or the costs of its choices given."""

    def __init__(
        self,
        trace: OutputTrace,
        goal: alert.Goal,
        price: float | None = None,
        known: Literal["costs", "last phase", "phase"] | None = None,
    ) -> None:
        self.trace, self.fixed, self.known = trace, price, known
        self.constants = alert.constants("calibrated")
        p = trace.profile
        exits = {i: [(float(x), float(q)) for x, q in pairs] for i, pairs in p.exits.items()}
        caps = p.power_caps.tolist()
        table = reference.Table(
            p.latency.tolist(), p.power.tolist(), p.accuracy.tolist(), caps, p.idle_power, exits
        )
        super().__init__(table, reference.Goal("min_energy", goal.deadline, goal.bound))

    def _decide(self, deadline: float) -> Decision:
        self.deadline = deadline
        self.belief = self.believe(max(deadline, 0.0))
        self.everything, self.none = self.forecast() if self.known is None else self.told()
        self.decision = Decision(*self.choose())
        return self.decision

    def forecast(self) -> tuple[dict[Configuration, Expected], dict[Configuration, float]]:
        """Return what the method expects, and the probability that no output is in time."""
        everything = reference.expect_all(self.seen, self.belief, 0.0, None)
        first = {c: reference.outputs(self.seen, c)[0][0] for c in everything}
        return everything, {c: 1.0 - self.belief.in_time(t) for c, t in first.items()}

    def told(self) -> tuple[dict[Configuration, Expected], dict[Configuration, float]]:
        """Return the same, by what configurations cost in each phase."""
        tables = by_phase(self.trace, self.goal.deadline)
        place = np.searchsorted(LEFT * self.goal.deadline, self.belief.time, side="right") - 1
        mean = sum(w * t[place] for w, t in zip(self.phases(), tables, strict=True))
        everything, none = {}, {}
        for c, column in zip(configurations(self.seen), columns(self.trace), strict=True):
            latency, energy, accuracy, met = map(float, mean[:, column])
            everything[c] = Expected(latency, energy, accuracy, met)
            none[c] = 1.0 - met
        return everything, none

    def phases(self) -> Floats:
        """Probabilities of the phases of the pending input."""
        phase, i = self.trace.phase, min(len(self.finished), len(self.trace) - 1)
        if self.known == "phase" or i == 0 or phase.max() == 0:
            return one_hot(phase[i], phase)
        if self.known == "last phase":
            after = phase[1:][phase[:-1] == phase[i - 1]]
            return np.bincount(after, minlength=phase.max() + 1) / len(after)
        quiet, busy = sorted(self.regimes.forecast(), key=lambda part: part.mean)
        first = bool(self.trace.quiet[phase == 0].all())
        return np.array([quiet.weight, busy.weight] if first else [busy.weight, quiet.weight])

    def price_now(self) -> float:
        """Return the price that is given, or else the learnt one."""
        return super().price_now() if self.fixed is None else self.fixed

    def value(self, c: Configuration) -> float:
        """Return energy less what the accuracy is worth, with what is known."""
        price, e = self.price_now(), self.everything[c]
        value = e.energy - price * e.accuracy + self.late_j * self.none[c]
        if self.shared is not None and self.shared[1] > 1 and self.belief.time > 0.0:
            value += price * self.accuracies * e.latency / self.belief.time
        return value

    def is_hopelessly_late(self) -> bool:
        """Tell whether nothing can be expected to finish a late input in time."""
        quickest = min(e.latency for e in self.everything.values())
        return self.deadline < self.goal.deadline and quickest > self.belief.time

    def play(self) -> Replay:
        """Run the whole trace."""
        trace = self.trace
        outcomes = []
        for i in range(len(trace)):
            left = 1 if trace.sharing is None else int(trace.sharing[i])
            if trace.sharing is not None and left > 1 and (i == 0 or trace.sharing[i - 1] == 1):
                self.share(left * self.goal.deadline, left)
            outcomes.append(self.run(i, pauses=left == 1))
        energy, accuracy, missed = np.array(outcomes).T
        goal = alert.Goal.min_energy(self.goal.deadline, self.goal.bound)
        return Replay("twin", goal, energy, accuracy, missed)

    def run(self, i: int, pauses: bool) -> tuple[float, float, float]:
        """Run an input; return its energy, its accuracy, and whether it was missed."""
        trace, c, time = self.trace, self.decision.configuration, self.belief.time
        exit = -1 if c.exit is None else c.exit
        outputs = np.flatnonzero((trace.model == c.model) & (trace.exit <= exit))
        seconds = trace.latency[i, outputs, c.cap]
        stopped = 0
        for k in range(len(outputs) - 1):
            done, next = (trace.profile.exits[c.model][j][0] for j in (k, k + 1))
            if seconds[k] * (next / done) > time:
                break
            stopped = k + 1
        latency, energy = (a[i, outputs[stopped], c.cap] for a in (trace.latency, trace.energy))
        late = seconds[0] > time
        in_time = outputs[: stopped + 1][seconds[: stopped + 1] <= time]
        accuracy = 0.0 if late else trace.accuracy[i, in_time[-1]]
        self.step(float(latency), float(energy), exit=None if c.exit is None else stopped)
        idle = trace.idle_power * max(time - latency, 0.0) if pauses else 0.0
        return energy + idle, accuracy, float(late)


@lru_cache(maxsize=4)
def columns(trace: OutputTrace) -> tuple[int, ...]:
    """Columns of `Costs`, in the order of the twin's configurations."""
    caps, outputs = len(trace.profile.power_caps), len(trace.model)
    at = {
        (int(trace.model[r]), j, int(trace.exit[r])): j * outputs + r
        for r in range(outputs)
        for j in range(caps)
    }
    return tuple(at[key] for key in sorted(at))


@lru_cache(maxsize=2)
def by_phase(trace: OutputTrace, deadline: float) -> list[Floats]:
    """Mean latency, energy, accuracy and share in time: by phase, (deadline, 4, configuration)."""
    phases = [np.flatnonzero(trace.phase == k) for k in range(int(trace.phase.max()) + 1)]
    return [
        np.array([means(costs(trace, 0.0, d * deadline, inputs)) for d in LEFT])
        for inputs in phases
    ]


def means(table: Costs) -> list[Floats]:
    return [a.mean(axis=0) for a in (table.latency, table.energy, table.accuracy, table.met)]


def one_hot(phase: int, phases: NDArray[np.int64]) -> Floats:
    return np.array([float(k == phase) for k in range(int(phases.max()) + 1)])


@lru_cache(maxsize=2)
def policies(trace: OutputTrace, deadline: float) -> tuple[list[float], list[Replay]]:
    """Replay the default's forecast at one price, for many prices."""
    table = costs(trace, 0.0, deadline)
    scale = float(np.ptp(table.energy.mean(axis=0)) / np.ptp(table.accuracy.mean(axis=0)))
    goal = alert.Goal.min_energy(deadline, 0.0)
    prices = [scale * float(price) for price in PRICES]
    return prices, [Twin(trace, goal, price).play() for price in prices]


def known_price(trace: OutputTrace, goal: alert.Goal) -> Replay:
    _, runs = policies(trace, goal.deadline)
    means = np.array([(r.mean_energy, r.mean_accuracy, 1.0 - r.miss_rate) for r in runs])
    energy, accuracy, met = means.T[:, None, :]
    best = optimum(
        Costs(np.zeros_like(energy), energy, accuracy, met), goal, inputs=np.array([len(trace)])
    )
    return replay_of("known price", goal, best)


def known_start(trace: OutputTrace, goal: alert.Goal) -> Replay:
    prices, runs = policies(trace, goal.deadline)
    enough = [p for p, run in zip(prices, runs, strict=True) if run.mean_accuracy >= goal.bound]
    twin = Twin(trace, goal)
    start = math.log(max(min(enough, default=prices[-1]), prices[1]))
    twin.log_price = cut(start, twin.low, twin.high)
    twin._decide(goal.deadline)
    return twin.play()


def known_costs(known: Any, trace: OutputTrace, goal: alert.Goal) -> Replay:
    return Twin(trace, goal, known=known).play()


KNOWN: dict[str, Scheme] = {
    "nothing": default,
    "first price": known_start,
    "price": known_price,
    "costs": partial(known_costs, "costs"),
    "costs, last phase": partial(known_costs, "last phase"),
    "costs, phase": partial(known_costs, "phase"),
    "all": informed,
}


class Kept(NamedTuple):
    """A setting under one scheme: whether it is violated, what is missing, and what it costs."""

    known: str
    violated: bool
    short: float
    cost: float


def measure(unit: tuple[OutputTrace, float, list[str]]) -> list[Kept]:
    """Replay all settings of one trace under one deadline that `informed` keeps."""
    trace, factor, names = unit
    found = []
    for setting in settings(trace, "min_energy", factor):
        best = informed(trace, setting.goal)
        if best.violated:
            continue
        for name in names:
            run = KNOWN[name](trace, setting.goal)
            short = max(setting.goal.bound - run.mean_accuracy, 0.0)
            found.append(Kept(name, run.violated, short, run.mean_energy / best.mean_energy))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--traces", type=Path, default=Path("benchmarks/traces"))
    parser.add_argument("--part", choices=grid.PARTS, default="tuning")
    parser.add_argument("--known", type=lambda text: text.split(";"), default=list(KNOWN))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    paths = sorted(arguments.traces.glob("*.npz"))
    traces = [OutputTrace.of(alert.Trace.load(path)).part(arguments.part) for path in paths]
    units = [(trace, factor, arguments.known) for trace in traces for factor in DEADLINES]
    with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("spawn")) as pool:
        cells = tqdm(pool.map(measure, units), total=len(units), leave=False)
        found = [kept for cell in cells for kept in cell]
    table = Table(title=f"goals with a bound on accuracy, {arguments.part}")
    for heading in ("known", "settings", "violated", "missed", "shortfall", "energy / informed"):
        table.add_column(heading, justify="right")
    for name in arguments.known:
        mine = [kept for kept in found if kept.known == name]
        table.add_row(
            name,
            f"{len(mine)}",
            f"{sum(kept.violated for kept in mine)}",
            f"{sum(kept.short > 0.005 for kept in mine)}",
            f"{mean(kept.short for kept in mine):.4f}",
            f"{mean(kept.cost for kept in mine):.3f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
