"""What a runner does now, for the live view."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from alert.live.sender import Sender
from alert.live.snapshot import Snapshot, Stream

if TYPE_CHECKING:
    from alert.running.runner import Runner


_TIMES = ("response", "lateness")


def show(runner: Runner, name: str) -> Sender:
    """Show a runner to `alert watch` under a name, until the sender is closed."""
    return Sender(runner, lambda runner: look(runner, name))


def look(runner: Runner, name: str) -> Snapshot:
    """Take the snapshot of a runner, in about half a millisecond."""
    report, last = runner.report(), runner._loop.newest
    recent = runner.history[-1:]
    response, lateness = (recent[key].item() if recent.size else None for key in _TIMES)
    stream = Stream(
        name=name,
        inputs=report.inputs,
        late=report.misses,
        refused=0,
        model=None if last is None else last.model,
        exit=None if last is None else last.exit,
        power_cap=None if last is None else last.power_cap,
        slowdown=runner.scheduler.slowdown[0],
        response=response,
        deadline=None if response is None else response - lateness,
        energy=None if report.energy is None else report.energy / report.inputs,
        accuracy=report.verdict.accuracy,
        kept=report.verdict.kept,
    )
    return Snapshot(
        name=name,
        pid=os.getpid(),
        power=report.power,
        unit=report.unit,
        energy=report.energy,
        mark="estimated" if report.estimated else "emulated" if report.emulated else "measured",
        waiting=0,
        streams=(stream,),
    )
