"""Recording and replaying models of one's own, from the command line."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import alert
from alert import cli
from alert.workloads import own

pytestmark = [pytest.mark.needs("rich")]

SOURCE = """
    from time import sleep

    def small(x):
        sleep(0.0005)
        return x % 2

    def large(x):
        sleep(0.002)
        return x % 4

    def steps(x):
        sleep(0.0005)
        yield x % 2
        sleep(0.0005)
        yield x % 4

    def right(output, label):
        return output == label

    MODELS = {"small": small, "large": large, "steps": steps}

    def offer():
        inputs = list(range(8))
        labels = [x % 4 for x in inputs]
        return {"models": MODELS, "inputs": inputs, "labels": labels, "metric": right}

    def stated():
        return {"models": {"small": small}, "inputs": [1, 2, 3], "accuracy": {"small": 0.7}}

    def short():
        return {**offer(), "labels": [0]}

    def unlabelled():
        return {"models": MODELS, "inputs": [1]}

    def empty():
        return {**offer(), "inputs": [], "labels": []}

    def streamed():
        return {**stated(), "inputs": iter([1, 2, 3])}

    def misspelt():
        return {**offer(), "label": []}
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write a module of models into the current directory."""
    name = f"mymodels_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(textwrap.dedent(SOURCE))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.setattr("alert.measuring.record._NOT_QUIET", 1e9)
    return name


def record(module: str, function: str, *words: str) -> int:
    fast = ("--power", "emulated", "--caps", "10,20", "--quiet")
    return cli.main(["record", f"{module}:{function}", *words, *fast])


def test_records_every_input_and_measures_the_accuracy(module: str) -> None:
    assert record(module, "offer") == 0
    trace = alert.Trace.load(f"{module}-quiet.npz")
    assert (trace.task, trace.environment, len(trace)) == (module, "quiet", 8)
    assert trace.profile.models == ("small", "large", "steps")
    # Half of the numbers below 4 are below 2.
    assert trace.profile.accuracy.tolist() == [0.5, 1.0, 1.0]
    assert [accuracy for _, accuracy in trace.profile.exits[2]] == [0.5, 1.0]
    assert trace.group.tolist() == list(range(8))


def test_takes_a_stated_accuracy_and_comes_back_to_the_first_input(module: str) -> None:
    assert record(module, "stated", "compute", "-n", "60", "-o", "t.npz") == 0
    trace = alert.Trace.load("t.npz")
    assert trace.profile.accuracy.tolist() == [0.7]
    assert len(trace) == 60
    assert trace.phases == ("quiet", "compute")


def test_goes_on_with_a_trace(module: str) -> None:
    assert record(module, "offer", "-o", "t.npz") == 0
    assert record(module, "offer", "-o", "t.npz", "--append", "-n", "3", "--seed", "1") == 0
    assert len(alert.Trace.load("t.npz")) == 11


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("short", "labels: expected 8, as there are inputs, got 1"),
        ("unlabelled", "labels: expected one for each input, or accuracy=, got neither"),
        ("empty", "inputs: expected at least one, got none"),
        ("streamed", "inputs: expected a sequence, got list_iterator"),
        ("misspelt", "expected models, inputs, accuracy, labels, metric, got 'label'"),
        ("nothing", "AttributeError: "),
    ],
)
def test_says_what_is_wrong(
    module: str, function: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert record(module, function) == 1
    assert reason in capsys.readouterr().err


def test_neither_a_task_nor_a_function(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["record", "chess"])
    assert "expected MODULE:FUNCTION, got 'chess'" in capsys.readouterr().err


def test_inputs_come_again_in_the_same_order() -> None:
    task = own.task("t", {"one": abs}, ["a", "b"], accuracy=[0.5])
    inputs, group = task.inputs(5, 3)
    assert inputs == ["a", "b", "a", "b", "a"]
    assert np.array_equal(group, range(5))


# ------------------------------------------------------------------------------------------- replay


def replayed(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert cli.main(["replay", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def recorded(module: str) -> str:
    assert record(module, "offer", "-n", "40") == 0
    return module


def test_replays_all_traces_of_a_module(recorded: str, capsys: pytest.CaptureFixture[str]) -> None:
    alert.Trace.load(f"{recorded}-quiet.npz").save(f"{recorded}-memory.npz")
    documents = replayed(capsys, f"{recorded}:offer")
    assert [d["trace"] for d in documents] == [
        f"{recorded}-{e}.npz" for e in ("memory", "memory", "quiet", "quiet")
    ]
    assert [d["objective"] for d in documents[:2]] == ["min_energy", "max_accuracy"]
    assert [d["bound"] for d in documents[:2]] == [d["bound"] for d in documents[2:]]
    schemes = {scheme["name"]: scheme for scheme in documents[0]["schemes"]}
    assert list(schemes) == ["default", "paper", "static", "informed", "oracle"]
    assert schemes["oracle"]["goal_kept"]
    assert documents[0]["emulated"]
    assert documents[0]["inputs"] == 40


def test_replays_one_file_under_the_goal_asked_for(
    recorded: str, capsys: pytest.CaptureFixture[str]
) -> None:
    goal = ("--deadline", "60", "--accuracy", "0.9", "--schemes", "static")
    (document,) = replayed(capsys, f"{recorded}-quiet.npz", *goal)
    assert (document["objective"], document["deadline"], document["bound"]) == (
        "min_energy",
        60.0,
        0.9,
    )
    (static,) = document["schemes"]
    # The replay is that of the library.
    trace = alert.Trace.load(f"{recorded}-quiet.npz")
    expected = trace.replay(trace.profile, alert.Goal.min_energy(60.0, 0.9), "static")
    assert static["energy"] == pytest.approx(expected.mean_energy)
    assert static["accuracy"] == pytest.approx(expected.mean_accuracy)
    assert static["late"] == expected.miss_rate == 0.0
    (document,) = replayed(capsys, f"{recorded}-quiet.npz", "--energy", "0.1")
    assert (document["objective"], document["bound"]) == ("max_accuracy", 0.1)
    (document,) = replayed(capsys, f"{recorded}-quiet.npz", "--energy", "inf")
    assert (document["objective"], document["bound"]) == ("max_accuracy", None)


def test_a_profile_without_power_is_replayed_under_a_bound_on_the_accuracy(
    recorded: str, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = alert.Trace.load(f"{recorded}-quiet.npz")
    p = trace.profile
    unknown = alert.Profile(
        *(p.latency, None, p.accuracy, p.power_caps, p.idle_power, p.models),
        exits={model: list(pairs) for model, pairs in p.exits.items()},
    )
    alert.Trace(unknown, trace.latency, trace.energy, trace.exits).save("unknown.npz")
    (document,) = replayed(capsys, "unknown.npz")
    assert document["objective"] == "min_energy"


def test_prints_a_table_for_each_goal(recorded: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert cli.main(["replay", f"{recorded}:offer"]) == 0
    out = capsys.readouterr().out
    assert out.count(f"{recorded}-quiet.npz") == 2
    assert "joules emulated" in out
    assert "least energy" in out
    assert "best accuracy" in out
    assert "knows the outcome" in out


def test_names_what_is_missing(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["replay", f"{module}:offer"]) == 1
    assert f"`alert record {module}:offer` makes one" in capsys.readouterr().err
    assert cli.main(["replay", "none.npz"]) == 1
    assert "none.npz" in capsys.readouterr().err
    assert cli.main(["replay", "none.npz", "--schemes", "luck"]) == 1
    assert "luck" in capsys.readouterr().err
