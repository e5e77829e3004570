"""What learns while it serves: played over recorded traces, with users that are made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import alert
from alert.cli import main
from alert.evaluation import ratings
from alert.evaluation.ratings import WORLDS, Playground
from alert.plots import learning as plots

TRACES = Path(__file__).parents[2] / "benchmarks" / "traces"


@pytest.fixture(scope="module")
def trace() -> alert.Trace:
    return alert.Trace.load(TRACES / "images-quiet.npz")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """Run the command once."""
    out = tmp_path_factory.mktemp("learning")
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr("alert.cli.learning.print_json", lambda found: said.append(json.dumps(found)))
        words = ["evaluate", "--learning", "--json", "--quiet", "--traces", str(TRACES)]
        assert main([*words, "-o", str(out)]) == 0
    return json.loads(said[0]), out


@pytest.mark.parametrize("world", WORLDS[:2], ids=lambda world: world.name)
def test_ratings_keep_goals_that_published_accuracies_miss(
    told: tuple[dict[str, Any], Path], world: ratings.World
) -> None:
    found = told[0]["ratings"][world.name]["schemes"]
    assert found["published"]["accuracy"] < world.goal - 0.005
    for scheme in ("feedback", "asked"):
        assert found[scheme]["accuracy"] >= world.goal - 0.005
        assert found[scheme]["energy / known"] <= 1.05
        assert found[scheme]["late"] <= found["known"]["late"] + 0.005


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_half_of_the_questions_lose_no_accuracy_to_speak_of(
    told: tuple[dict[str, Any], Path], world: ratings.World
) -> None:
    found = told[0]["ratings"][world.name]["schemes"]
    assert found["asked"]["asked"] <= 0.5
    assert found["asked"]["accuracy"] >= found["feedback"]["accuracy"] - 0.01


def test_where_all_is_lower_ratings_come_half_of_the_way(
    told: tuple[dict[str, Any], Path],
) -> None:
    found = told[0]["ratings"]["all lower than published"]["schemes"]
    way = found["known"]["accuracy"] - found["published"]["accuracy"]
    assert found["feedback"]["accuracy"] >= found["published"]["accuracy"] + 0.5 * way


def test_what_is_written(told: tuple[dict[str, Any], Path]) -> None:
    summary, out = told
    assert json.loads((out / "learning.json").read_text()) == summary
    assert summary["emulated"]
    assert summary["devices"]["selector"] <= 0.7 * summary["devices"]["best fixed model"]
    assert len(summary["cold starts"]) == 6
    pictures = {path.name for path in out.glob("*.png")}
    assert pictures == {"regret.png", *(f"posteriors-{n}.png" for n in (1, 2, 3))}


def test_prints_tables(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from alert.cli import learning

    schemes = {"known": dict.fromkeys(_COLUMNS, 0.5) | {"kept": True}}
    told = {"goal": 0.7, "schemes": schemes}
    from rich.console import Console

    Console(width=100).print(learning._ratings("a world", told, ", caps and joules emulated"))
    said = capsys.readouterr().out
    assert "a world: accuracy of at least 0.700" in said
    assert "emulated" in said
    assert "known" in said


_COLUMNS = ("accuracy", "energy / known", "late", "asked", "ratings", "regret")


def test_hindsight_reaches_the_goal_and_nobody_beats_it(trace: alert.Trace) -> None:
    """The price in hindsight: whoever keeps the goal pays no less."""
    ground = Playground(trace, WORLDS[2], 0)
    _, best = ground.hindsight()
    run = ground.play("known")
    assert run.accuracy.mean() == pytest.approx(0.70, abs=0.003)
    assert np.all(run.regret >= -1e-9)
    assert len(best) == ratings.INPUTS


def test_one_seed_is_one_play(trace: alert.Trace) -> None:
    one, again = (Playground(trace, WORLDS[1], 3).play("asked") for _ in range(2))
    assert np.array_equal(one.model, again.model)
    assert np.array_equal(one.mean, again.mean)
    assert one.ratings > 50


def test_pictures_show_every_scheme_and_every_model() -> None:
    regret = {"a": np.ones((3, 50)), "b": np.full((3, 50), 2.0)}
    figure = plots.draw_regret({"one": regret, "two": regret}, "J", "emulated joules")
    assert [len(axis.lines) for axis in figure.axes] == [2, 2]
    assert figure.axes[0].lines[1].get_ydata()[-1] == 100.0  # type: ignore[index]
    mean = np.full((50, 2), 0.7)
    known = plots.draw_posteriors(["x", "y"], mean, 0.1 * np.ones((50, 2)), mean)
    assert len(known.axes[0].lines) == 4
    assert known._repr_png_().startswith(b"\x89PNG")
