"""The demonstration from its recording: every number is known, and torch is not needed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import synthetic
from programs import ROOT

import alert
from alert.cli import main
from alert.demo import recorded
from alert.demo.recorded import RECORDING, RecordedMachine


def test_the_recording_is_of_the_traces_of_the_evaluation() -> None:
    shipped = alert.Trace.load(RECORDING)
    assert RECORDING.stat().st_size < 50_000
    assert shipped.profile.models == tuple(f"EfficientNet-Lite{k}" for k in range(3))
    first = 0
    for kind in ("memory", "compute"):
        trace = alert.Trace.load(ROOT / "benchmarks" / "traces" / f"images-{kind}.npz")
        of_kind = slice(first, first + len(trace))
        np.testing.assert_array_equal(shipped.latency[of_kind], trace.latency[:, :3])
        np.testing.assert_array_equal(shipped.energy[of_kind], trace.energy[:, :3])
        names = [shipped.phases[number] for number in shipped.phase[of_kind]]
        assert names == [trace.phases[number] for number in trace.phase]
        first += len(trace)
    assert first == len(shipped)


def test_the_machine_takes_what_was_recorded() -> None:
    trace = synthetic.trace(20, 3)
    machine = RecordedMachine(trace)
    caps = trace.profile.power_caps
    for i, (name, model) in enumerate(machine.models().items()):
        assert name == trace.profile.models[i]
        for j in range(len(caps)):
            machine.set_cap(caps[j])
            begun, before = machine.clock(), machine.energy()
            machine.begin()
            model(7)
            machine.pace()
            assert machine.clock() - begun == pytest.approx(trace.latency[7, i, j])
            assert machine.energy() - before == pytest.approx(trace.energy[7, i, j])  # type: ignore[operator]
    begun, before = machine.clock(), machine.energy()
    machine.sleep(0.25)
    assert machine.clock() - begun == pytest.approx(0.25)
    assert machine.energy() - before == pytest.approx(0.25 * trace.profile.idle_power)  # type: ignore[operator]


def test_every_scheme_runs_what_was_recorded() -> None:
    trace = alert.Trace.load(RECORDING)
    done = recorded.run()
    free, cheapest, full = done.outcomes
    assert [done.keeps_goal(outcome) for outcome in done.outcomes] == [True, False, False]
    np.testing.assert_allclose(full.trace["latency"], trace.latency[:, 2, -1])
    np.testing.assert_allclose(cheapest.trace["latency"], trace.latency[:, 0, 0])
    j = np.searchsorted(trace.profile.power_caps, free.trace["power_cap"])
    taken = trace.latency[np.arange(len(trace)), free.trace["model"], j]
    np.testing.assert_allclose(free.trace["latency"], taken)
    assert free.late.sum() < 10
    assert done.environments.count("quiet") == 250


def test_the_command_needs_no_torch(tmp_path: Path) -> None:
    """Nor tqdm, nor any package of networks and photographs."""
    code = """
import sys
for name in ("torch", "tqdm", "skimage", "sklearn", "efficientnet_lite_pytorch"):
    sys.modules[name] = None
from alert.cli import main
sys.exit(main(["demo", "--recorded", "--json", "-o", sys.argv[1]]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["recorded"]
    assert [scheme["goal_kept"] for scheme in told["schemes"]] == [True, False, False]
    for path in told["files"].values():
        assert Path(path).stat().st_size > 0


@pytest.mark.needs("rich")
def test_the_table_says_who_kept_the_goal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("alert.demo.demonstration.find_spec", lambda name: None)
    assert main(["demo", "--recorded", "-o", str(tmp_path)]) == 0
    printed, said = capsys.readouterr()
    assert said == ""
    assert "360 photographs" in printed
    for scheme, kept in (("ALERT", "yes"), ("cheapest by profile", "no"), ("full power", "no")):
        [line] = [line for line in printed.splitlines() if line.startswith(f"  {scheme}")]
        assert line[len(f"  {scheme}") :].split()[0] == kept
    assert "Recorded (" in printed
    assert "What ALERT's networks saw" not in printed
    assert "Picture: none, it takes `pip install 'alert-runtime[plot]'`" in printed
    assert not (tmp_path / "demo.png").exists()


@pytest.mark.parametrize("option", ["--seed=1", "--inputs=10", "--power=emulated"])
def test_options_of_a_live_run_are_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["demo", "--recorded", option])
    name = option.partition("=")[0]
    assert f"argument {name}: not allowed with --recorded" in capsys.readouterr().err
