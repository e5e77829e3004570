"""A grid of tenants summed up: who is late how often, and what it costs."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from alert.evaluation.tenants.arrivals import KINDS
from alert.evaluation.tenants.grid import PEERS

Setting: TypeAlias = tuple[str, str, float]
"""Environment, process of arrivals, and rate."""


def settings(table: NDArray[np.void]) -> list[Setting]:
    """List the settings of a grid, without the flood."""
    usual = table[~table["flood"]]
    return list(dict.fromkeys(usual[["environment", "arrivals", "rate"]].tolist()))


def of_setting(table: NDArray[np.void], setting: Setting, policy: str) -> NDArray[np.void]:
    """Return the rows of one policy in one setting: all seeds, all tenants."""
    environment, arrivals, rate = setting
    chosen = ~table["flood"] & (table["environment"] == environment)
    chosen &= (table["arrivals"] == arrivals) & (table["rate"] == rate)
    rows: NDArray[np.void] = table[chosen & (table["policy"] == policy)]
    return rows


def missed(rows: NDArray[np.void]) -> float:
    """Return the share of the requests that were late or given up."""
    return float((rows["late"] + rows["refused"]).sum() / rows["requests"].sum())


def summarize(table: NDArray[np.void], ours: str = "price") -> dict[str, Any]:
    """Sum up a grid.

    Returns
    -------
    dict
        "settings": for each, the share not in time under every policy. "policies": for each the sum
        of these shares, joules a request, accuracy delivered, and the share not in time of every
        tenant. "ratios": `ours` compared with others, where all of these were simulated. "flood":
        by environment and policy, see `of_flood`.
    """
    policies = list(dict.fromkeys(table["policy"].tolist()))
    compared = {ours, *PEERS, "per request", "floor"}
    shares = {
        setting: {policy: missed(of_setting(table, setting, policy)) for policy in policies}
        for setting in settings(table)
    }
    usual = table[~table["flood"]]
    found = {policy: _of_policy(usual[usual["policy"] == policy]) for policy in policies}
    for policy, sums in found.items():
        sums["missed"] = sum(share[policy] for share in shares.values())
    return {
        "settings": [
            {"environment": e, "arrivals": a, "rate": r, "missed": share}
            for (e, a, r), share in shares.items()
        ],
        "policies": found,
        "ratios": _ratios(shares, found, ours) if compared.issubset(policies) else {},
        "flood": {
            environment: {policy: of_flood(table, environment, policy) for policy in policies}
            for environment in dict.fromkeys(table["environment"].tolist())
        },
    }


def _of_policy(rows: NDArray[np.void]) -> dict[str, Any]:
    weight = rows["requests"]
    return {
        "energy": float((rows["machine_energy"] * weight).sum() / weight.sum()),
        "accuracy": float((rows["accuracy"] * weight).sum() / weight.sum()),
        "tenants": {
            kind.name: {
                "missed": missed(mine := rows[rows["tenant"] == kind.name]),
                "accuracy": float(np.average(mine["accuracy"], weights=mine["requests"])),
                "energy": float(np.average(mine["energy"], weights=mine["requests"])),
            }
            for kind in KINDS
        },
    }


def _ratios(
    shares: dict[Setting, dict[str, float]], found: dict[str, dict[str, Any]], ours: str
) -> dict[str, Any]:
    """Compare one policy with the peers, with each request for itself, and with the floor."""
    mine = found[ours]
    best = sum(min(share[peer] for peer in PEERS) for share in shares.values())
    above = [(share[ours], share["floor"]) for share in shares.values() if share["floor"] > 0.05]
    below = [share[ours] for share in shares.values() if share["floor"] < 0.01]
    return {
        "missed / best peer of each setting": mine["missed"] / best,
        "missed / per request": mine["missed"] / found["per request"]["missed"],
        "energy": {peer: mine["energy"] / found[peer]["energy"] for peer in PEERS},
        "accuracy": {peer: mine["accuracy"] - found[peer]["accuracy"] for peer in PEERS},
        "missed / floor above 0.05, at most": max((m / f for m, f in above), default=None),
        "missed where the floor is below 0.01, at most": max(below, default=None),
    }


def of_flood(table: NDArray[np.void], environment: str, policy: str) -> dict[str, float]:
    """Return the share not in time of every tenant while the first one floods the machine."""
    here = table["flood"] & (table["environment"] == environment)
    rows = table[here & (table["policy"] == policy)]
    return {kind.name: missed(rows[rows["tenant"] == kind.name]) for kind in KINDS}
