"""Models of a learnt profile that fail where they have never run: others run in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alert._warnings import warn

if TYPE_CHECKING:
    from alert._core import Decision
    from alert.running.turn import TurnScheduler

# Inputs for which a model is set aside after its first failure. Each further one doubles them.
_FIRST = 8

# Seconds that no input waits: the delay of a model that is set aside.
_ASIDE = 1e9


class Failures:
    """Sets a model aside that failed in a configuration that has never run.

    A measured profile says that each model can run. A guess does not: a model that never can would
    be chosen for ever, because a failure teaches nothing of its costs. Where every model is set
    aside, the inputs are at fault: all failures are forgotten.

    Parameters
    ----------
    scheduler : TurnScheduler
    """

    __slots__ = ("_count", "_left", "_scheduler")

    def __init__(self, scheduler: TurnScheduler) -> None:
        self._scheduler = scheduler
        self._count: dict[int, int] = {}  # failures of a model so far
        self._left: dict[int, int] = {}  # inputs for which a model stays aside

    def add(self, decision: Decision, error: Exception) -> None:
        """Note that the model of a decision failed."""
        if not decision.estimated:
            return
        model = decision.model
        failures = self._count[model] = self._count.get(model, 0) + 1
        self._left[model] = _FIRST * 2 ** (failures - 1)
        models = self._scheduler.profile.models
        if len(self._left) == len(models):
            self._left.clear()
            self._count.clear()
        self._tell()
        if failures == 1:
            warn(
                f"{models[model]}: failed where it had never run ({type(error).__name__}: {error});"
                f" other models run for the next {_FIRST} inputs"
            )

    def count(self) -> None:
        """Note that an input has run; models whose time is over take part again."""
        if not self._left:
            return
        left = {model: inputs - 1 for model, inputs in self._left.items() if inputs > 1}
        over = len(left) < len(self._left)
        self._left = left
        if over:
            self._tell()

    def _tell(self) -> None:
        models = len(self._scheduler.profile.models)
        self._scheduler.set_aside([_ASIDE if i in self._left else 0.0 for i in range(models)])
