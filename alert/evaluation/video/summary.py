"""The evaluation in video, summed up: frontier, contention, peers, scenes, the time of a choice."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from alert import files
from alert.evaluation.video import changes, contention
from alert.evaluation.video.foresight import ByContent
from alert.evaluation.video.rules import Alert
from alert.profile import Profile
from alert.trace import Trace
from alert.video.frontier import undominated

CONTENDED = ("compute", "memory")
TRACES = ("quiet", *CONTENDED, "scenes")
"""Traces that are needed: video-NAME.npz."""


def summarize(traces: Mapping[str, Trace]) -> dict[str, Any]:
    """Evaluate the traces of `TRACES`."""
    scenes = changes.costs(traces["scenes"])
    static = changes.costs(traces["quiet"], changes.REACHED_STATIC)
    keeps = [row for name in CONTENDED for row in contention.keeps(traces[name])]
    return {
        "emulated": any(trace.emulated for trace in traces.values()),
        "frontier": frontier(traces["quiet"].profile),
        "contention": keeps,
        "energy / fixed": _mean([row["energy / fixed"] for row in keeps]),
        "peers": [row for name in TRACES[:-1] for row in contention.peers(traces[name])],
        "scenes": {"F1": changes.REACHED, **scenes},
        "content / others": changes.ratios(scenes),
        "static scene": changes.ratios(static),
        "prediction": changes.prediction(traces["scenes"]),
        "seconds of a choice": choice_seconds(traces["scenes"]),
    }


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


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
    goal = contention.goal_of(trace, contention.PEERS_GOAL)
    rule = Alert(trace.profile, goal, ByContent(trace))
    start = time.thread_time()
    for group in range(len(trace)):
        branch, cap = rule.choose(group)
        seconds, joules = (cost[group, branch, cap] for cost in (trace.latency, trace.energy))
        rule.learn(group, float(seconds), float(joules))
    return (time.thread_time() - start) / len(trace)


def write(traces: Mapping[str, Trace], directory: Path) -> dict[str, Any]:
    """Write the summary as JSON, peers as CSV, and a picture of them; return the summary."""
    from alert.evaluation.video import plot

    directory.mkdir(parents=True, exist_ok=True)
    found = summarize(traces)
    files.write_json(directory / "video.json", found)
    with (directory / "video-peers.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, found["peers"][0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(found["peers"])
    plot.draw(found["peers"], found["emulated"]).savefig(directory / "video.png")
    return found
