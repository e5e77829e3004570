"""The models that are measured, with their accuracies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TypeAlias

import numpy as np

from alert._arguments import floats
from alert.running.completion import Completion
from alert.running.models import Model, Models, for_each, named
from alert.store.stored_model import StoredModel

Accuracy: TypeAlias = float | Sequence[float]
"""Of a traditional model its accuracy, 0 to 1; of an anytime model those of its exits."""

Accuracies: TypeAlias = Sequence[Accuracy] | Mapping[str, Accuracy]


@dataclass
class MeasuredModel:
    """One model while it is measured.

    Attributes
    ----------
    name : str
    model : callable
    accuracy : list of float
        Of its exits; a traditional model has one.
    anytime : bool
    done : Completion
        Waits until all work of the model is done.
    fractions : list of list of float
        For each run, the share of the latency after which each exit had its output.
    """

    name: str
    model: Model
    accuracy: list[float]
    anytime: bool
    done: Completion
    fractions: list[list[float]] = field(default_factory=list)

    def load(self) -> None:
        """Load a model of a `Store`, if it is not in memory."""
        if isinstance(self.model, StoredModel):
            self.model.load()

    def fractions_of_exits(self) -> list[float]:
        """Return the median share of each exit in the latency. It does not depend on the cap."""
        return [median(runs) for runs in zip(*self.fractions, strict=True)]

    @property
    def is_compiled(self) -> bool:
        """True for what `torch.compile` returned: it compiles for every new shape of its input."""
        return hasattr(self.model, "_torchdynamo_orig_callable")


def measured_models(models: Models, accuracy: Accuracies | None) -> list[MeasuredModel]:
    """Pair models with accuracies; a family of `alert.variants` knows its own.

    Raises
    ------
    ValueError, TypeError
        They do not fit each other, or an accuracy is out of range.
    """
    offered, names = named(models)
    known = _known_to(models) if accuracy is None else accuracy
    reached = for_each("accuracy", known, names, len(offered))
    names = names or [f"model {i}" for i in range(len(offered))]
    return [
        MeasuredModel(
            name=names[i],
            model=model,
            accuracy=_checked(f"accuracy[{i}]", given),
            anytime=np.ndim(given) > 0,
            done=Completion(names[i], model),
        )
        for i, (model, given) in enumerate(zip(offered, reached, strict=True))
    ]


def _known_to(models: Models) -> Accuracies:
    """Return the accuracies that models know; others than families do not."""
    known: Accuracies | None = getattr(models, "accuracy", None)
    if known is None:
        raise TypeError("accuracy: expected a sequence or a dict, one for each model, got None")
    return known


def _checked(name: str, given: Accuracy) -> list[float]:
    found: list[float] = floats(name, np.atleast_1d(given)).tolist()
    if not found:
        raise ValueError(f"{name}: expected at least one exit, got none")
    for value in found:
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{name}: expected 0 to 1, got {value!r}")
    return found
