"""The grid: every scheme in every setting, and what is counted on the way."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import synthetic

import alert
from alert.evaluation import OutputTrace, grid, run
from alert.evaluation.settings import DEADLINES, LEVELS, settings
from alert.goal import Objective

SETTINGS = len(grid.OBJECTIVES) * len(DEADLINES) * len(LEVELS)


def test_one_row_for_each_setting_and_scheme() -> None:
    traces = [synthetic.trace(120, 0), synthetic.trace(120, 1, words=5)]
    found = grid.run(traces, ["oracle", "paper"], parts=("all", "holdout")).table
    assert len(found) == 2 * 2 * 2 * SETTINGS
    np.testing.assert_array_equal(found["error"], 1.0 - found["accuracy"])
    assert set(found["inputs"][found["part"] == "holdout"]) == {40}
    for part in ("all", "holdout"):
        assert (found["part"] == part).sum() == 4 * SETTINGS


@pytest.mark.parametrize(("words", "tuning"), [(12, 0), (7, 7)])  # one deadline, two deadlines
def test_the_last_inputs_that_share_a_deadline_are_the_holdout(words: int, tuning: int) -> None:
    trace = synthetic.trace(12, words=words)
    outputs = OutputTrace.of(trace)
    assert [len(outputs.part(part)) for part in grid.PARTS] == [12, tuning, 12 - tuning]
    found = grid.run([trace], ["paper"]).table
    assert (found["part"] == "tuning").sum() == (SETTINGS if tuning else 0)
    assert (found["part"] == "holdout").sum() == SETTINGS


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


def test_a_scheme_is_left_out_where_the_trace_lacks_its_models() -> None:
    trace = synthetic.trace(60, 3)
    p = trace.profile
    plain = alert.Profile(
        p.latency[:2], p.power[:2], p.accuracy[:2], p.power_caps, p.idle_power, models=p.models[:2]
    )
    alone = alert.Trace(plain, trace.latency[:, :2], trace.energy[:, :2])
    found = grid.run([trace, alone], ["oracle", "paper-anytime"], parts=("all",)).table
    assert (found["scheme"] == "oracle").sum() == 2 * SETTINGS
    assert (found["scheme"] == "paper-anytime").sum() == SETTINGS


@pytest.mark.needs("tqdm")
@pytest.mark.usefixtures("watched")
def test_a_bar_only_where_tqdm_is_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = synthetic.trace(30, 3)
    shown = grid.run([trace], ["paper"], parts=("all",), progress=True)
    assert "replaying" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "tqdm", None)
    found = grid.run([trace], ["paper"], parts=("all",), progress=True)
    assert capsys.readouterr().err == ""
    np.testing.assert_array_equal(found.table, shown.table)


def test_refuses_an_unknown_scheme() -> None:
    with pytest.raises(ValueError, match=r"scheme: expected one of oracle.*got 'best'"):
        grid.run([synthetic.trace(60)], ["best"])


@pytest.mark.parametrize("objective", grid.OBJECTIVES)
def test_settings_cover_what_can_be_reached(objective: Objective) -> None:
    trace = synthetic.trace(200, 5)
    outputs = OutputTrace.of(trace)
    slowest = trace.latency[:, :, -1].mean(axis=0).max()
    found = list(settings(outputs, objective, 1.3))
    assert [s.level for s in found] == list(LEVELS)
    bounds = [s.goal.bound for s in found]
    np.testing.assert_allclose(np.diff(bounds, 2), 0.0, atol=1e-12)
    assert bounds[0] < bounds[-1]
    for setting in found:
        deadline = setting.goal.deadline
        assert deadline == pytest.approx(1.3 * slowest)
        assert setting.goal.window is None
        assert not run("informed", outputs, setting.goal).violated
    make = alert.Goal.min_energy if objective == "min_energy" else alert.Goal.max_accuracy
    step = bounds[1] - bounds[0]
    last = bounds[-1] + step / 2 if objective == "min_energy" else bounds[0] - step / 2
    more = step / 100 if objective == "min_energy" else -step / 100
    assert not run("informed", outputs, make(deadline, last - 1e-9 * more)).violated
    assert run("informed", outputs, make(deadline, last + more)).violated


def test_what_is_out_of_reach_is_not_counted() -> None:
    """Every other input is so slow that nothing is in time under the tightest deadlines."""
    trace = synthetic.trace(60, 6)
    slower = np.where(np.arange(60) % 2, 30.0, 1.0)[:, None, None]
    hopeless = alert.Trace(
        trace.profile,
        trace.latency * slower,
        trace.energy,
        {2: trace.exits[2] * slower},
        trace.phase,
        trace.phases,
    )
    found = grid.run([hopeless], ["paper"], parts=("all",))
    reachable = found.table["reachable"]
    assert 0 < reachable.sum() < len(reachable)
    counted = found.total("calibration", "all", "paper")
    assert counted is not None
    assert counted["inputs"].sum() == found.table["inputs"][reachable].sum()
