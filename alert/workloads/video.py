"""Records the branches of a detector in video beside contention."""

from __future__ import annotations

from typing import Any

import numpy as np

from alert.trace import Trace
from alert.video.parts import Moment
from alert.video.recording import Recording
from alert.workloads import record_task
from alert.workloads.contention import Environment
from alert.workloads.task import Inputs, Task


def record(
    recording: Recording, environment: Environment, groups: int, seed: int, **options: Any
) -> Trace:
    """Record groups of frames in one environment.

    Every part of a branch, a detection at each scale and steps of the tracker, runs once in each
    group and under each cap. The costs of branches are put together from these.

    Parameters
    ----------
    recording : Recording
    environment : str
        "quiet", or the contention beside the task: "memory" or "compute".
    groups : int
        How many.
    seed : int
        Draws the groups, the phases and the order of the parts.
    **options
        Of `alert.workloads.record_task.record`. `after` is not taken.
    """
    models = recording.parts

    def draw(n: int, seed: int) -> Inputs:
        moments: list[Moment] = recording.moments(n, seed)
        return moments, np.arange(n)

    task = Task("video", draw, dict(models), dict.fromkeys(models, 0.5))  # of parts: no meaning
    try:
        return recording.trace(record_task.record(task, environment, groups, seed, **options))
    except BaseException as error:
        if isinstance(part := getattr(error, "trace", None), Trace):
            error.trace = recording.trace(part)  # type: ignore[attr-defined]
        raise
