"""Record what every model under every power cap takes, input by input.

WHAT is MODULE:FUNCTION for models of your own. The function takes no arguments and returns a dict:

    # mymodels.py
    def offer():
        return {
            "models": {"small": small, "large": large},
            "inputs": images,   # a sequence; each is run by every model under every cap
            "labels": labels,   # the right answers; or "accuracy": {"small": 0.71, "large": 0.78}
        }

    $ alert record mymodels:offer compute -n 300
    $ alert replay mymodels:offer

"metric" may be a function of output and answer, see `alert.accuracy`. Or WHAT is one of four tasks
of the evaluation, each with traditional and anytime models:

    images   photographs; EfficientNet-Lite 0, 1, 2, and a cascade of the first and the last
    patches  parts of photographs; convolutional networks, and a nested anytime one
    words    English prose; recurrent networks, and a nested anytime one
    prose    English prose; transformers, and one with early exits

Or WHAT is video: groups of frames of a clip, with every branch of a detector of yours (see
`alert video --help`). The first half of the clip serves to measure the branches:

    $ alert record video compute --clip clip.mp4 --detector mydetector:detect

The networks of patches, words and prose are trained at first use, which takes minutes, and kept in
$XDG_CACHE_HOME/alert. ENVIRONMENT is what comes and goes beside the task at random: nothing, loops
that copy memory, or loops that compute.

The machine should do nothing else meanwhile. `alert.Trace.load` reads the file.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import alert
from alert.cli import offer
from alert.cli.shared_options import add_quiet, caps
from alert.cli.terminal import console, part_kept, require
from alert.cli.video import add_branches
from alert.workloads import own
from alert.workloads.contention import ENVIRONMENTS
from alert.workloads.record_task import TASKS, record
from alert.workloads.task import Task

if TYPE_CHECKING:
    from rich.table import Table

_INPUTS = 300  # of a task of the evaluation
_NEEDED = ("models", "inputs")
_TAKEN = (*_NEEDED, "accuracy", "labels", "metric")


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "what", metavar="WHAT", type=_what, help=f"MODULE:FUNCTION, {', '.join(TASKS)}, video"
    )
    parser.add_argument(
        "environment",
        metavar="ENVIRONMENT",
        choices=ENVIRONMENTS,
        nargs="?",
        default="quiet",
        help=f"{', '.join(ENVIRONMENTS)} (default: %(default)s)",
    )
    parser.add_argument(
        "-o", "--output", type=Path, help="file (default: MODULE or TASK-ENVIRONMENT.npz)"
    )
    parser.add_argument(
        "-n",
        "--inputs",
        type=int,
        help=f"how many (default: all of your own; {_INPUTS} of a task)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        help="draws inputs, phases and the order of configurations (default: %(default)s)",
    )
    parser.add_argument(
        "--append",
        action="store_true",
        help="go on with the trace in the file, against the profile it holds",
    )
    parser.add_argument(
        "--power",
        choices=("auto", "rapl", "emulated"),
        default="auto",
        help="power device (default: RAPL where it can be capped and read, else emulated)",
    )
    parser.add_argument(
        "--caps",
        dest="power_caps",
        metavar="W,W,...",
        type=caps,
        help="power caps in watts, ascending (default: four or five)",
    )
    parser.add_argument(
        "--threads",
        type=int,
        help="of torch for one operator (default: as you set them; 1 for a task)",
    )
    video = parser.add_argument_group("of video")
    video.add_argument("--clip", help="a file, or the address of a stream")
    add_branches(video)
    video.add_argument(
        "--scenes",
        action="store_true",
        help="four scenes that change at random, made by magnifying and by leaving out frames",
    )
    add_quiet(parser)
    parser.set_defaults(refuse=parser.error)


def run(arguments: argparse.Namespace) -> None:
    """Record, save, and say how it went."""
    out = console()
    what, inputs, threads = arguments.what, arguments.inputs, arguments.threads
    if what == "video":
        _video(arguments)
        return
    if isinstance(what, str):
        require("demo", ["torch", "tqdm", "skimage", "sklearn", "efficientnet_lite_pytorch"])
        task: str | Task = what
        name, inputs, threads = (
            what,
            _INPUTS if inputs is None else inputs,
            1 if threads is None else threads,
        )
    else:
        task, offered = _own(*what, progress=not arguments.quiet)
        name, inputs = task.name, offered if inputs is None else inputs
    path = arguments.output or Path(f"{name}-{arguments.environment}.npz")
    after = alert.Trace.load(path) if arguments.append else None
    with part_kept(path, "trace"):
        trace = record(
            task,
            arguments.environment,
            inputs,
            arguments.seed,
            power=arguments.power,
            power_caps=arguments.power_caps,
            threads=threads,
            after=after,
            progress=not arguments.quiet,
        )
    trace.save(path)
    out.print(_table(trace))
    out.print(f"{trace!r} saved to {path}")


def _video(arguments: argparse.Namespace) -> None:
    """Record groups of frames, save, and say how it went."""
    for name in ("clip", "detector"):
        if getattr(arguments, name) is None:
            arguments.refuse(f"video: expected --{name}")
    if arguments.append:
        arguments.refuse("argument --append: not allowed with video")
    if arguments.scenes and arguments.environment != "quiet":
        arguments.refuse("argument --scenes: not allowed beside contention")
    require("video", ["av"])
    from alert import video
    from alert.video import clip
    from alert.video.recording import Recording
    from alert.video.scenes import AS_FILMED, CHANGING
    from alert.video.study import Study
    from alert.workloads import video as workload

    out = console()
    name = "scenes" if arguments.scenes else arguments.environment
    path = arguments.output or Path(f"video-{name}.npz")
    study = Study(
        video.branches(offer.named(*arguments.detector), arguments.scales, arguments.every),
        clip.frames(arguments.clip),
        scenes=CHANGING if arguments.scenes else AS_FILMED,
        progress=not arguments.quiet,
    )
    recording = Recording(study)
    with part_kept(path, "trace"):
        trace = workload.record(
            recording,
            arguments.environment,
            _INPUTS if arguments.inputs is None else arguments.inputs,
            arguments.seed,
            power=arguments.power,
            power_caps=arguments.power_caps,
            threads=arguments.threads,
            progress=not arguments.quiet,
        )
    trace.save(path)
    out.print(_table(trace))
    out.print(f"{trace!r} saved to {path}")


def _what(text: str) -> str | tuple[str, str]:
    """Tell a task of the evaluation from MODULE:FUNCTION."""
    return text if text in (*TASKS, "video") else offer.target(text)


def _own(module: str, function: str, *, progress: bool) -> tuple[Task, int]:
    """Make a task of what the user's function returns; count its inputs."""
    offered = offer.ask(module, function, _NEEDED)
    if unknown := sorted(set(offered) - set(_TAKEN)):
        raise ValueError(f"{module}:{function}: expected {', '.join(_TAKEN)}, got {unknown[0]!r}")
    task = own.task(module.rpartition(".")[2], **offered, progress=progress)
    return task, len(offered["inputs"])


def _table(trace: alert.Trace) -> Table:
    from rich.table import Table

    label = ", emulated" if trace.emulated else ""
    table = Table("model", title=f"mean slowdown over all power caps{label}")
    for number, phase in enumerate(trace.phases):
        table.add_column(f"{phase}\n{(trace.phase == number).sum()} inputs", justify="right")
    for i, name in enumerate(trace.profile.models):
        of_model = trace.slowdown[:, i]
        found = [of_model[trace.phase == number] for number in range(len(trace.phases))]
        table.add_row(name, *(f"{each.mean():.2f}" if len(each) else "-" for each in found))
    return table
