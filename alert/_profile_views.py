"""A profile as a data frame, as a line of text, and as a table in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alert import _frames, _html
from alert import _profile_learnt as learnt
from alert._text import cap_range_text, cap_text, plain, range_text

if TYPE_CHECKING:
    import pandas

    from alert.profile import Profile


def frame(profile: Profile) -> pandas.DataFrame:
    """Do the work of `alert.Profile.frame`."""
    whole = {i: ((1.0, float(reached)),) for i, reached in enumerate(profile.accuracy)}
    outputs = [
        (i, exit if i in profile.exits else -1, *pair)
        for i, pairs in {**whole, **profile.exits}.items()
        for exit, pair in enumerate(pairs)
    ]
    row, exits, fraction, accuracy = map(np.array, zip(*outputs, strict=True))
    caps = len(profile.power_caps)
    latency, power = fraction[:, np.newaxis] * profile.latency[row], profile.power[row]
    return _frames.frame(
        {
            "model": np.repeat(np.array(profile.models, object)[row], caps),
            "exit": np.repeat(exits, caps),
            "power_cap": np.tile(profile.power_caps, len(row)),
            "latency": latency.ravel(),
            "power": power.ravel(),
            "energy": (latency * power).ravel(),
            "accuracy": np.repeat(accuracy, caps),
        }
    )


def line(profile: Profile) -> str:
    """Sum a profile up in one line."""
    models, caps = profile.latency.shape
    capped = "" if np.isinf(profile.power_caps).all() else f" x {caps} power caps"
    offered = cap_range_text(profile.power_caps[0], profile.power_caps[-1], profile.unit)
    return (
        f"<alert.Profile: {models} models{capped}, "
        f"{1e3 * profile.latency.min():.3g}-{1e3 * profile.latency.max():.3g} ms, "
        f"{offered}{_label(profile)}>"
    )


def table(profile: Profile) -> str:
    """Return HTML with a row for each model."""
    rows = [
        (
            name,
            f"{profile.accuracy[i]:.3f}",
            range_text(1e3 * profile.latency[i]),
            range_text(profile.power[i]) if profile.knows_power else "unknown",
            len(profile.exits.get(i, ())) or "",
        )
        for i, name in enumerate(profile.models)
    ]
    offered = ", ".join(cap_text(cap, profile.unit, ".3g") for cap in profile.power_caps)
    idle = f"; idle {profile.idle_power:.3g} W" if profile.knows_power else ""
    note = f"power caps: {offered}{idle}{_label(profile)}"
    return _html.table(("model", "accuracy", "latency, ms", "power, W", "exits"), rows, note)


def _label(profile: Profile) -> str:
    """Tell the kind of power device, and how much has been learnt."""
    kind = profile.origin.get("power")
    return (f", {plain(kind)}" if kind else "") + learnt.label(profile)
