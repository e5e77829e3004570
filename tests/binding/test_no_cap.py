"""No cap as the last power cap of a profile, and a profile that knows no power."""

from __future__ import annotations

import json
import math
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import alert
from alert import Goal, Profile

LATENCY = [[0.02, 0.01], [0.06, 0.03]]


def make(**changed: Any) -> Profile:
    arguments: dict[str, Any] = {
        "latency": LATENCY,
        "power": [[10, 20], [10, 25]],
        "accuracy": [0.7, 0.8],
        "power_caps": [10, None],
        "idle_power": 3,
    }
    return Profile(**{**arguments, **changed})


UNKNOWN = make(power=None)
TIGHT = Goal.min_energy(deadline=0.04, accuracy=0.78, window=1)


# ------------------------------------------------------------------------------------------- no cap


def test_the_decision_has_none() -> None:
    scheduler = alert.Scheduler(make(), TIGHT)
    model, power_cap = scheduler.decision
    assert (model, power_cap) == (1, None)
    assert scheduler.step(0.03, 0.75) == (1, None)
    assert scheduler.decide(0.2) == (1, 10.0)  # and back to a number
    assert scheduler.decide(0.04).power_cap is None
    assert math.isinf(scheduler.history["power_cap"][0])
    assert scheduler.history["cap"][0] == 1
    assert math.isinf(alert.step_many([scheduler], [0.03], None)["power_cap"][0])


def test_only_the_last_cap_may_be_none() -> None:
    assert make().power_caps.tolist() == [10.0, math.inf]
    assert make() == make(power_caps=[10, math.inf]) == make(power_caps=(10, None))
    with pytest.raises(ValueError, match=r"power_caps\[0\]: expected a finite number .*got inf"):
        make(power_caps=[None, None])
    with pytest.raises(ValueError, match=r"power_caps\[0\]: expected a finite number .*got inf"):
        make(power_caps=[None, 10])
    with pytest.raises(ValueError, match=r"power_caps\[1\]: expected a finite number .*got -inf"):
        make(power_caps=[10, -math.inf])


def test_an_input_may_have_run_without_the_cap_that_was_chosen() -> None:
    scheduler = alert.Scheduler(make(), Goal.min_energy(deadline=0.5, accuracy=0.78, window=1))
    assert scheduler.decision == (1, 10.0)
    scheduler.step(0.03, None, power_cap=math.inf)
    assert scheduler.history["slowdown"][0] == pytest.approx(1.0)
    assert scheduler.history["cap"][0] == 1


def test_shows_itself() -> None:
    assert "10 W to no cap" in repr(make())
    assert repr(make().without_caps()) == "<alert.Profile: 2 models, 10-30 ms, no cap>"
    assert "power caps: 10 W, no cap; idle 3 W" in make()._repr_html_()
    scheduler = alert.Scheduler(make(), TIGHT)
    assert "next 'model 1' with no cap" in repr(scheduler)
    assert "<td>model 1 with no cap</td>" in scheduler._repr_html_()
    scheduler.decide(0.2)
    assert "next 'model 1' under 10 W" in repr(scheduler)


@pytest.mark.parametrize("profile", [make(), make().without_caps(), UNKNOWN])
def test_comes_back_from_a_file_and_a_pickle(profile: Profile, tmp_path: Path) -> None:
    profile.save(tmp_path / "profile.json")
    assert json.loads((tmp_path / "profile.json").read_text())["power_caps"][-1] is None
    assert Profile.load(tmp_path / "profile.json") == profile
    assert pickle.loads(pickle.dumps(profile)) == profile


def test_a_trace_keeps_it(tmp_path: Path) -> None:
    trace = alert.Trace(make(), np.array([LATENCY] * 3), np.ones((3, 2, 2)))
    trace.save(tmp_path / "trace.npz")
    found = alert.Trace.load(tmp_path / "trace.npz")
    assert found.profile == make()
    replay = found.replay(found.profile, TIGHT)
    assert replay.inputs is not None
    assert set(replay.inputs["cap"]) == {1}


def test_other_profiles() -> None:
    alone = make().subset(power_caps=[None])
    assert alone.power_caps.tolist() == [math.inf]
    assert alone.latency.tolist() == [[0.01], [0.03]]
    assert alone == make().without_caps() == alone.without_caps()
    capped = make(power_caps=[10, 20])
    assert capped.without_caps() == alone  # the highest cap stands for none
    assert make().subset(power_caps=[10]).merge(alone) == make()
    with pytest.raises(ValueError, match="power_caps: expected some of"):
        capped.subset(power_caps=[None])


# ------------------------------------------------------------------------------------ unknown power


def test_the_least_energy_is_the_least_time() -> None:
    """Whatever the watts of a machine without caps, the choices are the same as without them."""
    latency = [[0.01], [0.02], [0.035]]
    arguments: dict[str, Any] = {"accuracy": [0.6, 0.7, 0.8], "power_caps": [None]}
    rng = np.random.default_rng(1)
    slowdown = rng.lognormal(0.0, 0.1, 200) * np.where(np.arange(200) // 40 % 2, 2.0, 1.0)
    for window in (None, 1, 10):
        goal = Goal.min_energy(deadline=0.05, accuracy=0.72, window=window)
        runs = []
        for power in (None, [[25.0]] * 3, [[300.0]] * 3):
            profile = Profile(latency, power, idle_power=0.0, **arguments)
            scheduler = alert.Scheduler(profile, goal)
            for times in slowdown:
                scheduler.step(latency[scheduler.decision.model][0] * times, None)
            runs.append(scheduler.history["model"].tolist())
        assert len(set(runs[0])) > 1 or window == 1
        assert runs[0] == runs[1] == runs[2]


def test_energies_are_unknown_and_count_for_nothing() -> None:
    profile = UNKNOWN.without_caps()
    goal = Goal.min_energy(deadline=0.1, accuracy=0.7)
    told, silent = alert.Scheduler(profile, goal), alert.Scheduler(profile, goal)
    for _ in range(30):
        decision = told.step(0.02, 5.0, idle_power=90.0)
        assert decision == silent.step(0.02, None)
        assert math.isnan(decision.energy)
    assert told.history["energy"].tolist() == [5.0] * 30
    assert np.isnan(told.history["expected_energy"]).all()
    assert pickle.loads(pickle.dumps(told)).step(0.02, None) == told.step(0.02, None)
    assert "<td>expected energy</td><td>unknown</td>" in told._repr_html_()


def test_a_bound_on_energy_is_refused_and_the_message_says_what_to_do() -> None:
    bounded = Goal.max_accuracy(deadline=0.1, energy=2.0)
    message = r"^energy: expected no bound where .*busy_power= of Profile.measure.*, got 2$"
    with pytest.raises(ValueError, match=message):
        alert.Scheduler(UNKNOWN, bounded)
    scheduler = alert.Scheduler(UNKNOWN, TIGHT)
    before = scheduler.decision
    with pytest.raises(ValueError, match=message):
        scheduler.goal = bounded
    assert scheduler.goal is TIGHT
    assert scheduler.decision == before
    scheduler.goal = replace(TIGHT, deadline=0.2)


@pytest.mark.parametrize(
    ("goal", "told"),
    [
        (Goal.max_accuracy(0.1, energy=2.0), "energy: .*, got 2"),
        (Goal.max_accuracy(0.1, power=20.0), "power: .*, got 20"),
        (Goal.max_accuracy(0.1, budget=100.0, inputs=10), "budget: .*, got 100"),
        (Goal.min_latency(accuracy=0.7, energy=2.0), "energy: .*, got 2"),
    ],
)
def test_every_bound_on_energy_is_refused(goal: Goal, told: str) -> None:
    free = alert.Scheduler(UNKNOWN, TIGHT)
    with pytest.raises(ValueError, match=f"^{told}$"):
        alert.Scheduler(UNKNOWN, goal)
    with pytest.raises(ValueError, match=f"^{told}$"):
        free.step(0.03, None, goal=goal)
    assert len(free.history) == 0
    with pytest.raises(ValueError, match=f"^{told}$"):
        free.decide(goal=goal)


@pytest.mark.parametrize("goal", [Goal.max_accuracy(0.1), Goal.min_latency(accuracy=0.7)])
def test_goals_without_energy_need_no_power(goal: Goal) -> None:
    scheduler = alert.Scheduler(UNKNOWN, goal)
    scheduler.step(0.03, None)
    assert math.isnan(scheduler.decision.energy)


def test_a_profile_without_power() -> None:
    assert not UNKNOWN.knows_power
    assert make().knows_power
    assert np.isnan(UNKNOWN.power).all()
    assert UNKNOWN.idle_power == 0.0
    assert UNKNOWN.document()["power"] is None
    assert "<td>unknown</td>" in UNKNOWN._repr_html_()
    assert not UNKNOWN.subset([1]).knows_power
    larger = UNKNOWN.add("more", [0.1, 0.05], None, 0.9)
    assert not larger.knows_power
    assert larger.subset([0, 1]).merge(larger.subset([2])) == larger
    with pytest.raises(ValueError, match=r"power\[2, 0\]: expected a finite number"):
        make().add("more", [0.1, 0.05], None, 0.9)
    with pytest.raises(ValueError, match=r"power\[0, 0\]: expected a finite number"):
        make(power=np.full((2, 2), math.nan))
