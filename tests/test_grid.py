"""The grid: every scheme in every setting, and what is counted on the way."""

from __future__ import annotations

import numpy as np
import pytest
import synthetic

import alert
from alert.evaluation import grid
from alert.evaluation.settings import DEADLINES, LEVELS

SETTINGS = len(grid.OBJECTIVES) * len(DEADLINES) * len(LEVELS)


def test_one_row_for_each_setting_and_scheme() -> None:
    traces = [synthetic.trace(120, 0), synthetic.trace(120, 1, words=5)]
    found = grid.run(traces, ["oracle", "paper"], parts=("all", "holdout")).table
    assert len(found) == 2 * 2 * 2 * SETTINGS
    np.testing.assert_array_equal(found["error"], 1.0 - found["accuracy"])
    assert set(found["inputs"][found["part"] == "holdout"]) == {40}
    for part in ("all", "holdout"):
        assert (found["part"] == part).sum() == 4 * SETTINGS


def test_it_is_what_replays_say() -> None:
    trace = synthetic.trace(120, 2)
    found = grid.run([trace], ["static", "paper"], parts=("all",)).table
    for row in found[::17]:
        make = (
            alert.Goal.min_energy if row["objective"] == "min_energy" else alert.Goal.max_accuracy
        )
        goal = make(float(row["deadline"]), float(row["bound"]))
        replay = trace.replay(trace.profile, goal, str(row["scheme"]))
        assert row["energy"] == replay.mean_energy
        assert row["accuracy"] == replay.mean_accuracy
        assert row["miss_rate"] == replay.miss_rate
        assert row["violated"] == replay.violated


def test_two_processes_find_the_same() -> None:
    traces = [synthetic.trace(60, 3)]
    one, two = (grid.run(traces, ["paper", "oracle"], parts=("all",), jobs=j) for j in (1, 2))
    np.testing.assert_array_equal(one.table, two.table)
    for name in ("calibration", "recovery"):
        mine, its = getattr(one, name), getattr(two, name)
        assert mine.keys() == its.keys() == {("synthetic", "compute", "all", "paper")}
        for key, counted in mine.items():
            np.testing.assert_array_equal(counted, its[key])


def test_refuses_an_unknown_scheme() -> None:
    with pytest.raises(ValueError, match=r"scheme: expected one of oracle.*got 'best'"):
        grid.run([synthetic.trace(60)], ["best"])
