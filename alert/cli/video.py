"""Detect objects in a clip, with the branch that fits the goal for every group of frames.

--detector MODULE:FUNCTION names a function that takes a picture, height x width x 3, and returns
boxes as rows of left, top, right, bottom in pixels and a score. Python looks for the module in the
current directory too.

    $ alert video clip.mp4 --detector mydetector:detect --accuracy 0.8

The first frames of the clip serve to measure every scale and interval. The others are watched. The
output directory gets the profile, a picture of the branches, and a GIF of some seconds.

With --recorded a recording of a detector of persons is replayed in a second, beside loops that
compute. It takes neither clip nor detector.
"""

from __future__ import annotations

import argparse
from collections import deque
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import alert
from alert import _progress
from alert.cli import offer
from alert.cli.shared_options import (
    above_zero,
    add_output,
    add_power,
    add_quiet,
    comma_separated,
    count,
    share,
)
from alert.cli.terminal import console, require

if TYPE_CHECKING:
    from rich.table import Table

RECORDING = Path(alert.__file__).parent / "video" / "recorded.npz"
"""The trace of the evaluation beside computing loops, see ``benchmarks/traces/video``."""

_GIF_FRAMES = 60
_GIF_WIDTH = 480  # pixels, at most


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("clip", nargs="?", metavar="CLIP", help="a file, or a stream's address")
    parser.add_argument("--recorded", action="store_true", help="replay a recording")
    add_branches(parser)
    parser.add_argument(
        "--accuracy",
        type=share,
        default=0.75,
        metavar="F1",
        help="F1 to reach on average, against the detector at full size on every frame "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--fps", type=above_zero, metavar="N", help="frames a second (default: as the clip states)"
    )
    parser.add_argument(
        "--measure",
        type=count,
        default=160,
        metavar="N",
        help="frames to measure with (default: %(default)s)",
    )
    parser.add_argument(
        "--most", type=count, metavar="N", help="frames to watch, at most (default: all)"
    )
    add_power(parser)
    add_output(parser, "video")
    add_quiet(parser)
    parser.set_defaults(refuse=parser.error)


def add_branches(parser: argparse._ActionsContainer) -> None:
    """Add the options that make branches."""
    parser.add_argument(
        "--detector",
        metavar="MODULE:FUNCTION",
        type=offer.target,
        help="takes a picture, returns boxes",
    )
    parser.add_argument(
        "--scales",
        type=comma_separated(float, "numbers like 1,0.5"),
        default=[1.0, 0.75, 0.5],
        metavar="S,S,...",
        help="sizes of the pictures that the detector gets (default: 1,0.75,0.5)",
    )
    parser.add_argument(
        "--every",
        type=comma_separated(int, "integers like 1,4,8"),
        default=[1, 2, 4, 8],
        metavar="N,N,...",
        help="frames from one detection to the next (default: 1,2,4,8)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Measure, watch, print the tables, and write the pictures."""
    given = [name for name in ("clip", "detector") if getattr(arguments, name) is not None]
    if arguments.recorded:
        if given:
            arguments.refuse(f"argument --recorded: not allowed with {given[0]}")
        _recorded(arguments)
        return
    if len(given) < 2:
        arguments.refuse("expected CLIP and --detector, or --recorded")
    require("video", ["av", "matplotlib", "PIL"])
    from alert import video
    from alert.video import clip, plots

    out = console()
    detect = offer.named(*arguments.detector)
    branches = video.branches(detect, arguments.scales, arguments.every)
    arguments.output.mkdir(parents=True, exist_ok=True)
    source = clip.frames(arguments.clip)
    first = list(islice(source, arguments.measure))
    shown = not arguments.quiet
    profile = video.measure(branches, first, power=arguments.power, precision=0.05, progress=shown)
    profile.save(arguments.output / "profile.json")
    out.print(_branches(profile))
    period = 1.0 / (arguments.fps or clip.rate(arguments.clip))
    goal = alert.Goal.min_energy(deadline=period, accuracy=arguments.accuracy)
    kept: deque[Any] = deque(maxlen=_GIF_FRAMES)
    with video.Watcher(branches, profile, goal, arguments.power) as watch:
        with _progress.bar(arguments.most, "frame", "watching", shown=shown) as done:
            for frame, boxes in watch(islice(source, arguments.most)):
                kept.append(_small(frame, boxes))
                done.update()
        report = watch.report()
    out.print(repr(report))
    if kept:
        clip.write_gif(arguments.output / "watched.gif", list(kept), 1.0 / period)
    served: dict[str, int] = {}
    for (name, _), groups in report.choices.items():
        served[name] = served.get(name, 0) + groups
    plots.draw(profile, served).savefig(arguments.output / "branches.png")
    out.print(f"profile, pictures in {arguments.output}")


def _recorded(arguments: argparse.Namespace) -> None:
    """Replay the recording that comes with the package."""
    require("plot", ["matplotlib"])
    from alert.cli import evaluate_video
    from alert.evaluation.video import contention, plot
    from alert.video import plots

    out = console()
    trace = alert.Trace.load(RECORDING)
    out.print(_branches(trace.profile))
    ran = contention.replays(trace)
    rows, goal = contention.said(trace, ran), contention.peers_goal(trace)
    label = ", emulated" if trace.emulated else ""
    out.print(evaluate_video.peers(rows, label))
    out.print(
        f"{len(trace)} groups of {trace.profile.origin['video']['group']} frames beside "
        f"{trace.environment} loops, {goal.deadline:.3f} s a frame; ALERT was asked for an F1 of "
        f"{goal.accuracy:.3f}"
    )
    inputs = ran["ALERT"].inputs
    assert inputs is not None  # of a rule that was played
    served = np.bincount(inputs["model"], minlength=len(trace.profile.models))
    chosen = dict(zip(trace.profile.models, served.tolist(), strict=True))
    arguments.output.mkdir(parents=True, exist_ok=True)
    plots.draw(trace.profile, chosen).savefig(arguments.output / "branches.png")
    plot.draw({"recorded": rows}, trace.emulated).savefig(arguments.output / "peers.png")
    out.print(f"pictures in {arguments.output}")


def _branches(profile: alert.Profile) -> Table:
    """Say what each branch costs and how well it does; those that are beaten are in brackets."""
    from rich.table import Table

    from alert.video.frontier import undominated

    label = ", emulated" if profile.origin["emulated"] else ""
    table = Table("branch", title=f"branches, a frame{label}")
    for column in ("ms", "J", "F1"):
        table.add_column(column, justify="right")
    best = undominated(profile)
    order = np.argsort(profile.latency[:, -1])
    for row in order:
        seconds, watts = profile.latency[row, -1], profile.power[row, -1]
        joules = "" if np.isnan(watts) else f"{seconds * watts:.3g}"
        name = profile.models[row] if row in best else f"({profile.models[row]})"
        table.add_row(name, f"{1e3 * seconds:.3g}", joules, f"{profile.accuracy[row]:.3f}")
    return table


def _small(frame: Any, boxes: Any) -> Any:
    """Shrink a frame for the GIF, then draw its boxes: lines that are shrunk fade."""
    from alert.video import clip
    from alert.video.resize import smaller

    small = smaller(frame, min(1.0, _GIF_WIDTH / frame.shape[1]))
    shrunk = boxes.copy()
    shrunk[:, :4] *= small.shape[1] / frame.shape[1]
    return clip.annotated(small, shrunk)
