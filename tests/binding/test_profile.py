"""Profiles: what they keep, how they show themselves."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest

import alert

ARGUMENTS: dict[str, Any] = {
    "latency": [[0.04, 0.02], [0.08, 0.05]],
    "power": [[10.0, 20.0], [11.0, 21.0]],
    "accuracy": [0.6, 0.8],
    "power_caps": [10.0, 20.0],
    "idle_power": 5.0,
}


def make(**change: Any) -> alert.Profile:
    return alert.Profile(**{**ARGUMENTS, **change})


def test_keeps_what_it_was_given() -> None:
    profile = make(models=["a", "b"], exits={"b": [(0.5, 0.7), (1.0, 0.8)]}, origin={"x": 1})
    for name in ("latency", "power", "accuracy", "power_caps"):
        array = getattr(profile, name)
        assert array.dtype == np.float64
        assert array.tolist() == ARGUMENTS[name]
    assert profile.idle_power == 5.0
    assert profile.models == ("a", "b")
    assert profile.exits == {1: ((0.5, 0.7), (1.0, 0.8))}
    assert profile.origin == {"x": 1}


def test_names_models_where_nobody_did() -> None:
    assert make().models == ("model 0", "model 1")
    assert make().exits == {}
    assert make().origin == {}


def test_exits_by_index_or_name() -> None:
    pairs = [(0.5, 0.7), (1.0, 0.8)]
    assert make(models=["a", "b"], exits={"b": pairs}) == make(models=["a", "b"], exits={1: pairs})


def test_takes_any_arrays_of_numbers() -> None:
    plain = make()
    for kind in (np.float32, np.float64):
        halves = make(latency=np.array([[0.5, 0.25], [1.0, 0.5]], kind))
        assert halves.latency.tolist() == [[0.5, 0.25], [1.0, 0.5]]
    assert make(power=np.array([[10, 20], [11, 21]])) == plain
    assert make(latency=np.array(ARGUMENTS["latency"]).T.copy().T) == plain  # Fortran order
    assert make(latency=tuple(map(tuple, ARGUMENTS["latency"]))) == plain


def test_is_cut_off_from_the_arrays_it_was_given() -> None:
    latency = np.array(ARGUMENTS["latency"])
    profile = make(latency=latency)
    goal = alert.Goal.min_energy(deadline=1, accuracy=0.5)
    before = alert.Scheduler(profile, goal).decision.latency
    latency[:] = 99.0
    assert profile == make()
    assert alert.Scheduler(profile, goal).decision.latency == before


def test_never_changes() -> None:
    profile = make()
    for name in ("latency", "power", "accuracy", "power_caps"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(profile, name)[0] = 1.0
    with pytest.raises(AttributeError, match="does not change"):
        profile.idle_power = 7.0
    with pytest.raises(AttributeError, match="does not change"):
        del profile.latency
    with pytest.raises(AttributeError):
        profile.unknown = 7.0
    assert profile == make()


def test_equality_is_by_content() -> None:
    assert make() == make(origin={"machine": "another"})
    assert make() != "profile"
    for change in (
        {"latency": [[0.04, 0.02], [0.08, 0.06]]},
        {"power": [[10.0, 20.0], [11.0, 22.0]]},
        {"accuracy": [0.6, 0.7]},
        {"power_caps": [10.0, 21.0]},
        {"idle_power": 4.0},
        {"models": ["a", "b"]},
        {"exits": {1: [(1.0, 0.8)]}},
    ):
        assert make() != make(**change)
    with pytest.raises(TypeError, match="unhashable"):
        hash(make())


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))]
)
def test_copies_and_pickles(again: Any) -> None:
    profile = make(models=["a", "b"], exits={1: [(0.5, 0.7), (1.0, 0.8)]}, origin={"x": 1})
    other = again(profile)
    assert other == profile
    assert other.origin == profile.origin
    goal = alert.Goal.max_accuracy(deadline=1, energy=9)
    assert alert.Scheduler(other, goal).decision == alert.Scheduler(profile, goal).decision


def test_shows_itself() -> None:
    profile = make(models=["small & fast", "large"], exits={1: [(0.5, 0.7), (1.0, 0.8)]})
    assert repr(profile) == "<alert.Profile: 2 models x 2 power caps, 20-80 ms, 10-20 W>"
    assert repr(make(origin={"power": "emulated"})).endswith("10-20 W, emulated>")
    html = profile._repr_html_()
    assert "<table class='alert-words'>" in html
    assert (
        "<td>small &amp; fast</td><td>0.600</td><td>20 – 40</td><td>10 – 20</td><td></td>" in html
    )
    assert "<td>large</td><td>0.800</td><td>50 – 80</td><td>11 – 21</td><td>2</td>" in html
    assert "power caps: 10 W, 20 W; idle 5 W" in html
    assert "emulated" in make(origin={"power": "emulated"})._repr_html_()


def test_one_model_under_one_cap_is_enough() -> None:
    profile = alert.Profile([[0.1]], [[20]], [0.9], [20], 0)
    scheduler = alert.Scheduler(profile, alert.Goal.min_energy(deadline=1, accuracy=0.5))
    assert scheduler.decision == (0, 20.0)
    assert scheduler.step(0.1, 2.0) == (0, 20.0)


def test_a_last_exit_alone_is_a_traditional_model_that_says_its_exit() -> None:
    goal = alert.Goal.min_energy(deadline=0.1, accuracy=0.7)
    one, other = make(), make(exits={0: [(1.0, 0.6)], 1: [(1.0, 0.8)]})
    plain, anytime = alert.Scheduler(one, goal), alert.Scheduler(other, goal)
    for latency in (0.05, 0.07, 0.03):
        assert plain.decision == anytime.decision
        assert plain.decision.accuracy == anytime.decision.accuracy
        assert (plain.decision.exit, anytime.decision.exit) == (None, 0)
        plain.step(latency, None)
        anytime.step(latency, None)


@pytest.mark.parametrize("name", ["latency", "power"])
def test_quotients_of_what_is_accepted_are_finite(name: str) -> None:
    """Near 0 a slowdown, which is a quotient, would overflow."""
    good: dict[str, Any] = {"latency": [[1e-12]], "power": [[1e-12]]}
    profile = alert.Profile(**good, accuracy=[0.5], power_caps=[1e9], idle_power=1e9)
    goal = alert.Goal.min_energy(deadline=1e-12, accuracy=0.4)
    for method in alert._core.METHODS:
        decision = alert.Scheduler(profile, goal, method=method).step(1e9, 1e18, idle_power=1e9)
        assert math.isfinite(decision.latency + decision.energy)
    with pytest.raises(ValueError, match=rf"{name}\[0, 0\]: expected .* from 1e-12 to 1e9"):
        alert.Profile(**{**good, name: [[1e-13]]}, accuracy=[0.5], power_caps=[1.0], idle_power=0.0)


def test_exits_have_times_of_their_own() -> None:
    with pytest.raises(ValueError, match=r"exits\[0, 0\]: .*1e-9 or more"):
        alert.Profile([[1.0]], [[1.0]], [0.5], [1.0], 0.0, exits={0: [(1e-10, 0.4), (1.0, 0.5)]})


@pytest.mark.parametrize(
    ("exits", "caps", "counted"),
    [(4000, 3000, 12_000_000), (5000, 1, 12_502_500)],
    ids=["outputs under caps", "outputs on the way to outputs"],
)
def test_a_few_numbers_cannot_ask_for_all_memory(exits: int, caps: int, counted: int) -> None:
    watts = np.arange(1.0, caps + 1)
    steps = [((i + 1) / exits, 0.5) for i in range(exits)]
    message = f"exits: expected at most 10000000 configurations, exits included, got {counted}$"
    with pytest.raises(ValueError, match=message):
        alert.Profile([watts], [watts], [0.5], watts, 0.0, exits={0: steps})
