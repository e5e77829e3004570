"""Weights in a file: which there are, and in which pieces they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

Bytes = NDArray[np.uint8]

PIECE = 16 * 1024 * 1024
"""Most bytes of a piece."""

PARTS = 512
"""Most parts of a piece; Linux takes up to 1024 in one read."""


class Spec(NamedTuple):
    """Says what a tensor is like; `size` is in bytes."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    size: int


class Part(NamedTuple):
    """A range of the bytes of one tensor."""

    name: str
    start: int
    stop: int


class Weights(Protocol):
    """An open file of weights.

    Attributes
    ----------
    specs : dict
        The tensors, in the order of the file.
    aliases : dict
        Further names of tensors that have several.
    others : dict
        Values that are no tensors.
    size : int
        Bytes of memory that a model takes with these weights, as far as the file tells.
    """

    path: Path
    specs: dict[str, Spec]
    aliases: dict[str, str]
    others: dict[str, Any]
    size: int

    def read(self, piece: Sequence[Part], into: Sequence[Bytes]) -> None:
        """Read parts that follow each other in the file, each into bytes of its length."""

    def close(self) -> None:
        """Close the file; nothing reads any more."""


def size_of(specs: Mapping[str, Spec]) -> int:
    """Return the bytes of all tensors."""
    return sum(spec.size for spec in specs.values())


def pieces(specs: Mapping[str, Spec]) -> Iterator[list[Part]]:
    """Cut the tensors of a file into pieces: small ones together, large ones in several."""
    piece: list[Part] = []
    room = PIECE
    for name, spec in specs.items():
        start = 0
        while start < spec.size:
            stop = min(start + room, spec.size)
            piece.append(Part(name, start, stop))
            room -= stop - start
            start = stop
            if room == 0 or len(piece) == PARTS:
                yield piece
                piece, room = [], PIECE
    if piece:
        yield piece
