"""The models that are measured, with their accuracies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TypeAlias

from alert.running.completion import Completion
from alert.running.models import Model, Models, named, warn_of_training

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

    def exits(self) -> list[tuple[float, float]]:
        """List the exits as a profile has them. Fractions do not depend on the cap."""
        medians = [median(runs) for runs in zip(*self.fractions, strict=True)]
        return list(zip(medians, self.accuracy, strict=True))


def measured_models(models: Models, accuracy: Accuracies) -> list[MeasuredModel]:
    """Pair models with accuracies.

    Raises
    ------
    ValueError, TypeError
        They do not fit each other, or an accuracy is out of range.
    """
    offered, names = named(models)
    if isinstance(accuracy, Mapping):
        if names is None or sorted(accuracy) != sorted(names):
            raise ValueError(f"accuracy: expected one for each name in {names}, got {accuracy!r}")
        accuracy = [accuracy[name] for name in names]
    if len(accuracy) != len(offered):
        raise ValueError(f"accuracy: expected {len(offered)}, one for each model, got {accuracy!r}")
    names = names or [f"model {i}" for i in range(len(offered))]
    warn_of_training(names, offered)
    return [
        MeasuredModel(
            name=names[i],
            model=model,
            accuracy=_checked(i, reached if isinstance(reached, Sequence) else [reached]),
            anytime=isinstance(reached, Sequence),
            done=Completion(names[i], model),
        )
        for i, (model, reached) in enumerate(zip(offered, accuracy, strict=True))
    ]


def _checked(model: int, given: Sequence[float]) -> list[float]:
    if not given:
        raise ValueError(f"accuracy[{model}]: expected at least one exit, got none")
    for value in given:
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"accuracy[{model}]: expected 0 to 1, got {value!r}")
    return [float(value) for value in given]
