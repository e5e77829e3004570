"""The table of `alert watch`, and its lines where there is no terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from alert._text import cap_text, seconds_text
from alert.live.snapshot import Snapshot, Stream

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

# Seconds without a snapshot, after which the numbers are marked as old.
_OLD = 2.0

_GOAL = {True: ("kept", "green"), False: ("missed", "bold red"), None: ("-", "dim")}


def picture(seen: Sequence[tuple[Snapshot, float]]) -> RenderableType:
    """Draw a title and a table for each runner and server."""
    from rich.console import Group

    return Group(*(part for snapshot, age in seen for part in _block(snapshot, age)))


def lines(seen: Sequence[tuple[Snapshot, float]]) -> Iterator[str]:
    """Say the same in a line for each stream."""
    for snapshot, _ in seen:
        for stream in snapshot.streams:
            of = f", {stream.name}" if _has_tenants(snapshot) else ""
            yield f"{snapshot.name}{of}: {', '.join(_words(stream, snapshot.unit))}"


def _words(stream: Stream, unit: str) -> Iterator[str]:
    if stream.model is None:
        yield "no input yet"
        return
    yield from (_model(stream), _setting(stream, unit), f"slowdown {_slowdown(stream)}")
    yield _latency(stream)
    if stream.energy is not None:
        yield f"{_energy(stream)} J an input"
    yield f"{stream.inputs} inputs, {stream.late} late"
    if stream.refused:
        yield f"{stream.refused} given up"
    if stream.kept is not None:
        yield f"goal {_GOAL[stream.kept][0]}"


def _block(snapshot: Snapshot, age: float) -> Iterator[Text | Table]:
    from rich.text import Text

    drawn = "energy not read" if snapshot.energy is None else f"{snapshot.energy:.4g} J"
    mark = "" if snapshot.mark in ("measured", snapshot.power) else f" {snapshot.mark}"
    facts = [f"process {snapshot.pid}", f"{snapshot.power}, {drawn}{mark}"]
    if snapshot.waiting:
        facts.append(f"{snapshot.waiting} waiting")
    if age > _OLD:
        facts.append(f"silent for {age:.0f} s")
    yield Text.assemble((snapshot.name, "bold"), "  ", (", ".join(facts), "dim"))
    if snapshot.streams:
        yield _table(snapshot)
    yield Text()


def _table(snapshot: Snapshot) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 0), header_style="not bold dim")
    has_tenants = _has_tenants(snapshot)
    for name in ("tenant", "model") if has_tenants else ("model",):
        table.add_column(name, overflow="fold")  # the others keep their width
    given_up = ["given\nup"] if has_tenants else []
    numbers = (
        "setting",
        "slow-\ndown",
        "latency",
        "J an\ninput",
        "inputs",
        "late",
        *given_up,
        "goal",
    )
    for name in numbers:
        table.add_column(name, justify="right", vertical="bottom", no_wrap=True)
    for stream in snapshot.streams:
        cells: list[str | Text] = [
            _model(stream),
            _setting(stream, snapshot.unit),
            _slowdown(stream),
            Text(_latency(stream), "red" if _is_late(stream) else "green"),
            _energy(stream),
            f"{stream.inputs}",
            f"{stream.late}",
            *([f"{stream.refused}"] if has_tenants else []),
            Text(*_GOAL[stream.kept]),
        ]
        table.add_row(*([stream.name] if has_tenants else []), *cells)
    return table


def _has_tenants(snapshot: Snapshot) -> bool:
    """Tell a server from a runner, whose only stream has its name."""
    return [stream.name for stream in snapshot.streams] != [snapshot.name]


def _model(stream: Stream) -> str:
    if stream.model is None:
        return "none yet"
    return stream.model if stream.exit is None else f"{stream.model}, exit {stream.exit}"


def _setting(stream: Stream, unit: str) -> str:
    return "" if stream.model is None else cap_text(stream.power_cap, unit, ".3g")


def _slowdown(stream: Stream) -> str:
    return "" if stream.slowdown is None else f"{stream.slowdown:.2f}"


def _latency(stream: Stream) -> str:
    """Return "34.1 of 50 ms": what the last input took, of the time that it had."""
    if stream.response is None:
        return ""
    if stream.deadline is None:
        return seconds_text(stream.response)
    factor, unit = (1.0, "s") if stream.deadline >= 1.0 else (1e3, "ms")
    return f"{factor * stream.response:.3g} of {factor * stream.deadline:.3g} {unit}"


def _is_late(stream: Stream) -> bool:
    if stream.response is None or stream.deadline is None:
        return False
    return stream.response > stream.deadline


def _energy(stream: Stream) -> str:
    return "" if stream.energy is None else f"{stream.energy:.3g}"
