"""From a module to an ONNX network."""

from __future__ import annotations

import contextlib
import inspect
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from alert.running.models import Call


def exported(model: nn.Module, example: Any) -> Any:
    """Return the ONNX network of a module, an `onnx.ModelProto`.

    The first axis of every input may have any length, where the module allows that.
    """
    call = Call.of(example)
    with contextlib.suppress(Exception):  # of whatever the module does with the length of that axis
        return _export(model, call, _free_first_axes(model, call))
    try:
        return _export(model, call, None)
    except Exception as error:  # torch tells how to look for the reason, and has it as the cause
        raise error.__cause__ or error from None


def _export(model: nn.Module, call: Call, free: Any) -> Any:
    with _quiet():
        program = torch.onnx.export(
            model, call.args, kwargs=call.kwargs, dynamic_shapes=free, dynamo=True, verbose=False
        )
    assert program is not None  # it is for the older exporter only
    return program.model_proto


def _free_first_axes(model: nn.Module, call: Call) -> dict[str, Any]:
    """Return what `torch.export` takes for axes of any length."""
    given = inspect.signature(model.forward).bind(*call.args, **call.kwargs).arguments
    return {
        name: {0: torch.export.Dim.DYNAMIC} if isinstance(x, torch.Tensor) and x.ndim else None
        for name, x in given.items()
    }


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the exporter says to those who write exporters from those who use them."""
    loggers = [logging.getLogger(name) for name in ("torch", "torch.onnx")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
