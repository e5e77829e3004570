"""The method once more, in plain Python: what the C core is tested against.

Written from the equations and from the contract, not from the C: every configuration is looked at
every time, nothing is kept that could be worked out again. It imports nothing of the package. SI
units. Two of its numbers are the contract's, not the paper's: from 7 standard deviations on a
probability counts as 1, and no ratio counts for more than a million."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

CERTAIN = 7.0
LARGEST_RATIO = 1e6


def normal_cdf(z: float) -> float:
    """Pr[Z <= z]."""
    return 1.0 if z >= CERTAIN else math.erfc(-z / math.sqrt(2.0)) / 2.0


# ------------------------------------------------------------------------------------------ filters


@dataclass
class SlowdownFilter:
    """The Kalman filter of the slowdown; `s2` is a variance."""

    alpha: float = 0.3
    q0: float = 0.1
    gain: float = 0.5
    mean: float = 1.0
    r: float = 0.001
    s2: float = 0.1
    noise: float = field(init=False)
    y_prev: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.noise = self.q0

    def update(self, ratio: float) -> None:
        y = min(ratio, LARGEST_RATIO) - self.mean
        self.noise = max(
            self.q0, self.alpha * self.noise + (1 - self.alpha) * (self.gain * self.y_prev) ** 2
        )
        prior = (1 - self.gain) * self.s2 + self.noise
        gain = prior / (prior + self.r)
        self.s2 = prior
        self.mean = self.mean + gain * y
        self.gain = gain
        self.y_prev = y


@dataclass
class IdleFilter:
    """The filter of idle power / active power; `phi` is None until an idle power is reported."""

    m: float = 0.01
    s: float = 1e-4
    v: float = 1e-3
    phi: float | None = None

    def update(self, measured: float, first: float) -> None:
        if self.phi is None:
            self.phi = min(first, LARGEST_RATIO)
        w = (self.m + self.s) / (self.m + self.s + self.v)
        self.m = (1 - w) * (self.m + self.s)
        self.phi = self.phi + w * (min(measured, LARGEST_RATIO) - self.phi)


# ------------------------------------------------------------------------------------- expectations


@dataclass(frozen=True)
class Table:
    """A profile. `exits` is by model index: (fraction of its latency, accuracy) of each exit.

    The last power cap may be None, for no cap. Where the power is unknown, `power` is 1 throughout
    and `idle_power` 0: energy is time. What is reported of idle power then counts for nothing.
    """

    latency: Sequence[Sequence[float]]
    power: Sequence[Sequence[float]]
    accuracy: Sequence[float]
    power_caps: Sequence[float | None]
    idle_power: float
    exits: Mapping[int, Sequence[tuple[float, float]]] = field(default_factory=dict)
    shares: Mapping[int, Sequence[float]] = field(default_factory=dict)  # leave at each exit
    delay: Mapping[int, float] = field(default_factory=dict)  # by model: before it can start
    knows_power: bool = True
    fixed_share: Sequence[float] | None = None  # of each model's latency; None: sizes are unknown
    size: float = 1.0  # that the latencies hold for
    machine_price: float | None = None  # None: no other application uses the machine

    @property
    def idle(self) -> float:
        """Watts between inputs, where they count."""
        return self.idle_power if self.machine_price is None else 0.0

    @property
    def second(self) -> float:
        """Joules that a second costs, beside those drawn."""
        if self.machine_price is None:
            return 0.0
        least = min(min(row) for row in self.power)
        return max(self.machine_price - self.idle_power, -least)


Said: TypeAlias = tuple[Sequence[float] | None, Sequence[float] | None, Sequence[float] | None]


def as_expected(
    table: Table,
    accuracy: Sequence[float] | None,
    latency: Sequence[float] | None,
    delay: Sequence[float] | None,
    size: float,
) -> Table:
    """Return the profile of the next input, by its size and what is said of every model."""
    factors = list(latency or [1.0] * len(table.latency))
    if table.fixed_share is not None and size != table.size:
        for i, fixed in enumerate(table.fixed_share):
            factors[i] *= fixed + (1.0 - fixed) * (size / table.size)
    exits = dict(table.exits)
    if accuracy is not None:
        for i, pairs in table.exits.items():
            new, old = accuracy[i], pairs[-1][1]
            exits[i] = [(x, min(new * (q / old), 1.0) if old > 0.0 else new) for x, q in pairs]
    return replace(
        table,
        latency=[[t * w for t in row] for row, w in zip(table.latency, factors, strict=True)],
        accuracy=accuracy or table.accuracy,
        exits=exits,
        delay=dict(enumerate(delay or [])),
    )


class Configuration(NamedTuple):
    """What can be chosen; `exit` is None for a traditional model."""

    model: int
    cap: int
    exit: int | None


class Expected(NamedTuple):
    """What is expected of a configuration."""

    latency: float
    energy: float
    accuracy: float
    probability: float
    change: float = 0.0  # seconds before it starts: a delay, another cap


@dataclass(frozen=True)
class Belief:
    """What is believed of the next input: the slowdown, its time, and the idle ratio if known."""

    mean: float
    std: float
    time: float
    phi: float | None

    def in_time(self, t: float) -> float:
        """Pr[what takes t on the quiet machine is done in time]."""
        return normal_cdf((self.time - self.mean * t) / (self.std * t))


def configurations(table: Table) -> list[Configuration]:
    return [
        Configuration(i, j, k)
        for i in range(len(table.latency))
        for j in range(len(table.power_caps))
        for k in (range(len(table.exits[i])) if i in table.exits else (None,))
    ]


def outputs(table: Table, c: Configuration) -> list[tuple[float, float]]:
    """Profiled time and accuracy of every output on the way, the configuration's own last."""
    full = table.latency[c.model][c.cap]
    if c.exit is None:
        return [(full, table.accuracy[c.model])]
    return [(full * fraction, q) for fraction, q in table.exits[c.model][: c.exit + 1]]


def leaving(table: Table, c: Configuration) -> list[float]:
    """Share of the inputs that leave at each output on the way; the last takes the rest."""
    if c.exit is None:
        return [1.0]
    before = list(table.shares.get(c.model, [0.0] * c.exit))[: c.exit]
    return [*before, 1.0 - sum(before)]


def run_time(table: Table, c: Configuration) -> float:
    """Profiled seconds that an input takes on average."""
    times = [t for t, _ in outputs(table, c)]
    return sum(share * t for share, t in zip(leaving(table, c), times, strict=True))


def rest(time: float, run: float) -> float:
    """Idle time until the deadline; there is none without a deadline."""
    return max(time - run, 0.0) if time < math.inf else 0.0


def expect(table: Table, belief: Belief, q_fail: float, c: Configuration) -> Expected:
    """Work out what design of the method says of one configuration."""
    out = outputs(table, c)
    in_time = [belief.in_time(t) for t, _ in out]
    in_time.append(0.0)  # there is no output after the last
    terms = [q_fail, -q_fail * in_time[0]]
    for k, (_, q) in enumerate(out):
        terms += [q * in_time[k], -q * in_time[k + 1]]
    power = table.power[c.model][c.cap]
    idle = table.idle if belief.phi is None else belief.phi * power
    run = belief.mean * run_time(table, c)
    energy = power * run + idle * rest(belief.time, run)
    shares = leaving(table, c)
    done = sum(share * p for share, p in zip(shares, in_time[:-1], strict=True))
    return Expected(run, energy, math.fsum(terms), done)  # fsum: ties stay ties


# ------------------------------------------------------------------------------------------- choice


@dataclass(frozen=True)
class Goal:
    """`bound` is in joules per input for "max_accuracy", else an accuracy; `energy` is the other
    bound of "min_latency". An average `power` bounds the joules of each second; a budget is `bound`
    for each of so many `inputs`."""

    objective: str
    deadline: float
    bound: float
    probability: float | None = None
    q_fail: float = 0.0
    priority: tuple[str, str, str] = ("latency", "accuracy", "energy")
    window: int | None = None
    energy: float = math.inf
    power: float | None = None
    inputs: int | None = None

    @property
    def bounded(self) -> str:
        """The measure of `bound`."""
        return "energy" if self.objective == "max_accuracy" else "accuracy"

    @property
    def joules(self) -> float:
        return self.bound if self.objective == "max_accuracy" else self.energy

    @property
    def bounds(self) -> list[str]:
        """All that must hold, from the most to the least important."""
        least = self.bound if self.objective == "min_latency" else 1.0
        there = {
            "latency": self.probability is not None,
            "accuracy": self.objective != "max_accuracy" and least > 0.0,
            "energy": self.joules < math.inf,
        }
        return [quantity for quantity in self.priority if there[quantity]]

    @property
    def averaged(self) -> bool:
        """Whether the bound holds on average."""
        return self.window != 1 and self.bound < math.inf

    @property
    def optimised(self) -> str:
        return self.objective.partition("_")[2]


def meets(goal: Goal, bound: str, e: Expected) -> bool:
    if bound == "latency":
        return e.probability >= (goal.probability or 0.0)
    return e.accuracy >= goal.bound if bound == "accuracy" else e.energy <= goal.joules


def cost(table: Table, c: Configuration, e: Expected) -> float:
    """Joules, and what the time is worth to others."""
    return e.energy + table.second * (e.latency + table.delay.get(c.model, 0.0))


def rank(table: Table, criterion: str, c: Configuration, e: Expected) -> tuple[float, ...]:
    """Smallest is best."""
    ties = (cost(table, c, e), c.cap, c.model, -1 if c.exit is None else c.exit)
    decides = {"latency": (e.latency + e.change,), "accuracy": (-e.accuracy,), "energy": ()}
    return (*decides[criterion], *ties)


def rules(goal: Goal) -> list[tuple[list[str], str]]:
    """Bounds that must hold and criterion that decides, from all bounds to none."""
    found = []
    for kept in range(len(goal.bounds), -1, -1):
        given_up = {*goal.bounds[kept:]} - {"latency"}
        criterion = min({goal.optimised, *given_up}, key=goal.priority.index)
        found.append((goal.bounds[:kept], criterion))
    return found


@dataclass(frozen=True)
class Switching:
    """The costs of another cap than the one in force, and whether that one is held."""

    cap: int
    cost: float
    hold_inputs: int
    holds_cap: bool


def belief_under(
    table: Table, belief: Belief, switching: Switching | None, c: Configuration
) -> Belief:
    delay = table.delay.get(c.model, 0.0)
    time = belief.time - delay if delay < 1e9 else 0.0
    if switching is not None and c.cap != switching.cap:
        time -= switching.cost
    return replace(belief, time=max(time, 0.0))


def expect_all(
    table: Table, belief: Belief, q_fail: float, switching: Switching | None
) -> dict[Configuration, Expected]:
    everything = {}
    for c in configurations(table):
        e = expect(table, belief_under(table, belief, switching, c), q_fail, c)
        before = change = table.delay.get(c.model, 0.0)
        if switching is not None and c.cap != switching.cap:
            before += switching.cost / switching.hold_inputs
            change += switching.cost
        joules = table.power[c.model][c.cap] * before
        everything[c] = e._replace(energy=e.energy + joules, change=change)
    return everything


class Attempt(NamedTuple):
    """Bounds that must hold, and what decides, among these configurations."""

    among: Callable[[Configuration], bool]
    bounds: list[str]
    criterion: str
    feasible: bool


def attempts(goal: Goal, switching: Switching | None, caps: int) -> list[Attempt]:
    """List what is tried, until something is found; `caps` of the caps are within the limit."""

    def anywhere(c: Configuration) -> bool:
        return c.cap < caps

    def here(c: Configuration) -> bool:
        return switching is not None and c.cap == switching.cap

    def higher(c: Configuration) -> bool:
        return switching is not None and switching.cap < c.cap < caps

    first, *others = rules(goal)
    if switching is None or not switching.holds_cap or switching.cap >= caps:
        found = [Attempt(anywhere, *first, True)]
        return found + [Attempt(anywhere, *rule, False) for rule in others]
    found = [Attempt(here, *first, True), Attempt(higher, *first, True)]
    return found + [Attempt(here, *rule, False) for rule in others]


def choose(
    table: Table, belief: Belief, goal: Goal, switching: Switching | None, caps: int
) -> tuple[Configuration, Expected, bool]:
    """Look at everything; the last result is whether every bound is met."""
    everything = expect_all(table, belief, goal.q_fail, switching)
    for attempt in attempts(goal, switching, caps):
        left = [
            (rank(table, attempt.criterion, c, e), c, e)
            for c, e in everything.items()
            if attempt.among(c) and all(meets(goal, bound, e) for bound in attempt.bounds)
        ]
        if left:
            _, c, e = min(left)
            return c, e, attempt.feasible
    raise AssertionError("something meets no bounds at all")
