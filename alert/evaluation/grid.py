"""The grid: all schemes in all settings on all traces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import product
from multiprocessing import get_context
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from alert import _progress
from alert.evaluation import calibration, recovery
from alert.evaluation.output_trace import OutputTrace, Part
from alert.evaluation.result import Replay
from alert.evaluation.schemes import SCHEMES, Scheme, applies, find
from alert.evaluation.schemes.informed import informed
from alert.evaluation.schemes.oracle import oracle
from alert.evaluation.settings import DEADLINES, Setting, settings
from alert.goal import Objective
from alert.trace import Trace

OBJECTIVES: tuple[Objective, ...] = ("min_energy", "max_accuracy")
PARTS: tuple[Part, ...] = ("all", "tuning", "holdout")

Key: TypeAlias = tuple[str, str, str, str]
"""Task, environment, part and scheme."""

ROW = np.dtype(
    [
        ("task", "U32"),
        ("environment", "U32"),
        ("seed", np.int64),
        ("part", "U8"),
        ("objective", "U12"),
        ("deadline_factor", np.float64),
        ("level", np.float64),
        ("deadline", np.float64),
        ("bound", np.float64),
        ("scheme", "U20"),
        ("inputs", np.int64),
        ("energy", np.float64),
        ("accuracy", np.float64),
        ("error", np.float64),
        ("miss_rate", np.float64),
        ("violated", np.bool_),
        ("reachable", np.bool_),
    ]
)
"""One scheme in one setting. `energy` is in joules per input. `reachable` is True where "informed"
does not violate the setting."""


@dataclass(frozen=True, eq=False)
class Grid:
    """The results of every scheme in every setting.

    Attributes
    ----------
    table : structured ndarray
        One `ROW` for each setting and scheme.
    calibration : dict
        By `Key`, for schemes that predict probabilities: how many came true (see
        `calibration.BIN`).
    recovery : dict
        By `Key`, for the same schemes: deadlines missed after contention began (see
        `recovery.LAG`).
    """

    table: NDArray[np.void]
    calibration: dict[Key, NDArray[np.void]]
    recovery: dict[Key, NDArray[np.void]]

    def total(
        self, name: Literal["calibration", "recovery"], part: str, scheme: str
    ) -> NDArray[np.void] | None:
        """Add up tasks and environments. A scheme without counts gets None."""
        counted: dict[Key, NDArray[np.void]] = getattr(self, name)
        found = [{key[2:]: table} for key, table in counted.items() if key[2:] == (part, scheme)]
        return _sums(found).get((part, scheme))


def run(
    traces: Iterable[Trace],
    schemes: Sequence[str] | Mapping[str, Scheme] = tuple(SCHEMES),
    *,
    parts: Sequence[Part] = PARTS,
    jobs: int = 1,
    progress: bool = False,
) -> Grid:
    """Replay every scheme in every setting.

    Parameters
    ----------
    traces : iterable of Trace
    schemes : sequence of str, or mapping from str to callable
        Names out of `SCHEMES`, or your own schemes: functions of an `OutputTrace` and a `Goal` that
        return a `Replay`. A scheme is left out on traces that lack the models it needs.
    parts : sequence of str
        "all": the whole of every trace; "tuning": its first two thirds; "holdout": its last third.
    jobs : int, default 1
        Processes; with more than one, schemes must be picklable.
    progress : bool, default False
        Show a bar, where somebody watches and tqdm is installed.

    Raises
    ------
    ValueError
        There is no such scheme.
    """
    chosen = schemes if isinstance(schemes, Mapping) else {name: find(name) for name in schemes}
    units = [
        (trace, part, objective, factor, chosen)
        for trace, part, objective, factor in product(traces, parts, OBJECTIVES, DEADLINES)
    ]
    with ExitStack() as stack:
        mapped: Callable[..., Iterator[Grid]] = map
        if jobs > 1:
            # forking a process that has threads is unsafe
            pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
            mapped = stack.enter_context(pool).map
        bar = stack.enter_context(
            _progress.bar(len(units), "deadline", "replaying", shown=progress, leave=False)
        )
        cells = []
        for cell in mapped(_cell, units):
            cells.append(cell)
            bar.update()
        return _together(cells)


def _cell(unit: tuple[Trace, Part, Objective, float, Mapping[str, Scheme]]) -> Grid:
    """Replay all schemes under one deadline."""
    trace, part, objective, factor, schemes = unit
    outputs = OutputTrace.of(trace).part(part)
    place = (trace.task, trace.environment)
    cell, rows = Grid(np.zeros(0, ROW), {}, {}), []
    if not len(outputs):
        return cell
    for setting in settings(outputs, objective, factor):
        oracle_run = oracle(outputs, setting.goal)
        reachable = not informed(outputs, setting.goal).violated
        for name, scheme in schemes.items():
            if not applies(name, outputs):
                continue
            replay = scheme(outputs, setting.goal)
            rows.append(
                (*place, trace.seed, part, objective, *_row(setting, name, replay), reachable)
            )
            if reachable and replay.predicts:
                _count(cell, (*place, part, name), outputs, replay, oracle_run)
    return replace(cell, table=np.array(rows, ROW))


def _row(setting: Setting, scheme: str, replay: Replay) -> tuple[Any, ...]:
    goal = setting.goal
    return (
        *(setting.deadline_factor, setting.level, goal.deadline, goal.bound),
        *(scheme, len(replay.energy), replay.mean_energy, replay.mean_accuracy, replay.error),
        *(replay.miss_rate, replay.violated),
    )


def _count(grid: Grid, key: Key, outputs: OutputTrace, replay: Replay, oracle_run: Replay) -> None:
    assert replay.inputs is not None
    calibration.count(grid.calibration.setdefault(key, calibration.empty()), replay.inputs)
    lags = grid.recovery.setdefault(key, recovery.empty())
    recovery.count(lags, outputs, replay, oracle_run)


def _together(cells: Sequence[Grid]) -> Grid:
    return Grid(
        np.concatenate([np.zeros(0, ROW), *(cell.table for cell in cells)]),
        _sums([cell.calibration for cell in cells]),
        _sums([cell.recovery for cell in cells]),
    )


def _sums(counts: Sequence[dict[Any, NDArray[np.void]]]) -> dict[Any, NDArray[np.void]]:
    total: dict[Any, NDArray[np.void]] = {}
    for part in counts:
        for key, counted in part.items():
            if key in total:
                for name in counted.dtype.names or ():
                    total[key][name] += counted[name]
            else:
                total[key] = counted.copy()
    return total
