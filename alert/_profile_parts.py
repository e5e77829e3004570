"""Profiles made of others: of some models and caps, of one model more, of two profiles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from alert._arguments import Caps, caps, grid, integer, number
from alert._profile_arguments import known
from alert._text import shown

if TYPE_CHECKING:
    from alert.profile import Profile


def subset(
    profile: Profile, models: Sequence[int | str] | None, power_caps: Caps | None
) -> Profile:
    """Do the work of `alert.Profile.subset`."""
    rows, columns = _rows(profile, models), _columns(profile, power_caps)
    return profile._with(
        latency=profile.latency[np.ix_(rows, columns)],
        power=profile.power[np.ix_(rows, columns)],
        accuracy=profile.accuracy[rows],
        power_caps=profile.power_caps[columns],
        models=[profile.models[i] for i in rows],
        exits={n: profile.exits[i] for n, i in enumerate(rows) if i in profile.exits},
        exit_shares={
            n: profile.exit_shares[i] for n, i in enumerate(rows) if i in profile.exit_shares
        },
        fixed_share=None if profile.fixed_share is None else profile.fixed_share[rows],
        spread=None if profile.spread is None else profile.spread[np.ix_(rows, columns)],
    )


def add(
    profile: Profile,
    name: str,
    latency: ArrayLike,
    power: ArrayLike | None,
    accuracy: float,
    exits: Sequence[tuple[float, float]] | None,
    fixed_share: float | None,
) -> Profile:
    """Do the work of `alert.Profile.add`."""
    _refuse_learnt("profile", profile)
    if (fixed_share is None) != (profile.fixed_share is None):
        wanted = "None" if profile.fixed_share is None else "a share, as the other models have one"
        raise ValueError(f"fixed_share: expected {wanted}, got {fixed_share!r}")
    row = (len(profile.power_caps),)
    more = {} if exits is None else {len(profile.models): exits}
    drawn = np.full(row, np.nan) if power is None else grid("power", power, row)
    return profile._with(
        latency=np.vstack((profile.latency, grid("latency", latency, row))),
        power=np.vstack((profile.power, drawn)),
        accuracy=np.append(profile.accuracy, number("accuracy", accuracy)),
        models=[*profile.models, name],
        exits={**profile.exits, **more},
        fixed_share=None
        if profile.fixed_share is None or fixed_share is None
        else np.append(profile.fixed_share, number("fixed_share", fixed_share)),
    )


def merge(profile: Profile, other: Profile) -> Profile:
    """Do the work of `alert.Profile.merge`."""
    _refuse_learnt("profile", profile)
    _refuse_learnt("other", other)
    for name in ("power", "machine"):
        mine, its = profile.origin.get(name), other.origin.get(name)
        if mine is not None and its is not None and mine != its:
            raise ValueError(f"other: expected {name} {shown(mine)} as here, got {shown(its)}")
    if profile.unit != other.unit:
        raise ValueError(f"other: expected power caps in {profile.unit}, got {other.unit}")
    if (profile.fixed_share is None, profile.size) != (other.fixed_share is None, other.size):
        raise ValueError(f"other: expected sizes as here, {_sizes(profile)}, got {_sizes(other)}")
    same_caps = np.array_equal(profile.power_caps, other.power_caps)
    if not same_caps and sorted(profile.models) != sorted(other.models):
        raise ValueError(f"other: expected the models or the power caps of {profile}, got {other}")
    places = {name: i for i, name in enumerate(dict.fromkeys((*profile.models, *other.models)))}
    columns = np.union1d(profile.power_caps, other.power_caps)
    latency, power = np.empty((2, len(places), len(columns)))
    accuracy, shares = np.empty((2, len(places)))
    exits: dict[str, Any] = {}
    leaving: dict[str, Any] = {}
    for one in (profile, other):
        rows = np.array([places[name] for name in one.models])
        cells = np.ix_(rows, np.searchsorted(columns, one.power_caps))
        latency[cells], power[cells] = one.latency, one.power
        accuracy[rows] = one.accuracy
        shares[rows] = np.nan if one.fixed_share is None else one.fixed_share
        for i, name in enumerate(one.models):
            exits[name], leaving[name] = one.exits.get(i), one.exit_shares.get(i)
    return type(profile)(
        latency,
        known(power),
        accuracy,
        columns,
        other.idle_power,
        list(places),
        {name: pairs for name, pairs in exits.items() if pairs},
        {**profile.origin, **other.origin},
        profile.unit,
        None if profile.fixed_share is None else shares,
        profile.size,
        exit_shares={name: shares for name, shares in leaving.items() if shares},
    )


def without_stops(profile: Profile) -> Profile:
    """Return the profile of models that no input leaves before the exit chosen."""
    if not profile.exit_shares:
        return profile
    return profile._with(exit_shares=None)._going_on_from(profile._numbers)


def _refuse_learnt(name: str, profile: Profile) -> None:
    """Raise ValueError for a learnt profile: a scheduler would learn measured entries anew."""
    if profile.spread is not None:
        raise ValueError(f"{name}: expected a measured profile, got {profile}")


def _sizes(profile: Profile) -> str:
    return "none" if profile.fixed_share is None else f"latencies at {profile.size:g}"


def _rows(profile: Profile, models: Sequence[int | str] | None) -> list[int]:
    """Return the indices of models that are given by index or name."""
    if models is None:
        return list(range(len(profile.models)))
    if isinstance(models, str) or not isinstance(models, Iterable):
        raise TypeError(f"models: expected indices or names, got {shown(models)}")
    index = {name: i for i, name in enumerate(profile.models)}
    rows = []
    for model in models:
        row = index.get(model) if isinstance(model, str) else integer("models", model, 0)
        if row is None or row >= len(profile.models):
            raise ValueError(f"models: expected some of {shown(profile.models)}, got {model!r}")
        rows.append(row)
    return rows


def _columns(profile: Profile, power_caps: Caps | None) -> list[int]:
    """Return the indices of power caps that are given by their values."""
    if power_caps is None:
        return list(range(len(profile.power_caps)))
    columns = []
    for cap in np.atleast_1d(caps("power_caps", power_caps)).tolist():
        near = np.flatnonzero(np.isclose(profile.power_caps, cap, rtol=1e-9, atol=0.0))
        if len(near) == 0:
            raise ValueError(
                f"power_caps: expected some of {shown(profile.power_caps.tolist())}, got {cap!r}"
            )
        columns.append(int(near[0]))
    return columns
