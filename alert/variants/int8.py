"""The kind "int8": weights and activations of 8 bits, run by ONNX Runtime.

Ranges of activations come from calibration inputs beforehand (static), weights have a scale for
each channel.
"""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import nn

from alert._installation import require
from alert.variants import onnx
from alert.variants.exporting import exported
from alert.variants.kind import Context, Made
from alert.variants.onnx_model import arrays
from alert.variants.parameters import none

shape = onnx.shape


def check(parameter: str | None, context: Context) -> None:
    """Refuse any parameter, and a family without calibration inputs."""
    none("int8", parameter)
    require("variants", onnx.NEEDED)
    if not context.calibration:
        raise ValueError("kinds: int8: expected calibration inputs, got none; pass calibration=")


def make(model: nn.Module, parameter: str | None, context: Context) -> Made:
    """Export a module and quantise it."""
    network = exported(model, context.example)
    names = [entry.name for entry in network.graph.input]
    return onnx.made(quantised(network, [arrays(names, x) for x in context.calibration]))


def quantised(network: Any, inputs: Sequence[dict[str, Any]]) -> bytes:
    """Return the content of an .onnx file: an ONNX network with weights and activations of 8 bits.

    Parameters
    ----------
    network : onnx.ModelProto
        It is changed.
    inputs : sequence of dict
        Arrays by the names of the network's inputs.
    """
    from onnxruntime.quantization import QuantType, quantize_static
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata

    add_pre_process_metadata(network)  # the exporter has inferred shapes and folded constants
    with TemporaryDirectory(prefix="alert-") as directory:
        path = Path(directory) / "int8.onnx"
        quantize_static(
            network,
            path,
            _Inputs(inputs),
            per_channel=True,
            reduce_range=not _sums_are_exact(),
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return path.read_bytes()


class _Inputs:
    """Hands inputs to the calibration, which asks for a method of this name."""

    def __init__(self, inputs: Sequence[dict[str, Any]]) -> None:
        self._left: Iterator[dict[str, Any]] = iter(inputs)

    def get_next(self) -> dict[str, Any] | None:
        """Return the next input; None after the last one."""
        return next(self._left, None)


def _sums_are_exact() -> bool:
    """Tell whether products of 8 bits are summed up without saturation.

    Processors of x86 do so from VNNI on. The others need weights of 7 bits.
    """
    if platform.machine().lower() not in ("x86_64", "amd64", "i686"):
        return True
    with contextlib.suppress(OSError):
        return "vnni" in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="ignore")
    return False
