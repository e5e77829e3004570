"""Files of ONNX networks: one tensor of bytes for a store. Their module makes a session of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alert.store.weights import Bytes, Part, Spec

SESSION = 3
"""Bytes of memory that a session takes, for each byte of the file: weights, and copies of them in
the order in which kernels read them. docs/howto/store.md has what was measured."""


class WholeFile:
    """An open file whose bytes are the tensor "content"; see `Weights`."""

    def __init__(self, path: Path) -> None:
        import torch

        self.path = path
        self.aliases: dict[str, str] = {}
        self.others: dict[str, Any] = {}
        self._descriptor = os.open(path, os.O_RDONLY)
        size = os.fstat(self._descriptor).st_size
        self.specs = {"content": Spec(torch.uint8, (size,), size)}
        self.size = SESSION * size

    def read(self, piece: Sequence[Part], into: Sequence[Bytes]) -> None:
        """Read a part of the file."""
        [part], [view] = piece, into
        at, left = part.start, view.data
        while left:
            done = os.preadv(self._descriptor, [left], at)
            if done == 0:
                raise ValueError(f"{self.path}: cut short while it was read")
            at, left = at + done, left[done:]

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
