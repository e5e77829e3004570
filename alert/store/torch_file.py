"""Files that `torch.save` wrote of a state dict."""

from __future__ import annotations

import errno
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from alert._text import plain
from alert.store.tensors import bytes_of
from alert.store.weights import Bytes, Part, Spec, size_of


class TorchFile:
    """An open file of torch; see `Weights`.

    The file is mapped into memory, and read when its bytes are copied. Nothing in the file runs:
    `torch.load` takes weights only.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        state = self._load()
        if not isinstance(state, Mapping):
            kind = type(state).__name__
            raise ValueError(f"{path}: expected a state dict, got {kind}; save model.state_dict()")
        self.specs: dict[str, Spec] = {}
        self.aliases: dict[str, str] = {}
        self.others: dict[str, Any] = {}
        self._bytes: dict[str, Bytes] = {}
        names: dict[object, str] = {}  # of the tensors so far
        for name, value in state.items():
            if not isinstance(value, torch.Tensor) or value.layout is not torch.strided:
                self.others[name] = value
                continue
            shape = tuple(value.shape)
            same = (value.data_ptr(), shape, value.stride(), value.dtype)
            if value.numel() and same in names:
                self.aliases[name] = names[same]
                continue
            names[same] = name
            self.specs[name] = Spec(value.dtype, shape, value.numel() * value.itemsize)
            self._bytes[name] = bytes_of(value.detach().contiguous())
        self.size = size_of(self.specs)

    def read(self, piece: Sequence[Part], into: Sequence[Bytes]) -> None:
        """Copy parts, each into bytes of its length, without the GIL."""
        for part, view in zip(piece, into, strict=True):
            np.copyto(view, self._bytes[part.name][part.start : part.stop])

    def close(self) -> None:
        """Let go of the file."""
        self._bytes.clear()

    def _load(self) -> Any:
        try:
            return torch.load(self.path, map_location="cpu", mmap=True, weights_only=True)
        except MemoryError:
            raise
        except Exception as error:  # torch meets damage with exceptions of all kinds
            if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                raise  # EINVAL: a place outside of the file
            why = plain(str(error).partition("\n")[0])
            if isinstance(error, pickle.UnpicklingError):  # torch would explain how to run the file
                why = "it may hold a whole module; save model.state_dict()"
            raise ValueError(f"{self.path}: no state dict of torch, or damaged ({why})") from None
