"""What the documentation shows can be typed in, and what it lists is what there is."""

from __future__ import annotations

import doctest
import functools
import importlib
import json
import pkgutil
import re
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from needs import require
from simulation import Bench

import alert
from alert.cli import main

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
EXAMPLES = ROOT / "examples"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *EXAMPLES.glob("*.md")])
BLOCK = re.compile(r"(<!-- not run: [^\n]*\n)?```python\n(.*?)```", re.DOTALL)


def code(page: Path) -> list[str]:
    """The Python of a page that can run here."""
    return [block for marked, block in BLOCK.findall(page.read_text("utf-8")) if not marked]


# --------------------------------------------------------------------------------------- docstrings

MODULES = ["alert", *(m.name for m in pkgutil.walk_packages(alert.__path__, "alert."))]


def documented() -> list[doctest.DocTest]:
    modules = [importlib.import_module(name) for name in MODULES if name != "alert.__main__"]
    finder = doctest.DocTestFinder(exclude_empty=True)
    return [test for module in modules for test in finder.find(module) if test.examples]


@pytest.mark.parametrize("test", documented(), ids=lambda test: test.name)
def test_examples_in_docstrings(test: doctest.DocTest) -> None:
    runner = doctest.DocTestRunner(verbose=False)
    report: list[str] = []
    runner.run(test, out=report.append)
    assert runner.failures == 0, "".join(report)


def test_the_scheduler_has_an_example() -> None:
    assert "alert.scheduler.Scheduler" in {test.name for test in documented()}


# -------------------------------------------------------------------------------------------- pages


def model(seconds: float) -> Any:
    def run(x: Any) -> Any:
        time.sleep(seconds)
        return x

    return run


def names_of_the_reader(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a page takes for granted: small functions in the place of networks, and a stream."""
    profile = alert.Profile([[0.02, 0.01]] * 3, [[10, 20]] * 3, [0.7, 0.76, 0.8], [10, 20], 5)
    goal = alert.Goal.min_energy(deadline=0.05, accuracy=0.75)
    scheduler = alert.Scheduler(profile, goal)
    scheduler.step(0.01, 0.2)
    haste: dict[str, Any] = {"max_seconds": 0.05, "idle_seconds": 0.01, "progress": False}
    for name in ("measure", "load_or_measure"):
        hasty = functools.partial(getattr(alert.Profile, name), **haste)
        monkeypatch.setattr(alert.Profile, name, hasty)
    return {
        **{"small": model(0.001), "medium": model(0.002), "large": model(0.003), "x": 2.0},
        **{"stream": [1.0, 2.0, 3.0], "latency": 0.01, "energy": 0.2, "alert": alert},
        **{"profile": profile, "goal": goal, "scheduler": scheduler},
        "measurements": [(0.01, 0.2), (0.02, None)],
    }


@pytest.mark.parametrize("page", [page for page in PAGES if code(page)], ids=lambda page: page.stem)
def test_the_code_of_a_page_runs(
    page: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "benchmarks").symlink_to(ROOT / "benchmarks")
    names = names_of_the_reader(monkeypatch)
    alert.init(names["profile"], names["goal"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", alert.power.PowerWarning)  # that there is no RAPL
        for said in (".* medians are less precise", "latency does not grow as a fixed part"):
            warnings.filterwarnings("ignore", said)  # measured in haste
        for block in code(page):
            exec(patient(block.replace(">>> ", "")), names)


def patient(block: str) -> str:
    """Return the code with bounds on latencies that hold on a busy machine, too."""
    return re.sub(r"(?<=max_latency=)[\d.]+", lambda bound: f"{100 * float(bound[0]):g}", block)


def test_the_readme_shows_a_whole_loop(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    test_the_code_of_a_page_runs(ROOT / "README.md", monkeypatch, tmp_path)
    assert "3 inputs, power: none" in capsys.readouterr().out


def test_the_readme_shows_the_demonstration(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    require("matplotlib", "rich")
    assert main(["demo", "--recorded", "--quiet", "-o", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    text = (ROOT / "README.md").read_text("utf-8").split("<!-- alert demo -->\n```\n")[1]
    shown = [line.split() for line in text.split("```")[0].splitlines() if line.strip()]
    assert shown == [line.split() for line in printed.splitlines() if line.strip()][: len(shown)]


# Of OpenTelemetry, whose page writes them as alert.latency: its tests compare.
METRICS = "latency", "energy", "late", "infeasible", "power_cap", "slowdown", "goal_kept"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_names_what_there_is(page: Path) -> None:
    text = page.read_text("utf-8")
    for path in re.findall(
        r"`(?:python )?((?:benchmarks|tests|csrc|docs|examples)/[\w/.-]+)`", text
    ):
        assert "NAME" in path or (ROOT / path).exists(), path
    for link in re.findall(r"\]\(([^)#:]+)[^):]*\)", text):
        assert (page.parent / link).exists(), link
    for name in set(re.findall(r"`alert\.([A-Za-z_]+)", text)):
        assert name in {"h", "c", *METRICS} or hasattr(alert, name) or f"alert.{name}" in MODULES, (
            name
        )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_no_marks_of_a_conflict(page: Path) -> None:
    assert re.search(r"^(<<<<<<<|>>>>>>>) ", page.read_text("utf-8"), re.MULTILINE) is None


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_runs(example: Path, tmp_path: Path) -> None:
    if "import torch" in example.read_text("utf-8"):
        require("torch")
    command = [sys.executable, str(example)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


# ---------------------------------------------------------------------------------------- reference


def rows(page: str, heading: str) -> dict[str, list[str]]:
    """The table under a heading: what stands in each row, by the code in its first cell."""
    text = (DOCS / page).read_text("utf-8").split(f"## {heading}\n", 1)[1].split("\n## ")[0]
    lines = re.findall(r"^\| `(\w+)` \|(.*)\|$", text, re.MULTILINE)
    return {name: [cell.strip() for cell in rest.split("|")] for name, rest in lines}


def test_columns_of_the_history() -> None:
    profile = alert.Profile([[0.001]], [[10]], [0.8], [10], 5)
    goal = alert.Goal.min_energy(deadline=0.05, accuracy=0.5)
    with alert.Runner([lambda x: x], profile, goal, power="emulated") as runner:
        columns = runner.history.dtype.names
        own = runner.scheduler.history.dtype.names
    assert columns is not None
    assert own is not None
    page = "reference/history.md"
    assert tuple(rows(page, "Of a scheduler")) == own
    added = [name for name in rows(page, "Added by a runner") if name not in SOURCES]
    assert tuple(added) == columns[len(own) :]


@pytest.mark.usefixtures("directory")
def test_keys_that_commands_print(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    require("matplotlib", "rich")
    demo = ["demo", "--recorded", "--quiet", "-o", str(tmp_path)]
    runner = Bench(live="camera").runner
    for command, *options in (["info"], demo, ["watch", "--once"]):
        assert main([command, *options, "--json"]) == 0
        text = (DOCS / "reference/command-line.md").read_text("utf-8")
        table = text.split(f"## alert {command}\n")[1].split("\n## ")[0]
        keys = " ".join(re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE))
        printed = json.loads(capsys.readouterr().out)
        assert sorted(re.findall(r"`(\w+)`", keys)) == sorted(printed)
    runner.close()


SOURCES = ("measured", "blended", "profile")


# Fields of a profile that older files do not have.
LATER = {"unit", "fixed_share", "size", "spread", "exit_shares", "learnt"}


def test_schema_of_a_profile() -> None:
    schema = json.loads((DOCS / "reference" / "profile.schema.json").read_text("utf-8"))
    exits = [(0.5, 0.6), (1.0, 0.8)]
    known = alert.Profile([[0.001]], [[10]], [0.8], [10], 5, exits={0: exits}).document()
    unknown = alert.Profile([[0.001]], None, [0.8], [None], 0).document()
    assert sorted(schema["properties"]) == sorted(known)
    assert set(schema["required"]) == set(known) - LATER
    types = {"string": str, "integer": int, "number": float, "array": list, "object": dict}
    types["null"] = type(None)
    for name, about in schema["properties"].items():
        if "type" in about:
            kinds = tuple(types[kind] for kind in np.atleast_1d(about["type"]))
            assert isinstance(known[name], kinds), name
            assert isinstance(unknown[name], kinds), name
        assert about.get("const", known[name]) == known[name]


def test_fields_of_a_decision() -> None:
    told = rows("concepts/loop.md", "What a decision says")
    fields = ("model", "power_cap", "exit", "latency", "energy", "accuracy", "probability")
    assert tuple(told) == (*fields, "feasible", "estimated", "ticket", "ask")
    assert all(hasattr(alert.Decision, name) for name in told)
