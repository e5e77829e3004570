"""The kind "onnx": the same weights, run by ONNX Runtime."""

from __future__ import annotations

from functools import partial
from typing import IO, Any

from torch import nn

from alert._installation import require
from alert.variants.exporting import exported
from alert.variants.kind import Context, Made, Record
from alert.variants.onnx_model import OnnxModel
from alert.variants.parameters import none

NEEDED = ("onnx", "onnxruntime", "onnxscript")
"""Packages."""

_LARGEST = 2**31  # bytes of a network: the format's limit


def check(parameter: str | None, context: Context) -> None:
    """Refuse any parameter."""
    none("onnx", parameter)
    require("variants", NEEDED)


def make(model: nn.Module, parameter: str | None, context: Context) -> Made:
    """Export a module."""
    return made(exported(model, context.example).SerializeToString())


def made(content: bytes) -> Made:
    """Return the variant that the content of an .onnx file is."""
    write = partial(_write, content)
    return Made(OnnxModel(content).eval(), {"bytes": len(content)}, ".onnx", write, last=True)


def shape(model: nn.Module, record: Record) -> nn.Module:
    """Return the model that runs a file of the recorded length."""
    size: Any = record.get("bytes")
    if type(size) is not int or not 0 < size < _LARGEST:
        raise ValueError(f"bytes: expected an integer from 1 to {_LARGEST}")
    return OnnxModel(size)


def _write(content: bytes, file: IO[bytes]) -> None:
    file.write(content)
