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

    def decode(self, payload: Bytes, into: Bytes) -> None:
        """Unpack the tensor into as many bytes as it has.

        Raises
        ------
        ValueError
            The payload is damaged.
        """
        if self.form == "raw":
            into[:] = payload
        elif self.spec.dtype is torch.float32:
            _DECODERS[self.form](self, payload, into.view(np.float32))
        else:
            values = np.empty(prod(self.spec.shape), np.float32)
            _DECODERS[self.form](self, payload, values)
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


def _half(tensor: PackedTensor, payload: Bytes, into: Floats) -> None:
    into[:] = payload.view("<f2")


def _int8(tensor: PackedTensor, payload: Bytes, into: Floats) -> None:
    start = 2 * tensor.filters
    found = into.reshape(tensor.filters, tensor.columns)
    integers = payload[start:].view(np.int8).reshape(found.shape)
    np.multiply(integers, scales(payload[:start])[:, None], out=found, dtype=np.float32)


def _basis(tensor: PackedTensor, payload: Bytes, into: Floats) -> None:
    assert tensor.layout is not None
    _core.unpack_weights(payload, into, tensor.filters, tensor.columns, *tensor.layout)


_DECODERS: dict[str, Any] = {"half": _half, "int8": _int8, "basis": _basis}
