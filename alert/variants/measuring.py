"""What a variant costs, and how well it agrees with the original."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import IO, Any

import numpy as np
import torch
from torch import nn

from alert import power
from alert.measuring.models import measured_models
from alert.measuring.stopwatch import Stopwatch
from alert.running.models import Call, check_output, first_of, repeatable
from alert.store.tensors import registered

Metric = Callable[[Any, Any], Any]

_WARMUP = 2  # turns
_LEAST, _MOST = 7, 200  # turns that count
_SECONDS = 1.0  # for each model, where these are enough turns


def latencies(
    models: Mapping[str, Callable[..., Any]],
    example: Any,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Return the median latency of each model, in seconds.

    The models take turns, so that other work on the machine slows all of them down. In a turn a
    model runs twice, and the second run counts: the first one finds the caches full of others.
    """
    call = repeatable("example", example)
    measured = measured_models(models, dict.fromkeys(models, 0.0))
    times: list[list[float]] = []
    with power.open("none") as device, torch.inference_mode():
        stopwatch = Stopwatch(device, clock)
        until = time.perf_counter() + _SECONDS * len(models)
        while len(times) < _WARMUP + _LEAST or (
            len(times) < _WARMUP + _MOST and time.perf_counter() < until
        ):
            turn = [[stopwatch.run(model, call) for _ in range(2)] for model in measured]
            times.append([second[-1] for _, second in turn])
    columns = zip(*times[_WARMUP:], strict=True)
    return dict(zip(models, map(median, columns), strict=True))


def outputs(model: Callable[..., Any], inputs: Sequence[Any]) -> list[Any]:
    """Run a model on inputs; of several outputs, return the first."""
    with torch.inference_mode():
        found = [Call.of(x)(model) for x in inputs]
    for output in found:
        check_output("model", output)
    return [getattr(output, "logits", first_of(output)) for output in found]


def agreement(outputs: Sequence[Any], expected: Sequence[Any], metric: Metric | None) -> float:
    """Return the mean agreement of outputs with those of the original, 0 to 1; NaN for none."""
    if not expected:
        return float("nan")
    scores = [
        np.asarray((metric or _same_place)(output, wanted), np.float64).reshape(-1)
        for output, wanted in zip(outputs, expected, strict=True)
    ]
    found = float(np.concatenate(scores).mean())
    if not 0.0 <= found <= 1.0:
        raise ValueError(f"metric: expected scores from 0 to 1, got {found!r} on average")
    return found


def _same_place(output: Any, expected: Any) -> Any:
    """Tell where the largest elements of the last axis are in the same place, and none is NaN."""
    agrees = (output.argmax(-1) == expected.argmax(-1)) & (output == output).all(-1)
    return agrees.tolist()


def weights(module: nn.Module) -> Callable[[IO[bytes]], object]:
    """Return what writes the state dict of a module as safetensors.

    Of a tensor with several names, the first one is written.
    """

    def write(file: IO[bytes]) -> None:
        from safetensors.torch import save

        second = {name for names in registered(module).values() for name in names[1:]}
        state = {
            name: tensor.detach().contiguous()
            for name, tensor in module.state_dict().items()
            if name not in second
        }
        file.write(save(state))

    return write


def size(write: Callable[[IO[bytes]], object]) -> int:
    """Return the bytes that are written."""
    with io.BytesIO() as file:
        write(file)
        return file.tell()
