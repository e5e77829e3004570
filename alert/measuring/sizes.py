"""How latency grows with the size of the input: a fixed part, and a part per unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from alert import _arguments
from alert._arguments import Floats
from alert._text import shown
from alert._warnings import warn
from alert.running.models import Call, repeatable

# Difference between a latency and the law, as a share of the latency, that is worth a warning.
_WORTH_SAYING = 0.1


def examples_of(sizes: Mapping[float, Any] | None, size: float) -> dict[float, Call]:
    """Return the examples of other sizes than `size`, by their size.

    Raises
    ------
    ValueError, TypeError
        A size is out of range, or an example cannot be used twice.
    """
    _arguments.instance("sizes", sizes, Mapping | None, "a mapping of sizes to examples")
    found = {}
    for other, example in (sizes or {}).items():
        number = _arguments.at_least("sizes", other, 1e-9)
        if number != size:
            found[number] = repeatable(f"sizes[{shown(other)}]", example)
    if sizes is not None and not found:
        raise ValueError(f"sizes: expected an example of another size than {size:g}, got none")
    return found


def fixed_shares(
    names: Sequence[str], latency: Floats, grown: Floats, sizes: Sequence[float], size: float
) -> Floats:
    """Fit the law to the latencies of every model: the least squares of their relative errors.

    Parameters
    ----------
    names : sequence of str
        Of the N models.
    latency : array, shape (N,)
        At `size`.
    grown : array, shape (N, S)
        At the other sizes.

    Warns
    -----
    UserWarning
        A latency is far from the law.
    """
    ratio, times = grown / latency[:, None], np.array(sizes) / size
    weight, apart = ratio**-2.0, 1.0 - times
    share = np.sum(weight * (ratio - times) * apart, axis=1) / np.sum(weight * apart**2, axis=1)
    share = np.clip(share, 0.0, 1.0)
    off = np.abs((share[:, None] + (1.0 - share[:, None]) * times) / ratio - 1.0)
    if off.max() > _WORTH_SAYING:
        i, k = divmod(int(off.argmax()), len(sizes))
        warn(
            f"latency does not grow as a fixed part and a part per unit do: that of {names[i]} at "
            f"size {sizes[k]:g} is off by {off[i, k]:.0%}; measure sizes near those that come"
        )
    return np.asarray(share)
