"""A grid summed up in a few numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alert.evaluation import calibration, recovery
from alert.evaluation.grid import Grid

REFERENCES = ("oracle", "static", "clairvoyant")

# The column that is minimised under each objective.
_COST = {"min_energy": "energy", "max_accuracy": "error"}

# What a goal may fall short by before it counts as missed: accuracy, or a share of the energy.
_MISSED = {"min_energy": 0.005, "max_accuracy": 0.01}

# Times that much: missed by far.
_FAR = 4.0

# Rounding of a mean over a trace.
_ROUNDING = 1e-9

# A bin with fewer inputs is left out.
_ENOUGH = 200

_SETTING = ("task", "environment", "seed", "part", "objective", "deadline_factor", "level")


def summarize(grid: Grid, part: str) -> dict[str, Any]:
    """Sum up one part of a grid.

    Returns
    -------
    dict
        "settings": how many are reachable, by objective; "schemes": see `ratios`, and "violated" by
        objective; "comparisons": see `comparisons`; "places": see `places`; "calibration" and
        "recovery", by scheme. Numbers that cannot be computed are None.
    """
    table = grid.table[(grid.table["part"] == part) & grid.table["reachable"]]
    schemes = list(dict.fromkeys(table["scheme"].tolist()))
    first = table[table["scheme"] == schemes[0]] if schemes else table
    return {
        "settings": {o: int((first["objective"] == o).sum()) for o in _COST},
        "schemes": {scheme: ratios(table, scheme) for scheme in schemes},
        "comparisons": comparisons(table),
        "places": places(table),
        "calibration": {
            scheme: reliability(counted)
            for scheme in schemes
            if (counted := grid.total("calibration", part, scheme)) is not None
        },
        "recovery": {
            scheme: recovery.inputs_until(counted)
            for scheme in schemes
            if (counted := grid.total("recovery", part, scheme)) is not None
        },
    }


def ratios(table: NDArray[np.void], scheme: str) -> dict[str, Any]:
    """Compare a scheme with the references, by objective.

    Returns
    -------
    dict
        By objective. Ratios of costs, as means over the settings that neither of the two violates.
        "informed, violated or not": the same ratio over all settings. Numbers of "settings",
        "violated" and "missed": by more than 0.005 of accuracy or 1 % of energy. Of the violated,
        those that are "late only"; of the missed, those "missed by far": by four times as much.
        "shortfall": how much accuracy is missing, or which share of the energy is drawn on top, as
        a mean over all settings.
    """
    found: dict[str, Any] = {}
    for objective, cost in _COST.items():
        rows = table[table["objective"] == objective]
        mine = rows[rows["scheme"] == scheme]
        short = shortfall(mine)
        found[objective] = {
            "settings": len(mine),
            "violated": int(mine["violated"].sum()),
            "late only": int((mine["violated"] & (short == 0.0)).sum()),
            "missed": int((short > _MISSED[objective]).sum()),
            "missed by far": int((short > _FAR * _MISSED[objective]).sum()),
            "shortfall": float(short.mean()) if len(mine) else None,
            "informed, violated or not": _mean_ratio_of_all(rows, scheme, "informed", cost),
            **{other: _mean_ratio(rows, scheme, other, cost) for other in REFERENCES},
        }
    return found


def shortfall(rows: NDArray[np.void]) -> NDArray[np.float64]:
    """Return by how much each row misses its bound: accuracy, or a share of the energy; >= 0."""
    saving = rows["objective"] == "min_energy"
    excess = rows["energy"] / np.where(saving, 1.0, rows["bound"]) - 1.0
    short = np.where(saving, rows["bound"] - rows["accuracy"], excess)
    return np.where(short > _ROUNDING, short, 0.0)


def comparisons(table: NDArray[np.void], scheme: str = "default") -> dict[str, Any]:
    """Compare the default with others, over settings that neither of the two violates.

    Returns
    -------
    dict
        By objective. Ratios of the default's cost to the cost of "paper", "oracle", "informed" and
        the "best of app-only and sys-only" in each setting. "way to informed": the default's saving
        over "paper", divided by the saving of "informed". "paper, violated or not": the ratio over
        all settings, where a scheme may be cheap because it misses the goal.
    """
    found: dict[str, Any] = {}
    for objective, cost in _COST.items():
        rows = table[table["objective"] == objective]
        found[objective] = {
            **{o: _mean_ratio(rows, scheme, o, cost) for o in ("paper", "oracle", "informed")},
            "best of app-only and sys-only": _to_best(rows, scheme, ("app-only", "sys-only"), cost),
            "way to informed": _way(rows, scheme, cost),
            "paper, violated or not": _mean_ratio_of_all(rows, scheme, "paper", cost),
        }
    return found


def places(
    table: NDArray[np.void], scheme: str = "default", other: str = "paper"
) -> dict[str, dict[str, Any]]:
    """Compare two schemes in each task and environment.

    Returns
    -------
    dict
        By "task environment" and objective: number of "settings"; number "violated" by each of the
        two; "ratio" of their costs over settings that neither violates.
    """
    found: dict[str, dict[str, Any]] = {}
    for place in np.unique(table[["task", "environment"]]):
        there = table[table[["task", "environment"]] == place]
        found[f"{place['task']} {place['environment']}"] = {
            objective: _pair(there[there["objective"] == objective], scheme, other, cost)
            for objective, cost in _COST.items()
        }
    return found


def reliability(bins: NDArray[np.void]) -> list[dict[str, float]]:
    """List the bins from 0.5 to 0.999 that hold enough inputs, as means."""
    found = []
    for (low, high), counted in zip(
        zip(calibration.EDGES[:-1], calibration.EDGES[1:], strict=True), bins, strict=True
    ):
        inputs = int(counted["inputs"])
        if low >= 0.5 and high <= 0.999 and inputs >= _ENOUGH:
            predicted, observed = (float(counted[n]) / inputs for n in ("predicted", "observed"))
            found.append(
                {
                    "low": float(low),
                    "high": float(high),
                    "inputs": inputs,
                    "predicted": predicted,
                    "observed": observed,
                    "predicted less observed": predicted - observed,
                }
            )
    return found


def _by_setting(rows: NDArray[np.void], scheme: str) -> dict[tuple[Any, ...], np.void]:
    return {tuple(row[list(_SETTING)]): row for row in rows[rows["scheme"] == scheme]}


def _common(rows: NDArray[np.void], *schemes: str) -> list[tuple[np.void, ...]]:
    """Line up these schemes in the settings that all of them keep."""
    tables = [_by_setting(rows, scheme) for scheme in schemes]
    lines = (
        tuple(t[setting] for t in tables)
        for setting in tables[0]
        if all(setting in t for t in tables)
    )
    return [line for line in lines if not any(row["violated"] for row in line)]


# Where a scheme makes no error, as against a reference branch in video, nothing compares with it.
def _mean_ratio(rows: NDArray[np.void], scheme: str, other: str, cost: str) -> float | None:
    lines = [(mine, its) for mine, its in _common(rows, scheme, other) if its[cost] > 0.0]
    return float(np.mean([mine[cost] / its[cost] for mine, its in lines])) if lines else None


def _mean_ratio_of_all(rows: NDArray[np.void], scheme: str, other: str, cost: str) -> float | None:
    mine, its = (_by_setting(rows, name) for name in (scheme, other))
    found = [mine[at][cost] / its[at][cost] for at in mine if at in its and its[at][cost] > 0.0]
    return float(np.mean(found)) if found else None


def _pair(rows: NDArray[np.void], scheme: str, other: str, cost: str) -> dict[str, Any]:
    violated = {s: rows["violated"][rows["scheme"] == s] for s in (scheme, other)}
    return {
        "settings": len(violated[scheme]),
        "violated": [int(violated[s].sum()) for s in (scheme, other)],
        "ratio": _mean_ratio(rows, scheme, other, cost),
    }


def _to_best(rows: NDArray[np.void], scheme: str, others: Sequence[str], cost: str) -> float | None:
    """Compare with the best of the others, setting by setting."""
    tables = [_by_setting(rows, other) for other in others]
    found = []
    for setting, mine in _by_setting(rows, scheme).items():
        its = [t[setting] for t in tables if setting in t and not t[setting]["violated"]]
        if its and not mine["violated"]:
            found.append(mine[cost] / min(row[cost] for row in its))
    return float(np.mean(found)) if found else None


def _way(rows: NDArray[np.void], scheme: str, cost: str) -> float | None:
    """Return the share of the way from `paper` to `informed`, with costs relative to Informed."""
    lines = _common(rows, scheme, "paper", "informed")
    if not lines:
        return None
    mine, paper = (np.mean([line[k][cost] / line[2][cost] for line in lines]) for k in (0, 1))
    return float((paper - mine) / (paper - 1.0)) if paper > 1.0 else None
