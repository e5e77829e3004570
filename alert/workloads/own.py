"""A task made of the user's own models and inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from alert.measuring.models import Accuracies, measured_models
from alert.measuring.record import calls_of
from alert.running.models import Models
from alert.running.scoring import Metric
from alert.running.scoring import accuracy as measured_accuracy
from alert.workloads.task import Inputs, Task


def task(
    name: str,
    models: Models,
    inputs: Sequence[Any],
    *,
    accuracy: Accuracies | None = None,
    labels: Sequence[Any] | None = None,
    metric: Metric | None = None,
    progress: bool = True,
) -> Task:
    """Make a task.

    Parameters
    ----------
    name : str
    models : sequence or dict of callables
        As `Profile.measure` takes them.
    inputs : sequence
        Where more are asked for, they come again in the same order.
    accuracy : sequence or dict, optional
        Of each model. By default it is measured on the inputs, by `labels` and `metric`.
    labels : sequence, optional
        The right answer for every input.
    metric : callable, optional
        See `alert.accuracy`.
    progress : bool, default True
        Show a bar while the accuracy is measured.

    Raises
    ------
    ValueError
        There are no inputs, neither accuracies nor labels, or not one label for each input.
    TypeError
        The inputs are no sequence.
    """
    if not calls_of(inputs):
        raise ValueError("inputs: expected at least one, got none")
    if accuracy is None:
        if labels is None:
            raise ValueError("labels: expected one for each input, or accuracy=, got neither")
        if len(labels) != len(inputs):
            raise ValueError(
                f"labels: expected {len(inputs)}, as there are inputs, got {len(labels)}"
            )
        pairs = list(zip(inputs, labels, strict=True))
        accuracy = measured_accuracy(models, pairs, metric, progress=progress)

    def draw(n: int, seed: int) -> Inputs:
        return [inputs[t % len(inputs)] for t in range(n)], np.arange(n)

    made = Task(name, draw)
    for model in measured_models(models, accuracy):
        made.add(model.name, model.model, model.accuracy if model.anytime else model.accuracy[0])
    return made
