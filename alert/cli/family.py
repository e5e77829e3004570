"""Make a family of cheaper variants from one network, and run it in little memory.

MODULE:FUNCTION names a function without arguments. Python looks for the module in the current
directory too. The function returns a dict of arguments for `alert.variants.family`:

    # mynetwork.py
    def offer():
        return {
            "model": network,                            # a torch.nn.Module
            "example": torch.rand(1, 3, 224, 224),       # a typical input
            "calibration": pictures,                     # inputs without answers
            "train": fit,                                # fit(module), for "pruned"; or left out
            "evaluate": accuracy_of,                     # accuracy_of(callable), or left out
            "kinds": ["int8", "pruned:0.5", "pruned:0.5+int8"],
        }

    $ alert family mynetwork:offer

The variants are made, measured and stored. Then they run under a goal, within a budget of memory
that is smaller than the family. The output directory gets the family, its profile and a picture.
The machine should be quiet meanwhile.
"""

from __future__ import annotations

import argparse
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

import alert
from alert.cli import offer
from alert.cli.shared_options import (
    above_zero,
    add_function,
    add_output,
    add_power,
    add_quiet,
    count,
    share,
)
from alert.cli.terminal import console, part_kept, require

if TYPE_CHECKING:
    from alert.variants import Family

_NEEDED = ("model", "example")
_DEADLINE = 2.0  # times the latency of the network itself
_LEVEL = 0.7  # of accuracy, from the least to the most accurate variant
_BUDGET = 0.7  # of the bytes that the family takes in memory


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add_function(parser)
    add_output(parser, "family")
    add_power(parser)
    parser.add_argument(
        "--budget",
        type=_size,
        metavar="SIZE",
        help="memory for the variants, like '20 MB' (default: 0.7 of what the family takes)",
    )
    parser.add_argument(
        "--deadline",
        type=above_zero,
        metavar="S",
        help="seconds for an input (default: twice the latency of the network itself)",
    )
    parser.add_argument(
        "--accuracy",
        type=share,
        help="to reach on average (default: between those of the variants)",
    )
    parser.add_argument(
        "-n", "--inputs", type=count, default=200, help="inputs to run (default: %(default)s)"
    )
    add_quiet(parser)


def _size(text: str) -> int:
    """Read bytes, with a unit or without."""
    from alert.store import size  # late: other commands load no store

    try:
        return size.parsed("bytes", int(text) if text.isdecimal() else text)
    except ValueError:
        expected = "bytes, or a size like '20 MB'"
        raise argparse.ArgumentTypeError(f"expected {expected}, got {text!r}") from None


def run(arguments: argparse.Namespace) -> None:
    """Make the family, measure it, run it, and write the picture."""
    require("variants", ["torch", "safetensors", "matplotlib"])
    from alert import variants
    from alert.variants import plots, saving

    out = console()
    module, function = arguments.function
    offered = offer.ask(module, function, _NEEDED)
    shown = not arguments.quiet
    place = arguments.output / "variants"
    arguments.output.mkdir(parents=True, exist_ok=True)
    with part_kept(place, "family", saving.check_writable):
        family = variants.family(**{"progress": shown, **offered})
    out.print(str(family))
    family.save(place)
    example = offered["example"]
    profile = alert.Profile.measure(
        family, example, power=arguments.power, precision=0.05, max_seconds=2.0, progress=shown
    )
    profile.save(arguments.output / "profile.json")
    plots.draw(family, profile).savefig(arguments.output / "family.png")
    inputs = list(offered.get("calibration", ())) or [example]
    out.print(_run(family, profile, arguments, inputs))
    out.print(f"variants, profile and picture in {arguments.output}")


def _run(
    family: Family, profile: alert.Profile, arguments: argparse.Namespace, inputs: list[Any]
) -> str:
    """Run the stored variants under a goal; return what was reported."""
    from alert.store.opening import size_in_memory

    original, *_ = family.variants
    sizes = [size_in_memory(path) for _, path in family.stored().values()]
    budget = arguments.budget or max(round(_BUDGET * sum(sizes)), *sizes)
    low, high = float(profile.accuracy.min()), float(profile.accuracy.max())
    accuracy = low + _LEVEL * (high - low) if arguments.accuracy is None else arguments.accuracy
    goal = alert.Goal.min_energy(
        arguments.deadline or _DEADLINE * original.latency, accuracy=accuracy
    )
    with (
        alert.Store(family, budget) as store,
        alert.Runner(store, profile, goal, arguments.power) as runner,
    ):
        for x in islice(cycle(inputs), arguments.inputs):
            runner(x)
        return f"{runner.report()}\n{store}"
