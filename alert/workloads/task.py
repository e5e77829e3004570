"""A task of the evaluation: models that do the same work at different cost, and their inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from alert.running.models import Model

Inputs: TypeAlias = tuple[list[Any], NDArray[np.int64]]


@dataclass
class Task:
    """Models that do the same work at different cost, and their inputs.

    Parameters
    ----------
    name : str
    inputs : callable
        ``inputs(n, seed)`` draws n inputs. It also returns a number for each; inputs with the same
        number share a deadline.
    models : dict
        Callables; an anytime model returns an iterator of its outputs.
    accuracy : dict
        By the same names, 0 to 1; a list for the exits of an anytime model.
    """

    name: str
    inputs: Callable[[int, int], Inputs]
    models: dict[str, Model] = field(default_factory=dict)
    accuracy: dict[str, float | list[float]] = field(default_factory=dict)

    def add(self, name: str, model: Model, accuracy: float | list[float]) -> None:
        """Add a model."""
        self.models[name] = model
        self.accuracy[name] = accuracy
