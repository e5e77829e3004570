"""The arguments of a profile that are no arrays: names, exits, unit and origin."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from alert._arguments import Floats, floats, grid, instance, refuse
from alert._text import shown

Exits: TypeAlias = Mapping[int | str, Sequence[tuple[float, float]]]
ExitShares: TypeAlias = Mapping[int | str, ArrayLike]

_LONGEST_NAME = 1000  # characters
_LONGEST_UNIT = 20


def model_names(models: Sequence[str] | None, count: int) -> tuple[str, ...]:
    """Return the names of `count` models; "model 0", "model 1", ... where none are given."""
    if models is None:
        return tuple(f"model {i}" for i in range(count))
    if isinstance(models, str) or not isinstance(models, Iterable):
        raise TypeError(f"models: expected a sequence of names, got {shown(models)}")
    names = tuple(models)
    for i, name in enumerate(names):
        if not isinstance(name, str):
            raise TypeError(f"models: expected a sequence of names, got {shown(name)}")
        if not name.isprintable() or len(name) > _LONGEST_NAME:
            raise ValueError(
                f"models[{i}]: expected up to {_LONGEST_NAME} characters that print, "
                f"got {shown(name)}"
            )
    if len(names) != count:
        raise ValueError(f"models: expected {count} names, as latency has rows, got {len(names)}")
    if len(set(names)) != count:
        raise ValueError(f"models: expected distinct names, got {shown(names)}")
    return names


def exits_by_index(
    exits: Exits | None, names: tuple[str, ...]
) -> dict[int, tuple[tuple[float, float], ...]]:
    """Return the exits of each anytime model, by its index."""
    instance("exits", exits, Mapping | None, "a mapping")
    index = {name: i for i, name in enumerate(names)}
    found: dict[int, tuple[tuple[float, float], ...]] = {}
    for key, pairs in (exits or {}).items():
        model = index.get(key, key) if isinstance(key, str) else key
        if not isinstance(model, int) or not 0 <= model < len(names) or model in found:
            raise ValueError(
                f"exits[{shown(key)}]: expected the index or name of a model, each once"
            )
        try:
            found[model] = tuple((float(fraction), float(reached)) for fraction, reached in pairs)
        except (TypeError, ValueError, OverflowError):
            raise TypeError(
                f"exits[{shown(key)}]: expected pairs (fraction of latency, accuracy), "
                f"got {shown(pairs)}"
            ) from None
        if not found[model]:
            raise ValueError(f"exits[{shown(key)}]: expected at least one exit, got none")
    return dict(sorted(found.items()))


def exit_shares_by_index(
    shares: ExitShares | None, names: tuple[str, ...], exits: Mapping[int, Sequence[Any]]
) -> dict[int, tuple[float, ...]]:
    """Return the share of the inputs that leave at each exit, by the index of the model."""
    instance("exit_shares", shares, Mapping | None, "a mapping")
    index = {name: i for i, name in enumerate(names)}
    found: dict[int, tuple[float, ...]] = {}
    for key, given in (shares or {}).items():
        model = index.get(key, key) if isinstance(key, str) else key
        if not isinstance(model, int) or model not in exits or model in found:
            raise ValueError(
                f"exit_shares[{shown(key)}]: expected the index or name of a model with exits, "
                "each once"
            )
        found[model] = tuple(floats(f"exit_shares[{shown(key)}]", given).tolist())
        if len(found[model]) != len(exits[model]):
            raise ValueError(
                f"exit_shares[{shown(key)}]: expected {len(exits[model])}, one for each exit, "
                f"got {len(found[model])}"
            )
    return dict(sorted(found.items()))


def known(power: Floats) -> Floats | None:
    """Return watts, or None where all of them are unknown."""
    return None if np.isnan(power).all() else power


def spread(given: ArrayLike, shape: tuple[int, ...]) -> Floats:
    """Return the deviations of the logarithms of latencies, in an array of this shape."""
    array = grid("spread", given, shape)
    refuse("spread", array, ~(array > 0.0), "a finite number > 0")
    return array


def origin(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a copy of how a profile was measured."""
    instance("origin", given, Mapping | None, "a mapping")
    return copy.deepcopy(dict(given or {}))


def unit(text: object) -> str:
    """Return the unit of power caps."""
    instance("unit", text, str, "a text")
    if not (isinstance(text, str) and text.isprintable() and 0 < len(text) <= _LONGEST_UNIT):
        raise ValueError(
            f"unit: expected 1 to {_LONGEST_UNIT} characters that print, got {shown(text)}"
        )
    return text
