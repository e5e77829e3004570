"""Watch the runners and servers of this machine while they work.

It shows those that have a name, as Runner(..., live="camera") or Server(..., live="shop"), in
processes of the same user: model, setting, slowdown, latency, energy, and whether the goal is kept.
Watching changes nothing. Ctrl-C ends it, and it ends by itself with the last of them. Where
standard output is no terminal it prints a line for each stream every second.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import TypeAlias

from alert.cli.terminal import console
from alert.live.receiver import Receiver
from alert.live.snapshot import Snapshot

# Seconds between two pictures on a terminal, and between two lines elsewhere.
_PICTURE, _LINE = 0.25, 1.0

Seen: TypeAlias = Sequence[tuple[Snapshot, float]]
"""Snapshots, and the seconds since each came."""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="name or process id (default: all there are)"
    )
    parser.add_argument("--once", action="store_true", help="print what they do now, and end")
    parser.add_argument("--json", action="store_true", help="print snapshots, as lines of JSON")


def run(arguments: argparse.Namespace) -> None:
    """Show what there is until it ends."""
    with Receiver() as receiver:
        receiver.gather()
        _check(receiver, arguments.names)
        with _screen(arguments) as (show, period), suppress(KeyboardInterrupt):
            show(_asked_for(receiver, arguments.names))
            while not arguments.once:
                receiver.wait(period)
                seen = _asked_for(receiver, arguments.names)
                if not seen:
                    print("alert: all of them have ended", file=sys.stderr)
                    break
                show(seen)


def _asked_for(receiver: Receiver, names: Sequence[str]) -> Seen:
    return [
        (snapshot, age)
        for snapshot, age in receiver.snapshots()
        if not names or snapshot.name in names or str(snapshot.pid) in names
    ]


def _check(receiver: Receiver, names: Sequence[str]) -> None:
    """Raise LookupError where there is nothing to show."""
    there = [snapshot.name for snapshot, _ in receiver.snapshots()]
    if not there:
        raise LookupError("nothing to watch: no Runner or Server of this user was given live=")
    if not _asked_for(receiver, names):
        raise LookupError(
            f"nothing to watch has the name {' or '.join(names)}: there are {', '.join(there)}"
        )


@contextmanager
def _screen(arguments: argparse.Namespace) -> Iterator[tuple[Callable[[Seen], None], float]]:
    """Return what shows snapshots, and the seconds until it wants the next ones."""
    if arguments.json:
        yield _print_json, _LINE
        return
    from alert.cli import watch_table

    out = console()
    if arguments.once:
        yield (lambda seen: out.print(watch_table.picture(seen))), _LINE
    elif out.is_terminal:
        from rich.live import Live

        with Live(console=out, auto_refresh=False) as live:
            yield (lambda seen: live.update(watch_table.picture(seen), refresh=True)), _PICTURE
    else:
        yield (lambda seen: print(*watch_table.lines(seen), sep="\n", flush=True)), _LINE


def _print_json(seen: Seen) -> None:
    for snapshot, age in seen:
        print(json.dumps({**asdict(snapshot), "age": round(age, 3)}), flush=True)
