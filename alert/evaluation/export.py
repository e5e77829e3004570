"""Writes a grid to files: tables as CSV, the summary as JSON and Markdown, plots."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from alert import files
from alert.evaluation import calibration, summary
from alert.evaluation.grid import Grid
from alert.evaluation.output_trace import OutputTrace
from alert.evaluation.schemes import run
from alert.evaluation.settings import settings
from alert.trace import Trace

# The timeline shows one setting in the middle of the range.
_FACTOR, _LEVEL = 1.0, 0.5

# How many quiet inputs the timeline shows before the step.
_QUIET = 20


def write(grid: Grid, traces: Sequence[Trace], directory: Path) -> dict[str, Any]:
    """Write everything, and return the summary of each part."""
    directory.mkdir(parents=True, exist_ok=True)
    names = grid.table.dtype.names or ()
    _write_csv(directory / "settings.csv", names, grid.table.tolist())
    _write_counts(grid, directory)
    parts = dict.fromkeys(grid.table["part"].tolist())
    found = {part: summary.summarize(grid, part) for part in parts}
    files.write_json(directory / "summary.json", found)
    (directory / "table.md").write_text(markdown(found), encoding="utf-8")
    _draw(grid, found, traces, directory)
    return found


def markdown(found: dict[str, Any]) -> str:
    """Lay the summary out as one table: cost relative to Oracle, settings violated."""
    columns = [(part, goal) for part in found for goal in ("min_energy", "max_accuracy")]
    titles = {"min_energy": "energy / Oracle", "max_accuracy": "error / Oracle"}
    settings = [found[part]["settings"][goal] for part, goal in columns]
    header = [
        cell
        for (part, goal), count in zip(columns, settings, strict=True)
        for cell in (f"{titles[goal]}, {part}", f"violated of {count}")
    ]
    lines = [["scheme", *header], ["--", *("--:" for _ in header)]]
    for scheme in next(iter(found.values()))["schemes"]:
        cells = [scheme]
        for part, goal in columns:
            of_scheme = found[part]["schemes"][scheme][goal]
            ratio = of_scheme["oracle"]
            cells += ["" if ratio is None else f"{ratio:.3f}", str(of_scheme["violated"])]
        lines.append(cells)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _write_counts(grid: Grid, directory: Path) -> None:
    key = ("task", "environment", "part", "scheme")
    edges = list(zip(calibration.EDGES[:-1].tolist(), calibration.EDGES[1:].tolist(), strict=True))
    rows = [
        (*place, *edge, *counted)
        for place, bins in grid.calibration.items()
        for edge, counted in zip(edges, bins.tolist(), strict=True)
    ]
    header = (*key, "low", "high", "inputs", "sum_predicted", "sum_observed")
    _write_csv(directory / "calibration.csv", header, rows)
    rows = [
        (*place, lag, *counted)
        for place, lags in grid.recovery.items()
        for lag, counted in enumerate(lags.tolist())
    ]
    _write_csv(directory / "recovery.csv", (*key, "inputs_after_step", "inputs", "missed"), rows)


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _draw(grid: Grid, found: dict[str, Any], traces: Sequence[Trace], directory: Path) -> None:
    from alert.evaluation import plots

    note = _note(traces)
    table = grid.table[grid.table["part"] == "all"]
    schemes = list(dict.fromkeys(table["scheme"].tolist()))
    if "oracle" in schemes:
        plots.draw_ratios(table, schemes, note, directory / "ratios.png")
    if "all" in found and "informed" in schemes:
        plots.draw_promise(found["all"], note, directory / "promise.png")
    predicting = {s: grid.total("calibration", "all", s) for s in ("paper", "default")}
    bins = {scheme: counted for scheme, counted in predicting.items() if counted is not None}
    if bins:
        plots.draw_reliability(bins, note, directory / "reliability.png")
    for trace in traces:
        step = _step(trace)
        if step is not None:
            _draw_timeline(trace, step, directory / "timeline.png")
            break


def _note(traces: Sequence[Trace]) -> str:
    tasks = ", ".join(dict.fromkeys(trace.task for trace in traces))
    emulated = "; caps and joules emulated" if any(trace.emulated for trace in traces) else ""
    return f"{len(traces)} traces of {sum(map(len, traces))} inputs ({tasks}){emulated}"


def _step(trace: Trace) -> int | None:
    """Find the first step from quiet to contention, in a trace without shared deadlines."""
    outputs = OutputTrace.of(trace)
    if outputs.sharing is not None:
        return None
    run_of_quiet = 0
    for i, quiet in enumerate(outputs.quiet.tolist()):
        if not quiet and run_of_quiet >= _QUIET:
            return i
        run_of_quiet = run_of_quiet + 1 if quiet else 0
    return None


def _draw_timeline(trace: Trace, step: int, path: Path) -> None:
    from alert.evaluation import plots

    outputs = OutputTrace.of(trace)
    goal = next(s.goal for s in settings(outputs, "min_energy", _FACTOR) if s.level == _LEVEL)
    replays = [run(scheme, outputs, goal) for scheme in ("paper", "default", "oracle")]
    bounds = f"deadline {1e3 * goal.deadline:.3g} ms, accuracy at least {goal.bound:.3g}"
    note = f"{trace.task}, {trace.environment}: {bounds}{'; emulated' if trace.emulated else ''}"
    plots.draw_timeline(outputs, replays, step, note, path)
