"""The evaluation in video, on traces drawn at random."""

from __future__ import annotations

import csv
import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import alert
from alert import cli
from alert.evaluation import OutputTrace, grid, run
from alert.evaluation import summary as table
from alert.evaluation.video import changes, contention, summary
from alert.evaluation.video.foresight import (
    Blind,
    ByContent,
    Expected,
    Foresight,
    InHindsight,
    Oracle,
    Told,
)
from alert.evaluation.video.rules import Alert, ApproxDet, Fixed, play
from alert.evaluation.video.settings import SHARES, FixedChoices, goal_of, once_a_group, slowest

KINDS = [("", 1.0, 1), ("", 1.0, 4), ("", 0.5, 1), ("", 0.5, 4)]
NAMES = ["x1", "x1, every 4", "x0.5", "x0.5, every 4"]
F1 = np.array([1.0, 0.9, 0.8, 0.7])
SCENES = {"slow": F1, "fast": F1 - [0.0, 0.3, 0.0, 0.3]}
QUALITY = {"heights": [30.0, 60.0, 120.0], "f1": [0.7, 0.9, 0.95], "weights": [9.0, 9.0, 9.0]}


def trace(environment: str, n: int = 60, seed: int = 0) -> alert.Trace:
    """Draw a trace: half of the inputs take twice as long, or objects move fast in them."""
    random = np.random.default_rng(seed)
    caps = np.array([10.0, 20.0])
    quiet = np.array([0.04, 0.012, 0.01, 0.003])[:, None] * [1.5, 1.0]
    changing = environment == "scenes"
    phase = np.arange(n) // 10 % 2 * (environment != "quiet")
    slow = 1.0 + phase * (not changing)
    latency = quiet * (slow * random.lognormal(0.0, 0.05, n))[:, None, None]
    f1 = np.where(changing & (phase == 1)[:, None], SCENES["fast"], F1)
    motion = np.where(changing & (phase == 1), 1.0, 0.1)[:, None] + np.zeros(4)
    video = {
        "group": 4,
        "held": 0.3,
        "kappa": 1.5,
        "quality": {"": QUALITY},
        "branches": KINDS,
        "boxes": {
            "profiled": 1.0,
            "counts": [0, 1, 16],
            "factors": [[1.0, 0.9, 1.0, 0.8], [1.0, 1.0, 1.0, 1.0], [1.0, 2.5, 1.0, 4.0]],
        },
        "situations": {
            name: {"height": 60.0, "motion": motion, "f1": SCENES[name].tolist()}
            for name, motion in (("slow", 0.1), ("fast", 1.0))[: 1 + changing]
        },
    }
    return alert.Trace(
        alert.Profile(
            latency=quiet,
            power=np.tile(caps, (4, 1)),
            accuracy=np.mean(list(SCENES.values()), axis=0) if changing else F1,
            power_caps=caps,
            idle_power=2.0,
            models=NAMES,
            origin={"video": video, "emulated": True},
        ),
        latency,
        latency * caps,
        phase=phase,
        phases=tuple(SCENES) if changing else tuple(dict.fromkeys(("quiet", environment))),
        accuracy=np.clip(f1 + random.normal(0.0, 0.02, (n, 4)), 0.0, 1.0),
        seen={
            "height": np.full((n, 4), 60.0),
            "motion": motion,
            "boxes": np.full((n, 4), 10.0),
            "left": np.full((n, 4), 10.0),
        },
        task="video",
        environment=environment,
        origin={"emulated": True},
    )


def test_a_rule_pays_for_what_it_chose_and_is_credited_what_was_found() -> None:
    drawn = trace("compute")
    assert drawn.accuracy is not None
    goal = alert.Goal.min_energy(0.05, 0.5, q_fail=0.3)
    found = play("fixed", OutputTrace.of(drawn), goal, Fixed(0, 1)).inputs
    assert found is not None
    seconds = drawn.latency[:, 0, 1]
    late = seconds > 0.05
    assert 0.2 < late.mean() < 0.8
    rest = np.maximum(0.05 - seconds, 0.0)
    np.testing.assert_allclose(found["energy"], 20.0 * seconds + 2.0 * rest)
    np.testing.assert_allclose(found["accuracy"], np.where(late, 0.3, drawn.accuracy[:, 0]))
    np.testing.assert_array_equal(found["met"], ~late)


def test_alert_without_foresight_is_the_scheduler() -> None:
    drawn = trace("compute")
    goal = goal_of(drawn, 0.85, 0.05)
    outputs = OutputTrace.of(drawn)
    ours = play("ALERT", outputs, goal, Alert(drawn.profile, goal, Blind()))
    scheduler = run("default", outputs, goal)
    np.testing.assert_array_equal(ours.accuracy, scheduler.accuracy)
    np.testing.assert_allclose(ours.energy, scheduler.energy)


def test_approxdet_takes_the_best_that_fits_with_a_margin() -> None:
    profile = trace("quiet").profile
    rule = ApproxDet(profile, 0.04 * 1.3 * 1.5, Blind())
    assert rule.choose(0) == (0, -1)
    rule.learn(0, 0.04 * 1.6, 1.0)  # 1.6 times as slow: too slow for the best
    assert rule.choose(1) == (1, -1)
    rule.learn(1, 0.012 * 100, 1.0)  # nothing fits: the fastest
    assert rule.choose(2) == (3, -1)


def expected_f1(foresight: Foresight, group: int) -> NDArray[np.float64]:
    found = foresight.expect(group).f1
    assert found is not None
    return found


def test_content_expects_less_of_long_intervals_once_objects_are_fast() -> None:
    foresight = ByContent(trace("scenes"))
    calm = expected_f1(foresight, 0)
    np.testing.assert_allclose(calm, F1, atol=2e-3)  # as measured, where all is as it was
    for group in range(10, 18):
        foresight.learn(group, 1)
    np.testing.assert_allclose(expected_f1(foresight, 18), SCENES["fast"], atol=0.05)


def test_content_expects_longer_steps_for_more_boxes() -> None:
    drawn = trace("quiet")
    foresight = ByContent(drawn)
    before = foresight.expect(0).latency
    assert before is not None
    np.testing.assert_allclose(before, 1.0)
    for group in range(30):
        foresight.learn(group, 1)  # ten boxes, where one was profiled
    after = foresight.expect(30).latency
    assert after is not None
    np.testing.assert_allclose(after, [1.0, 1.9, 1.0, 2.8])
    without = {name: what for name, what in drawn.seen.items() if name not in ("boxes", "left")}
    uncounted = ByContent(alert.Trace(drawn.profile, drawn.latency, drawn.energy, seen=without))
    assert uncounted.expect(0).latency is None
    uncounted.learn(0, 1)


def test_a_crowd_is_expected_by_the_scheduler_and_by_approxdet() -> None:
    class Crowded(Blind):
        def expect(self, group: int) -> Expected:
            return Expected(latency=np.array([9.0, 3.0, 1.0, 1.0]))

    profile = trace("quiet").profile
    goal = alert.Goal.max_accuracy(deadline=0.1, power=20.0)
    assert Alert(profile, goal, Blind()).choose(0)[0] == 0
    assert Alert(profile, goal, Crowded()).choose(0)[0] == 1
    rule = ApproxDet(profile, 0.1, Crowded())
    assert rule.choose(0) == (1, -1)
    rule.learn(0, 0.072, 1.0)  # twice as slow as expected
    assert rule._slowdown == pytest.approx(2.0)


def test_told_expects_what_the_scene_was_measured_to_be() -> None:
    foresight = Told(trace("scenes"))
    np.testing.assert_allclose(expected_f1(foresight, 3), SCENES["slow"])
    np.testing.assert_allclose(expected_f1(foresight, 13), SCENES["fast"])


def test_hindsight_knows_means_and_an_oracle_every_group() -> None:
    drawn = trace("scenes")
    assert drawn.accuracy is not None
    np.testing.assert_allclose(expected_f1(InHindsight(drawn), 3), drawn.accuracy.mean(axis=0))
    np.testing.assert_array_equal(expected_f1(Oracle(drawn), 3), drawn.accuracy[3])


def test_nothing_takes_less_than_to_know_the_whole_trace() -> None:
    for row in contention.keeps(trace("compute")):
        least = row["clairvoyant"]["energy"]
        assert least <= row["informed"]["energy"] * (1 + 1e-9)
        assert least <= row["best fixed"]["energy"] * (1 + 1e-9)
        for name in ("ALERT", *contention.FORESIGHT):
            kept = row[name]["F1"] >= row["goal"] and row[name]["late"] <= 0.1
            assert not kept or least <= row[name]["energy"] * (1 + 1e-9)


def test_costs_between_two_runs_lie_on_the_line() -> None:
    runs = np.array([(0.5, 1.0), (0.9, 3.0), (0.7, 4.0)])  # the last costs more for less
    assert changes._between(runs, 0.7) == pytest.approx(3.0)
    assert changes._between(runs, 0.6) == pytest.approx(2.0)
    assert changes._between(runs, 0.95) is None


def test_foresight_pays_where_scenes_change() -> None:
    found = changes.costs(trace("scenes", 200))
    assert len(found["F1"]) == 6
    for name in ("content-blind", "best fixed"):
        pairs = list(zip(found["content"], found[name], strict=True))[:5]  # the best branch always
        for ours, theirs in pairs:
            assert ours is not None
            assert theirs is not None
            assert ours < theirs
    ratios = changes.ratios(trace("scenes", 200))
    assert ratios["best fixed"] is not None
    assert 0.0 < ratios["best fixed"]["mean"] < ratios["best fixed"]["worst"]


def test_predictions_are_right_where_scenes_are_as_profiled() -> None:
    found = changes.prediction(trace("scenes", 200))
    assert found["halves"] == pytest.approx(0.0, abs=0.01)
    assert found["rms"] < 0.1
    assert set(found["scenes"]) == set(SCENES)


@pytest.mark.filterwarnings("error")
def test_a_scene_that_never_came_is_left_out() -> None:
    found = changes.prediction(trace("scenes", 10))
    assert list(found["scenes"]) == ["slow"]
    assert np.isfinite([found["halves"], found["rms"]]).all()


def test_fixed_choices_are_those_that_a_replay_plays() -> None:
    drawn = trace("compute")
    outputs, goal = OutputTrace.of(drawn), goal_of(drawn, 0.0, 0.05)
    fixed = FixedChoices.of(outputs, goal)
    for place in np.ndindex(4, 2):
        run = play("fixed", outputs, goal, Fixed(*place))
        assert fixed.f1[place] == pytest.approx(run.mean_accuracy)
        assert fixed.energy[place] == pytest.approx(run.mean_energy)
        assert fixed.late[place] == pytest.approx(run.miss_rate)


def test_goals_are_shares_of_what_the_best_choice_in_time_reaches() -> None:
    drawn = trace("compute")
    outputs = OutputTrace.of(drawn)
    fixed = FixedChoices.of(outputs, goal_of(drawn, 0.0, 0.05))
    assert 0.0 < fixed.late[0, 1] < 1.0  # the best branch is late too often to count
    goals = fixed.goals()
    np.testing.assert_allclose(goals, np.array(SHARES) * fixed.f1[1].max())
    for f1 in goals:
        best = fixed.best(f1)
        assert best is not None
        static = run("static", outputs, goal_of(drawn, f1 - 1e-9, 0.05))
        assert static.mean_energy == pytest.approx(fixed.energy[best])
    assert fixed.best(1.0) is None
    nothing = FixedChoices.of(outputs, goal_of(drawn, 0.0, 1e-6))
    assert nothing.goals() == []


def test_choices_that_are_late_too_often_do_not_count() -> None:
    fixed = FixedChoices(np.array([[0.9, 0.8]]), np.array([[1.0, 2.0]]), np.array([[0.2, 0.1]]))
    assert fixed.best(0.7) == (0, 1)
    assert fixed.cost(0.7) == 2.0
    assert fixed.best(0.85) is None
    assert fixed.goals()[-1] == 0.8


def test_deadlines_are_relative_to_the_profile() -> None:
    profile = trace("quiet").profile
    assert once_a_group(profile) == pytest.approx(0.012)
    assert slowest(profile) == pytest.approx(0.04)


def test_costs_are_summed_up_with_the_worst() -> None:
    def row(ours: float, f1: float, fixed: float | None = None) -> dict[str, Any]:
        said = {"energy": ours, "F1": f1, "late": 0.1, "fixed at its F1": fixed}
        return {"goal": 0.8, "ALERT": said, "best fixed": {"energy": 2.0}}

    told = contention.summed([row(1.0, 0.82, 4.0), row(3.0, 0.78), row(2.0, 0.797, 2.0)], "ALERT")
    assert told["energy / fixed"] == pytest.approx(1.0)
    assert told["energy / fixed, worst"] == pytest.approx(1.5)
    assert told["energy / fixed at its F1"] == pytest.approx((0.25 + 1.0) / 2)
    assert (told["settings"], told["missed"]) == (3, 1)
    assert told["shortfall"] == pytest.approx((0.02 + 0.003) / 3)
    assert told["shortfall, worst"] == pytest.approx(0.02)
    assert contention.summed([], "ALERT") == {}


def test_the_frontier_leaves_out_what_is_beaten() -> None:
    found = summary.frontier(trace("quiet").profile)
    assert found["branches"] == ["x0.5, every 4", "x0.5", "x1, every 4", "x1"]
    assert found["seconds, dearest / cheapest"] == pytest.approx(40 / 3)
    assert found["F1, best - worst"] == pytest.approx(0.3)


def test_the_cheapest_by_profile_keeps_the_goal_there() -> None:
    profile = trace("quiet").profile
    assert contention.cheapest(profile, alert.Goal.min_energy(0.05, 0.85)) == (1, 0)
    assert contention.cheapest(profile, alert.Goal.min_energy(0.013, 0.85)) == (1, 1)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    (tmp_path / "video").mkdir()
    for seed, (clip, name) in enumerate(product(("near", "far"), summary.TRACES)):
        trace(name, seed=seed).save(tmp_path / "video" / f"{clip}-{name}.npz")
    return tmp_path


@pytest.mark.needs("matplotlib", "rich")
def test_the_command_writes_and_prints(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = recorded / "out"
    arguments = ["evaluate", "--video", "--traces", str(recorded), "-o", str(out)]
    assert cli.main(arguments) == 0
    said = capsys.readouterr().out
    for part in ("x0.5, every 4", "ApproxDet's rule", "told the scene", "rms off", "emulated"):
        assert part in said
    with (out / "video-peers.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["environment"] for row in rows} == {"quiet", "compute", "memory"}
    assert {row["clip"] for row in rows} == {"near", "far"}
    assert (out / "video.png").stat().st_size > 10_000
    assert cli.main([*arguments, "--json"]) == 0
    far = json.loads(capsys.readouterr().out)["far"]
    assert far["contention, all"]["ALERT"]["settings"] == len(far["contention"])


@pytest.mark.needs("matplotlib", "rich")
def test_a_folder_without_traces_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["evaluate", "--video", "--traces", str(tmp_path)]) != 0
    assert "no traces (CLIP-quiet.npz, ...) in" in capsys.readouterr().err


@pytest.mark.needs("matplotlib", "rich")
def test_video_may_be_seen_without_a_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["video", "--recorded"]) == 0
    assert "ALERT, content" in capsys.readouterr().out
    assert {path.name for path in Path("video").iterdir()} == {"branches.png", "peers.png"}


@pytest.mark.parametrize("wrong", [[], ["clip.mp4"], ["clip.mp4", "--recorded"]])
def test_a_clip_and_a_detector_or_the_recording(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["video", *wrong])
    assert "--recorded" in capsys.readouterr().err


def test_no_ratio_to_a_scheme_that_makes_no_error() -> None:
    """A branch that others are measured against has none."""
    rows = np.zeros(4, grid.ROW)
    rows["scheme"] = ["oracle", "default"] * 2
    rows["level"] = [0.1, 0.1, 0.9, 0.9]
    rows["error"] = [0.1, 0.2, 0.0, 0.1]
    assert table._mean_ratio(rows, "default", "oracle", "error") == pytest.approx(2.0)
    assert table._mean_ratio(rows[2:], "default", "oracle", "error") is None
