"""Commands that measure find out first where to save, and save what they have when they stop."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import synthetic

import alert
from alert.cli import main
from alert.cli.terminal import console
from alert.workloads import record_task

pytestmark = [pytest.mark.needs("rich")]


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Offer a model that notes its runs, and stops when as many have been made as `stop` says."""
    source = """
        from time import sleep
        runs, stop = [], [10**9]

        def small(x):
            runs.append("small")
            if len(runs) == stop[0]:
                raise KeyboardInterrupt
            sleep(0.001)

        def offer():
            options = {"idle_seconds": 0.001, "max_repeats": 6, "power": "emulated"}
            return {"models": {"small": small}, "example": 1, "accuracy": [0.7], **options}
    """
    (tmp_path / "kept.py").write_text(textwrap.dedent(source))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.delitem(sys.modules, "kept", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    import kept  # type: ignore[import-not-found]

    found: list[str] = kept.runs
    return found


PROFILE = ("profile", "kept:offer", "--caps", "10,20", "--precision", "9", "--quiet")


@pytest.mark.parametrize("output", ["results/p.json", "/proc/p.json", "."])
def test_profile_looks_first_whether_it_can_save(
    output: str, runs: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*PROFILE, "-o", output]) == 1
    assert output in capsys.readouterr().err
    assert runs == []


@pytest.mark.parametrize("target", ["models/kept.py:offer", "kept.py:offer", "/tmp/kept:offer"])
def test_a_path_is_told_from_a_module(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["profile", target])
    said = " ".join(capsys.readouterr().err.split())
    assert f"got the path {target.partition(':')[0]!r}: give 'kept:offer'" in said


def test_names_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.table import Table

    out = console()
    table = Table("model")
    for name in ("yolo:x:", "[bold]net[/]"):
        table.add_row(name)
        out.print(name)
    out.print(table)
    said = capsys.readouterr().out
    assert said.count("yolo:x:") == said.count("[bold]net[/]") == 2


def test_profile_saves_what_it_has_when_it_is_interrupted(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sys.modules["kept"].stop[0] = 12  # 3 and 6 runs under the first cap
    assert main([*PROFILE, "-o", "p.json"]) == 130
    said = capsys.readouterr().err
    assert "p.json holds what was measured before it stopped" in said
    assert "interrupted" in said
    assert alert.Profile.load(tmp_path / "p.json").power_caps.tolist() == [20.0]


def test_profile_leaves_a_file_alone_when_it_has_nothing(runs: list[str], tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text("mine")
    sys.modules["kept"].stop[0] = 2
    assert main([*PROFILE, "-o", "p.json"]) == 130
    assert (tmp_path / "p.json").read_text() == "mine"


def record(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("alert.cli.record.require", lambda *_: None)
    return main(["record", "words", "quiet", "--quiet", *words])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-n", "0"), "inputs: expected an integer >= 1, got 0"),
        (("--seed", "-1"), "seed: expected an integer >= 0, got -1"),
        (("--threads", "0"), "threads: expected an integer >= 1, got 0"),
        (("-o", "none/t.npz"), "none/t.npz"),
    ],
)
def test_record_looks_at_its_arguments_before_it_trains(
    words: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def load_task(*_: Any, **__: Any) -> Any:
        pytest.fail("trained")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(record_task, "load_task", load_task)
    assert record(monkeypatch, *words) == 1
    assert message in capsys.readouterr().err


def test_record_saves_what_it_has_when_it_is_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = synthetic.trace(5)

    def interrupted(*_: Any, **__: Any) -> Any:
        stop = KeyboardInterrupt()
        stop.trace = trace  # type: ignore[attr-defined]
        raise stop

    monkeypatch.setattr("alert.cli.record.record", interrupted)
    assert record(monkeypatch, "-o", str(tmp_path / "t.npz")) == 130
    assert "t.npz holds what was measured before it stopped" in capsys.readouterr().err
    assert len(alert.Trace.load(tmp_path / "t.npz")) == 5
