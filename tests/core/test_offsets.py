"""Models that are off their profile: against the twin, and what each part of a scheduler sees."""

from __future__ import annotations

import copy
import math
import pickle
from random import Random
from typing import Any

import numpy as np
import pytest
import reference
import reference_calibrated
from random_cases import (
    Twins,
    leaving,
    random_deadline,
    random_goal,
    random_size,
    random_table,
    sized,
    smooth_table,
)

import alert

# -------------------------------------------------------------------------------- against the twin


class OffProfile(Twins):
    """Steps of a machine on which each model takes its own multiple of the profile."""

    def __init__(self, random: Random, table: reference.Table, **options: Any) -> None:
        goal = random_goal(random, table)
        super().__init__(table, goal, method="calibrated", **options)
        self.own = [2.0 ** random.choice([0.0, 0.0, 0.9, 1.3, -0.8]) for _ in table.latency]
        self.contention = 1.0

    def run(self, random: Random) -> None:
        """Report an input: of the model chosen mostly, and of another one now and then."""
        twin = self.twin
        assert isinstance(twin, reference_calibrated.Scheduler)
        if random.random() < 0.03:
            self.contention = random.choice([1.0, 1.0, 2.1])
        c = twin.decision.configuration
        more: dict[str, Any] = {}
        if random.random() < 0.3:
            model = random.randrange(len(self.own))
            last = len(self.table.exits[model]) - 1 if model in self.table.exits else None
            c = reference.Configuration(model, c.cap, last)
            more["ran"] = (model, last, None)
        if self.table.fixed_share is not None and random.random() < 0.5:
            more["size"] = random_size(random, self.table)
        seen = reference.outputs(twin.seen, c)[-1][0] / twin.offsets.served[c.model]
        noise = random.lognormvariate(0.0, 0.04)
        latency = seen * self.own[c.model] * self.contention * noise
        self.step(latency, self.table.power[c.model][c.cap] * latency, **more)


def test_random_streams() -> None:
    """Everything that can happen to a scheduler, while models are off their profile."""
    decisions = by_rounding = served = 0
    for seed in range(120):
        random = Random(seed)
        table = random.choice([smooth_table, random_table])(random)
        if random.random() < 0.3:
            table = sized(random, table)
        if random.random() < 0.2:
            table = leaving(random, table)
        twins = OffProfile(
            random,
            table,
            switch_cost=random.choice([0.0, 0.0, 0.3 * random_deadline(random, table)]),
            hold_inputs=random.choice([1, 1, 5]),
        )
        for _ in range(60):
            kind = random.random()
            if kind < 0.85:
                twins.run(random)
            elif kind < 0.88:
                twins.random_expectations(random)
            elif kind < 0.91:
                twins.random_neighbours(random)
            else:
                twins.random_action(random)
        decisions += twins.decisions
        by_rounding += twins.by_rounding
        served += bool((twins.here.offsets != 1.0).any())
    assert decisions > 7_000
    assert served > 40
    assert by_rounding <= decisions / 50


def test_a_long_run_through_quiet_and_contention() -> None:
    random = Random(1)
    table = smooth_table(random)
    twins = OffProfile(random, table)
    for _ in range(3_000):
        twins.run(random)
    assert twins.by_rounding <= 30


# -------------------------------------------------------------------------- by hand: what is learnt

LATENCY = np.array([[0.020, 0.010], [0.040, 0.020], [0.080, 0.040]])
ACCURACY = [0.60, 0.70, 0.80]
CAPS = [10.0, 20.0]
GOAL = alert.Goal.min_energy(deadline=0.15, accuracy=0.70)
OWN = np.array([1.0, 1.8, 1.0])
SERVED = 0.16  # an offset is served anew when it has moved by 10 %; the slowdown has the rest


def profile(latency: Any = LATENCY, **more: Any) -> alert.Profile:
    return alert.Profile(latency, [[10.0, 20.0]] * 3, ACCURACY, CAPS, 5.0, **more)


def scheduler(goal: alert.Goal = GOAL, **more: Any) -> alert.Scheduler:
    return alert.Scheduler(profile(), goal, **more)


def true_latency(model: int, power_cap: float | None, own: Any = OWN) -> float:
    return float(own[model] * LATENCY[model, CAPS.index(power_cap or CAPS[-1])])


def serve(
    s: alert.Scheduler, inputs: int, slow: float = 1.0, own: Any = OWN, seed: int = 0
) -> None:
    """Run what is chosen, and each model now and then."""
    random = Random(seed)
    for n in range(inputs):
        model, power_cap = s.decision
        instead = n // 4 % 3 if n % 4 == 3 else model
        seconds = slow * true_latency(instead, power_cap, own) * random.gauss(1.0, 0.02)
        s.step(seconds, (power_cap or 0.0) * seconds, model=instead)


def test_one_model_is_off_and_the_others_are_not_blamed() -> None:
    s = scheduler()
    serve(s, 60)
    assert s.offsets == pytest.approx(OWN, rel=SERVED)
    assert s.offsets[0] == s.offsets[2] == 1.0
    assert s.slowdown[0] == pytest.approx(1.0, rel=0.05)


def test_a_model_may_be_faster_than_its_profile() -> None:
    s, own = scheduler(), np.array([1.0, 1.0, 0.5])
    serve(s, 60, own=own)
    assert s.offsets == pytest.approx(own, rel=SERVED)


def test_where_the_profile_is_right_nothing_is_served() -> None:
    s = scheduler()
    for n in range(10):
        serve(s, 40, slow=2.2 if n % 2 else 1.0, own=np.array([1.0, 1.05, 0.95]), seed=n)
        assert s.offsets.tolist() == [1.0, 1.0, 1.0]


def test_a_machine_that_is_slower_throughout_is_no_offset() -> None:
    s = scheduler()
    serve(s, 200, slow=1.6, own=np.ones(3))
    assert s.offsets.tolist() == [1.0, 1.0, 1.0]
    assert s.slowdown[0] == pytest.approx(1.6, rel=0.06)


def test_offsets_and_slowdown_do_not_drift_apart_in_a_long_run() -> None:
    """Models that do not run look at most 35 % off, which may be the machine's part."""
    s, own, random = scheduler(), np.array([1.0, 1.35, 1.0]), Random(0)
    for _ in range(20_000):
        model, power_cap = s.decision
        seconds = true_latency(model, power_cap, own) * random.lognormvariate(0.0, 0.1)
        s.step(seconds, (power_cap or 0.0) * seconds)
    assert s.slowdown[0] * s.offsets == pytest.approx(own, rel=0.36)


def test_quick_first_runs_are_forgotten() -> None:
    """A model is much quicker than profiled twice, and as profiled from then on."""
    s, random, runs = scheduler(), Random(1), 0
    for n in range(3_000):
        model, power_cap = s.decision
        runs += model == 1 and (n == 0 or s.history["model"][-1] != 1)
        quick = 0.6 if model == 1 and runs <= 2 else 1.0
        seconds = quick * true_latency(model, power_cap, np.ones(3))
        seconds *= random.lognormvariate(0.0, 0.03)
        s.step(seconds, (power_cap or 0.0) * seconds)
    ran = s.slowdown[0] * s.offsets[1:]
    assert ran == pytest.approx(1.0, rel=0.1)


def test_an_offset_is_forgotten_when_the_model_is_as_profiled_again() -> None:
    s = scheduler()
    serve(s, 60)
    assert s.offsets[1] > 1.5
    serve(s, 200, own=np.ones(3))
    assert s.offsets.tolist() == [1.0, 1.0, 1.0]


def test_models_that_come_in_the_way_of_a_wrong_one_are_tried() -> None:
    """The small model takes three times its profile: without offsets, all others look too slow."""
    s, own = (
        scheduler(alert.Goal.min_energy(deadline=0.1, accuracy=0.75)),
        np.array([3.0, 1.0, 1.0]),
    )
    for n in range(200):
        model, power_cap = s.decision
        seconds = true_latency(model, power_cap, own)
        s.step(seconds, (power_cap or 0.0) * seconds, model=0 if n == 0 else None)
    assert s.history["accuracy"].mean() >= 0.75
    assert s.history["met"].all()


# ------------------------------------------------------------------- by hand: what others see of it


def off() -> alert.Scheduler:
    """Serve until the second model has its offset."""
    s = scheduler()
    serve(s, 60)
    return s


def expected(s: alert.Scheduler, model: int, cap: int = 1) -> float:
    options = s.options()
    [row] = options[(options["model"] == model) & (options["cap"] == cap)]
    return float(row["latency"])


def test_each_expectation_has_it_once() -> None:
    s = off()
    served = s.offsets[1]
    for model in range(3):
        by_hand = s.slowdown[0] * s.offsets[model] * LATENCY[model, 1]
        assert expected(s, model) == pytest.approx(by_hand, rel=1e-12)
    before = expected(s, 1)
    s.expect(latency=[1.0, 0.5, 2.0])
    assert s.offsets[1] == served
    assert expected(s, 1) == pytest.approx(0.5 * before, rel=1e-12)
    s.expect()
    assert expected(s, 1) == pytest.approx(before, rel=1e-12)


def test_the_expected_energy_has_it_once() -> None:
    s = off()
    s.machine_price = 7.0
    s.decide()
    options = s.options()
    assert options["energy"] == pytest.approx(options["latency"] * options["power_cap"], rel=1e-12)


def test_an_input_is_judged_with_it() -> None:
    """The slowdown of the history is that of the machine."""
    s = off()
    seconds = 1.3 * s.offsets[1] * LATENCY[1, 1]
    s.step(seconds, 20.0 * seconds, model=1, power_cap=20.0)
    assert s.history["slowdown"][-1] == pytest.approx(1.3, rel=1e-12)


def test_sizes_and_offsets_go_together() -> None:
    table = profile(fixed_share=[0.0, 0.0, 0.0], size=1.0)
    s = alert.Scheduler(table, GOAL)
    random = Random(0)
    for n in range(60):
        model, size = n % 3, 1.0 + n // 3 % 3
        s.decide(size=size)
        seconds = size * true_latency(model, s.decision.power_cap) * random.gauss(1.0, 0.02)
        s.step(seconds, None, model=model)
    assert s.offsets == pytest.approx(OWN, rel=SERVED)
    s.decide(size=2.0)
    assert expected(s, 1) == pytest.approx(2.0 * s.slowdown[0] * s.offsets[1] * 0.02, rel=1e-12)


def test_the_price_is_that_of_a_profile_which_has_them() -> None:
    """A new goal starts from the hull of the latencies served."""
    goal = alert.Goal.min_energy(deadline=0.15, accuracy=0.73)
    s = off()
    s.goal = goal
    right = alert.Scheduler(profile(s.offsets[:, np.newaxis] * LATENCY), goal)
    serve(right, 1, own=np.ones(3))
    random, chosen = Random(5), []
    for each in (s, right):
        random.seed(5)
        for _ in range(300):
            model, power_cap = each.decision
            seconds = true_latency(model, power_cap) * random.gauss(1.0, 0.02)
            each.step(seconds, (power_cap or 0.0) * seconds)
        chosen.append(each.history["energy"][-300:].mean())
    assert chosen[0] == pytest.approx(chosen[1], rel=0.02)


def test_a_shared_deadline_is_kept() -> None:
    s = off()
    for _ in range(20):
        left = 0.3
        s.share(left, 5)
        for _ in range(5):
            model, power_cap = s.decision
            seconds = true_latency(model, power_cap)
            left -= seconds
            s.step(seconds, (power_cap or 0.0) * seconds)
        assert left >= 0.0


@pytest.mark.parametrize("again", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
def test_a_copy_goes_on(again: Any) -> None:
    s = off()
    other = again(s)
    assert other.offsets.tolist() == s.offsets.tolist()
    serve(s, 30, slow=1.5, seed=3)
    serve(other, 30, slow=1.5, seed=3)
    assert (other.decision, other._save()[0]) == (s.decision, s._save()[0])


def test_a_power_limit_and_a_new_goal_keep_it() -> None:
    s = off()
    before = s.offsets.tolist()
    s.power_limit = 10.0
    s.goal = alert.Goal.max_accuracy(deadline=0.15, energy=1.0)
    s.missed()
    assert s.offsets.tolist() == before


def test_the_paper_and_a_learnt_profile_have_none() -> None:
    paper = scheduler(method="paper")
    learnt = alert.Scheduler(profile(spread=np.full((3, 2), 0.3)), GOAL)
    for s in (paper, learnt):
        serve(s, 60)
        assert s.offsets.tolist() == [1.0, 1.0, 1.0]
    assert learnt.profile.latency[1] == pytest.approx(1.8 * LATENCY[1], rel=0.08)  # once
    assert learnt.slowdown[0] == pytest.approx(1.0, rel=0.1)


def test_one_model_has_none() -> None:
    alone = alert.Scheduler(alert.Profile([[0.02, 0.01]], [CAPS], [0.7], CAPS, 5.0), GOAL)
    for _ in range(50):
        alone.step(0.036, 0.3)
    assert alone.offsets.tolist() == [1.0]
    assert alone.slowdown[0] > 1.5


def test_no_stream_drives_it_out_of_bounds() -> None:
    random, s = Random(5), scheduler()
    for _ in range(3000):
        latency = random.choice([0.0, 1e-300, 1e-9, 0.01, 0.03, 0.1, 5.0, 1e9])
        decision = s.step(latency, 0.5, model=random.randrange(3))
        assert all(map(math.isfinite, (decision.energy, decision.latency, *s.slowdown)))
        assert ((s.offsets >= 0.05) & (s.offsets <= 20.0)).all()
    assert pickle.loads(pickle.dumps(s)).decision == s.decision
