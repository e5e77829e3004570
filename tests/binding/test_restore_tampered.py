"""A saved state that somebody has changed is refused, or harmless; never a crash."""

from __future__ import annotations

import math
import pickle
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from two_models import PROFILE

import alert

GOAL = alert.Goal.min_energy(deadline=0.1, accuracy=0.75, window=4)
DOUBLES = (math.nan, math.inf, -math.inf, -1.0, 0.0, 1e308)


def make(method: str) -> alert.Scheduler:
    scheduler = alert.Scheduler(PROFILE, GOAL, method=method, history=3)
    for latency in (0.03, 0.2, 0.05, 0.06, 0.04):
        scheduler.step(latency, 0.5, idle_power=4.0)
    return scheduler


def check_works(scheduler: alert.Scheduler) -> None:
    """Use it in every way; a sanitized build says what an ordinary one bears."""
    assert len(scheduler.history) <= 3
    assert all(type(flag.item()) is bool for flag in scheduler.history["met"])
    for _ in range(12):
        decision = scheduler.step(0.05, 0.5)
        assert 0 <= decision.model < 2
        assert decision.power_cap in PROFILE.power_caps
        for value in (decision.latency, decision.energy, decision.accuracy, decision.probability):
            assert value is not None
            assert math.isfinite(value)
    scheduler.goal = alert.Goal.max_accuracy(deadline=0.1, energy=1.0)
    scheduler.share(0.5, 3)
    assert make(scheduler.method).decision is not None
    pickle.loads(pickle.dumps(scheduler))


@pytest.mark.parametrize("method", alert._core.METHODS)
def test_every_word_replaced(method: str) -> None:
    state = make(method)._save()[0]
    accepted = 0
    for at in range(0, len(state) - 7, 8):
        words = [struct.pack("<d", x) for x in DOUBLES] + [struct.pack("<Q", 2**64 - 1)]
        for word in [*words, struct.pack("<Q", 0x0202020202020202)]:
            tampered = state[:at] + word + state[at + 8 :]
            victim = make(method)
            before = victim._save()[0]
            try:
                victim._restore(tampered)
            except ValueError as error:
                assert "state" in str(error)  # noqa: PT017
                assert victim._save()[0] == before
            else:
                accepted += 1
                check_works(victim)
    assert accepted > 0  # the trace's numbers, say: they are only shown


def test_every_word_of_a_learnt_profile_replaced() -> None:
    guess = alert.Profile.guess([0.7, 0.8], size=[1, 4], power_caps=[10, 20])
    victim = alert.Scheduler(guess, GOAL, history=0)
    for latency in (0.03, 0.2, 0.05, 0.06, 0.04):
        victim.step(latency, 0.5)
    state = victim._save()[0]
    accepted = 0
    for at in range(0, len(state) - 7, 8):
        for number in (*DOUBLES, 1e12, -1e12, 300.0):
            try:
                victim._restore(state[:at] + struct.pack("<d", number) + state[at + 8 :])
            except ValueError:
                continue
            accepted += 1
            for _ in range(12):
                decision = victim.step(0.05, 0.5)
                assert decision.energy is not None
                assert math.isfinite(decision.energy * decision.accuracy)
            assert pickle.loads(pickle.dumps(victim)).profile == victim.profile
    assert accepted > 0


@pytest.mark.parametrize("name", ["feasible", "met"])
def test_a_flag_of_the_trace_that_is_neither_true_nor_false(name: str) -> None:
    """NumPy would hand it out as it is."""
    scheduler = make("calibrated")
    state = bytearray(scheduler._save()[0])
    record = alert._core.HISTORY
    assert record.fields is not None
    state[-record.itemsize + record.fields[name][1]] = 2
    with pytest.raises(ValueError, match="state"):
        scheduler._restore(bytes(state))


@pytest.mark.parametrize("method", alert._core.METHODS)
def test_every_length(method: str) -> None:
    state = make(method)._save()[0]
    victim = make(method)
    before = victim._save()[0]
    for length in range(len(state)):
        with pytest.raises(ValueError, match="state"):
            victim._restore(state[:length])
    with pytest.raises(ValueError, match="state"):
        victim._restore(state + b"\0")
    assert victim._save()[0] == before


@settings(max_examples=300)
@given(data=st.data(), method=st.sampled_from(alert._core.METHODS))
def test_bytes_replaced_at_random(data: st.DataObject, method: str) -> None:
    state = bytearray(make(method)._save()[0])
    for _ in range(data.draw(st.integers(1, 6))):
        state[data.draw(st.integers(0, len(state) - 1))] = data.draw(st.integers(0, 255))
    victim = make(method)
    try:
        victim._restore(bytes(state))
    except ValueError:
        return
    check_works(victim)


def test_what_a_scheduler_saves_it_takes_back() -> None:
    for method in alert._core.METHODS:
        scheduler = make(method)
        for latency in (0.0, 1e9, 1e-300, 1e9, 1e9, 0.0):
            scheduler.step(latency, 1e18)
            other = make(method)
            other._restore(scheduler._save()[0])
            assert other.decision == scheduler.decision
            assert other._save()[0] == scheduler._save()[0]


def test_an_idle_variance_of_nothing_comes_back() -> None:
    """The filter gets there by itself when its noises are small."""
    constants = {"idle_v": 1e-300}
    scheduler = alert.Scheduler(PROFILE, GOAL, method="paper", constants=constants)
    for _ in range(3):
        scheduler.step(0.03, 0.5, idle_power=4.0)
    again = pickle.loads(pickle.dumps(scheduler))
    assert again.decision == scheduler.decision
    assert again._save()[0] == scheduler._save()[0]
