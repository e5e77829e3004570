"""Inputs of different sizes: latency is a fixed part and a part per unit, and no slowdown."""

from __future__ import annotations

import math
import pickle
from functools import partial
from itertools import cycle, islice
from random import Random
from typing import Any

import numpy as np
import pytest
from random_cases import Twins, random_deadline, random_goal, random_size, random_table, sized

import alert

# -------------------------------------------------------------------------------- against the twins


@pytest.mark.parametrize("method", ["paper", "calibrated"])
def test_random_streams(method: str) -> None:
    """Sizes of single inputs, beside expectations and whatever else may happen."""
    decisions = by_rounding = 0
    for seed in range(150):
        random = Random(seed)
        table = sized(random, random_table(random))
        twins = Twins(
            table,
            random_goal(random, table),
            method=method,
            switch_cost=random.choice([0.0, 0.0, 0.3 * random_deadline(random, table)]),
        )
        for _ in range(40):
            what = random.random()
            if what < 0.2:
                twins.decide(None, size=random.choice([None, random_size(random, table)]))
            elif what < 0.3:
                twins.random_expectations(random)
            elif what < 0.4:
                twins.random_neighbours(random)
            else:
                twins.random_action(random)
        history = twins.here.history
        finished = twins.twin.finished[-len(history) :]
        np.testing.assert_allclose(history["slowdown"], [f.slowdown for f in finished], rtol=1e-9)
        assert history["met"].tolist() == [f.met for f in finished]
        decisions += twins.decisions
        by_rounding += twins.by_rounding
    assert decisions > 5_000
    assert by_rounding <= decisions / 100


# ---------------------------------------------------------------------------------------- by hand

# A quarter of the small model's latency is fixed, half of the large one's.
PROFILE = alert.Profile(
    latency=[[0.04, 0.02], [0.08, 0.04]],
    power=[[10.0, 20.0]] * 2,
    accuracy=[0.7, 0.8],
    power_caps=[10.0, 20.0],
    idle_power=5.0,
    models=["small", "large"],
    fixed_share=[0.25, 0.5],
)
GOAL = alert.Goal.min_energy(deadline=0.2, accuracy=0.69)


def scheduler(goal: alert.Goal = GOAL, method: str = "paper", **more: Any) -> alert.Scheduler:
    return alert.Scheduler(PROFILE, goal, method=method, **more)


def test_latency_and_energy_grow_with_the_size() -> None:
    s = scheduler()
    assert s.decision.latency == pytest.approx(0.04)
    six = s.decide(size=6)
    assert (six.model, six.power_cap) == (0, 20.0)  # 10 W would take 0.19 s, and be late too often
    assert six.latency == pytest.approx(0.02 * (0.25 + 0.75 * 6))
    assert six.energy == pytest.approx(20.0 * six.latency + 5.0 * (0.2 - six.latency))
    assert s.decide(size=0.5).latency == pytest.approx(0.04 * (0.25 + 0.75 * 0.5))


def test_a_size_holds_for_one_input() -> None:
    s = scheduler()
    six = s.step(0.04, 0.4, size=6)
    assert s.decide() == six  # kept
    assert s.decide(0.2) == six
    assert s.step(0.095, 1.9).latency == pytest.approx(0.04)
    s.decide(size=6)
    assert s.missed().latency == pytest.approx(0.04)
    assert s.decide(size=1) == s.decision


def test_what_is_expected_and_the_size_go_together() -> None:
    s = scheduler()
    s.expect(latency=[1.0, 2.0], accuracy=[0.5, 0.8])  # the large model alone will do
    assert s.decide(1.0, size=3).latency == pytest.approx(0.08 * 2.0 * (0.5 + 0.5 * 3))
    s.step(0.32, None, deadline=1.0)
    assert s.history["slowdown"].tolist() == [pytest.approx(1.0)]
    assert s.decision.latency == pytest.approx(0.08 * 2.0)


def world(model: int, cap: float, size: float, random: Random) -> float:
    """Seconds on the quiet machine, with the noise of every machine."""
    column = PROFILE.power_caps.tolist().index(cap)
    share = PROFILE.fixed_share[model]  # type: ignore[index]
    whole = float(PROFILE.latency[model, column]) * (share + (1.0 - share) * size)
    return float(whole * random.gauss(1.0, 0.02))


@pytest.mark.parametrize("method", ["paper", "calibrated"])
@pytest.mark.parametrize("told", [True, False])
def test_batches_of_one_and_six_in_turn(method: str, told: bool) -> None:
    """Told the sizes, the scheduler sees no slowdown, and is in time at the least energy."""
    random = Random(1)
    goal = alert.Goal.min_energy(deadline=0.18, accuracy=0.69)  # 10 W are too few for six
    s = scheduler(goal, method)
    late = 0
    sizes = list(islice(cycle([1.0, 6.0]), 400))
    means = []
    for size, following in zip(sizes, [*sizes[1:], 1.0], strict=True):
        latency = world(*s.decision, size, random)
        late += latency > goal.deadline
        s.step(latency, None, size=following if told else None)
        means.append(s.slowdown)
    mean, std = np.array(means[100:]).T
    if told:
        assert np.abs(mean - 1.0).max() < 0.1
        assert late == 0
        assert set(s.history["power_cap"][0::2]) == {10.0}  # of one
    else:
        assert np.abs(mean - 1.0).max() > 0.5
        assert std.max() > 0.5
    if told and method == "calibrated":
        assert std.max() < 0.15
        assert set(s.history["power_cap"][1::2]) == {20.0}  # of six


def test_sizes_of_models_that_profit_from_batches() -> None:
    """What is fixed counts once: for large batches the large model is nearly as quick."""
    s = scheduler(alert.Goal.min_latency(accuracy=0.6))
    one = {o["model"]: o["latency"] for o in s.options() if o["power_cap"] == 20.0}
    s.decide(size=100)
    many = {o["model"]: o["latency"] for o in s.options() if o["power_cap"] == 20.0}
    assert one[1] / one[0] == pytest.approx(2.0)
    assert many[1] / many[0] == pytest.approx(2.0 * (0.5 + 50.0) / (0.25 + 75.0))


# ---------------------------------------------------------------------------------- copies, states


def test_a_copy_has_the_size_of_the_input() -> None:
    s = scheduler()
    s.step(0.04, 0.4, size=6)
    other = pickle.loads(pickle.dumps(s))
    assert other.decision == s.decision
    for size in (None, 3.0, 3.0, None):
        assert other.step(0.1, 1.0, size=size) == s.step(0.1, 1.0, size=size)
    assert other.history.tobytes() == s.history.tobytes()


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, 2e9])
def test_a_state_with_a_bad_size_is_refused(value: float) -> None:
    s = scheduler()
    s.decide(size=6.0)
    state = s._save()[0]
    at = state.index(np.float64(6.0).tobytes())
    with pytest.raises(ValueError, match="state: expected the bytes saved"):
        s._restore(state[:at] + np.float64(value).tobytes() + state[at + 8 :])
    assert s._save()[0] == state


# --------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("size", [0.0, -1.0, math.nan, math.inf, 2e9])
def test_a_bad_size_changes_nothing(size: float) -> None:
    s = scheduler()
    before = s._save()[0]
    calls: list[Any] = [s.decide, partial(s.step, 0.04, 0.4)]
    for call in calls:
        with pytest.raises(
            ValueError, match=r"^size: expected a number > 0, from 1e-9 to 1e9, got"
        ):
            call(size=size)
    with pytest.raises(TypeError, match=r"^size: expected a number or None, got str$"):
        s.decide(size="6")  # type: ignore[arg-type]
    assert s._save()[0] == before


def test_a_profile_that_knows_no_sizes_takes_none() -> None:
    plain = alert.Profile(PROFILE.latency, PROFILE.power, [0.7, 0.8], [10.0, 20.0], 5.0)
    s = alert.Scheduler(plain, GOAL)
    with pytest.raises(
        ValueError, match=r"^size: expected None, for a profile without fixed_share"
    ):
        s.step(0.04, 0.4, size=1.0)
    with pytest.raises(
        ValueError, match=r"^size: expected None, for a profile without fixed_share"
    ):
        s.decide(size=2.0)
