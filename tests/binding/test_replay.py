"""Replay in C against a loop of steps in Python that runs what was decided."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import synthetic
from numpy.typing import NDArray

import alert
from alert.evaluation import OutputTrace

GOALS = (
    alert.Goal.min_energy(0.01, 0.66),
    alert.Goal.min_energy(0.012, 0.6, probability=0.8, q_fail=0.1),
    alert.Goal.max_accuracy(0.025, 0.2, window=20),
    alert.Goal.max_accuracy(0.015, 0.15, q_fail=0.05),
)


def stop(trace: alert.Trace, i: int, decision: alert.Decision, cap: int, due: float) -> int:
    """Find the exit where the runner would stop: before one that its pace says comes late."""
    assert decision.exit is not None
    times = trace.exits[decision.model][i, cap]
    fractions = [fraction for fraction, _ in trace.profile.exits[decision.model]]
    reached = 0
    while reached < decision.exit:
        if times[reached] * fractions[reached + 1] / fractions[reached] > due:
            break
        reached += 1
    return reached


def reached(trace: alert.Trace, i: int, model: int) -> list[float]:
    """Return the accuracy of each output of a model on one input."""
    p = trace.profile
    outputs = [len(p.exits.get(k, ((1.0, 0.5),))) for k in range(len(p.models))]
    if trace.accuracy is not None:
        first = sum(outputs[:model])
        found: list[float] = trace.accuracy[i, first : first + outputs[model]].tolist()
        return found
    return [a for _, a in p.exits.get(model, ((1.0, p.accuracy[model]),))]


def run(
    trace: alert.Trace, goal: alert.Goal, i: int, decision: alert.Decision, cap: int, due: float
) -> dict[str, Any]:
    """Run one input on what was decided."""
    model = decision.model
    out: dict[str, Any] = {"model": model, "cap": cap, "exit": -1, "stopped": -1, "deadline": due}
    whole, joules = trace.latency[i, model, cap], trace.energy[i, model, cap]
    out |= {"probability": decision.probability, "feasible": decision.feasible}
    if decision.exit is None:
        met = done = bool(whole <= due)
        accuracy = reached(trace, i, model)[0] if met else goal.q_fail
        out |= {"latency": whole, "energy": joules}
    else:
        stopped = stop(trace, i, decision, cap, due)
        times = trace.exits[model][i, cap]
        credited = reached(trace, i, model)
        in_time = [credited[k] for k in range(stopped + 1) if times[k] <= due]
        met, done = bool(in_time), bool(times[decision.exit] <= due)
        accuracy = in_time[-1] if met else goal.q_fail
        out |= {"exit": decision.exit, "stopped": stopped}
        out |= {"latency": times[stopped], "energy": joules * (times[stopped] / whole)}
    return out | {"met": met, "done": done, "accuracy": accuracy}


def by_hand(
    trace: alert.Trace,
    goal: alert.Goal,
    scheduler: alert.Scheduler,
    system: alert.Scheduler | None = None,
) -> list[dict[str, Any]]:
    """Step through the trace."""
    outcomes = []
    group = trace.group
    caps = trace.profile.power_caps.tolist()
    schedulers = [scheduler] if system is None else [scheduler, system]
    left, words = 0.0, 0
    for i in range(len(trace)):
        alone = np.count_nonzero(group == group[i]) == 1
        if not alone and (i == 0 or group[i - 1] != group[i]):
            words = int(np.count_nonzero(group == group[i]))
            left = goal.deadline * words
            for each in schedulers:
                each.share(left, words)
        due = goal.deadline if alone else max(left / words, 0.0)
        decision = scheduler.decision
        cap = caps.index((system or scheduler).decision.power_cap)
        out = run(trace, goal, i, decision, cap, due)
        scheduler.step(
            out["latency"], out["energy"], exit=None if decision.exit is None else out["stopped"]
        )
        if system is not None:
            system.step(out["latency"], out["energy"])
        left, words = left - out["latency"], words - 1
        if alone or words == 0:
            out["energy"] += trace.profile.idle_power * max(due - out["latency"], 0.0)
        outcomes.append(out)
    return outcomes


def assert_same(found: NDArray[np.void], expected: list[dict[str, Any]]) -> None:
    assert len(found) == len(expected)
    for name in found.dtype.names or ():
        wanted = np.array([out[name] for out in expected])
        np.testing.assert_allclose(found[name], wanted, rtol=1e-12, err_msg=name)


def replayed(
    trace: alert.Trace, scheduler: alert.Scheduler, system: alert.Scheduler | None = None
) -> NDArray[np.void]:
    r = OutputTrace.of(trace)
    return scheduler._replay(r.latency, r.energy, r.idle_power, r.sharing, system, r.recorded)


@pytest.mark.parametrize("goal", GOALS, ids=repr)
@pytest.mark.parametrize("words", [1, 7])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("recorded", [False, True])
def test_the_same_as_a_loop_of_steps(
    goal: alert.Goal, words: int, seed: int, recorded: bool
) -> None:
    trace = synthetic.trace(300, seed, words=words)
    if recorded:
        trace = synthetic.with_accuracy(trace)
    one, other = (alert.Scheduler(trace.profile, goal) for _ in range(2))
    assert_same(replayed(trace, one), by_hand(trace, goal, other))
    assert one._save()[0] == other._save()[0]


def test_the_exits_are_used() -> None:
    """What the test above compares holds early stops, late outputs and misses."""
    trace = synthetic.trace(300, 1, words=7)
    found = replayed(trace, alert.Scheduler(trace.profile, GOALS[0]))
    anytime = found[found["exit"] >= 0]
    assert (anytime["stopped"] < anytime["exit"]).any()
    assert (anytime["latency"] > anytime["deadline"]).any()
    assert (~found["met"]).any()
    assert (found["met"] & ~found["done"]).any()


@pytest.mark.parametrize("words", [1, 5])
def test_another_scheduler_chooses_the_cap(words: int) -> None:
    trace = synthetic.with_accuracy(synthetic.trace(300, 4, words=words))
    p = trace.profile
    goal = alert.Goal.min_energy(0.03, 0.66)
    blind = alert.Profile(p.latency[1:2], p.power[1:2], [0.75], p.power_caps, p.idle_power)
    pairs = [(alert.Scheduler(p, goal), alert.Scheduler(blind, goal)) for _ in range(2)]
    assert_same(replayed(trace, *pairs[0]), by_hand(trace, goal, *pairs[1]))
    for one, other in zip(*pairs, strict=True):
        assert one._save()[0] == other._save()[0]


def test_a_second_replay_goes_on_from_the_first() -> None:
    trace = synthetic.trace(100, 5)
    r = OutputTrace.of(trace)
    whole, halves = (alert.Scheduler(trace.profile, GOALS[0]) for _ in range(2))
    together = whole._replay(r.latency, r.energy, r.idle_power)
    apart = [halves._replay(r.latency[h], r.energy[h], 5.0) for h in (slice(50), slice(50, None))]
    np.testing.assert_array_equal(together, np.concatenate(apart))


def arrays(**changed: Any) -> dict[str, Any]:
    trace = synthetic.trace(6, 0, words=3)
    r = OutputTrace.of(trace)
    given = {"latency": r.latency, "energy": r.energy, "idle_power": 5.0, "sharing": r.sharing}
    return given | changed


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sharing": [3, 2, 1, 3, 2, 2]}, r"sharing\[5\]: expected the inputs left"),
        ({"sharing": [3, 2, 1, 4, 3, 2]}, r"sharing\[3\]: .*got 4"),
        ({"sharing": [3, 2, 1, 0, 2, 1]}, r"sharing\[3\]: .*got 0"),
        ({"sharing": [1] * 5}, "sharing: expected the shape of latency"),
        ({"energy": arrays()["energy"][:5]}, "energy: expected the shape of latency"),
        ({"accuracy": np.full((6, 5), 1.5)}, r"accuracy\[0, 0\]: expected a number from 0 to 1"),
        ({"accuracy": np.full((6, 5), np.nan)}, r"accuracy\[0, 0\]: .*got nan"),
        ({"accuracy": np.zeros((6, 4))}, "accuracy: expected the shape of latency"),
        ({"idle_power": -1.0}, "idle_power: expected a finite number of watts"),
        (
            {"latency": arrays()["latency"][:, :4], "energy": arrays()["energy"][:, :4]},
            "outputs: expected as many as the models of the profile have, got 4",
        ),
        (
            {"latency": arrays()["latency"][..., :2], "energy": arrays()["energy"][..., :2]},
            "caps: expected as many as the profile has, got 2",
        ),
    ],
)
def test_a_bad_trace_changes_nothing(changed: dict[str, Any], message: str) -> None:
    scheduler = alert.Scheduler(synthetic.profile(), GOALS[0])
    before = scheduler._save()[0]
    with pytest.raises(ValueError, match=message):
        scheduler._replay(**arrays(**changed))
    assert scheduler._save()[0] == before


def test_a_bad_measurement_is_named() -> None:
    given = arrays()
    given["latency"][4] = np.nan
    scheduler = alert.Scheduler(synthetic.profile(), GOALS[0])
    with pytest.raises(ValueError, match=r"latency\[4\]: expected a finite number of seconds.*nan"):
        scheduler._replay(**given)


def test_a_sentence_may_not_take_longer_than_any_input_may() -> None:
    given = arrays()
    usual, patient = (
        alert.Scheduler(synthetic.profile(), replace(GOALS[0], deadline=deadline))
        for deadline in (0.02, 9e8)
    )
    message = r"deadline\[0\]: expected a finite number of seconds > 0.*got 2700000000$"
    for schedulers in ((patient, None), (patient, usual), (usual, patient)):
        with pytest.raises(ValueError, match=message):
            schedulers[0]._replay(**given, system=schedulers[1])
    assert len(usual.history) == len(patient.history) == 0


def test_the_scheduler_of_caps_is_another_one() -> None:
    scheduler = alert.Scheduler(synthetic.profile(), GOALS[0])
    for system in (scheduler, 3):
        with pytest.raises(TypeError, match="system: expected another Scheduler or None"):
            scheduler._replay(**arrays(), system=system)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["latency", "energy"])
def test_costs_may_not_be_none(name: str) -> None:
    scheduler = alert.Scheduler(synthetic.profile(), GOALS[0])
    before = scheduler._save()[0]
    with pytest.raises((TypeError, ValueError)):
        scheduler._replay(**arrays(**{name: None}))
    assert scheduler._save()[0] == before
