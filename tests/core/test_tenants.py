"""Schedulers that share a machine: its price, inputs not run, caps that others set, all options."""

from __future__ import annotations

import math
import pickle
from random import Random
from typing import Any

import numpy as np
import pytest
import reference
from random_cases import Twins, close, random_deadline, random_goal, random_table

import alert

# -------------------------------------------------------------------------------- against the twins


@pytest.mark.parametrize("method", ["paper", "calibrated"])
def test_random_streams(method: str) -> None:
    """The price moves, inputs are dropped, others set caps, in half of the streams at a cost."""
    decisions = by_rounding = shared = 0
    for seed in range(200):
        random = Random(seed)
        table = random_table(random)
        twins = Twins(
            table,
            random_goal(random, table),
            method=method,
            switch_cost=random.choice([0.0, 0.3 * random_deadline(random, table)]),
            hold_inputs=random.choice([1, 1, 2, 5]),
        )
        for _ in range(40):
            what = random.random()
            if what < 0.3:
                twins.random_neighbours(random)
            elif what < 0.4:
                twins.random_expectations(random)
            else:
                twins.random_action(random)
            shared += twins.here.machine_price is not None
        assert_same_history(twins)
        decisions += twins.decisions
        by_rounding += twins.by_rounding
    assert decisions > 7_000
    assert shared > 2_000
    assert by_rounding <= decisions / 100


def assert_same_history(twins: Twins) -> None:
    history = twins.here.history
    finished = twins.twin.finished[-len(history) :]
    assert history["model"].tolist() == [f.configuration.model for f in finished]
    np.testing.assert_allclose(history["slowdown"], [f.slowdown for f in finished], rtol=1e-9)
    np.testing.assert_allclose(history["accuracy"], [f.accuracy for f in finished], rtol=1e-12)
    assert history["met"].tolist() == [f.met for f in finished]


@pytest.mark.parametrize("method", ["paper", "calibrated"])
def test_options_are_what_a_scan_sees(method: str) -> None:
    for seed in range(100):
        random = Random(seed)
        table = random_table(random)
        twins = Twins(
            table,
            random_goal(random, table),
            method=method,
            switch_cost=random.choice([0.0, 0.3 * random_deadline(random, table)]),
        )
        for _ in range(5):
            twins.random_step(random)
        twins.random_expectations(random)
        twins.random_neighbours(random)
        before = twins.here._save()[0]
        deadline = random.choice([None, random_deadline(random, table)])
        options = twins.here.options(deadline)
        assert twins.here._save()[0] == before
        twins.twin.decide(deadline)
        assert_options(table, options, twins.twin.everything)


def assert_options(
    table: reference.Table,
    options: np.ndarray[Any, Any],
    everything: dict[reference.Configuration, reference.Expected],
) -> None:
    assert len(options) == len(everything)
    places = []
    for o in options:
        c = reference.Configuration(
            int(o["model"]), int(o["cap"]), None if o["exit"] < 0 else int(o["exit"])
        )
        assert o["power_cap"] == (table.power_caps[c.cap] or math.inf)
        for name in ("latency", "energy", "accuracy", "probability"):
            wanted = getattr(everything[c], name)
            if name == "energy" and not table.knows_power:
                assert math.isnan(o[name])
            else:
                assert close(o[name], wanted), (c, name)
        places.append((c.model, o["exit"], c.cap))
    assert places == sorted(places)


# ---------------------------------------------------------------------------------------- by hand

# Fast and hungry, or slow and frugal; 2 W are drawn between inputs.
PROFILE = alert.Profile(
    latency=[[2.0, 1.0]],
    power=[[10.0, 30.0]],
    accuracy=[0.8],
    power_caps=[10.0, 30.0],
    idle_power=2.0,
)
GOAL = alert.Goal.min_energy(deadline=10.0, accuracy=0.7)


def scheduler(goal: alert.Goal = GOAL, **more: Any) -> alert.Scheduler:
    return alert.Scheduler(PROFILE, goal, **more)


@pytest.mark.parametrize("method", ["paper", "calibrated"])
@pytest.mark.parametrize("window", [None, 1, 10])
def test_a_dear_machine_is_given_back_sooner(method: str, window: int | None) -> None:
    """Above idling: (10 - 2) x 2 s or (30 - 2) x 1 s. From 12 W on, a second is worth the watts."""
    goal = alert.Goal.min_energy(deadline=10.0, accuracy=0.7, window=window)
    s = scheduler(goal, method=method)
    for price, cap in ((None, 10.0), (0.0, 10.0), (11.9, 10.0), (12.1, 30.0), (1e9, 30.0)):
        s.machine_price = price
        assert s.machine_price == price
        assert s.decide().power_cap == cap


def test_idle_time_is_nobody_s() -> None:
    s = scheduler(method="paper")
    alone = s.decision.energy
    s.machine_price = 5.0
    assert s.decide().energy == pytest.approx(10.0 * 2.0)
    assert alone == pytest.approx(10.0 * 2.0 + 2.0 * 8.0)


def test_an_energy_bound_counts_what_is_drawn_while_it_runs() -> None:
    goal = alert.Goal.max_accuracy(deadline=10.0, energy=25.0, window=1)
    alone, shared = scheduler(goal), scheduler(goal, machine_price=100.0)
    assert not alone.decision.feasible  # 36 J with the idle time
    assert shared.decision.feasible
    assert shared.decision.power_cap == 10.0  # 30 J under the other cap, whatever the time is worth


def test_nothing_costs_less_than_nothing() -> None:
    """A profile that draws more at rest than at work: the shift stops at its least power."""
    profile = alert.Profile([[2.0, 1.0]], [[1.0, 3.0]], [0.8], [10.0, 30.0], 50.0)
    for method in ("paper", "calibrated"):
        s = alert.Scheduler(profile, GOAL, method=method, machine_price=0.0)
        assert s.decision.power_cap == 10.0  # (1 - 1) x 2 s, against (3 - 1) x 1 s


def test_a_missed_input_counts_as_late_and_teaches_nothing() -> None:
    s = scheduler(alert.Goal.min_energy(10.0, 0.7, q_fail=0.1))
    s.step(2.0, 20.0)
    slowdown = s.slowdown
    decision = s.missed()
    assert decision == s.decision
    assert s.slowdown == slowdown
    last = s.history[-1]
    assert (last["input"], last["model"], last["cap"], last["exit"]) == (1, -1, -1, -1)
    assert (last["accuracy"], last["met"]) == (0.1, False)
    assert last["deadline"] == 10.0
    assert last["energy"] == 0.0
    for name in ("latency", "slowdown", "power_cap", "idle_power"):
        assert math.isnan(last[name])


def test_missed_inputs_are_made_up_for() -> None:
    """Dropping is no way to look accurate: the others have to be more accurate."""
    profile = alert.Profile([[1.0], [2.0]], [[10.0]] * 2, [0.7, 0.9], [10.0], 2.0)
    s = alert.Scheduler(profile, alert.Goal.min_energy(10.0, 0.69))
    for _ in range(60):
        s.step(s.decision.latency, None)
    assert s.history["model"].mean() < 0.3
    for _ in range(60):
        s.missed()
        for _ in range(4):
            s.step(s.decision.latency, None)
    assert s.history["model"][60:].clip(0).sum() > 0.8 * 240
    assert s.history["accuracy"].mean() >= 0.69


def test_a_missed_word_leaves_its_time_to_the_others() -> None:
    s = scheduler(method="paper")
    s.share(9.0, 3)
    s.missed()
    s.step(2.0, 20.0)
    assert s.history["deadline"].tolist() == [3.0, 4.5]


def test_a_cap_that_others_set_is_where_changes_start() -> None:
    s = scheduler(method="paper", switch_cost=3.0)
    s.step(2.0, 20.0)
    stay = s.decision
    assert stay.power_cap == 10.0
    s.note_cap(30.0)
    assert s.decide().power_cap == 30.0  # a change would take 3 s and 30 J
    s.note_cap(29.0)  # the highest that is no higher
    assert s.decide() == stay
    s.note_cap(1.0)  # and the lowest where all are
    assert s.decide() == stay


def test_inputs_of_others_count_for_the_hold() -> None:
    s = scheduler(method="paper", hold_inputs=3)
    s.step(2.0, 20.0)
    for caps, cap in (((30.0,), 30.0), ((30.0,), 30.0), ((30.0,), 10.0)):
        for watts in caps:
            s.note_cap(watts)
        assert s.decide().power_cap == cap


def test_where_changes_are_free_no_cap_is_noted() -> None:
    s = scheduler(method="paper")
    before = s._save()
    s.note_cap(30.0)
    assert s._save() == before


def test_pickles_with_its_price() -> None:
    s = scheduler(machine_price=20.0)
    s.missed()
    other = pickle.loads(pickle.dumps(s))
    assert other.machine_price == 20.0
    assert other._save() == s._save()
    assert other.decide() == s.decide()
    s.machine_price = None
    assert pickle.loads(pickle.dumps(s)).machine_price is None


# --------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf, 2e9])
def test_a_bad_price_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"^machine_price: expected a finite number of watts >= 0"):
        scheduler(machine_price=value)
    s = scheduler(machine_price=20.0)
    with pytest.raises(ValueError, match=r"^machine_price: expected a finite number of watts >= 0"):
        s.machine_price = value
    assert s.machine_price == 20.0


def test_bad_arguments() -> None:
    s: Any = scheduler(method="paper", switch_cost=0.1)
    before = s._save()
    for call, kind, message in (
        (lambda: setattr(s, "machine_price", "x"), TypeError, "machine_price: expected a number"),
        (lambda: delattr(s, "machine_price"), AttributeError, "machine_price cannot be deleted"),
        (lambda: s.note_cap(0.0), ValueError, "power_cap: expected a number >= 1e-12"),
        (lambda: s.note_cap(math.nan), ValueError, "power_cap: expected .* got nan"),
        (lambda: s.note_cap("1"), TypeError, "power_cap: expected a number of watts or None, got"),
        (lambda: s.options(0.0), ValueError, "deadline: expected a finite number of seconds > 0"),
        (lambda: s.options("1"), TypeError, "deadline: expected a number of seconds or None"),
        (lambda: s.missed(1), TypeError, "missed"),
    ):
        with pytest.raises(kind, match=message):
            call()
    assert s._save() == before


# ---------------------------------------------------------------------------- a limit on the power


@pytest.mark.parametrize("method", ["paper", "calibrated"])
def test_no_cap_above_the_limit_is_chosen(method: str) -> None:
    hurried = alert.Goal.min_energy(deadline=1.5, accuracy=0.7)
    s = scheduler(hurried, method=method)
    assert s.decision.power_cap == 30.0
    for limit, cap in ((29.9, 10.0), (10.0, 10.0), (30.0, 30.0), (None, 30.0)):
        s.power_limit = limit
        assert s.power_limit == limit
        assert s.decide().power_cap == cap
    limited = scheduler(hurried, method=method, power_limit=12.0)
    assert limited.decision.power_cap == 10.0
    assert limited.decision.probability < 0.3  # 2 s are profiled, and 1.5 s are allowed


def test_a_cap_that_is_held_gives_way_to_the_limit() -> None:
    s = scheduler(alert.Goal.min_energy(deadline=1.5, accuracy=0.7), hold_inputs=100)
    s.step(1.0, 30.0)
    assert s.decision.power_cap == 30.0
    s.power_limit = 20.0
    assert s.decide().power_cap == 10.0


def test_a_late_input_is_hopeless_where_only_caps_above_the_limit_would_do() -> None:
    """The earliest end drains a queue. What takes the least energy would not."""
    profile = alert.Profile(
        latency=[[0.08, 0.02], [0.16, 0.04]], power=[[10, 20], [2, 20]], accuracy=[0.70, 0.80],
        power_caps=[10, 20], idle_power=1,
    )  # fmt: skip
    goal = alert.Goal.min_energy(deadline=0.1, accuracy=0.6)
    limited = alert.Scheduler(profile, goal, power_limit=10.0).decide(0.05)
    assert (limited.model, limited.power_cap, limited.feasible) == (0, 10.0, False)


def test_a_limit_that_is_lifted_leaves_no_trace_in_the_price() -> None:
    """Under the limit no choice is accurate enough, so that the price is at its end there."""
    profile = alert.Profile(
        [[0.2, 0.1], [0.4, 0.2], [0.6, 0.3]], [[9.0, 30.0]] * 3, [0.6, 0.7, 0.8], [10.0, 30.0], 2.0
    )
    free, freed = (
        alert.Scheduler(profile, alert.Goal.min_energy(0.35, accuracy=0.65)) for _ in range(2)
    )
    freed.power_limit = 10.0
    freed.power_limit = None
    for _ in range(30):
        for s in (free, freed):
            s.step(s.decision.latency, s.decision.energy)
        assert freed.decision == free.decision


def test_the_limit_is_pickled() -> None:
    assert pickle.loads(pickle.dumps(scheduler(power_limit=12.0))).power_limit == 12.0
    assert pickle.loads(pickle.dumps(scheduler())).power_limit is None


@pytest.mark.parametrize("value", [9.9, 0.0, -1.0, math.nan, -math.inf])
def test_limits_below_every_cap_are_refused(value: float) -> None:
    s = scheduler(power_limit=12.0)
    message = r"^power_limit: expected no less than the lowest power cap, got "
    with pytest.raises(ValueError, match=message):
        s.power_limit = value
    with pytest.raises(ValueError, match=message):
        scheduler(power_limit=value)
    assert s.power_limit == 12.0
    with pytest.raises(TypeError, match="power_limit: expected a number of watts or None"):
        s.power_limit = "x"  # type: ignore[assignment]
    with pytest.raises(AttributeError, match="power_limit cannot be deleted"):
        del s.power_limit
