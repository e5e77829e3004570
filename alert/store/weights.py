"""Weights in a file: which there are, and in which pieces they are read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from alert.files import as_path

if TYPE_CHECKING:
    import torch

Bytes = NDArray[np.uint8]

PIECE = 16 * 1024 * 1024
"""Most bytes of a piece."""

_PARTS = 512  # most parts of a piece; Linux takes up to 1024 in one read


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
    """

    path: Path
    specs: dict[str, Spec]
    aliases: dict[str, str]
    others: dict[str, Any]

    def read(self, piece: Sequence[Part], into: Sequence[Bytes]) -> None:
        """Read parts that follow each other in the file, each into bytes of its length."""

    def close(self) -> None:
        """Close the file; nothing reads any more."""


def open_weights(path: str | os.PathLike[str]) -> Weights:
    """Open a safetensors file, a packed one, an ONNX network, or a file that `torch.save` wrote.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        The file is damaged, or holds something else than weights; the message names the file.
    """
    from alert.store.packed_file import PackedFile
    from alert.store.safetensors_file import SafetensorsFile
    from alert.store.torch_file import TorchFile
    from alert.store.whole_file import WholeFile

    found = as_path(path)
    readers: dict[str, Callable[[Path], Weights]] = {
        ".safetensors": SafetensorsFile,
        ".sdw": PackedFile,
        ".onnx": WholeFile,
    }
    return readers.get(found.suffix, TorchFile)(found)


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
            if room == 0 or len(piece) == _PARTS:
                yield piece
                piece, room = [], PIECE
    if piece:
        yield piece
