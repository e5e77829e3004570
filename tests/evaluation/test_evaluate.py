"""The evaluation as a command and in files, and what is counted for it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import synthetic
from numpy.typing import NDArray

import alert
from alert import _core
from alert.cli import main
from alert.evaluation import OutputTrace, Replay, calibration, grid, recovery, summary

GOAL = alert.Goal.min_energy(0.02, 0.6)


# ------------------------------------------------------------------------------------ calibration


def outcomes(probability: list[float], done: list[bool]) -> NDArray[np.void]:
    inputs = np.zeros(len(probability), _core.OUTCOME)
    inputs["probability"], inputs["done"] = probability, done
    return inputs


def test_predictions_are_counted_in_the_bin_they_fall_in() -> None:
    bins = calibration.empty()
    probability = [0.0, 0.05, 0.1, 0.55, 0.5999, 0.6, 0.97, 0.999, 1.0]
    done = [False, True, False, True, False, True, True, True, False]
    calibration.count(bins, outcomes(probability, done))
    calibration.count(bins, outcomes([0.55], [True]))
    expected = {(0.0, 2, 0.05, 1), (0.1, 1, 0.1, 0), (0.5, 3, 1.6999, 2), (0.6, 1, 0.6, 1)}
    expected |= {(0.95, 1, 0.97, 1), (0.999, 2, 1.999, 1)}
    found = {
        (float(low), int(b["inputs"]), round(float(b["predicted"]), 9), int(b["observed"]))
        for low, b in zip(calibration.EDGES[:-1], bins, strict=True)
        if b["inputs"]
    }
    assert found == expected


def test_reliability_lists_bins_that_hold_enough() -> None:
    bins = calibration.empty()
    inputs = outcomes([0.75] * 200 + [0.85] * 199 + [0.3] * 500, [True] * 140 + [False] * 759)
    calibration.count(bins, inputs)
    (only,) = summary.reliability(bins)
    assert (only["low"], only["high"], only["inputs"]) == (0.7, 0.8, 200)
    assert only["predicted less observed"] == pytest.approx(0.75 - 0.7)


# --------------------------------------------------------------------------------------- recovery


def test_misses_are_counted_from_the_step_on() -> None:
    outputs = OutputTrace.of(synthetic.trace(12, 0))
    quiet = np.array([1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 1, 0], bool)
    object.__setattr__(outputs, "quiet", quiet)
    missed = np.array([1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 1, 0], float)
    impossible = np.array([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], float)
    nothing = np.zeros(12)
    lags = recovery.empty()
    recovery.count(
        lags,
        outputs,
        Replay("one", GOAL, nothing, nothing, missed),
        Replay("oracle", GOAL, nothing, nothing, impossible),
    )
    # steps at 2 (three inputs, the second of which nothing could save), 8 (two) and 11 (one)
    assert lags["inputs"][:4].tolist() == [3, 1, 1, 0]
    assert lags["missed"][:4].tolist() == [2, 0, 0, 0]


@pytest.mark.parametrize(
    ("percent", "expected"),
    [
        ([0] * 30, 0),
        ([80, 60, 4, 0, 0, 0, 0] + [0] * 23, 2),
        ([80, 2, 20, 0, 0, 0, 0] + [0] * 23, 1),
        ([80, 2, 30, 0, 0, 0, 0] + [0] * 23, 3),
        ([10] * 30, None),
        ([10] * 26 + [0] * 4, None),
    ],
)
def test_recovered_once_it_stays_so(percent: list[int], expected: int | None) -> None:
    lags = recovery.empty()
    lags["inputs"], lags["missed"] = 100, percent
    assert recovery.inputs_until(lags) == expected


# ---------------------------------------------------------------------------------------- summary


def rows(**costs: list[tuple[float, bool]]) -> NDArray[np.void]:
    """Make a table of min_energy settings: for each scheme (energy, violated) by setting."""
    table = np.zeros(sum(map(len, costs.values())), grid.ROW)
    table["task"], table["environment"], table["part"] = "t", "e", "all"
    table["objective"], table["reachable"] = "min_energy", True
    for row, (scheme, level, (energy, violated)) in zip(
        table,
        ((s, level, cost) for s, by_level in costs.items() for level, cost in enumerate(by_level)),
        strict=True,
    ):
        row["scheme"], row["level"], row["energy"], row["violated"] = (
            scheme,
            level,
            energy,
            violated,
        )
    return table


def test_ratios_are_over_settings_that_neither_violates() -> None:
    table = rows(
        oracle=[(1.0, False), (2.0, False), (4.0, True), (1.0, False)],
        paper=[(1.5, False), (9.0, True), (4.0, False), (1.1, False)],
    )
    found = summary.ratios(table, "paper")["min_energy"]
    assert found["settings"] == 4
    assert found["violated"] == 1
    assert found["oracle"] == pytest.approx((1.5 + 1.1) / 2)
    assert found["static"] is None


def test_shortfalls_are_over_all_settings() -> None:
    table = rows(
        paper=[(1.0, False), (1.0, True), (1.0, True), (1.0, True)],
        informed=[(1.0, False), (2.0, False), (1.0, False), (1.0, False)],
    )
    table["bound"], table["accuracy"] = 0.75, [0.8, 0.746, 0.74, 0.75, *[0.8] * 4]
    found = summary.ratios(table, "paper")["min_energy"]
    assert found["missed"] == 1  # one by 0.01; one by no more than 0.005, one is late only
    assert (found["late only"], found["missed by far"]) == (1, 0)
    assert found["shortfall"] == pytest.approx((0.004 + 0.01) / 4)
    assert found["informed, violated or not"] == pytest.approx((1.0 + 0.5 + 1.0 + 1.0) / 4)
    table["error"] = 0.2
    table["objective"], table["bound"] = "max_accuracy", [1.0, 0.98, 1.0, 0.995, *[3.0] * 4]
    found = summary.ratios(table, "paper")["max_accuracy"]
    assert found["missed"] == 1
    assert found["shortfall"] == pytest.approx((1 / 0.98 - 1 + 1 / 0.995 - 1) / 4)


def test_comparisons() -> None:
    table = rows(
        default=[(1.2, False), (1.0, False), (1.0, True), (2.0, True)],
        paper=[(1.6, False), (1.5, False), (1.0, False), (1.0, True)],
        informed=[(1.0, False), (1.0, False), (1.0, False), (1.0, False)],
        oracle=[(1.0, True), (2.0, False), (1.0, False), (1.0, False)],
        **{"app-only": [(3.0, False), (0.5, True), (1.0, False), (1.0, False)]},
        **{"sys-only": [(2.0, False), (4.0, False), (1.0, False), (1.0, False)]},
    )
    found = summary.comparisons(table)["min_energy"]
    assert found["paper"] == pytest.approx((1.2 / 1.6 + 1.0 / 1.5) / 2)
    assert found["oracle"] == pytest.approx(0.5)
    assert found["best of app-only and sys-only"] == pytest.approx((1.2 / 2.0 + 1.0 / 4.0) / 2)
    assert found["way to informed"] == pytest.approx((1.55 - 1.1) / 0.55)
    all_of_them = (1.2 / 1.6 + 1.0 / 1.5 + 1.0 + 2.0) / 4
    assert found["paper, violated or not"] == pytest.approx(all_of_them)


def test_places() -> None:
    table = rows(
        default=[(1.2, False), (1.0, True), (1.0, True), (3.0, False)],
        paper=[(1.6, False), (1.5, False), (1.0, True), (2.0, False)],
    )
    table["environment"][table["level"] == 3] = "f"
    found = summary.places(table)
    assert list(found) == ["t e", "t f"]
    assert found["t e"]["min_energy"] == {
        "settings": 3,
        "violated": [2, 1],
        "ratio": pytest.approx(1.2 / 1.6),
    }
    assert found["t f"]["min_energy"]["ratio"] == pytest.approx(1.5)
    assert found["t e"]["max_accuracy"] == {"settings": 0, "violated": [0, 0], "ratio": None}


# ---------------------------------------------------------------------------------------- command


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("traces")
    synthetic.trace(150, 3).save(directory / "alone.npz")
    synthetic.trace(120, 4, words=4).save(directory / "words.npz")
    return directory


def table_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_command_writes_tables_and_pictures(
    traces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", "--traces", str(traces), "-o", str(tmp_path / "out"), "--jobs", "2"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    for text in (
        "OracleStatic",
        "holdout",
        "emulated",
        "way to informed",
        "paper-anytime",
        "shortfall",
    ):
        assert text in shown
    settings = table_of(tmp_path / "out" / "settings.csv")
    assert len(settings) == 2 * 3 * 2 * 35 * 12
    for name in ("calibration.csv", "recovery.csv"):
        assert {row["scheme"] for row in table_of(tmp_path / "out" / name)} >= {"paper", "default"}
    lines = (tmp_path / "out" / "table.md").read_text().splitlines()
    assert len(lines) == 2 + 12
    assert {line.count("|") for line in lines} == {14}
    for name in ("ratios.png", "promise.png", "reliability.png", "timeline.png"):
        assert (tmp_path / "out" / name).read_bytes().startswith(b"\x89PNG")


def test_command_prints_json_of_the_schemes_asked_for(
    traces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", "--traces", str(traces), "-o", str(tmp_path), "--jobs", "1", "--json"]
    assert main([*words, "--schemes", "paper,default,oracle"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert told == json.loads((tmp_path / "summary.json").read_text())
    assert set(told) == {"all", "tuning", "holdout"}
    assert set(told["all"]["schemes"]) == {"paper", "default", "oracle"}
    assert told["all"]["comparisons"]["min_energy"]["informed"] is None


def test_command_refuses(traces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--traces", str(tmp_path)]) == 1
    assert f"no traces (*.npz) in {tmp_path}" in capsys.readouterr().err
    words = ["evaluate", "--traces", str(traces), "-o", str(tmp_path / "out")]
    assert main([*words, "--schemes", "best"]) == 1
    assert "scheme: expected one of oracle" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
