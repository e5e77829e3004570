"""Opening a file of weights, by the name that it ends with."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from alert.files import as_path
from alert.store.packed_file import PackedFile
from alert.store.safetensors_file import SafetensorsFile
from alert.store.torch_file import TorchFile
from alert.store.weights import Weights
from alert.store.whole_file import WholeFile


def open_weights(path: str | os.PathLike[str]) -> Weights:
    """Open a safetensors file, a packed one, an ONNX network, or a file that `torch.save` wrote.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        The file is damaged, or holds something else than weights; the message names the file.
    """
    found = as_path(path)
    readers: dict[str, Callable[[Path], Weights]] = {
        ".safetensors": SafetensorsFile,
        ".sdw": PackedFile,
        ".onnx": WholeFile,
    }
    return readers.get(found.suffix, TorchFile)(found)


def size_in_memory(path: str | os.PathLike[str]) -> int:
    """Return the bytes that a model takes with the weights of a file, as a store counts them."""
    weights = open_weights(path)
    try:
        return weights.size
    finally:
        weights.close()
