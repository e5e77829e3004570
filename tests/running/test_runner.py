"""The runner, on a simulated machine: every time and every joule is exact, no clock decides."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
from simulation import (
    ACCURACY,
    CAPS,
    CHEAP,
    SECONDS,
    AnytimeBench,
    Bench,
    Machine,
    Network,
    Package,
    profile,
    state,
)

import alert
from alert import power
from alert.running.runner import Runner

# ---------------------------------------------------------------------------------------- one input


def test_runs_what_the_scheduler_chose_and_returns_its_output() -> None:
    bench = Bench()
    model, power_cap = bench.runner.scheduler.decision
    assert bench.runner("x") == (list(SECONDS)[model], "x")
    assert bench.package.cap == power_cap


def test_reports_to_the_scheduler_what_ran() -> None:
    bench = Bench(alert.Goal.min_energy(deadline=0.2, accuracy=0.7))
    by_hand = alert.Scheduler(profile(), bench.runner.scheduler.goal, method="paper")
    for contention in (1.0, 3.0, 2.0, 1.0, 0.5):
        bench.machine.contention = contention
        model, cap = by_hand.decision
        bench.runner("x")
        latency = SECONDS[profile().models[model]] * contention * Package.PEAK / cap
        by_hand.step(latency, latency * cap)
        assert bench.runner.scheduler.decision == by_hand.decision
        assert bench.runner.history["latency"][-1] == pytest.approx(latency, rel=1e-12)
        assert bench.runner.history["energy"][-1] == pytest.approx(latency * cap, rel=1e-9)
    assert bench.runner.scheduler.slowdown == pytest.approx(by_hand.slowdown, rel=1e-9)


def test_sets_the_cap_only_when_it_changes() -> None:
    bench = Bench(alert.Goal.min_energy(deadline=0.15, accuracy=0.5))
    for contention in (1.0,) * 6 + (4.0,) * 6 + (1.0,) * 6:
        bench.machine.contention = contention
        bench.runner("x")
    chosen = bench.runner.history["power_cap"]
    changes = [chosen[0], *chosen[1:][chosen[1:] != chosen[:-1]]]
    assert bench.package.caps_set == changes  # the first when the runner was made
    assert 3 <= len(changes) < len(chosen)
    assert bench.runner.history["cap_changed"].sum() == len(changes) - 1
    assert bench.runner.report().cap_changes == len(changes) - 1


def test_models_run_in_inference_mode() -> None:
    import torch

    machine = Machine()
    layer = torch.nn.Linear(3, 2).eval()
    seen = []

    def anytime(x: Any) -> Any:
        for _ in range(2):
            machine.work(0.005)
            seen.append(torch.is_inference_mode_enabled())
            yield layer(x)

    exits = {"large": [(0.5, 0.7), (1.0, 0.8)]}
    for goal, fields in ((CHEAP, None), (alert.Goal.max_accuracy(deadline=1, energy=99), exits)):
        models: dict[str, Any] = {"small": layer, "large": anytime}
        package = Package(machine)
        runner = Runner(
            models, profile(exits=fields), goal, package, clock=machine.clock, method="paper"
        )
        if goal is CHEAP:
            machine.work(0.01)
        output = runner(torch.ones(4, 3))
        assert output.is_inference()
        assert output.shape == (4, 2)
        with pytest.raises(TypeError):
            runner("no tensor")
        assert not torch.is_inference_mode_enabled()
        assert runner(torch.ones(4, 3)).is_inference()
        assert not torch.is_inference_mode_enabled()
    assert len(seen) >= 2
    assert all(seen)


def test_needs_no_torch() -> None:
    code = """
import sys, alert
from alert.running.runner import Runner
profile = alert.Profile([[0.01]], [[20]], [0.7], [20], 5)
with Runner([str], profile, alert.Goal.min_energy(1, 0.5), "emulated") as runner:
    assert runner(3) == "3"
    print(runner.report())
assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "1 x model 0 under 20 W" in done.stdout


# ----------------------------------------------------------------------------------------- failures


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
    assert bench.runner.report().inputs == len(bench.runner.history) == 1
    for model in bench.models.values():
        model.raises = None
    assert bench.runner("y") == ("small", "y")
    assert bench.package.caps_set == caps  # nor was the cap touched
    assert bench.package.cap == cap
    assert bench.runner.history["latency"][1] == bench.runner.history["latency"][0]


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
    assert bench.runner.history["deadline"][0] == 0.2
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
    due = bench.runner._loop.deadlines.shared_due
    assert bench.runner.history["deadline"][1] == pytest.approx((due - now) / 2, rel=1e-9)


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
    assert bench.runner.history["deadline"][1] == 0.2
    assert before != state(bench.runner)


# ------------------------------------------------------------------------------- making and closing


def test_takes_models_by_name_in_any_order() -> None:
    machine = Machine()
    models = {name: Network(machine, name, SECONDS[name]) for name in ("large", "small")}
    runner = Runner(models, profile(), CHEAP, Package(machine), clock=machine.clock, method="paper")
    assert runner("x") == ("small", "x")
    in_order = [models["small"], models["large"]]
    runner = Runner(
        in_order, profile(), CHEAP, Package(machine), clock=machine.clock, method="paper"
    )
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
    monkeypatch.setattr("alert.power.opening.open", lambda kind: pytest.fail("opened"))
    with pytest.raises(error, match=message):
        Runner(models, profile(), CHEAP, "emulated")


def test_closes_what_it_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    opened: list[tuple[str, Package]] = []

    def open_power(kind: str) -> Package:
        opened.append((kind, Package(machine)))
        return opened[-1][1]

    monkeypatch.setattr("alert.power.opening.open", open_power)
    with Runner([str, str], profile(), CHEAP, clock=machine.clock) as runner:
        assert opened[0][0] == "auto"
        assert runner.device is opened[0][1]
        assert not opened[0][1].closed
        runner("x")
    assert opened[0][1].closed
    runner.close()
    with pytest.raises(RuntimeError, match="this Runner is closed"):
        runner("x")
    assert runner.report().inputs == len(runner.history) == 1
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


def test_a_device_that_refuses_its_first_cap_says_why() -> None:
    package = Package(Machine())
    package.refuses = PermissionError("needs root")
    with pytest.raises(PermissionError, match="needs root"):
        Runner([str, str], profile(), CHEAP, package)


# -------------------------------------------------------------------------------------- closed loop


def test_keeps_deadlines_while_contention_comes_and_goes() -> None:
    """Contention up: the estimate rises, the choice changes, deadlines hold. And back."""
    bench = Bench(alert.Goal.min_energy(deadline=0.15, accuracy=0.55))
    for contention in (1.0,) * 40 + (5.0,) * 40 + (1.0,) * 40:
        bench.machine.contention = contention
        bench.runner("x")
        bench.machine.now += 0.05
    history = bench.runner.history
    quiet, loaded, again = history[5:40], history[45:80], history[85:]
    assert quiet["slowdown_mean"] == pytest.approx(1.0, rel=1e-3)
    assert loaded["slowdown_mean"] == pytest.approx(5.0, rel=1e-3)
    assert again["slowdown_mean"] == pytest.approx(1.0, rel=1e-3)
    assert (loaded["power_cap"] > quiet["power_cap"].max()).all()
    assert (again["power_cap"] == quiet["power_cap"].max()).all()
    assert (loaded["lateness"] < 0).all()
    assert history["met"].sum() >= len(history) - 1  # the first under contention may come late
    assert bench.runner.report().misses <= 1
    assert (history["accuracy"][history["met"]] >= 0.55).all()


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
    goal = alert.Goal.min_energy(deadline=60.0, accuracy=0.7, window=1)
    with pytest.warns(UserWarning, match="deadlines are in seconds"):  # long enough for any machine
        runner = Runner(models, table, goal, "emulated")
    with runner as r:
        with torch.inference_mode():
            expected = models["wide"](x)
        for _ in range(20):
            assert torch.equal(r(x), expected)
        ended = time.perf_counter()
        history, report = r.history, r.report()
    assert (history["model"] == 1).all()
    assert np.isin(history["power_cap"], [12, 24]).all()
    assert (history["latency"] > 0).all()
    assert (history["response"] >= history["latency"]).all()
    assert (history["energy"] >= table.idle_power * history["latency"]).all()
    until = np.append(history["arrival"][1:], ended)  # the joules are read somewhat later
    most = history["power_cap"] * (until - history["arrival"])
    assert (history["energy"] <= most * (1 + 1e-9)).all()
    assert (np.diff(history["start"]) > 0).all()
    assert report.inputs == 20
    assert report.power == "emulated"
    assert report.emulated
    assert report.energy is not None
    assert report.energy >= history["energy"].sum()
    assert report.overhead > 0


def test_the_simulated_caps_cover_the_profile() -> None:
    """Guards the tests above: their package takes what their profile asks for."""
    assert Package.cap_range[0] <= CAPS[0] < CAPS[-1] <= Package.cap_range[1]
