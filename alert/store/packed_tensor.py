"""One tensor of a packed file: in which form it is stored, and how its values come out of it."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from alert import _core
from alert._text import shown
from alert.store.tensors import bytes_of
from alert.store.weights import Bytes, Spec


class Layout(NamedTuple):
    """Says how weights are cut into rows that are coefficients times a basis.

    `csrc/alert_weights.h` has the meaning of each number, and the order of the bytes.
    """

    width: int
    filters_per_basis: int
    rows_per_basis: int
    coefficient_bits: int
    basis_bits: int
    is_sparse: bool

    def sizes(self, filters: int, columns: int) -> dict[str, int]:
        """Return the bytes of scales, bases and bitmap."""
        rows = -(-columns // self.width)
        bases = -(-filters // self.filters_per_basis) * -(-rows // self.rows_per_basis)
        return {
            "scales": 2 * self.width * bases,
            "bases": -(-bases * self.width**2 * self.basis_bits // 8),
            "bitmap": -(-filters * rows // 8) if self.is_sparse else 0,
        }

    def coefficients(self, rows: int) -> int:
        """Return the bytes of the coefficients of so many rows."""
        return -(-rows * self.width * self.coefficient_bits // 8)


class PackedTensor(NamedTuple):
    """Says in which form a tensor is stored.

    Attributes
    ----------
    spec : Spec
        What the tensor is like when it is unpacked.
    form : str
        "raw": its bytes. "half": float16. "int8": an integer for each weight, after a scale for
        each filter. "basis": coefficients and bases, as `layout` says.
    layout : Layout, optional
    """

    spec: Spec
    form: str
    layout: Layout | None = None

    @property
    def filters(self) -> int:
        """Length of the first dimension."""
        return self.spec.shape[0] if self.spec.shape else 1

    @property
    def columns(self) -> int:
        """Weights of a filter."""
        return prod(self.spec.shape[1:])

    def check(self, size: int) -> None:
        """Raise ValueError where the tensor cannot have been stored in so many bytes."""
        weights = prod(self.spec.shape)
        if self.form == "raw":
            fits = size == self.spec.size
        elif not (self.spec.dtype.is_floating_point and weights and self.form in _DECODERS):
            raise ValueError(f"form {shown(self.form)} is not known, or not for such a tensor")
        elif self.form == "half":
            fits = size == 2 * weights
        elif self.form == "int8":
            fits = size == 2 * self.filters + weights
        else:
            fits = self._may_hold(size)
        if not fits:
            raise ValueError(f"{size} bytes do not fit the shape {list(self.spec.shape)}")

    def decode(self, payload: Bytes, into: Bytes, start: int = 0) -> None:
        """Unpack as many bytes of the tensor as there is room for, from `start` on.

        Whole filters are unpacked where they stay, others where the bytes wanted can be cut out.

        Raises
        ------
        ValueError
            The payload is damaged.
        """
        if self.form == "raw":
            into[:] = payload[start : start + len(into)]
            return
        each = self.columns * self.spec.dtype.itemsize
        first, last = start // each, -(-(start + len(into)) // each)
        if (last - first) * each == len(into):
            self._decode(payload, into, first, last)
            return
        filters = np.empty((last - first) * each, np.uint8)
        self._decode(payload, filters, first, last)
        into[:] = filters[start - first * each :][: len(into)]

    def _decode(self, payload: Bytes, into: Bytes, first: int, last: int) -> None:
        """Unpack whole filters."""
        decode = _DECODERS[self.form]
        if self.spec.dtype is torch.float32:
            decode(self, payload, into.view(np.float32), first, last)
        else:
            values = np.empty((last - first) * self.columns, np.float32)
            decode(self, payload, values, first, last)
            into[:] = bytes_of(torch.from_numpy(values).to(self.spec.dtype))

    def _may_hold(self, size: int) -> bool:
        """Compare with the least and the most that the bitmap allows; C knows it exactly."""
        if self.layout is None:
            return False
        left = size - sum(self.layout.sizes(self.filters, self.columns).values())
        all_rows = self.filters * -(-self.columns // self.layout.width)
        least = 0 if self.layout.is_sparse else all_rows
        return self.layout.coefficients(least) <= left <= self.layout.coefficients(all_rows)


Floats = NDArray[np.float32]


def scales(payload: Bytes) -> Floats:
    """Return numbers of which the upper two bytes are stored."""
    upper = payload.view("<u2").astype(np.uint32)
    return (upper << 16).view(np.float32)


def _half(tensor: PackedTensor, payload: Bytes, into: Floats, first: int, last: int) -> None:
    into[:] = payload.view("<f2")[first * tensor.columns : last * tensor.columns]


def _int8(tensor: PackedTensor, payload: Bytes, into: Floats, first: int, last: int) -> None:
    start = 2 * tensor.filters
    found = into.reshape(last - first, tensor.columns)
    integers = payload[start:].view(np.int8).reshape(tensor.filters, tensor.columns)[first:last]
    factors = scales(payload[:start])[first:last, None]
    np.multiply(integers, factors, out=found, dtype=np.float32)


def _basis(tensor: PackedTensor, payload: Bytes, into: Floats, first: int, last: int) -> None:
    assert tensor.layout is not None
    shape = tensor.filters, tensor.columns, *tensor.layout
    _core.unpack_weights(payload, into, *shape, first, last - first)


_DECODERS: dict[str, Any] = {"half": _half, "int8": _int8, "basis": _basis}
