"""What each part of a packed file takes, byte by byte."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from alert.store.size import text
from alert.variants.decomposition.packing import Packed, header


class Accounting(NamedTuple):
    """Bytes of the parts of a packed file.

    Attributes
    ----------
    coefficients, bases, scales, bitmap : int
        Of the layers that are decomposed.
    int8, half, raw : int
        Of the other tensors, by the form in which they are stored.
    header : int
        Names, shapes and checksums.
    original : int
        Of the tensors before.
    """

    coefficients: int
    bases: int
    scales: int
    bitmap: int
    int8: int
    half: int
    raw: int
    header: int
    original: int

    @property
    def total(self) -> int:
        """Bytes of the file."""
        return sum(self[:-1])

    @property
    def ratio(self) -> float:
        """How many times smaller the file is than the tensors were."""
        return self.original / self.total

    def __str__(self) -> str:
        parts = zip(self._fields[:-1], self[:-1], strict=True)
        listed = ", ".join(f"{name} {text(size)}" for name, size in parts if size)
        return f"{text(self.total)}, {self.ratio:.1f} times smaller: {listed}"


def account(tensors: Mapping[str, Packed]) -> Accounting:
    """Count the bytes of a packed file."""
    parts = dict.fromkeys(Accounting._fields, 0)
    parts["header"] = len(header(tensors))
    for tensor, payload in tensors.values():
        parts["original"] += tensor.spec.size
        if tensor.layout is None:
            parts[tensor.form] += len(payload)
            continue
        sizes = tensor.layout.sizes(tensor.filters, tensor.columns)
        for name, size in sizes.items():
            parts[name] += size
        parts["coefficients"] += len(payload) - sum(sizes.values())
    return Accounting(**parts)
