"""A profile that is learnt while serving: against its twin, and by hand."""

from __future__ import annotations

import pickle
from random import Random

import numpy as np
import pytest
import reference
import reference_table
from random_cases import Twins, less_known, random_deadline, random_goal, sized, smooth_table

import alert

CAPS = [10.0, 15.0, 20.0]
TRUE = np.outer([0.01, 0.02, 0.05], [1.5, 1.2, 1.0])
WATTS = np.array([9.0, 14.0, 18.0])
GOAL = alert.Goal.min_energy(deadline=0.1, accuracy=0.75)
ACCURACY = [0.70, 0.76, 0.80]


# -------------------------------------------------------------------------------- against the twin


@pytest.mark.parametrize("method", ["paper", "calibrated"])
def test_random_streams(method: str) -> None:
    """Everything that can happen to a scheduler, while its profile is learnt."""
    decisions = by_rounding = 0
    for seed in range(80):
        random = Random(seed)
        table = less_known(random, smooth_table(random))
        if random.random() < 0.3:
            table = sized(random, table)
        twins = Twins(
            table,
            random_goal(random, table),
            method=method,
            learns=True,
            switch_cost=random.choice([0.0, 0.3 * random_deadline(random, table)]),
            hold_inputs=random.choice([1, 1, 2, 5]),
        )
        for _ in range(60):
            if random.random() < 0.1:
                twins.random_expectations(random)
            elif random.random() < 0.1:
                twins.random_neighbours(random)
            else:
                twins.random_action(random)
        assert_same_profile(twins)
        decisions += twins.decisions
        by_rounding += twins.by_rounding
    assert decisions > 4_000
    assert by_rounding <= decisions / 50


def test_a_long_run() -> None:
    """The machine is quiet, then contended, and so on; rounding does not add up."""
    random = Random(1)
    table = smooth_table(random)
    goal = reference.Goal(
        "min_energy", 5.0 * max(map(max, table.latency)), max(table.accuracy) - 0.05
    )
    twins = Twins(table, goal, method="calibrated", learns=True)
    for n in range(4_000):
        slow = 2.2 if n // 250 % 2 else 1.0
        model, cap, _ = twins.twin.decision.configuration
        latency = 1.7 * table.latency[model][cap] * slow * random.lognormvariate(0.0, 0.1)
        twins.step(latency, 0.9 * table.power[model][cap] * latency)
    assert_same_profile(twins)
    assert twins.by_rounding <= 4


def assert_same_profile(twins: Twins) -> None:
    twin = twins.twin
    assert isinstance(twin, reference_table.Learning)
    found = twins.here.profile
    latency = np.clip(np.exp(twin.times.logs()), 1e-12, 1e9)
    np.testing.assert_allclose(found.latency, latency, rtol=1e-9)
    cells = np.ndindex(found.latency.shape)
    spread = np.sqrt([twin.times.variance(*cell) for cell in cells])
    assert found.spread is not None
    np.testing.assert_allclose(found.spread.ravel(), spread, rtol=1e-6)
    if found.knows_power:
        np.testing.assert_allclose(found.power, np.exp(twin.watts.logs()), rtol=1e-9)


def test_many_runs_leave_a_spread_that_is_positive() -> None:
    s = alert.Scheduler(guess(), GOAL, history=0)
    rng = np.random.default_rng(0)
    for _ in range(100):
        serve(s, rng, 1000)
        profile = s.profile
        assert profile.spread is not None
        assert (profile.spread > 0.0099).all()
        assert (profile.spread < 6.0).all()


# ------------------------------------------------------------------------------------------ by hand


def guess(**more: object) -> alert.Profile:
    arguments = {"size": [1, 2, 4], "power_caps": CAPS, "idle_power": 3.0, **more}
    return alert.Profile.guess(ACCURACY, **arguments)  # type: ignore[arg-type]


def serve(
    s: alert.Scheduler,
    rng: np.random.Generator,
    inputs: int,
    slow: float = 1.0,
    noise: float = 0.05,
) -> list[tuple[int, int]]:
    """Step through inputs of a machine that is `slow`; return the configurations that ran."""
    ran = []
    for _ in range(inputs):
        model, power_cap = s.decision
        cap = CAPS.index(power_cap)
        latency = TRUE[model, cap] * slow * np.exp(noise * rng.standard_normal())
        s.step(latency, WATTS[cap] * latency)
        ran.append((model, cap))
    return ran


def test_each_model_runs_once_first_under_the_highest_cap() -> None:
    s = alert.Scheduler(guess(size=[2, 1, 4]), GOAL)
    ran = serve(s, np.random.default_rng(0), 20)
    assert ran[:3] == [(1, 2), (0, 2), (2, 2)]  # the smallest first
    assert ran[3:] != ran[3:4] * 17 or ran[3] not in ran[:3]


def test_a_configuration_that_has_not_run_is_said_to_be_estimated() -> None:
    s = alert.Scheduler(guess(), GOAL)
    seen: set[tuple[int, float]] = set()
    rng = np.random.default_rng(0)
    for _ in range(50):
        model, power_cap = s.decision
        assert s.decision.estimated == ((model, power_cap) not in seen)
        seen.add((model, power_cap))
        serve(s, rng, 1)
    assert not alert.Scheduler(measured(), GOAL).decision.estimated


def measured() -> alert.Profile:
    return alert.Profile(TRUE, np.tile(WATTS, (3, 1)), ACCURACY, CAPS, 3.0)


@pytest.mark.parametrize("size", [None, [1, 2, 4], [4, 2, 1], [1, 1, 1000]])
@pytest.mark.parametrize("latency", [1e-4, 1.0, 1e3])
def test_the_profile_comes_out_right_whatever_was_guessed(
    size: list[float] | None, latency: float
) -> None:
    s = alert.Scheduler(guess(size=size, latency=latency), GOAL)
    ran = serve(s, np.random.default_rng(1), 400)
    profile = s.profile
    used = [cell for cell in set(ran) if ran.count(cell) > 20]
    assert used
    for cell in used:
        assert profile.latency[cell] == pytest.approx(TRUE[cell], rel=0.06)
        assert profile.power[cell] == pytest.approx(WATTS[cell[1]], rel=0.02)
    assert s.slowdown[0] == pytest.approx(1.0, abs=0.1)


def test_contention_is_not_written_into_the_profile() -> None:
    s = alert.Scheduler(guess(), GOAL)
    rng = np.random.default_rng(2)
    serve(s, rng, 200)
    before = s.profile.latency
    serve(s, rng, 100, slow=2.0)
    assert s.slowdown[0] > 1.7
    np.testing.assert_allclose(s.profile.latency, before, rtol=0.12)
    serve(s, rng, 100)
    assert s.slowdown[0] == pytest.approx(1.0, abs=0.15)
    np.testing.assert_allclose(s.profile.latency, before, rtol=0.12)


def test_a_model_that_has_to_wait_is_not_tried_first() -> None:
    s = alert.Scheduler(guess(), GOAL)
    assert s.decision.model == 0
    s.expect(delay=[1e9, 0.0, 0.0])
    ran = serve(s, np.random.default_rng(0), 30)
    assert [model for model, _ in ran[:2]] == [1, 2]
    assert 0 not in {model for model, _ in ran}
    s.expect()
    assert s.decision.model == 0


def test_contention_at_the_start_ends_in_the_profile_of_the_quiet_machine() -> None:
    s = alert.Scheduler(guess(), GOAL)
    rng = np.random.default_rng(3)
    serve(s, rng, 60, slow=2.0)
    ran = serve(s, rng, 300)
    cell = max(set(ran), key=ran.count)
    assert s.profile.latency[cell] == pytest.approx(TRUE[cell], rel=0.15)


def test_it_saves_nearly_as_much_as_a_measured_profile() -> None:
    rng = np.random.default_rng(4), np.random.default_rng(4)
    learnt = serve(alert.Scheduler(guess(size=[1, 1.4, 2]), GOAL), rng[0], 300)
    known = serve(alert.Scheduler(measured(), GOAL), rng[1], 300)
    joules = [sum(TRUE[i, j] * (WATTS[j] - 3.0) for i, j in ran[50:]) for ran in (learnt, known)]
    assert joules[0] < 1.1 * joules[1]


def test_the_history_and_the_energy_go_on_without_a_meter() -> None:
    s = alert.Scheduler(guess(), GOAL)
    for _ in range(30):
        s.step(0.02, None)
    assert s.profile.power[0].tolist() == pytest.approx([10.0, 15.0, 20.0])  # the guess
    assert alert.Scheduler(guess(unit="GHz"), GOAL).profile.knows_power is False


# ------------------------------------------------------------------------- copies, states and files


def test_a_pickle_goes_on_from_the_same_state() -> None:
    s = alert.Scheduler(guess(), GOAL)
    for inputs in (0, 1, 2, 5, 70):
        serve(s, np.random.default_rng(inputs), inputs)
        twin = pickle.loads(pickle.dumps(s))
        assert twin.decision == s.decision
        assert twin.profile == s.profile
        for again in (s, twin):
            serve(again, np.random.default_rng(9), 40)
        assert twin.decision == s.decision
        assert twin.profile == s.profile


def test_a_saved_profile_is_learnt_on(tmp_path: object) -> None:
    s = alert.Scheduler(guess(), GOAL)
    serve(s, np.random.default_rng(5), 100)
    s.profile.save(f"{tmp_path}/p.json")
    loaded = alert.Profile.load(f"{tmp_path}/p.json")
    assert loaded == s.profile
    assert "learnt: " in repr(loaded)
    again = alert.Scheduler(loaded, GOAL)
    assert again.profile == s.profile
    ran = serve(again, np.random.default_rng(6), 1)
    assert not again.decision.estimated
    assert ran[0] not in [(2, 2)]  # no model runs for the first time


def test_numbers_of_another_profile_are_refused() -> None:
    s = alert.Scheduler(guess(), GOAL)
    serve(s, np.random.default_rng(5), 10)
    other = alert.Profile.guess([0.7, 0.8], power_caps=CAPS)
    for numbers in (s.profile._numbers, np.full(len(s.profile._numbers), np.nan)):
        with pytest.raises(ValueError, match="learnt: expected the numbers of a profile like this"):
            alert.Scheduler(other._going_on_from(numbers), GOAL)
    broken = s.profile._numbers.copy()
    broken[20] = np.nan
    with pytest.raises(ValueError, match="learnt: expected the numbers"):
        alert.Scheduler(guess()._going_on_from(broken), GOAL)


def stays_finite(s: alert.Scheduler) -> bool:
    """Step, and stop at the first number that is not finite: a search of such costs has no end."""
    for _ in range(300):
        s.step(0.1, 1.0)
        found = s._known()
        if found is None or not all(np.isfinite(numbers).all() for numbers in found):
            return False
    return bool((s.profile.latency > 0.0).all())


def test_numbers_that_no_input_leads_to_stay_finite() -> None:
    """A covariance that is symmetric and within its bounds need not be one."""
    s = alert.Scheduler(guess(), GOAL)
    serve(s, np.random.default_rng(5), 10)
    size = 2 + len(ACCURACY) + len(CAPS)
    for entry in (-1.0, 1.0, 1e3, 1e12):
        numbers = s.profile._numbers.copy()
        numbers[size : size + size * size] = ((1.0 - np.eye(size)) * entry).ravel()
        assert stays_finite(alert.Scheduler(guess()._going_on_from(numbers), GOAL))


@pytest.mark.parametrize("deviation", [1e-200, 1e-6, 1e6])
def test_constants_from_end_to_end_keep_the_numbers_finite(deviation: float) -> None:
    names = [name for name in alert.constants("calibrated") if name.startswith("table_")]
    for noise in (1e-200, 1e-6, 1e6):
        constants = {**dict.fromkeys(names, deviation), "table_noise": noise}
        assert stays_finite(alert.Scheduler(guess(), GOAL, constants=constants))


def test_a_tampered_state_changes_nothing() -> None:
    s = alert.Scheduler(guess(), GOAL)
    serve(s, np.random.default_rng(5), 10)
    state = bytearray(s._save()[0])
    before = s.profile
    state[-20 * 8 - 1] = 0xFF  # one of the logarithms
    with pytest.raises(ValueError, match="state: expected"):
        s._restore(bytes(state))
    assert s.profile == before


def test_text_is_no_power_of_a_guess() -> None:
    with pytest.raises(TypeError, match=r"^busy_power: expected a number, got str"):
        guess(busy_power="9")


def test_a_profile_of_too_many_models_is_not_learnt() -> None:
    many = alert.Profile.guess(np.full(2000, 0.5))
    with pytest.raises(ValueError, match="profile: expected at most 2000 models and caps"):
        alert.Scheduler(many, alert.Goal.min_energy(deadline=1.0, accuracy=0.4))
