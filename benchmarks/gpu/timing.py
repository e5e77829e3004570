"""Does the latency that alert measures last until the GPU is done? CUDA's own events say when."""

# mypy: allow-untyped-calls

from __future__ import annotations

import time

import models
import torch
from rows import Row, middle

from alert.running.completion import Completion

RUNS = 50


def measure() -> list[Row]:
    """Compare alert's wall time, that of the bare call, and the time between two events."""
    x, rows = models.example(), []
    for name, network in models.family().items():
        done, begin, end = Completion(name, network), _event(), _event()
        called, waited, events = [], [], []
        with torch.inference_mode():
            for _ in range(RUNS):
                done()
                start = time.perf_counter()
                begin.record()
                output = network(x)
                end.record()
                called.append(time.perf_counter() - start)
                done.of(output)
                waited.append(time.perf_counter() - start)
                end.synchronize()
                events.append(1e-3 * begin.elapsed_time(end))
        rows += [
            Row(f"{name}: until the call returns", 1e3 * middle(called), "ms"),
            Row(f"{name}: between CUDA events", 1e3 * middle(events), "ms"),
            Row(f"{name}: latency as alert measures it", 1e3 * middle(waited), "ms"),
            Row(
                f"{name}: alert / events",
                middle(w / e for w, e in zip(waited, events, strict=True)),
            ),
        ]
    return rows


def _event() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)
