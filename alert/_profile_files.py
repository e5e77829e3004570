"""A profile as the text of a file: what it holds, fit for JSON, and the profile made of that."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alert import files

if TYPE_CHECKING:
    from os import PathLike

    from alert.profile import Profile

SCHEMA = "alert.profile"
SCHEMA_VERSION = 1

Kind = type | tuple[type, ...]

FIELDS: dict[str, Kind] = {
    "latency": list,
    "power": (list, type(None)),
    "accuracy": list,
    "power_caps": list,
    "idle_power": (int, float),
    "models": list,
    "exits": dict,
    "origin": dict,
}
LATER: dict[str, Kind] = {  # than the oldest files
    "unit": str,
    "fixed_share": (list, type(None)),
    "size": (int, float),
    "spread": (list, type(None)),
    "exit_shares": dict,
}


def document(profile: Profile) -> dict[str, Any]:
    """Do the work of `alert.Profile.document`."""
    return {
        "schema": SCHEMA,
        "version": SCHEMA_VERSION,
        "models": list(profile.models),
        "unit": profile.unit,
        "power_caps": [None if np.isinf(cap) else cap for cap in profile.power_caps.tolist()],
        "latency": profile.latency.tolist(),
        "power": profile.power.tolist() if profile.knows_power else None,
        "accuracy": profile.accuracy.tolist(),
        "idle_power": profile.idle_power,
        "exits": {profile.models[i]: pairs for i, pairs in profile.exits.items()},
        "fixed_share": None if profile.fixed_share is None else profile.fixed_share.tolist(),
        "size": profile.size,
        "spread": None if profile.spread is None else profile.spread.tolist(),
        "exit_shares": {profile.models[i]: shares for i, shares in profile.exit_shares.items()},
        "learnt": profile._numbers.tolist(),
        "origin": profile.origin,
    }


def read(kind: type[Profile], path: str | PathLike[str]) -> Profile:
    """Read a profile, measured on any machine."""
    return from_document(kind, path, files.read_json(path, SCHEMA, SCHEMA_VERSION))


def from_document(
    kind: type[Profile], path: str | PathLike[str], document: dict[str, Any]
) -> Profile:
    """Do the work of `alert.Profile.from_document`."""
    wanted = FIELDS | {name: of for name, of in LATER.items() if name in document}
    fields = {name: files.field(path, document, name, of) for name, of in wanted.items()}
    numbers = files.field(path, document, "learnt", list) if "learnt" in document else []
    try:
        return kind(**fields)._going_on_from(numbers)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{Path(path)}: {error}") from error
