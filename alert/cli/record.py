"""Record what every model under every power cap takes, input by input.

TASK is one of three, each with traditional and anytime models:

    images   photographs; EfficientNet-Lite 0, 1, 2, and a cascade of the first and the last
    patches  parts of photographs; convolutional networks, and a nested anytime one
    words    English prose; recurrent networks, and a nested anytime one

The networks of the last two are trained at first use, which takes minutes, and kept in
$XDG_CACHE_HOME/alert. ENVIRONMENT is what comes and goes beside the task at random: nothing, loops
that copy memory, or loops that compute.

    $ alert record words compute --inputs 300 --seed 1 -o words-compute.npz

The machine should do nothing else meanwhile. `alert.Trace.load` reads the file.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import alert
from alert.cli.profile import caps
from alert.cli.terminal import add_quiet, console, part_kept, require
from alert.workloads.contention import ENVIRONMENTS
from alert.workloads.record_task import TASKS, record

if TYPE_CHECKING:
    from rich.table import Table


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("task", metavar="TASK", choices=TASKS, help=", ".join(TASKS))
    parser.add_argument(
        "environment", metavar="ENVIRONMENT", choices=ENVIRONMENTS, help=", ".join(ENVIRONMENTS)
    )
    parser.add_argument("-o", "--output", type=Path, help="file (default: TASK-ENVIRONMENT.npz)")
    parser.add_argument(
        "-n", "--inputs", type=int, default=300, help="how many (default: %(default)s)"
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
        "--threads", type=int, default=1, help="of torch for one operator (default: %(default)s)"
    )

    add_quiet(parser)


def run(arguments: argparse.Namespace) -> None:
    """Record, save, and say how it went."""
    require("demo", ["torch", "tqdm", "skimage", "sklearn", "efficientnet_lite_pytorch"])
    out = console()
    path = arguments.output or Path(f"{arguments.task}-{arguments.environment}.npz")
    after = alert.Trace.load(path) if arguments.append else None
    with part_kept(path, "trace"):
        trace = record(
            arguments.task,
            arguments.environment,
            arguments.inputs,
            arguments.seed,
            power=arguments.power,
            power_caps=arguments.power_caps,
            threads=arguments.threads,
            after=after,
            progress=not arguments.quiet,
        )
    trace.save(path)
    out.print(_table(trace))
    out.print(f"{trace!r} saved to {path}")


def _table(trace: alert.Trace) -> Table:
    from rich.table import Table

    label = ", emulated" if trace.emulated else ""
    table = Table("model", title=f"mean slowdown over all power caps{label}")
    for number, phase in enumerate(trace.phases):
        table.add_column(f"{phase}\n{(trace.phase == number).sum()} inputs", justify="right")
    for i, name in enumerate(trace.profile.models):
        of_model = trace.slowdown[:, i]
        means = [of_model[trace.phase == number].mean() for number in range(len(trace.phases))]
        table.add_row(name, *(f"{mean:.2f}" for mean in means))
    return table
