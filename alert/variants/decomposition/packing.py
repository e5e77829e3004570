"""From tensors to the bytes of a packed file."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import IO, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alert._text import plain
from alert.store import headers
from alert.store.packed_file import HEAD, LARGEST_HEADER, MAGIC, VERSION
from alert.store.packed_tensor import Layout, PackedTensor
from alert.store.tensors import bytes_of
from alert.store.weights import Spec
from alert.variants.decomposition import powers
from alert.variants.decomposition.blocks import Blocks

# Errors that float16 may have: of a number, and of the largest one of a tensor. The second is for
# numbers next to zero, which only add to others.
_PRECISE, _NEXT_TO_ZERO = 2.0**-10, 2.0**-16


class Bits(NamedTuple):
    """Bits of a coefficient and of an element of a basis."""

    coefficient: int = 4
    basis: int = 8

    @property
    def levels(self) -> int:
        """Powers of two that a coefficient can be."""
        return powers.levels(self.coefficient)


class Packed(NamedTuple):
    """A tensor in the form in which it is stored."""

    tensor: PackedTensor
    payload: bytes

    def unpacked(self) -> Tensor:
        """Return the tensor, as a reader of the file gets it."""
        found = torch.empty(self.tensor.spec.shape, dtype=self.tensor.spec.dtype)
        self.tensor.decode(np.frombuffer(self.payload, np.uint8), bytes_of(found))
        return found


def basis(q: Tensor, b: Tensor, blocks: Blocks, bits: Bits, dtype: torch.dtype) -> Packed:
    """Pack powers of two and bases. A bitmap stands for rows of zeros, where that takes less."""
    top = powers.tops(q)
    integers, scales = powers.basis_integers(b * torch.exp2(top).mT, bits.basis)
    magnitudes = torch.where(q != 0.0, 1 + top - powers.exponents(q), 0.0)
    signs = torch.where(q < 0.0, 2.0 ** (bits.coefficient - 1), 0.0)
    codes = blocks.ungrouped(magnitudes + signs).reshape(blocks.row_count, blocks.width)
    there = codes.any(1)
    is_sparse = blocks.width * bits.coefficient * int((~there).sum()) > len(there)
    layout = Layout(blocks.width, blocks.filters, blocks.rows, *bits, is_sparse=is_sparse)
    parts = [
        _upper_bytes(scales),
        _bits(integers, bits.basis),
        _bits(there, 1) if is_sparse else b"",
        _bits(codes[there] if is_sparse else codes, bits.coefficient),
    ]
    return Packed(
        PackedTensor(_spec(q.new_empty(blocks.shape, dtype=dtype)), "basis", layout),
        b"".join(parts),
    )


def plain_tensor(tensor: Tensor) -> Packed:
    """Pack a tensor that is not decomposed, in the smallest form that is precise enough.

    Weights with two dimensions or more become integers of 8 bits, with a scale for each of the
    first dimension; other float32 numbers float16, where they fit.
    """
    spec = _spec(tensor)
    if tensor.is_floating_point() and tensor.dim() > 1 and tensor.numel():
        rows = tensor.reshape(len(tensor), -1).double()
        integers, scales = powers.basis_integers(rows[None], 8)
        payload = _upper_bytes(scales) + _bits(integers, 8)
        return Packed(PackedTensor(spec, "int8"), payload)
    if tensor.dtype in (torch.float32, torch.float64) and tensor.numel() and _fits_half(tensor):
        return Packed(PackedTensor(spec, "half"), bytes_of(tensor.half().contiguous()).tobytes())
    return Packed(PackedTensor(spec, "raw"), bytes_of(tensor.contiguous()).tobytes())


def write(file: IO[bytes], tensors: Mapping[str, Packed]) -> None:
    """Write a packed file."""
    file.write(header(tensors))
    for packed in tensors.values():
        file.write(packed.payload)


def header(tensors: Mapping[str, Packed]) -> bytes:
    """Return what stands before the tensors.

    Raises
    ------
    ValueError
        There are too many tensors for a reader.
    """
    document = {"tensors": [_entry(*item) for item in tensors.items()]}
    text = json.dumps(document, separators=(",", ":")).encode()
    if len(text) > LARGEST_HEADER:
        raise ValueError(f"model: too many tensors for a packed file: {len(tensors)}")
    deflated = zlib.compress(text, 9)
    return HEAD.pack(MAGIC, VERSION, len(deflated), zlib.crc32(deflated)) + deflated


def _entry(name: str, packed: Packed) -> dict[str, object]:
    tensor = packed.tensor
    entry: dict[str, object] = {
        "name": name,
        "dtype": headers.NAMES[tensor.spec.dtype],
        "shape": list(tensor.spec.shape),
        "form": tensor.form,
        "size": len(packed.payload),
        "crc": zlib.crc32(packed.payload),
    }
    return entry if tensor.layout is None else {**entry, "layout": [int(n) for n in tensor.layout]}


def _spec(tensor: Tensor) -> Spec:
    if tensor.dtype not in headers.NAMES:
        raise ValueError(f"model: a packed file holds no tensors of type {plain(tensor.dtype)}")
    return Spec(tensor.dtype, tuple(tensor.shape), tensor.numel() * tensor.itemsize)


def _fits_half(tensor: Tensor) -> bool:
    size = tensor.abs()
    error = (tensor.half().to(tensor.dtype) - tensor).abs()
    return bool((error <= _PRECISE * size + _NEXT_TO_ZERO * size.max()).all())


def _upper_bytes(scales: Tensor) -> bytes:
    """Return the bytes of scales, which bfloat16 holds exactly."""
    return bytes_of(scales.to(torch.bfloat16).contiguous()).tobytes()


def _bits(integers: Tensor, width: int) -> bytes:
    """Return integers in so many bits each, the lowest first; negative ones as two's complement."""
    numbers: NDArray[np.uint8] = integers.to(torch.int8).flatten().numpy().view(np.uint8)
    bits = np.unpackbits(numbers[:, None], axis=1, count=width, bitorder="little")
    return np.packbits(bits, bitorder="little").tobytes()
