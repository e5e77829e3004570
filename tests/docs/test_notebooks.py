"""The notebooks of `examples/` run from top to bottom, and show what they promise."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from needs import require

require("nbclient", "ipykernel", "matplotlib", "pandas")

import nbformat  # noqa: E402
from nbclient import NotebookClient  # noqa: E402

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))

# For each notebook: its pictures, and what has to be true when it has run. On a busy machine a run
# may miss its goal; the outputs that come with the notebook are of one that kept it.
PROMISES = {
    "profile_and_goal": (
        1,
        "assert profile.origin['power'] == 'emulated'\n"
        "assert all(alert.Scheduler(profile, goal).decision.feasible for goal in goals.values())\n",
    ),
    "run_under_contention": (
        1,
        "report = runner.report()\n"
        "assert report.inputs == len(load) == len(inputs)\n"
        "assert report.verdict.kept == (inputs['accuracy'].mean() >= goal.accuracy)\n"
        "quiet, busy = (inputs[inputs['contention'] == c]['slowdown'].median() for c in (1, 2.5))\n"
        "assert busy > quiet\n",
    ),
    "learn_from_feedback": (
        2,
        "taught = {name: inputs[half:] for name, (inputs, _, _) in runs.items()}\n"
        "assert taught['published'].accuracy.mean() < 0.76\n"
        "assert all(taught[name].accuracy.mean() >= 0.76 for name in ('feedback', 'asked'))\n"
        "assert taught['feedback'].energy.mean() < 0.9 * taught['published'].energy.mean()\n"
        "assert runs['asked'][2] <= 0.5 * runs['feedback'][2]\n",
    ),
    "replay_and_oracles": (
        3,
        "first = [trace.replay(trace.profile, goal, scheme) for scheme in schemes]\n"
        "energy = [replay.mean_energy for replay in first]\n"
        "assert not any(replay.violated for replay in first)\n"
        "assert min(energy) == energy[schemes.index('oracle')]\n"
        "assert energy[schemes.index('default')] < energy[schemes.index('static')]\n",
    ),
}

# On a busy machine a profile is less precise; it says so, and goes on.
BUSY = re.compile(r"[^\n]*UserWarning: [^\n]* medians are less precise [^\n]*\n[^\n]*\n")


def read(path: Path) -> Any:
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    return notebook


def outputs(notebook: Any) -> list[Any]:
    return [out for cell in notebook.cells for out in cell.get("outputs", [])]


def pictures(notebook: Any) -> int:
    return sum("image/png" in out.get("data", {}) for out in outputs(notebook))


def bars(notebook: Any) -> int:
    """Count the progress bars that were shown, and left an empty output."""
    shown = [out for out in outputs(notebook) if out["output_type"] == "display_data"]
    return sum(not any(out["data"].values()) for out in shown)


def said(notebook: Any) -> str:
    """What came on standard output and standard error: warnings, and bars of the wrong kind."""
    return "".join(out["text"] for out in outputs(notebook) if out["output_type"] == "stream")


def test_every_notebook_has_its_promises() -> None:
    assert {path.stem for path in NOTEBOOKS} == PROMISES.keys()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path) -> None:
    notebook, (drawn, promise) = read(path), PROMISES[path.stem]
    where = {"metadata": {"path": str(EXAMPLES)}}
    client = NotebookClient(notebook, timeout=240, kernel_name="python3", resources=where)
    with client.setup_kernel():
        for number, cell in enumerate(notebook.cells):
            client.execute_cell(cell, number)
        client.execute_cell(nbformat.v4.new_code_cell(promise), 0, store_history=False)  # type: ignore[no-untyped-call]
    assert pictures(notebook) == drawn
    assert bars(notebook) == ("Profile.measure" in path.read_text("utf-8"))
    assert BUSY.sub("", said(notebook)) == ""


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_comes_with_its_outputs(path: Path) -> None:
    """So that it can be read where nothing runs it. `make notebooks` runs it anew."""
    notebook, text = read(path), path.read_text("utf-8")
    assert pictures(notebook) == PROMISES[path.stem][0]
    assert said(notebook) == ""
    counts = [cell["execution_count"] for cell in notebook.cells if cell["cell_type"] == "code"]
    assert counts == list(range(1, len(counts) + 1))
    reports = [out["data"]["text/plain"] for out in outputs(notebook) if "data" in out]
    judged = [report for report in reports if report.startswith("alert.Report")]
    assert all("kept        yes: " in report for report in judged)
    assert len(judged) == (path.stem == "run_under_contention")
    assert not re.search(r"/(home|root|tmp|work|Users)/", text)  # nothing of anybody's machine
