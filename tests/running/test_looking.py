"""Data frames, pictures and tables of profiles, runs and replays."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from needs import require
from simulation import CAPS, CHEAP, AnytimeBench, Bench, profile

import alert
from alert.evaluation.result import Replay

PNG = b"\x89PNG"


def bench(inputs: int = 6) -> Bench:
    made = Bench(alert.Goal.min_energy(deadline=0.2, accuracy=0.7))
    for i in range(inputs):
        made.machine.contention = 1.0 + i
        made.runner("x")
    return made


def replay(mixes: bool = False) -> Replay:
    columns = [("energy", "f8"), ("accuracy", "f8"), ("met", "?"), ("probability", "f8")]
    inputs = np.array([(1.0, 0.7, True, 0.9), (3.0, 0.0, False, 0.8)], columns)
    if mixes:
        missed = np.array([0.5, 0.25])
        return Replay("informed", CHEAP, inputs["energy"], inputs["accuracy"], missed)
    return Replay.of("alert", CHEAP, inputs)


@pytest.mark.parametrize(
    ("look", "package", "extra"),
    [
        (lambda: profile().frame(), "pandas", "pandas"),
        (lambda: profile().plot(), "matplotlib", "plot"),
        (lambda: alert.Store({}, budget=1), "torch", "torch"),
    ],
)
def test_what_is_not_installed_is_named_with_its_extra(
    look: Any, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, "alert.plots", raising=False)
    with pytest.raises(ModuleNotFoundError, match=rf"{package}: pip install .*\[{extra}\]"):
        look()


# -------------------------------------------------------------------------------------- data frames


def test_a_profile_becomes_a_frame_with_a_row_for_each_configuration() -> None:
    require("pandas")
    frame = profile().frame()
    assert frame["model"].tolist() == ["small"] * 3 + ["large"] * 3
    assert frame["power_cap"].tolist() == CAPS * 2
    assert (frame["exit"] == -1).all()
    assert frame["latency"].to_numpy() == pytest.approx(profile().latency.ravel())
    assert frame["energy"].to_numpy() == pytest.approx((frame["latency"] * frame["power"]).array)
    assert frame.set_index("model").loc["large", "accuracy"].tolist() == [0.8] * 3


def test_exits_have_rows_of_their_own() -> None:
    require("pandas")
    exits = {"large": [(0.25, 0.5), (1.0, 0.8)]}
    frame = profile(exits=exits).frame()
    large = frame[frame["model"] == "large"]
    assert large["exit"].tolist() == [0, 0, 0, 1, 1, 1]
    assert large["accuracy"].tolist() == [0.5] * 3 + [0.8] * 3
    assert large["latency"].tolist()[:3] == pytest.approx((profile().latency[1] / 4).tolist())
    assert frame[frame["model"] == "small"]["exit"].tolist() == [-1] * 3


def test_a_history_becomes_a_frame_with_names() -> None:
    require("pandas")
    runner = bench().runner
    for frame, history in (
        (runner.frame(), runner.history),
        (runner.scheduler.frame(), runner.scheduler.history),
    ):
        assert frame.index.tolist() == list(range(6))
        assert frame["model"].tolist() == [("small", "large")[m] for m in history["model"]]
        assert frame["latency"].tolist() == history["latency"].tolist()
        assert {"input", *frame.columns} == set(history.dtype.names or ())
    assert len(Bench().runner.frame()) == 0


def test_a_replay_becomes_a_frame() -> None:
    require("pandas")
    assert replay().frame()["energy"].tolist() == [1.0, 3.0]
    assert replay(mixes=True).frame()["missed"].tolist() == [0.5, 0.25]


def test_importing_alert_imports_neither_pandas_nor_matplotlib() -> None:
    heavy = "{'pandas', 'matplotlib', 'prometheus_client', 'opentelemetry'}"
    code = f"import sys, alert; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# ----------------------------------------------------------------------------------------- pictures


def test_a_profile_is_drawn_with_and_without_power() -> None:
    require("matplotlib")
    table = profile(exits={"large": [(0.25, 0.5), (1.0, 0.8)]})
    energy, latency = table.plot().axes
    assert energy.get_xlabel() == "energy, J per input"
    assert latency.get_xlabel() == "latency, ms"
    points = sum(np.shape(dots.get_offsets())[0] for dots in latency.collections)
    assert points == 3 * 3  # three outputs under three caps
    blind = alert.Profile(table.latency, None, table.accuracy, CAPS, 0.0)
    assert [axis.get_xlabel() for axis in blind.plot().axes] == ["latency, ms"]


def test_the_hull_holds_what_no_mixture_beats() -> None:
    require("matplotlib")
    from alert.plots.profile import hull

    points = np.array([(3, 0.8), (1, 0.5), (2, 0.6), (2, 0.7), (4, 0.8), (1, 0.4), (2.5, 0.72)])
    assert hull(points).tolist() == [[1, 0.5], [2, 0.7], [3, 0.8]]


def test_a_run_is_drawn() -> None:
    require("matplotlib")
    runner = bench(inputs=12).runner
    figure = runner.plot()
    outputs, slowdown, choices = figure.axes
    late = int((runner.history["lateness"] > 0).sum())
    assert late > 0
    assert [np.shape(dots.get_offsets())[0] for dots in outputs.collections] == [12 - late, late]
    assert outputs.get_title(loc="right") == f"{late} of 12 late"
    assert slowdown.lines[0].get_ydata() == pytest.approx(runner.history["slowdown_mean"])
    assert "emulated" in choices.get_title(loc="left")
    assert Bench().runner.plot() is not None  # before the first input


def test_models_have_the_axis_where_there_is_one_cap() -> None:
    require("matplotlib")
    table = alert.Profile([[0.001], [0.002]], None, [0.7, 0.8], [None], 0.0, models=["a", "b"])
    goal = alert.Goal.min_energy(deadline=0.05, accuracy=0.75)
    with alert.Runner([lambda x: x, lambda x: x], table, goal, power="none") as runner:
        for _ in range(10):
            runner("x")
    choices = runner.plot().axes[2]
    assert choices.get_title(loc="left") == "chosen model"
    assert [label.get_text() for label in choices.get_yticklabels()] == ["a", "b"]
    [dots] = choices.collections
    assert np.asarray(dots.get_offsets())[:, 1].tolist() == runner.history["model"].tolist()
    assert len(set(runner.history["model"])) == 2


def test_a_late_output_stands_at_the_edge_of_a_replay() -> None:
    require("matplotlib")
    goal = alert.Goal.min_energy(deadline=1.0, accuracy=0.7)
    late = np.array([0.0, 0.0, 1.0, 0.0])
    drawn = Replay("static", goal, np.ones(4), np.array([0.7, 0.9, 0.0, 0.8]), late).plot().axes[1]
    [cross] = [dots for dots in drawn.collections if np.shape(dots.get_offsets())[0] == 1]
    mean = (0.7 + 0.9) / 3  # the least that the line shows
    assert np.asarray(cross.get_offsets())[0].tolist() == pytest.approx([2.0, mean])


@pytest.mark.parametrize(("caps", "top"), [([10, None], 11), ([10, 20, None], 30)])
def test_no_cap_is_drawn_above_the_caps(caps: list[float | None], top: float) -> None:
    require("matplotlib")
    from matplotlib.figure import Figure

    from alert.plots.picture import cap_axis

    grid = [[0.1] * len(caps)]
    axis = Figure().subplots()
    assert cap_axis(axis, alert.Profile(grid, grid, [0.7], caps, 1.0)).tolist() == [*caps[:-1], top]
    assert axis.get_yticklabels()[-1].get_text() == "no cap"


def test_a_replay_is_drawn() -> None:
    require("matplotlib")
    energy, accuracy = replay().plot().axes
    assert energy.lines[0].get_ydata() == pytest.approx([1.0, 2.0])  # means so far
    assert accuracy.get_title(loc="right") == "accuracy 0.350, 1 of 2 late"
    assert replay(mixes=True).plot() is not None


def test_a_notebook_shows_a_picture_without_pyplot() -> None:
    require("matplotlib")
    assert profile().plot()._repr_png_().startswith(PNG)  # type: ignore[attr-defined]


# ------------------------------------------------------------------------------------------- tables


def test_a_notebook_shows_runners_and_replays_as_tables() -> None:
    html = bench().runner._repr_html_()
    assert "<th>Report</th><th>6 inputs, power: simulated</th>" in html
    assert "<td>slowdown</td>" in html
    html = replay()._repr_html_()
    assert "<td>energy</td><td>2 J per input</td>" in html
    assert "<td>goal kept</td><td>no</td>" in html
    assert AnytimeBench(CHEAP).runner._repr_html_()


def test_a_notebook_shows_what_can_be_capped_as_a_table(tmp_path: Path) -> None:
    found = alert.power.describe(tmp_path / "nowhere")
    assert json.loads(json.dumps(found)) == found
    html = found._repr_html_()
    [lack] = found["rapl"]["missing"]
    assert f"<td>rapl</td><td>no</td><td>no</td><td>{lack['what']}: {lack['why']}" in html
    found["rapl"] |= {"can_cap": True, "can_read": True, "cap_range": [10.0, 65.0], "missing": []}
    html = found._repr_html_()
    assert "<td>rapl</td><td>10-65 W</td><td>yes</td><td></td>" in html
    assert "opens none" in html


def test_caps_are_shown_with_three_digits() -> None:
    from alert._text import under_cap

    assert under_cap(5.98598) == "under 5.99 W"
    assert under_cap(6.0) == "under 6 W"
    assert under_cap(1234.5) == "under 1234 W"
    assert under_cap(None) == "with no cap"
    assert under_cap(1.0, "threads") == "with 1 thread"
