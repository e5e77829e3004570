"""One variant: how it was made, what it costs, and what it is worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

from alert.variants.kind import Record

ORIGINAL = "original"
"""Name of the network itself."""


@dataclass(frozen=True)
class Variant:
    """One variant of a network, or the network itself.

    Attributes
    ----------
    name : str
        Its chain of kinds, such as "pruned:0.5+int8".
    model : callable or None
        None for a variant that is left out.
    size : float
        Bytes on disk; NaN for a variant that cannot be stored.
    latency : float
        Seconds on this machine, median.
    agreement : float
        Share of the outputs whose largest element is where the original has it; NaN where no
        inputs were given for that.
    accuracy : float
        Measured; or estimated, the accuracy of the original times the agreement.
    steps : list of dict
        For each kind of the chain its name and its record.
    suffix : str
        Of its file; empty for a variant that cannot be stored.
    write : callable or None
        Writes the content of the file.
    why : str
        Why it is left out of the family; empty where it is not.
    """

    name: str
    model: Callable[..., Any] | None
    size: float
    latency: float
    agreement: float
    accuracy: float
    steps: list[Record]
    suffix: str
    write: Callable[[IO[bytes]], object] | None
    why: str = ""
