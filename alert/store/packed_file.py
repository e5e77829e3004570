"""Files of packed weights, which `alert.variants.smartdeal` writes.

A file is a head of 20 bytes, a header, and the payloads of the tensors, one after the other. The
head has the magic, a version, the bytes of the header and its CRC-32. The header is JSON,
deflated.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Sequence
from itertools import accumulate
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from alert._text import plain, shown
from alert.store import headers
from alert.store.packed_tensor import Layout, PackedTensor
from alert.store.weights import Bytes, Part, Spec, size_of

MAGIC = b"ALERTPKD"
VERSION = 1
HEAD = struct.Struct("<8sIII")  # magic, version, bytes of the header, its CRC-32

LARGEST_HEADER = 1024 * 1024
"""Most bytes of a header, inflated: some ten thousand tensors."""


class Entry(NamedTuple):
    """One tensor of a file, and where its payload is."""

    tensor: PackedTensor
    size: int
    crc: int


class PackedFile:
    """An open file of packed weights; see `Weights`. Tensors are unpacked when they are read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.aliases: dict[str, str] = {}
        self.others: dict[str, Any] = {}
        self._last: tuple[str | None, Bytes] = None, np.empty(0, np.uint8)
        self._descriptor = os.open(path, os.O_RDONLY)
        try:
            self._index()
        except (ValueError, RecursionError) as error:
            self.close()
            raise self._damaged(error) from None
        except BaseException:
            self.close()
            raise

    def read(self, piece: Sequence[Part], into: Sequence[Bytes]) -> None:
        """Unpack parts, each into bytes of its length."""
        for part, view in zip(piece, into, strict=True):
            try:
                payload = self._payload(part.name)
                self._entries[part.name].tensor.decode(payload, view, part.start)
            except ValueError as error:
                raise self._damaged(f"{part.name}: {error}") from None

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _damaged(self, reason: object) -> ValueError:
        return ValueError(f"{self.path}: no packed weights, or damaged ({plain(reason)})")

    def _index(self) -> None:
        """Read the header: what each tensor is like, and where in the file it begins."""
        size = os.fstat(self._descriptor).st_size
        header, start = _header(self._descriptor, size)
        self._entries = _entries(header.get("tensors"))
        self.specs = {name: entry.tensor.spec for name, entry in self._entries.items()}
        self.size = size_of(self.specs)
        ends = accumulate((entry.size for entry in self._entries.values()), initial=start)
        *begins, end = ends
        if end != size:
            raise ValueError(f"the tensors end at byte {end} of {size}")
        self._begins = dict(zip(self._entries, begins, strict=True))

    def _payload(self, name: str) -> Bytes:
        """Return the bytes of a tensor as they are stored; the last ones are kept."""
        kept, payload = self._last
        if kept != name:
            payload = self._read_payload(name)
            self._last = name, payload
        return payload

    def _read_payload(self, name: str) -> Bytes:
        entry = self._entries[name]
        payload = os.pread(self._descriptor, entry.size, self._begins[name])
        if len(payload) != entry.size:
            raise ValueError("cut short while it was read")
        if zlib.crc32(payload) != entry.crc:
            raise ValueError("the bytes do not match their checksum")
        return np.frombuffer(payload, np.uint8)


def _header(descriptor: int, size: int) -> tuple[dict[str, Any], int]:
    """Return the header of a file of that size, and where the tensors begin."""
    head = os.pread(descriptor, HEAD.size, 0)
    if len(head) < HEAD.size or not head.startswith(MAGIC):
        raise ValueError("it does not begin as a packed file does")
    _, version, length, crc = HEAD.unpack(head)
    if version != VERSION:
        raise ValueError(f"this release reads version {VERSION}, got {version}")
    if length > min(size - HEAD.size, LARGEST_HEADER):
        raise ValueError("the header is too long")
    packed = os.pread(descriptor, length, HEAD.size)
    if zlib.crc32(packed) != crc:
        raise ValueError("the header does not match its checksum")
    header = json.loads(_inflated(packed))
    if not isinstance(header, dict):
        raise ValueError("the header is not a JSON object")
    return header, HEAD.size + length


def _inflated(packed: bytes) -> bytes:
    inflate = zlib.decompressobj()
    try:
        text = inflate.decompress(packed, LARGEST_HEADER)
    except zlib.error as error:
        raise ValueError(f"header: {error}") from None
    if not inflate.eof:
        raise ValueError("the header is cut short, or too long")
    return text


def _entries(tensors: Any) -> dict[str, Entry]:
    if not isinstance(tensors, list):
        raise ValueError("no list of tensors")
    entries: dict[str, Entry] = {}
    for document in tensors:
        name = document.get("name") if isinstance(document, dict) else None
        if not isinstance(name, str) or name in entries:
            raise ValueError(f"a tensor without a name of its own: {shown(name)}")
        try:
            entries[name] = _entry(name, document)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return entries


def _entry(name: str, document: dict[str, Any]) -> Entry:
    """Check one entry of a header: its payload may be as long as it is."""
    shape, layout = document.get("shape"), document.get("layout")
    numbers = [document.get("size"), document.get("crc")]
    if not (headers.are_lengths(shape) and headers.are_lengths(numbers)):
        raise ValueError("no shape, size or checksum")
    dtype = headers.dtype(name, document.get("dtype"))
    spec = Spec(dtype, tuple(shape), prod(shape) * dtype.itemsize)
    tensor = PackedTensor(spec, str(document.get("form")), _layout(layout))
    tensor.check(numbers[0])
    return Entry(tensor, *numbers)


def _layout(numbers: Any) -> Layout | None:
    if numbers is None:
        return None
    if not (headers.are_lengths(numbers) and len(numbers) == 6 and 0 not in numbers[:5]):
        raise ValueError("no layout")
    if numbers[0] > 8:  # C says so, too, but after there is memory for the weights
        raise ValueError(f"rows of {numbers[0]} weights")
    *counts, is_sparse = numbers
    return Layout(*counts, is_sparse=bool(is_sparse))  # type: ignore[misc, arg-type]
