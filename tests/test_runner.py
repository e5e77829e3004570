"""The runner, on a simulated machine: every time and every joule is exact, no clock decides."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from simulation import ACCURACY, CAPS, SECONDS, Machine, Network, Package, Staircase, profile

import alert
from alert import power
from alert.runner import Runner

CHEAP = alert.Goal.min_energy(deadline=0.2, accuracy=0.5)
"""On the quiet machine: the small model."""


class Bench:
    """A runner of the small and the large model on a simulated machine."""

    def __init__(self, goal: alert.Goal = CHEAP, **options: Any) -> None:
        self.machine = Machine()
        self.package = Package(self.machine, read_cost=options.pop("read_cost", 0.0))
        self.models = {name: Network(self.machine, name, s) for name, s in SECONDS.items()}
        self.runner = Runner(
            self.models, profile(), goal, self.package, clock=self.machine.clock, **options
        )


def state(runner: Runner) -> bytes:
    return runner.scheduler._save()


# -------------------------------------------------------------------------------- one input


def test_runs_what_the_scheduler_chose_and_returns_its_output() -> None:
    bench = Bench()
    model, power_cap = bench.runner.scheduler.decision
    assert bench.runner("x") == (list(SECONDS)[model], "x")
    assert bench.package.cap == power_cap


def test_reports_to_the_scheduler_what_ran() -> None:
    bench = Bench(alert.Goal.min_energy(deadline=0.2, accuracy=0.7))
    by_hand = alert.Scheduler(profile(), bench.runner.scheduler.goal)
    for contention in (1.0, 3.0, 2.0, 1.0, 0.5):
        bench.machine.contention = contention
        model, cap = by_hand.decision
        bench.runner("x")
        latency = SECONDS[profile().models[model]] * contention * Package.PEAK / cap
        by_hand.step(latency, latency * cap)
        assert bench.runner.scheduler.decision == by_hand.decision
        assert bench.runner.trace["latency"][-1] == pytest.approx(latency, rel=1e-12)
        assert bench.runner.trace["energy"][-1] == pytest.approx(latency * cap, rel=1e-9)
    assert bench.runner.scheduler.slowdown == pytest.approx(by_hand.slowdown, rel=1e-9)


def test_sets_the_cap_only_when_it_changes() -> None:
    bench = Bench(alert.Goal.min_energy(deadline=0.15, accuracy=0.5))
    for contention in (1.0,) * 6 + (4.0,) * 6 + (1.0,) * 6:
        bench.machine.contention = contention
        bench.runner("x")
    chosen = bench.runner.trace["power_cap"]
    changes = [chosen[0], *chosen[1:][chosen[1:] != chosen[:-1]]]
    assert bench.package.caps_set == changes  # the first when the runner was made
    assert 3 <= len(changes) < len(chosen)
    assert bench.runner.trace["cap_changed"].sum() == len(changes) - 1
    assert bench.runner.report().cap_changes == len(changes) - 1


def test_models_run_in_inference_mode() -> None:
    import torch

    machine = Machine()
    layer = torch.nn.Linear(3, 2)
    seen = []

    def anytime(x: Any) -> Any:
        for _ in range(2):
            machine.work(0.005)
            seen.append(torch.is_inference_mode_enabled())
            yield layer(x)

    exits = {"large": [(0.5, 0.7), (1.0, 0.8)]}
    for goal, fields in ((CHEAP, None), (alert.Goal.max_accuracy(deadline=1, energy=99), exits)):
        models = {"small": layer, "large": anytime}
        package = Package(machine)
        runner = Runner(models, profile(exits=fields), goal, package, clock=machine.clock)
        if goal is CHEAP:
            machine.work(0.01)
        output = runner(torch.ones(4, 3))
        assert output.is_inference()
        assert output.shape == (4, 2)
    assert seen == [True, True]
    assert not torch.is_inference_mode_enabled()


def test_needs_no_torch() -> None:
    code = """
import sys, alert
from alert.runner import Runner
profile = alert.Profile([[0.01]], [[20]], [0.7], [20], 5)
with Runner([str], profile, alert.Goal.min_energy(1, 0.5), "emulated") as runner:
    assert runner(3) == "3"
    print(runner.report())
assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "1 x model 0 under 20 W" in done.stdout


# ---------------------------------------------------------------------------- deadlines


def test_waiting_eats_into_the_deadline() -> None:
    bench = Bench()
    arrival = bench.machine.now
    bench.machine.now += 0.15
    bench.runner("x", arrival=arrival)
    assert bench.runner.trace["deadline"][0] == pytest.approx(0.05, rel=1e-9)
    assert bench.runner.trace["power_cap"][0] > Bench().runner.scheduler.decision.power_cap
    latency = bench.runner.trace["latency"][0]
    assert bench.runner.trace["arrival"][0] == arrival
    assert bench.runner.trace["start"][0] == arrival + 0.15
    assert bench.runner.trace["response"][0] == pytest.approx(0.15 + latency, rel=1e-9)
    assert bench.runner.trace["lateness"][0] == pytest.approx(latency - 0.05, rel=1e-9)
    bench.runner("y")
    assert bench.runner.trace["deadline"][1] == 0.2


def test_an_input_out_of_time_still_gets_its_output() -> None:
    bench = Bench()
    arrival = bench.machine.now
    bench.machine.now += 7.0
    assert bench.runner("x", arrival=arrival)[1] == "x"
    assert not bench.runner.trace["feasible"][0]
    assert bench.runner.trace["lateness"][0] > 6.8
    assert bench.runner.report().misses == 1
    assert bench.runner.report().infeasible == 1


def test_a_deadline_of_its_own_holds_for_one_input() -> None:
    bench = Bench()
    bench.runner("x", deadline=0.02)
    bench.runner("x")
    bench.runner("x", deadline=0.3, arrival=bench.machine.now - 0.1)
    bench.runner("x")
    assert bench.runner.trace["deadline"] == pytest.approx([0.02, 0.2, 0.2, 0.2], rel=1e-9)
    assert bench.runner.trace["power_cap"][0] > bench.runner.trace["power_cap"][1]


def test_a_goal_changed_meanwhile_holds_for_the_next_input() -> None:
    bench = Bench()
    bench.runner("x")
    bench.runner.scheduler.goal = alert.Goal.max_accuracy(deadline=0.5, energy=99.0)
    assert bench.runner("x")[0] == "large"
    assert bench.runner.trace["deadline"].tolist() == [0.2, 0.5]
    assert bench.runner.trace["lateness"][1] == pytest.approx(
        bench.runner.trace["response"][1] - 0.5, rel=1e-9
    )


@pytest.mark.parametrize("late", [0.0, 1e-9, math.nan, math.inf, -math.inf])
def test_refuses_an_arrival_that_is_none(late: float) -> None:
    bench = Bench()
    bench.runner("x")
    before = state(bench.runner)
    arrival = bench.machine.now + late if late != 0.0 else 1.7e9  # 0.0: someone used time.time()
    for call in (
        lambda: bench.runner("x", arrival=arrival),
        lambda: bench.runner.share(1.0, 2, arrival=arrival),
    ):
        with pytest.raises(ValueError, match=r"arrival: expected seconds of time.perf_counter"):
            call()
    assert state(bench.runner) == before
    assert len(bench.runner.trace) == 1


@pytest.mark.parametrize("deadline", [0.0, -1.0, math.nan, math.inf])
def test_refuses_a_deadline_that_is_none(deadline: float) -> None:
    bench = Bench()
    bench.runner("x")
    before = state(bench.runner)
    for call in (
        lambda: bench.runner("x", deadline=deadline),
        lambda: bench.runner.share(deadline, 2),
    ):
        with pytest.raises(ValueError, match=r"deadline: expected a finite number of seconds > 0"):
            call()
    assert state(bench.runner) == before


# ------------------------------------------------------------------------ shared deadlines


def test_the_words_of_a_sentence_share_its_deadline() -> None:
    bench = Bench()
    start = bench.machine.now
    bench.runner.share(0.3, 3)
    for gap in (0.0, 0.06, 0.0):
        bench.machine.now += gap
        bench.runner("word")
    bench.runner("after")
    trace = bench.runner.trace
    left = start + 0.3 - trace["start"][:3]
    assert trace["deadline"] == pytest.approx([*left / [3, 2, 1], 0.2], rel=1e-9)
    outputs = trace["arrival"] + trace["response"]
    assert trace["lateness"][:3] == pytest.approx(outputs[:3] - (start + 0.3), abs=1e-9)


def test_a_word_may_have_waited_and_a_sentence_too() -> None:
    bench = Bench()
    start = bench.machine.now
    bench.machine.now += 0.1
    bench.runner.share(0.3, 2, arrival=start)
    assert bench.runner.scheduler.decision.latency < 0.1
    bench.runner("word", arrival=start + 0.05)
    assert bench.runner.trace["deadline"][0] == pytest.approx(0.1, rel=1e-9)
    assert bench.runner.trace["arrival"][0] == start + 0.05
    bench.runner("word", deadline=0.07)
    assert bench.runner.trace["deadline"][1] == pytest.approx(0.07, rel=1e-9)
    bench.runner("after")
    assert bench.runner.trace["deadline"][2] == 0.2


def test_a_sentence_out_of_time_goes_on() -> None:
    bench = Bench()
    bench.runner.share(0.1, 3, arrival=bench.machine.now - 1.0)
    for _ in range(3):
        bench.runner("word")
    assert bench.runner.report().misses == 3
    bench.runner("after")
    assert bench.runner.report().misses == 3


def test_another_sentence_replaces_one_that_ended_early() -> None:
    bench = Bench()
    bench.runner.share(0.3, 30)
    bench.runner("word")
    bench.runner.share(0.4, 2)
    bench.runner("word")
    assert bench.runner.trace["deadline"][1] == pytest.approx(0.2, rel=1e-9)


def test_refuses_a_sentence_without_words() -> None:
    bench = Bench()
    before = state(bench.runner)
    with pytest.raises(ValueError, match="inputs"):
        bench.runner.share(1.0, 0)
    assert state(bench.runner) == before
    bench.runner("x")
    assert bench.runner.trace["deadline"][0] == 0.2


# --------------------------------------------------------------------------- anytime models

EXITS = {"large": [(1 / 3, 0.5), (2 / 3, 0.7), (1.0, 0.8)]}


class AnytimeBench:
    """A runner of one anytime model whose exits take 10 ms each under the highest cap."""

    def __init__(self, goal: alert.Goal, **options: Any) -> None:
        self.machine = Machine()
        self.package = Package(self.machine)
        self.model = Staircase(self.machine, [0.01] * 3)
        table = profile({"large": 0.03}, {"large": 0.8}, EXITS)
        models = {"large": self.model}
        self.runner = Runner(
            models, table, goal, self.package, clock=self.machine.clock, **options
        )


def test_stops_at_the_exit_chosen() -> None:
    bench = AnytimeBench(alert.Goal.min_energy(deadline=1.0, accuracy=0.65))
    decision = bench.runner.scheduler.decision
    assert decision.exit == 1
    assert bench.runner("x") == (1, "x")
    assert (bench.model.begun, bench.model.closed) == (2, 1)
    assert bench.runner.trace["exit"][0] == 1
    paced = 0.02 * Package.PEAK / decision.power_cap
    assert bench.runner.trace["latency"][0] == pytest.approx(paced, rel=1e-9)
    assert bench.runner.trace["energy"][0] == pytest.approx(paced * decision.power_cap, rel=1e-9)
    assert bench.runner.trace["slowdown"][0] == pytest.approx(1.0, rel=1e-9)


def test_leaves_out_an_exit_that_would_come_late() -> None:
    bench = AnytimeBench(alert.Goal.max_accuracy(deadline=0.1, energy=99.0))
    decision = bench.runner.scheduler.decision
    assert (decision.exit, decision.power_cap) == (2, 40.0)
    bench.machine.contention = 4.0  # exits at 40, 80 and 120 ms
    assert bench.runner("x") == (1, "x")
    assert (bench.model.begun, bench.model.closed) == (2, 1)
    trace = bench.runner.trace[0]
    assert trace["exit"] == 1
    assert trace["latency"] == pytest.approx(0.08, rel=1e-9)
    assert trace["slowdown"] == pytest.approx(4.0, rel=1e-9)
    assert trace["accuracy"] == 0.7
    assert bench.runner.report().misses == 0


def test_goes_on_to_an_exit_that_is_just_in_time() -> None:
    bench = AnytimeBench(alert.Goal.max_accuracy(deadline=0.1201, energy=99.0))
    bench.machine.contention = 4.0
    assert bench.runner("x") == (2, "x")
    assert bench.runner.report().misses == 0


def test_stops_when_the_deadline_came_unforeseen() -> None:
    bench = AnytimeBench(alert.Goal.max_accuracy(deadline=0.1, energy=99.0))

    def between(k: int) -> None:
        bench.machine.contention = 20.0 if k == 1 else 1.0

    bench.model.between = between
    assert bench.runner("x") == (1, "x")  # out at 10 + 200 ms; the third is not begun
    assert bench.model.begun == 2
    trace = bench.runner.trace[0]
    assert trace["exit"] == 1
    assert trace["accuracy"] == 0.5  # of the output that was there in time
    assert trace["lateness"] == pytest.approx(0.11, rel=1e-9)
    assert bench.runner.report().misses == 1


def test_gives_the_first_exit_of_an_input_out_of_time() -> None:
    bench = AnytimeBench(alert.Goal.max_accuracy(deadline=0.1, energy=99.0))
    assert bench.runner("x", arrival=bench.machine.now - 5.0) == (0, "x")
    assert bench.model.begun == 1
    assert bench.runner("x") == (2, "x")


def test_a_word_stops_when_its_share_is_over() -> None:
    bench = AnytimeBench(alert.Goal.max_accuracy(deadline=0.1, energy=99.0))
    bench.machine.contention = 4.0
    bench.runner.share(0.2, 2)
    assert bench.runner("word") == (1, "word")
    assert bench.runner.trace["lateness"][0] == pytest.approx(0.08 - 0.2, rel=1e-9)


def test_refuses_an_anytime_model_that_is_none() -> None:
    bench = AnytimeBench(alert.Goal.max_accuracy(deadline=1.0, energy=99.0))
    before = state(bench.runner)
    bench.runner._models[0] = lambda x: [1, 2, 3]
    with pytest.raises(TypeError, match="large: an anytime model yields .* got list"):
        bench.runner("x")
    bench.runner._models[0] = lambda x: iter([1, 2])
    with pytest.raises(ValueError, match="large: expected at least 3 exits, got 2"):
        bench.runner("x")
    bench.runner._models[0] = lambda x: iter(())
    with pytest.raises(ValueError, match="large: expected at least 3 exits, got 0"):
        bench.runner("x")
    assert state(bench.runner) == before
    bench.runner._models[0] = bench.model
    assert bench.runner("x") == (2, "x")


# -------------------------------------------------------------------------------- failures


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt()])
def test_a_model_that_raises_teaches_nothing(error: BaseException) -> None:
    bench = Bench()
    bench.runner("x")
    before, caps, joules = state(bench.runner), list(bench.package.caps_set), bench.package.energy()
    for model in bench.models.values():
        model.raises = error
    cap = bench.package.cap
    with pytest.raises(type(error)):
        bench.runner("x")
    assert not bench.package.working
    spent = SECONDS["small"] * Package.PEAK
    assert joules is not None
    assert bench.package.energy() == pytest.approx(joules + spent, rel=1e-9)
    assert state(bench.runner) == before
    assert bench.runner.report().inputs == len(bench.runner.trace) == 1
    for model in bench.models.values():
        model.raises = None
    assert bench.runner("y") == ("small", "y")
    assert bench.package.caps_set == caps  # nor was the cap touched
    assert bench.package.cap == cap
    assert bench.runner.trace["latency"][1] == bench.runner.trace["latency"][0]


def test_a_model_that_raises_leaves_no_deadline_behind() -> None:
    bench = Bench()
    for model in bench.models.values():
        model.raises = RuntimeError("no")
    with pytest.raises(RuntimeError):
        bench.runner("x", deadline=0.012)
    assert bench.package.cap == 40.0
    for model in bench.models.values():
        model.raises = None
    bench.runner("y")
    assert bench.runner.trace["deadline"][0] == 0.2
    assert bench.package.cap == Bench().package.cap
    bench.runner.share(0.3, 2)
    for model in bench.models.values():
        model.raises = RuntimeError("no")
    with pytest.raises(RuntimeError):
        bench.runner("word")
    for model in bench.models.values():
        model.raises = None
    now = bench.machine.now
    bench.runner("word")
    due = bench.runner._shared_due
    assert bench.runner.trace["deadline"][1] == pytest.approx((due - now) / 2, rel=1e-9)


def test_an_anytime_model_that_raises_teaches_nothing() -> None:
    bench = AnytimeBench(alert.Goal.max_accuracy(deadline=1.0, energy=99.0))
    before = state(bench.runner)

    def between(k: int) -> None:
        if k == 1:
            raise RuntimeError("no")

    bench.model.between = between
    with pytest.raises(RuntimeError):
        bench.runner("x")
    assert state(bench.runner) == before
    assert not bench.package.working
    bench.model.between = lambda k: None
    assert bench.runner("x") == (2, "x")


def test_a_cap_that_is_refused_is_asked_for_again() -> None:
    bench = Bench()
    bench.runner("x")
    before = state(bench.runner)
    bench.package.refuses = PermissionError("no")
    with pytest.raises(PermissionError):
        bench.runner("x", deadline=0.012)
    assert bench.runner.report().inputs == 1
    bench.package.refuses = None
    caps = list(bench.package.caps_set)
    bench.runner("x")
    assert bench.package.caps_set == [*caps, 10.0]  # what is in force was not known
    assert bench.runner.trace["deadline"][1] == 0.2
    assert before != state(bench.runner)


# ------------------------------------------------------------------------------- measuring


def test_measures_its_own_overhead() -> None:
    bench = Bench(read_cost=0.003)  # before and after the model
    assert bench.runner.scheduler.overhead == 0.0
    for _ in range(3):
        bench.runner("x")
        assert bench.runner.scheduler.overhead == pytest.approx(0.006, rel=1e-9)
    bench.package.read_cost = 0.011
    bench.runner("x")
    assert bench.runner.scheduler.overhead == pytest.approx(0.006 + 0.016 / 16, rel=1e-9)
    for _ in range(200):
        bench.runner("x")
    assert bench.runner.report().overhead == pytest.approx(0.022, rel=1e-3)
    assert bench.runner.trace["latency"][0] == pytest.approx(0.04, rel=1e-9)
    assert bench.runner.trace["response"][0] == pytest.approx(0.046, rel=1e-9)


def test_an_overhead_given_stays() -> None:
    bench = Bench(read_cost=0.003, overhead=0.05)
    bench.runner("x")
    assert bench.runner.scheduler.overhead == 0.05
    assert bench.runner.report().overhead == pytest.approx(0.006, rel=1e-9)


def test_measures_idle_power_over_gaps_that_are_long_enough() -> None:
    bench = Bench()
    idle = []
    for gap in (0.0, 0.0499, 0.0501, 2.0):
        bench.machine.now += gap
        bench.runner("x")
        idle.append(bench.runner.trace["idle_power"][-1])
    assert idle == pytest.approx([math.nan, math.nan, 4.0, 4.0], rel=1e-6, nan_ok=True)


def test_measures_no_idle_power_over_a_failure() -> None:
    bench = Bench()
    bench.runner("x")
    bench.models["small"].raises = RuntimeError("no")
    with pytest.raises(RuntimeError):
        bench.runner("x")
    bench.models["small"].raises = None
    bench.machine.now += 1.0
    bench.runner("x")
    assert np.isnan(bench.runner.trace["idle_power"]).all()


def test_waits_longer_for_a_slower_counter_or_as_told() -> None:
    machine = Machine()
    for options, tick, expected in (
        ({}, 0.1, 5.0),
        ({}, 1e-4, 0.05),
        ({"idle_gap": 0.3}, 0.1, 0.3),
        ({"idle_gap": math.inf}, 0.0, math.inf),
    ):
        package = Package(machine, tick=tick)
        runner = Runner(
            [str, str], profile(), CHEAP, package, clock=machine.clock, **options
        )
        assert runner._idle_gap == expected
    with pytest.raises(ValueError, match="idle_gap: expected seconds >= 0, got -1"):
        Runner([str, str], profile(), CHEAP, Package(machine), idle_gap=-1.0)


def test_goes_on_without_energy() -> None:
    bench = Bench()
    bench.package.readable = False
    bench.runner("x")
    bench.machine.now += 1.0
    bench.runner("x")
    assert np.isnan(bench.runner.trace["energy"]).all()
    assert np.isnan(bench.runner.trace["idle_power"]).all()
    assert bench.runner.report().energy is None
    assert "not read" in repr(bench.runner.report())


# ------------------------------------------------------------------------------- reporting


def test_reports_what_it_did() -> None:
    bench = Bench()
    begin = bench.machine.now
    bench.machine.now += 3.0  # before the first input: not its business
    bench.runner("x")
    bench.machine.now += 0.5
    bench.runner("x", deadline=0.012)
    bench.runner("x")
    report = bench.runner.report()
    assert report.inputs == 3
    assert report.choices == {("small", 10.0): 2, ("small", 40.0): 1}
    assert report.energy == pytest.approx(3 * 0.4 + 0.5 * 4.0, rel=1e-9)
    assert bench.machine.now == pytest.approx(begin + 3.0 + 0.04 + 0.5 + 0.01 + 0.04, rel=1e-12)
    assert report.misses == 0
    assert report.cap_changes == 2
    assert report.accuracy == pytest.approx(bench.runner.trace["expected_accuracy"].mean())
    assert (report.power, report.emulated) == ("simulated", True)
    text = repr(report)
    assert "3 inputs, power: simulated" in text
    assert "3.2 J emulated, 1.07 J per input" in text
    assert "2 x small under 10 W emulated" in text
    assert "<td>energy</td><td>3.2 J emulated" in report._repr_html_()
    with pytest.raises(AttributeError):
        report.inputs = 4  # type: ignore[misc]


def test_reports_before_the_first_input() -> None:
    report = Bench().runner.report()
    assert (report.inputs, report.energy, report.misses, report.choices) == (0, None, 0, {})
    assert math.isnan(report.accuracy)
    assert "0 inputs" in repr(report)
    assert len(Bench().runner.trace) == 0
    assert "0 inputs" in repr(Bench().runner)


def test_marks_as_emulated_only_what_is() -> None:
    bench = Bench()
    bench.package.emulated = False
    bench.runner("x")
    assert "emulated" not in repr(bench.runner.report())


def test_remembers_the_last_inputs() -> None:
    bench = Bench(trace=4)
    starts = []
    for i in range(11):
        bench.machine.now += 0.001 * i
        starts.append(bench.machine.now)
        bench.runner("x")
    assert bench.runner.trace["input"].tolist() == [7, 8, 9, 10]
    assert bench.runner.trace["start"].tolist() == starts[-4:]
    assert bench.runner.report().inputs == 11
    assert set(alert.Scheduler(profile(), CHEAP).trace.dtype.names or ()) < set(
        bench.runner.trace.dtype.names or ()
    )


def test_passes_options_on_to_the_scheduler() -> None:
    bench = Bench(constants={"q0": 0.2})
    assert pickle.loads(pickle.dumps(bench.runner.scheduler))._constants == {"q0": 0.2}
    with pytest.raises(ValueError, match="method"):
        Bench(method="guess")


# ------------------------------------------------------------------------ making and closing


def test_takes_models_by_name_in_any_order() -> None:
    machine = Machine()
    models = {name: Network(machine, name, SECONDS[name]) for name in ("large", "small")}
    runner = Runner(models, profile(), CHEAP, Package(machine), clock=machine.clock)
    assert runner("x") == ("small", "x")
    in_order = [models["small"], models["large"]]
    runner = Runner(in_order, profile(), CHEAP, Package(machine), clock=machine.clock)
    assert runner("x") == ("small", "x")


@pytest.mark.parametrize(
    ("models", "error", "message"),
    [
        ([str], ValueError, "models: expected 2 models, as the profile has, got 1"),
        ({"small": str, "big": str}, ValueError, r"models: expected .*large.* got .*big"),
        ([], ValueError, "models: expected at least one model"),
        ({}, ValueError, "models: expected at least one model"),
        ([str, 3], TypeError, r"models\[1\]: expected a callable, got int"),
        ({"small": str, "large": "x"}, TypeError, r"models\['large'\]: expected a callable"),
        ("ab", TypeError, "models: expected a sequence or a dict of callables, got str"),
        (str, TypeError, "models: expected a sequence or a dict of callables, got type"),
    ],
)
def test_refuses_other_models_before_it_opens_anything(
    models: Any, error: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(power, "open", lambda kind: pytest.fail("opened"))
    with pytest.raises(error, match=message):
        Runner(models, profile(), CHEAP, "emulated")


def test_closes_what_it_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    opened: list[tuple[str, Package]] = []

    def open_power(kind: str) -> Package:
        opened.append((kind, Package(machine)))
        return opened[-1][1]

    monkeypatch.setattr(power, "open", open_power)
    with Runner([str, str], profile(), CHEAP, clock=machine.clock) as runner:
        assert opened[0][0] == "auto"
        assert runner.device is opened[0][1]
        assert not opened[0][1].closed
        runner("x")
    assert opened[0][1].closed
    runner.close()
    with pytest.raises(RuntimeError, match="this Runner is closed"):
        runner("x")
    assert runner.report().inputs == len(runner.trace) == 1
    assert "closed" in repr(runner)

    with pytest.raises(ZeroDivisionError), Runner([str, str], profile(), CHEAP):
        raise ZeroDivisionError
    assert opened[1][1].closed

    monkeypatch.setattr(Package, "cap_range", (15.0, 40.0))
    with pytest.raises(ValueError, match=r"profile.power_caps\[0\]: expected 15 to 40 W"):
        Runner([str, str], profile(), CHEAP)
    assert opened[2][1].closed


def test_leaves_open_what_was_open() -> None:
    bench = Bench()
    with bench.runner as runner:
        runner("x")
    assert not bench.package.closed


def test_a_device_that_cannot_be_capped_says_why() -> None:
    machine = Machine()
    package = Package(machine)
    package.can_cap = False
    package.cap_range = (0.0, 0.0)
    package.refuses = PermissionError("needs root")
    with pytest.raises(PermissionError, match="needs root"):
        Runner([str, str], profile(), CHEAP, package)


# ------------------------------------------------------------------------------ closed loop


def test_keeps_deadlines_while_contention_comes_and_goes() -> None:
    """Contention up: the estimate rises, the choice changes, deadlines hold. And back."""
    bench = Bench(alert.Goal.min_energy(deadline=0.15, accuracy=0.55))
    for contention in (1.0,) * 40 + (3.0,) * 40 + (1.0,) * 40:
        bench.machine.contention = contention
        bench.runner("x")
        bench.machine.now += 0.05
    trace = bench.runner.trace
    quiet, loaded, again = trace[5:40], trace[45:80], trace[85:]
    assert quiet["slowdown_mean"] == pytest.approx(1.0, rel=1e-3)
    assert loaded["slowdown_mean"] == pytest.approx(3.0, rel=1e-3)
    assert again["slowdown_mean"] == pytest.approx(1.0, rel=1e-3)
    assert (loaded["power_cap"] > quiet["power_cap"].max()).all()
    assert (again["power_cap"] == quiet["power_cap"].max()).all()
    assert (loaded["lateness"] < 0).all()
    assert trace["met"].sum() >= len(trace) - 1  # the first under contention may come late
    assert bench.runner.report().misses <= 1
    assert (trace["accuracy"][trace["met"]] >= 0.55).all()


def test_real_networks_on_the_emulated_package() -> None:
    """The real clock, the real device: what must hold whatever the machine is doing."""
    import torch

    torch.manual_seed(1)
    models = {
        "narrow": torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU()).eval(),
        "wide": torch.nn.Sequential(torch.nn.Linear(64, 512), torch.nn.Linear(512, 64)).eval(),
    }
    table = alert.Profile(
        latency=[[2e-4, 1e-4], [4e-4, 2e-4]],
        power=[[12, 24], [12, 24]],
        accuracy=list(ACCURACY.values()),
        power_caps=[12, 24],
        idle_power=power.law()["idle_power"],
        models=list(models),
    )
    x = torch.randn(8, 64)
    with Runner(models, table, alert.Goal.min_energy(deadline=0.5, accuracy=0.7), "emulated") as r:
        with torch.inference_mode():
            expected = models["wide"](x)
        for _ in range(20):
            assert torch.equal(r(x), expected)
        trace, report = r.trace, r.report()
    assert (trace["model"] == 1).all()
    assert np.isin(trace["power_cap"], [12, 24]).all()
    assert (trace["latency"] > 0).all()
    drawn = trace["energy"] / trace["latency"]
    assert (drawn > 0.5 * trace["power_cap"]).all()
    assert (drawn < 1.05 * trace["power_cap"]).all()
    assert (trace["response"] >= trace["latency"]).all()
    assert (np.diff(trace["start"]) > 0).all()
    assert report.inputs == 20
    assert report.power == "emulated"
    assert report.emulated
    assert report.energy is not None
    assert report.energy >= trace["energy"].sum()
    assert 0 < report.overhead


def test_the_simulated_caps_cover_the_profile() -> None:
    """Guards the tests above: their package takes what their profile asks for."""
    assert Package.cap_range[0] <= CAPS[0] < CAPS[-1] <= Package.cap_range[1]
