"""What the default method promises, on machines whose every input is known.

The cheapest way to keep a goal on a steady machine is worked out here: the best mixture of two
configurations, by a look at all pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice, product

import numpy as np
import pytest

import alert
from alert._arguments import Floats

IDLE_W = 3.0
ACCURACY = (0.70, 0.75, 0.80)
LEVELS = np.linspace(0.05, 0.95, 10)
WINDOWS = (None, 100, 30)


@dataclass(frozen=True)
class Machine:
    """Three models and two caps."""

    profile: alert.Profile
    deadline: float

    @property
    def points(self) -> list[tuple[float, float]]:
        """Accuracy and energy of every configuration that is in time."""
        p = self.profile
        return [
            (ACCURACY[i], float(p.power[i, j] * t + IDLE_W * (self.deadline - t)))
            for (i, j), t in np.ndenumerate(p.latency)
            if t <= self.deadline
        ]


def random_machine(seed: int) -> Machine:
    rng = np.random.default_rng(seed)
    fast = 0.01 * np.cumprod([1.0, *rng.uniform(1.3, 2.5, 2)])
    stretch = rng.uniform(1.3, 2.0)
    caps = np.array([10.0, 10.0 * stretch ** rng.uniform(1.3, 2.5)])
    latency = np.outer(fast, [stretch, 1.0])
    profile = alert.Profile(latency, np.tile(caps, (3, 1)), ACCURACY, caps, IDLE_W)
    return Machine(profile, float(latency.max()) * 1.2)


MACHINES = [random_machine(seed) for seed in range(4)]


def goal_of(m: Machine, objective: str, level: float, window: int | None = None) -> alert.Goal:
    """Put the bound at this level of all that can be reached."""
    if objective == "min_energy":
        bound = ACCURACY[0] + level * (ACCURACY[-1] - ACCURACY[0])
        return alert.Goal.min_energy(m.deadline, bound, window=window)
    cheapest = min(e for _, e in m.points)
    dearest = min(e for q, e in m.points if q == ACCURACY[-1])
    bound = cheapest + level * (dearest - cheapest)
    return alert.Goal.max_accuracy(m.deadline, bound, window=window)


def least_energy(m: Machine, accuracy: float) -> float:
    """Find the best mixture of two configurations that has this accuracy."""
    found = []
    for (q, e), (r, f) in product(m.points, repeat=2):
        if q <= accuracy <= r:
            share = (accuracy - q) / (r - q) if r > q else 0.0
            found.append(e + share * (f - e))
    return min(found)


def most_accuracy(m: Machine, energy: float) -> float:
    """Find the best mixture of two configurations that takes this energy."""
    found = []
    for (q, e), (r, f) in product(m.points, repeat=2):
        if e <= energy <= f:
            share = (energy - e) / (f - e) if f > e else 0.0
            found.append(q + share * (r - q))
    return max(found)


@dataclass(frozen=True)
class Run:
    accuracy: Floats
    energy: Floats
    feasible: Floats
    expected: Floats  # slowdown, before each input


def run(m: Machine, goal: alert.Goal, slowdowns: Iterable[float]) -> Run:
    """Let the machine be slowed down so, input by input."""
    s = alert.Scheduler(m.profile, goal)
    rows = []
    for slowdown in slowdowns:
        decision = s.decision
        column = list(m.profile.power_caps).index(decision.power_cap)
        seconds = float(m.profile.latency[decision.model, column]) * slowdown
        joules = float(m.profile.power[decision.model, column]) * seconds
        in_time = seconds <= goal.deadline
        rows.append(
            (
                ACCURACY[decision.model] if in_time else 0.0,
                joules + IDLE_W * max(goal.deadline - seconds, 0.0),
                decision.feasible,
                s.slowdown[0],
            )
        )
        s.step(seconds, joules)
    return Run(*np.array(rows, dtype=float).T)


def steady(inputs: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).uniform(0.95, 1.05, inputs)


def so_far(values: Floats) -> Floats:
    """Means over the inputs up to each one."""
    return np.cumsum(values) / np.arange(1, len(values) + 1)


def bound_of(goal: alert.Goal) -> float:
    bound = goal.accuracy if goal.objective == "min_energy" else goal.energy
    assert bound is not None
    return bound


def over_the_best(m: Machine, goal: alert.Goal, found: Run) -> float:
    """Return the highest ratio of cost to the best mixture's, from the 20th input on."""
    if goal.objective == "min_energy":
        return float(so_far(found.energy)[19:].max() / least_energy(m, bound_of(goal)))
    best = 1.0 - most_accuracy(m, bound_of(goal))
    return float(so_far(1.0 - found.accuracy)[19:].max() / best)


def each_goal(window: int | None) -> Iterator[tuple[Machine, alert.Goal]]:
    for m, objective, level in product(MACHINES, ("min_energy", "max_accuracy"), LEVELS):
        yield m, goal_of(m, objective, level, window)


# ---------------------------------------------------------------------------------- steady machines


@pytest.mark.parametrize("window", WINDOWS)
def test_a_steady_machine_costs_what_it_must(window: int | None) -> None:
    """Within 3 % of the linear programme, from the 20th input on."""
    for m, goal in each_goal(window):
        assert over_the_best(m, goal, run(m, goal, steady(1000))) <= 1.03, goal


def test_a_short_window_costs_little_more() -> None:
    """A tenth of a window is the smallest step: that alone costs up to 2 %."""
    for m, goal in each_goal(10):
        assert over_the_best(m, goal, run(m, goal, steady(600))) <= 1.04, goal


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("inputs", [20, 50, 100])
def test_short_runs_are_kept(window: int | None, inputs: int) -> None:
    """At least nine of ten."""
    kept = []
    for m, goal in each_goal(window):
        found = run(m, goal, steady(inputs, seed=1))
        if goal.objective == "min_energy":
            kept.append(found.accuracy.mean() >= bound_of(goal) - 1e-12)
        else:
            kept.append(found.energy.mean() <= bound_of(goal) * (1.0 + 1e-12))
    assert np.mean(kept) >= 0.9


@pytest.mark.parametrize("level", [0.7, 0.9])
def test_a_machine_that_is_slower_than_its_profile_keeps_goals_as_cheaply(level: float) -> None:
    """A wrong profile, or other work that never ends: the price starts from this machine."""
    m = MACHINES[3]
    p = m.profile
    slow = Machine(
        alert.Profile(1.5 * p.latency, p.power, p.accuracy, p.power_caps, IDLE_W), m.deadline
    )
    saving, accurate = (goal_of(slow, name, level) for name in ("min_energy", "max_accuracy"))
    found = run(m, saving, 1.5 * steady(600))
    assert found.accuracy.mean() > bound_of(saving)
    assert found.energy.mean() < 1.04 * least_energy(slow, bound_of(saving))
    assert found.feasible[100:].all()
    found = run(m, accurate, 1.5 * steady(600))
    assert found.energy.mean() < bound_of(accurate)
    assert found.accuracy.mean() > most_accuracy(slow, bound_of(accurate)) - 0.001


@pytest.mark.parametrize("window", [None, 100, 30, 10])
def test_a_looser_goal_never_costs_more(window: int | None) -> None:
    for m in MACHINES:
        costs = []
        for level in LEVELS:
            goal = goal_of(m, "min_energy", level, window)
            costs.append(run(m, goal, steady(500)).energy.mean())
        assert costs == sorted(costs)


@pytest.mark.parametrize("window", [30, 100])
def test_every_window_has_its_accuracy(window: int) -> None:
    for m, level in product(MACHINES, LEVELS):
        goal = goal_of(m, "min_energy", level, window)
        found = run(m, goal, steady(500))
        means = np.convolve(found.accuracy, np.ones(window) / window, "valid")
        assert means.min() >= bound_of(goal) - 1e-9


# ----------------------------------------------------------------------------------------- feasible


@pytest.mark.parametrize("window", [None, 100, 30, 10])
def test_a_goal_that_can_be_kept_is_feasible(window: int | None) -> None:
    for m, goal in each_goal(window):
        assert run(m, goal, steady(200)).feasible.all(), goal


@pytest.mark.parametrize("window", [None, 30, 1])
def test_a_goal_that_cannot_be_kept_is_not_feasible(window: int | None) -> None:
    for m in MACHINES:
        for objective, level in (("min_energy", 1.3), ("max_accuracy", -0.3)):
            goal = goal_of(m, objective, level, window)
            assert not run(m, goal, steady(200)).feasible.any(), goal


def test_what_cannot_be_kept_any_more_is_said_and_taken_back() -> None:
    """A machine too slow for every accurate model, and quick again."""
    m = MACHINES[0]
    goal = goal_of(m, "min_energy", 0.9, window=30)
    slow = 1.2 * m.deadline / float(m.profile.latency[2, 1])
    found = run(m, goal, [*steady(50), *(slow * steady(60)), *steady(100)])
    assert found.feasible[:50].all()
    assert not found.feasible[80:110].any()
    assert found.feasible[140:].all()


# ------------------------------------------------------------------------------- shared deadlines


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("inputs", [5, 17, 40])
def test_energy_is_kept_where_inputs_share_a_deadline(level: float, inputs: int) -> None:
    """The idle time comes after the last one. No credit is drawn on it before."""
    for m in MACHINES:
        goal = goal_of(m, "max_accuracy", level)
        s = alert.Scheduler(m.profile, goal)
        joules = list(islice(sentences(s, m, goal, inputs), 360))
        for n in range(inputs, len(joules) + 1, inputs):
            assert n < 100 or np.mean(joules[:n]) <= bound_of(goal) * 1.005, n


def sentences(s: alert.Scheduler, m: Machine, goal: alert.Goal, inputs: int) -> Iterator[float]:
    """Run groups of inputs that share a deadline; yield the energy of each."""
    slowdowns = cycle(steady(1000))
    while True:
        left = inputs * goal.deadline
        s.share(left, inputs)
        for n in range(inputs):
            decision = s.decision
            column = list(m.profile.power_caps).index(decision.power_cap)
            seconds = float(m.profile.latency[decision.model, column]) * next(slowdowns)
            active = float(m.profile.power[decision.model, column]) * seconds
            left -= seconds
            yield active + (IDLE_W * max(left, 0.0) if n == inputs - 1 else 0.0)
            s.step(seconds, active)


# ------------------------------------------------------------------- slow calls, and those in turn


@pytest.mark.parametrize("calls", [1, 2, 3])
@pytest.mark.parametrize("size", [1.6, 2.5, 6.0, 20.0, 100.0, 1e5])
@pytest.mark.parametrize("after", [0, 5, 100])
def test_slow_calls_spoil_no_forecast_for_long(calls: int, size: float, after: int) -> None:
    """Back within an eighth after 20 inputs: compilation, a suspended machine, another process."""
    m = MACHINES[0]
    inputs = [*steady(after), *[size] * calls, *steady(40)]
    found = run(m, goal_of(m, "min_energy", 0.5), inputs)
    assert found.expected[after + calls + 20 :] == pytest.approx(1.0, rel=0.125)


@pytest.mark.parametrize("before", [0, 200])
@pytest.mark.parametrize("level", [0.3, 0.5, 0.7])
def test_slow_calls_leave_a_window_with_their_inputs(before: int, level: float) -> None:
    """What two compilations have drawn is made up for as long as they are in the window."""
    m, window = MACHINES[0], 50
    goal = goal_of(m, "max_accuracy", level, window)
    slowdowns = [*steady(before), 300.0, 280.0, *steady(300, seed=1)]
    spoilt = run(m, goal, slowdowns).accuracy[before + 2 + window + 20 :]
    quiet = run(m, goal, np.minimum(slowdowns, 1.0)).accuracy[before + 2 + window + 20 :]
    assert spoilt.mean() == pytest.approx(quiet.mean(), abs=0.01)


ONE = alert.Profile([[0.01]], [[10.0]], [0.8], [10.0], 1.0)


@pytest.mark.parametrize(
    ("slowdowns", "factor"),
    [
        ([6.0, 12.0], 8.0),
        ([1.0, 1.0, 7.0], 3.0),
        ([1.0, 1.0, 1.0, 1.0, 20.0], 5.0),
        ([1.0, 2.0], 1.5),
        ([1.0] * 9 + [3.0], 2.0),
    ],
)
def test_nothing_that_returns_is_never_learnt(slowdowns: list[float], factor: float) -> None:
    """No more is promised than comes true, and not much less."""
    s = alert.Scheduler(ONE, alert.Goal.min_energy(0.01 * factor, 0.5))
    promised, done = [], []
    for slowdown in islice(cycle(slowdowns), 360):
        promised.append(s.decision.probability)
        done.append(slowdown <= factor)
        s.step(0.01 * slowdown, 0.1 * slowdown)
    assert -0.15 <= np.mean(promised[60:]) - np.mean(done[60:]) <= 0.02


@pytest.mark.parametrize("level", [0.5, 1.5, 3.0, 6.0, 20.0])
def test_a_new_level_is_known_soon(level: float) -> None:
    """Within a tenth after ten inputs, whether the machine was slow or quick before."""
    s = alert.Scheduler(ONE, alert.Goal.min_energy(0.2, 0.5))
    for slowdown in [*steady(50), *(level * steady(40, seed=1))]:
        s.step(0.01 * slowdown, 0.1)
    assert s.slowdown[0] == pytest.approx(level, rel=0.1)


def test_a_change_is_believed_after_a_long_quiet_time() -> None:
    s = alert.Scheduler(ONE, alert.Goal.min_energy(0.2, 0.5))
    for slowdown in [*steady(20_000), 2.5, 2.5, 2.5]:
        s.step(0.01 * float(slowdown), 0.1)
    assert s.slowdown[0] == pytest.approx(2.5, rel=0.1)


def test_probabilities_come_true() -> None:
    """Where the machine changes between two levels at random, whatever the deadline."""
    rng = np.random.default_rng(3)
    promised, done = [], []
    for deadline in np.linspace(0.009, 0.03, 15):
        s = alert.Scheduler(ONE, alert.Goal.min_energy(float(deadline), 0.5))
        busy = False
        for n in range(1500):
            busy ^= bool(rng.random() < (0.1 if busy else 0.03))
            slowdown = rng.normal(1.8, 0.25) if busy else rng.normal(1.0, 0.06)
            if n >= 100:
                promised.append(s.decision.probability)
                done.append(0.01 * slowdown <= deadline)
            s.step(0.01 * float(slowdown), 0.1)
    bins = np.clip((np.array(promised) * 10).astype(int), 0, 9)
    for k in range(5, 10):
        inside = bins == k
        gap = np.array(promised)[inside].mean() - np.array(done)[inside].mean()
        assert -0.1 <= gap <= 0.05, (k, gap, inside.sum())


# ----------------------------------------------------------------------------- a bound that is hard


def test_broken_promises_put_no_certain_output_out_of_reach() -> None:
    """A bound equal to the accuracy of a model, after the machine was suspended."""
    goal = alert.Goal.min_energy(0.1, 0.8, window=1)
    s = alert.Scheduler(ONE, goal)
    for slowdown in [*steady(30), 1e5, *steady(5)]:
        s.step(0.01 * float(slowdown), 0.1)
    assert s.decision.probability == 1.0
    assert s.decision.feasible


def test_an_input_under_another_cap_breaks_no_promise() -> None:
    """Something else holds the machine at half the power. The forecast is right all the same."""
    profile = alert.Profile([[0.04, 0.02]], [[10, 20]], [0.8], [10, 20], 5)
    goal = alert.Goal.min_energy(deadline=0.03, accuracy=0.75)
    held, free = alert.Scheduler(profile, goal), alert.Scheduler(profile, goal)
    for _ in range(60):
        assert held.decision.power_cap == 20.0
        held.step(0.04, None, power_cap=10.0)  # late, as the profile says
        free.step(0.02, None)
    assert held.slowdown == pytest.approx(free.slowdown)
    assert held.decision.probability == pytest.approx(free.decision.probability)
