"""Random profiles, goals and inputs, for the package and for its twin alike."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import permutations
from random import Random
from typing import Any

import reference
import reference_calibrated
import reference_paper
import reference_table

import alert

PRIORITIES: list[Any] = list(permutations(("latency", "accuracy", "energy")))


def as_profile(table: reference.Table) -> alert.Profile:
    return alert.Profile(
        table.latency,
        table.power if table.knows_power else None,
        table.accuracy,
        list(table.power_caps),
        table.idle_power,
        exits={model: list(pairs) for model, pairs in table.exits.items()},
        fixed_share=table.fixed_share,
        size=table.size,
        exit_shares={i: list(left) for i, left in table.shares.items()},
    )


def as_goal(goal: reference.Goal) -> alert.Goal:
    energy = None if goal.joules == math.inf else goal.joules
    if goal.power is not None or goal.inputs is not None:
        energy = None
    return alert.Goal(
        goal.objective,  # type: ignore[arg-type]
        goal.deadline,
        accuracy=None if goal.objective == "max_accuracy" else goal.bound,
        energy=energy,
        probability=goal.probability,
        q_fail=goal.q_fail,
        priority=goal.priority,  # type: ignore[arg-type]
        window=goal.window,
        power=goal.power,
        budget=None if goal.inputs is None else goal.bound * goal.inputs,
        inputs=goal.inputs,
    )


# ----------------------------------------------------------------------------------------- profiles


def random_exits(
    random: Random, last: float, fractions: list[float], accuracies: list[float]
) -> Any:
    """Exits of a model whose last has accuracy `last`; now and then accuracy falls on the way."""
    count = random.randint(1, 4)
    inner = sorted(random.sample([f for f in fractions if f < 1], count - 1))
    reached = random.choices(accuracies, k=count - 1)
    if random.random() < 0.7:
        reached = sorted(min(q, last) for q in reached)
    return [*zip(inner, reached, strict=True), (1.0, last)]


def smooth_table(random: Random) -> reference.Table:
    """As a machine would have it: faster and hungrier as the cap rises."""
    models, caps = random.randint(1, 5), random.randint(1, 6)
    watts = sorted(random.uniform(5, 100) for _ in range(caps))
    base = sorted(random.uniform(0.01, 0.2) for _ in range(models))
    exponent = random.uniform(0.2, 1.0)
    accuracy = sorted(random.uniform(0.3, 0.95) for _ in range(models))
    fractions = [random.random() for _ in range(8)]
    return reference.Table(
        [[b * (watts[-1] / w) ** exponent for w in watts] for b in base],
        [[w * random.uniform(0.8, 1.0) for w in watts] for _ in base],
        accuracy,
        watts,
        random.uniform(0, watts[0]),
        {
            i: random_exits(random, q, fractions, [random.random() for _ in range(8)])
            for i, q in enumerate(accuracy)
            if random.random() < 0.4
        },
    )


def wild_table(random: Random) -> reference.Table:
    """Monotone in nothing."""
    models, caps = random.randint(1, 5), random.randint(1, 6)
    accuracy = [random.random() for _ in range(models)]
    fractions = [random.random() for _ in range(8)]
    return reference.Table(
        [[10 ** random.uniform(-3, 0) for _ in range(caps)] for _ in range(models)],
        [[10 ** random.uniform(0, 2) for _ in range(caps)] for _ in range(models)],
        accuracy,
        sorted(random.uniform(1, 200) for _ in range(caps)),
        random.choice([0.0, random.uniform(0, 100)]),
        {
            i: random_exits(random, q, fractions, [random.random() for _ in range(8)])
            for i, q in enumerate(accuracy)
            if random.random() < 0.5
        },
    )


def tied_table(random: Random) -> reference.Table:
    """Full of ties, which rounding does not break: everything is a multiple of a power of two."""
    models, caps = random.randint(1, 5), random.randint(1, 6)
    accuracy = [random.choice([0.25, 0.5, 0.75, 1.0]) for _ in range(models)]
    return reference.Table(
        [[2.0 ** -random.randint(3, 6) for _ in range(caps)] for _ in range(models)],
        [[2.0 ** random.randint(2, 5) for _ in range(caps)] for _ in range(models)],
        accuracy,
        [float(cap) for cap in range(1, caps + 1)],
        random.choice([0.0, 4.0, 8.0]),
        {
            i: random_exits(random, q, [0.125, 0.25, 0.5], [0.25, 0.5, 0.75])
            for i, q in enumerate(accuracy)
            if random.random() < 0.4
        },
    )


def less_known(random: Random, table: reference.Table) -> reference.Table:
    """Now and then the highest cap is none, and now and then the power is unknown."""
    if random.random() < 0.3:
        table = replace(table, power_caps=[*table.power_caps[:-1], None])
    if random.random() < 0.1:
        ones = [[1.0] * len(table.power_caps) for _ in table.latency]
        table = replace(table, power=ones, idle_power=0.0, knows_power=False)
    return table


def random_size(random: Random, table: reference.Table) -> float:
    """From a hundredth of the usual size to a hundred times it, often the size itself."""
    return table.size * random.choice([1.0, 6.0, 2.0, 0.5, 10 ** random.uniform(-2, 2)])


def sized(random: Random, table: reference.Table) -> reference.Table:
    """Let latencies grow with the size."""
    shares = [random.choice([0.0, 0.5, 1.0, random.random()]) for _ in table.accuracy]
    return replace(table, fixed_share=shares, size=random.choice([1.0, 8.0, 640.0]))


def leaving(random: Random, table: reference.Table) -> reference.Table:
    """Let inputs leave most anytime models early."""
    shares = {}
    for model, pairs in table.exits.items():
        drawn = [random.choice([0.0, 0.5, random.random()]) for _ in pairs]
        if random.random() < 0.9 and sum(drawn) > 0.0:
            shares[model] = [share / sum(drawn) for share in drawn]
    return replace(table, shares=shares)


def random_table(random: Random) -> reference.Table:
    return less_known(random, random.choice([smooth_table, wild_table, tied_table])(random))


# -------------------------------------------------------------------------------------------- goals


def random_deadline(random: Random, table: reference.Table) -> float:
    """From hopeless to more than anything needs."""
    return random.choice(random.choice(table.latency)) * 2.0 ** random.randint(-2, 4)


def random_goal(random: Random, table: reference.Table) -> reference.Goal:
    """Bounds out of the range that the table can reach, and a little beyond it."""
    deadline = random_deadline(random, table)
    objective = random.choice(["min_energy", "max_accuracy", "min_latency"])
    fastest = objective == "min_latency"
    if fastest and random.random() < 0.5:
        deadline = math.inf
    i = random.randrange(len(table.latency))
    j = random.randrange(len(table.power_caps))
    time = max(table.latency[i][j], deadline if deadline < math.inf else 0.0)
    joules = table.power[i][j] * time * random.choice([random.uniform(0.2, 1.5), math.inf])
    joules = joules if table.knows_power else math.inf
    accuracy = random.choice([random.random(), random.choice(table.accuracy), 0.0, 1.0])
    window = 1 if fastest else random.choice([None, None, 1, 2, 5, 30])
    spending: dict[str, Any] = {}
    if objective == "max_accuracy" and joules < math.inf and random.random() < 0.4:
        spending = random.choice([{"power": joules / deadline}, {"inputs": random.randint(1, 60)}])
        joules = spending.get("power", joules / deadline) * deadline
        window = random.choice([None, 1]) if "inputs" in spending else window
    return reference.Goal(
        objective,
        deadline,
        joules if objective == "max_accuracy" else accuracy,
        energy=joules if fastest else math.inf,
        probability=random.choice([None, None, random.random(), 0.5, 0.9, 0.999]),
        q_fail=random.choice([0.0, 0.0, 0.0, 0.1, random.random()]),
        priority=random.choice(PRIORITIES),
        window=window,
        **spending,
    )


def random_configuration(
    random: Random, table: reference.Table
) -> tuple[int, int | None, int | None]:
    """Model, exit and cap; where None is said, the last exit or the cap that was chosen."""
    model = random.randrange(len(table.latency))
    exits = range(len(table.exits[model])) if model in table.exits else ()
    exit = random.choice([None, *exits])
    return model, exit, random.choice([None, *range(len(table.power_caps))])


# --------------------------------------------------------------------------------- the two together

ROUNDING = 1e-9


def close(one: float, other: float) -> bool:
    return abs(one - other) <= ROUNDING * max(abs(one), abs(other))


def as_good_up_to_rounding(
    twin: reference_paper.Scheduler, c: reference.Configuration, feasible: bool
) -> bool:
    """Whether the rules allow this choice when quantities as close as rounding count as equal."""
    goal = twin.moved_goal()
    everything = twin.everything

    def on_edge(bound: str, e: reference.Expected) -> bool:
        if bound == "latency":
            return close(e.probability, goal.probability or 0.0)
        if bound == "energy":
            return close(e.energy, goal.joules)
        return close(e.accuracy, goal.bound)

    def beaten_by(criterion: str, other: reference.Configuration) -> bool:
        mine, e = everything[c], everything[other]
        one = reference.rank(twin.seen, criterion, other, e)[0]
        its = reference.rank(twin.seen, criterion, c, mine)[0]
        if criterion == "accuracy" or (criterion == "latency" and one != its):
            return one < its and not close(one, its)  # that accuracies are equal may be rounding
        saved = reference.cost(twin.seen, c, mine) - reference.cost(twin.seen, other, e)
        return saved > ROUNDING * max(mine.energy, e.energy)

    for among, bounds, criterion, meets_all in reference.attempts(
        goal, twin.switching, twin.within_limit
    ):
        surely = {
            other
            for other, e in everything.items()
            if among(other)
            and all(reference.meets(goal, b, e) and not on_edge(b, e) for b in bounds)
        }
        perhaps = among(c) and all(
            reference.meets(goal, b, everything[c]) or on_edge(b, everything[c]) for b in bounds
        )
        better = any(beaten_by(criterion, other) for other in surely)
        if perhaps and not better and feasible == meets_all:
            return True
        if surely:
            return False
    return False


def as_valuable_up_to_rounding(
    twin: reference_paper.Scheduler, c: reference.Configuration, feasible: bool
) -> bool:
    """Whether this choice has the value of the twin's, where the goal's bound has a price."""
    assert isinstance(twin, reference_calibrated.Scheduler)
    best = twin.decision.expected
    if any(close(e.probability, twin.goal.probability or 0.0) for e in twin.everything.values()):
        return True  # whether the deadline is met surely enough is a matter of rounding
    scale = abs(best.energy) + twin.price_now() * abs(best.accuracy)
    return (
        feasible == twin.decision.feasible
        and twin.value(c) - twin.value(twin.decision.configuration) <= ROUNDING * scale
    )


TWIN: dict[str, type[reference_paper.Scheduler]] = {
    "paper": reference_paper.Scheduler,
    "calibrated": reference_calibrated.Scheduler,
}

LEARNING_TWIN: dict[str, type[reference_paper.Scheduler]] = {
    "paper": reference_table.Learning,
    "calibrated": reference_table.Calibrated,
}


class Twins:
    """The package's scheduler and its twin, kept in step. Every decision is compared."""

    def __init__(
        self,
        table: reference.Table,
        goal: reference.Goal,
        *,
        method: str = "paper",
        history: int = 64,
        hold_inputs: int = 1,
        learns: bool = False,
        **costs: Any,
    ) -> None:
        self.table = table
        profile = as_profile(table)
        if learns:
            profile = profile._with(spread=1.0 + 0.0 * profile.latency)
        self.here = alert.Scheduler(
            profile,
            as_goal(goal),
            method=method,
            history=history,
            hold_inputs=hold_inputs,
            **costs,
        )
        kind = LEARNING_TWIN if learns else TWIN
        self.twin = kind[method](table, goal, hold_inputs=hold_inputs, **costs)
        self.decisions = 0
        self.by_rounding = 0  # of them: not the twin's, but as good up to rounding
        self.compare()

    def compare(self) -> None:
        got, wanted = self.here.decision, self.twin.decision
        self.decisions += 1
        c = reference.Configuration(
            got.model, list(self.table.power_caps).index(got.power_cap), got.exit
        )
        energy = got.energy if self.table.knows_power else self.twin.everything[c].energy
        assert math.isnan(got.energy) != self.table.knows_power
        e = reference.Expected(got.latency, energy, got.accuracy, got.probability)
        if (c, got.feasible) != (wanted.configuration, wanted.feasible):
            as_good = as_good_up_to_rounding
            if isinstance(self.twin, reference_calibrated.Scheduler) and self.twin.is_priced():
                as_good = as_valuable_up_to_rounding
            assert as_good(self.twin, c, got.feasible), (e, wanted)
            self.by_rounding += 1
            self.twin.run_instead(c)
        for one, other in zip(e[:4], self.twin.decision.expected[:4], strict=True):
            assert close(one, other), (e, wanted)
        for one, other in zip(self.here.slowdown, self.twin.moments(), strict=True):
            assert close(one, other)
        if isinstance(self.twin, reference_calibrated.Scheduler):
            offsets = self.here.offsets.tolist()
            assert all(map(close, offsets, self.twin.offsets.served)), (offsets, wanted)

    # ------------------------------------------------------------------------------------ actions

    def step(
        self,
        latency: float,
        energy: float | None,
        *,
        goal: reference.Goal | None = None,
        ran: tuple[int, int | None, int | None] | None = None,
        sure: bool = False,
        **more: Any,
    ) -> None:
        """Step both; `ran` is the model, exit and cap that ran, where those were others."""
        said: dict[str, Any] = {}
        sure = sure and (more.get("exit") is not None or (ran is not None and ran[1] is not None))
        if ran is not None:
            model, exit, cap = ran
            # None says nothing of a cap; no cap in force is an infinite one
            watts = None if cap is None else self.table.power_caps[cap] or math.inf
            said = {"model": model, "exit": exit, "power_cap": watts}
            self.twin.ran(*ran, sure)
            if sure:
                more["exit"] = exit
        own = None if goal is None else as_goal(goal)
        self.here.step(latency, energy, goal=own, sure=sure, **{**more, **said})
        self.twin.step(latency, energy, goal=goal, sure=sure, **more)
        self.compare()

    def decide(
        self,
        deadline: float | None,
        goal: reference.Goal | None = None,
        size: float | None = None,
    ) -> None:
        self.here.decide(deadline, goal=None if goal is None else as_goal(goal), size=size)
        self.twin.decide(deadline, goal, size)
        self.compare()

    def share(self, deadline: float, inputs: int) -> None:
        self.here.share(deadline, inputs)
        self.twin.share(deadline, inputs)
        self.compare()

    def expect(self, **expected: Any) -> None:
        self.here.expect(**expected)
        self.twin.expect(**expected)
        self.compare()

    def set_goal(self, goal: reference.Goal) -> None:
        self.here.goal = as_goal(goal)
        self.twin.set_goal(goal)
        self.compare()

    def share_machine(self, price: float | None) -> None:
        self.here.machine_price = price
        self.twin.share_machine(price)

    def limit_power(self, limit: float | None) -> None:
        self.here.power_limit = limit
        self.twin.limit_power(limit)

    def missed(self) -> None:
        self.here.missed()
        self.twin.missed()
        self.compare()

    def note_cap(self, cap: int) -> None:
        self.here.note_cap(self.table.power_caps[cap])
        self.twin.note_cap(cap)

    def set_overhead(self, overhead: float) -> None:
        self.here.overhead = self.twin.overhead = overhead

    def random_step(self, random: Random) -> None:
        """Report an input that went about as expected, or not at all so."""
        decision = self.twin.decision
        surprise = random.choice([1.0, random.lognormvariate(0, 0.3), random.choice([0.0, 10.0])])
        profiled = reference.outputs(self.twin.seen, decision.configuration)[-1][0]
        latency = (
            max(decision.expected.latency, 0.01 * profiled) * surprise
        )  # it does not drift to 0
        power = self.table.power[decision.configuration.model][decision.configuration.cap]
        more: dict[str, Any] = {}
        if random.random() < 0.1:
            more["deadline"] = random_deadline(random, self.table)
        if random.random() < 0.2:
            more["idle_power"] = random.choice([0.0, self.table.idle_power, 3.0, 2 * power])
        if random.random() < 0.2:
            more["goal"] = random.choice([self.twin.goal, random_goal(random, self.table)])
        if random.random() < 0.1:
            more["ran"] = random_configuration(random, self.table)
        elif decision.configuration.exit is not None and random.random() < 0.5:
            more["exit"] = random.randint(0, decision.configuration.exit)
        if self.table.shares:
            more["sure"] = random.random() < 0.5
        if self.table.fixed_share is not None and random.random() < 0.5:
            more["size"] = random_size(random, self.table)
        if isinstance(self.twin, reference_table.Learning):
            latency = self.consistent(more) * min(surprise or 0.5, 2.0)
        energy = random.choice([None, power * latency * random.uniform(0.5, 2), 0.0])
        self.step(latency, energy, **more)

    def consistent(self, more: dict[str, Any]) -> float:
        """Three times the guess of what ran: a table does not follow a machine that is none."""
        chosen = self.twin.decision.configuration
        model, exit, cap = more.get("ran", (chosen.model, more.get("exit", chosen.exit), None))
        cap = chosen.cap if cap is None else cap
        whole = self.table.latency[model][cap]
        share = 1.0
        if model in self.table.exits:
            share = self.table.exits[model][-1 if exit is None else exit][0]
        seen = self.twin.seen.latency[model][cap] / self.twin.table.latency[model][cap]
        return float(3.0 * whole * share * seen)

    def random_expectations(self, random: Random) -> None:
        models = range(len(self.table.accuracy))
        delay = random_deadline(random, self.table)
        kinds: dict[str, list[float]] = {
            "accuracy": [random.choice([random.random(), 0.25, 0.5, 1.0]) for _ in models],
            "latency": [2.0 ** random.choice([0, -1, 2, random.uniform(-3, 3)]) for _ in models],
            "delay": [random.choice([0.0, 0.0, delay, 0.3 * delay]) for _ in models],
        }
        self.expect(**{name: kinds[name] for name in kinds if random.random() < 0.5})

    def random_neighbours(self, random: Random) -> None:
        """Let something happen on a machine that others use."""
        kind = random.random()
        if kind < 0.4:
            price = random.choice([None, 0.0, self.table.idle_power, 10 ** random.uniform(-1, 4)])
            self.share_machine(price)
            self.decide(None)
        elif kind < 0.6:
            lowest = self.table.power_caps[0]
            self.limit_power(random.choice([None, lowest, *self.table.power_caps]))
            self.decide(None)
        elif kind < 0.8:
            self.missed()
        else:
            self.note_cap(random.randrange(len(self.table.power_caps)))
            self.decide(None)

    def random_action(self, random: Random) -> None:
        kind = random.random()
        if kind < 0.85:
            self.random_step(random)
        elif kind < 0.89:
            goal = random.choice([None, self.twin.goal, random_goal(random, self.table)])
            self.decide(random.choice([None, random_deadline(random, self.table)]), goal)
        elif kind < 0.93:
            self.share(random_deadline(random, self.table) * 3, random.randint(1, 6))
        elif kind < 0.97:
            self.set_goal(random_goal(random, self.table))
        else:
            # where no time is left, all probabilities are one up to rounding
            self.set_overhead(random.choice([0.0, 0.001, 0.005, 0.01, 0.02, 10.0]))
