"""Files in the safetensors format, read straight to where the weights stay.

The library of that name maps files into memory. Mapped pages come when they are first touched, in
the middle of an inference, and a copy of them takes the memory twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

from alert._text import plain
from alert.files import LARGEST_DOCUMENT
from alert.store import headers
from alert.store.weights import Bytes, Part, Spec, size_of


class SafetensorsFile:
    """An open safetensors file; see `Weights`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.aliases: dict[str, str] = {}
        self.others: dict[str, Any] = {}
        self._descriptor = os.open(path, os.O_RDONLY)
        try:
            self.specs, self._at = self._index()
            self.size = size_of(self.specs)
        except BaseException:
            self.close()
            raise

    def read(self, piece: Sequence[Part], into: Sequence[Bytes]) -> None:
        """Read parts that follow each other in the file, each into bytes of its length."""
        views = [view.data for view in into]
        at = self._at[piece[0].name] + piece[0].start
        while views:
            done = os.preadv(self._descriptor, views, at)
            if done == 0:
                raise self._damaged("cut short while it was read")
            at += done
            while views and done >= len(views[0]):
                done -= len(views.pop(0))
            if done:
                views[0] = views[0][done:]

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _damaged(self, reason: object) -> ValueError:
        return ValueError(f"{self.path}: no safetensors file, or damaged ({plain(reason)})")

    def _index(self) -> tuple[dict[str, Spec], dict[str, int]]:
        """Read the header: what each tensor is like, and where in the file it begins."""
        size = os.fstat(self._descriptor).st_size
        start = os.pread(self._descriptor, 8, 0)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > min(size - 8, LARGEST_DOCUMENT):
            raise self._damaged("the header is too long")
        try:
            header = json.loads(os.pread(self._descriptor, length, 8))
            if not isinstance(header, dict):
                raise ValueError("the header is not a JSON object")
            header.pop("__metadata__", None)
            entries = {name: _entry(name, entry) for name, entry in header.items()}
        except (ValueError, RecursionError) as error:
            raise self._damaged(error) from None
        ordered = sorted(entries.items(), key=lambda item: item[1][1])
        ends = [0, *(end for _, (_, _, end) in ordered)]
        for (name, (_, begin, _)), (before, end) in zip(ordered, pairwise(ends), strict=True):
            if begin != before or end > size - 8 - length:
                raise self._damaged(f"{name}: does not follow the tensor before")
        return (
            {name: spec for name, (spec, _, _) in ordered},
            {name: 8 + length + begin for name, (_, begin, _) in ordered},
        )


def _entry(name: str, entry: Any) -> tuple[Spec, int, int]:
    """Check one entry of a header; return the tensor, and where its bytes begin and end."""
    if not isinstance(entry, dict):
        raise ValueError(f"{name}: no entry")
    kind, shape, ends = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    dtype = headers.dtype(name, kind)
    if not (headers.are_lengths(shape) and headers.are_lengths(ends) and len(ends) == 2):
        raise ValueError(f"{name}: no shape, or no offsets")
    begin, end = ends
    size = prod(shape) * dtype.itemsize
    if end - begin != size:
        raise ValueError(f"{name}: {end - begin} bytes do not fit the shape {shape}")
    return Spec(dtype, tuple(shape), size), begin, end
