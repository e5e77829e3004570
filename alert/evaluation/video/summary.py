"""The evaluation in video, summed up: frontier, contention, peers, scenes, the time of a choice."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alert import files
from alert.evaluation.video import changes, contention
from alert.evaluation.video.foresight import ByContent
from alert.evaluation.video.rules import Alert
from alert.profile import Profile
from alert.trace import Trace
from alert.video.frontier import undominated

CONTENDED = ("compute", "memory")
BESIDE = ("quiet", *CONTENDED)
SCENES = "scenes"
TRACES = (*BESIDE, SCENES)
"""Traces of a clip: CLIP-NAME.npz."""


def load(folder: Path) -> dict[str, dict[str, Trace]]:
    """Load the traces of every clip in a folder, by clip and name."""
    found = {path.stem.rpartition("-")[0] for path in folder.glob("*-quiet.npz")}
    if not found:
        raise FileNotFoundError(f"no traces (CLIP-quiet.npz, ...) in {folder}")
    return {
        clip: {name: Trace.load(folder / f"{clip}-{name}.npz") for name in TRACES}
        for clip in sorted(found)
    }


def summarize(traces: Mapping[str, Trace]) -> dict[str, Any]:
    """Evaluate the traces of one clip."""
    keeps = [row for name in CONTENDED for row in contention.keeps(traces[name])]
    return {
        "emulated": any(trace.emulated for trace in traces.values()),
        "frontier": frontier(traces["quiet"].profile),
        "contention": keeps,
        "contention, all": {name: contention.summed(keeps, name) for name in COMPARED},
        "peers": [row for name in BESIDE for row in contention.peers(traces[name])],
        "scenes": changes.costs(traces[SCENES]),
        "content / others": changes.ratios(traces[SCENES]),
        "F1 known / others": changes.ratios(traces[SCENES], "F1 known"),
        "static scene": changes.ratios(traces["quiet"]),
        "prediction": changes.prediction(traces[SCENES]),
        "seconds of a choice": choice_seconds(traces[SCENES]),
    }


COMPARED = ("ALERT", *contention.FORESIGHT, *contention.BOUNDS, "cheapest by profile")
"""Choices that are compared with the best fixed one in hindsight."""


def frontier(profile: Profile) -> dict[str, Any]:
    """Say how many branches are worth their time, and how far they lie apart."""
    best = undominated(profile)
    seconds, f1 = profile.latency[best, -1], profile.accuracy[best]
    return {
        "branches": [profile.models[row] for row in best],
        "seconds": seconds.tolist(),
        "F1": f1.tolist(),
        "seconds, dearest / cheapest": float(seconds[-1] / seconds[0]),
        "F1, best - worst": float(f1[-1] - f1[0]),
    }


def choice_seconds(trace: Trace) -> float:
    """Return the processor seconds of a choice by content, and of learning from the group."""
    goal = contention.peers_goal(trace)
    rule = Alert(trace.profile, goal, ByContent(trace))
    start = time.thread_time()
    for group in range(len(trace)):
        branch, cap = rule.choose(group)
        seconds, joules = (cost[group, branch, cap] for cost in (trace.latency, trace.energy))
        rule.learn(group, float(seconds), float(joules))
    return (time.thread_time() - start) / len(trace)


def write(clips: Mapping[str, Mapping[str, Trace]], directory: Path) -> dict[str, Any]:
    """Write summaries as JSON, peers as CSV, and a picture of them; return summaries by clip."""
    from alert.evaluation.video import plot

    directory.mkdir(parents=True, exist_ok=True)
    found = {clip: summarize(traces) for clip, traces in clips.items()}
    files.write_json(directory / "video.json", found)
    rows = [{"clip": clip, **row} for clip, told in found.items() for row in told["peers"]]
    with (directory / "video-peers.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    emulated = any(told["emulated"] for told in found.values())
    peers = {clip: told["peers"] for clip, told in found.items()}
    plot.draw(peers, emulated).savefig(directory / "video.png")
    return found
