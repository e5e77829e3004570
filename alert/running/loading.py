"""Models that come and go: the scheduler reckons with loads, and what it wishes for is loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from alert._warnings import warn
from alert.running.models import Model
from alert.running.turn import TurnScheduler
from alert.store.stored_model import StoredModel

if TYPE_CHECKING:
    from alert._core import Decision

# Seconds that no input waits: the delay of a model whose last load failed.
_NEVER = 1e9

# A wish that has found no room for so many times the length of its load is loaded at once. Then an
# input may be late, but one in so many loads' time at most.
_PATIENCE = 10.0

# A share by which a latency is beyond a limit for certain.
_BEYOND = 1.0 + 1e-9


class Loading:
    """Chooses among models of which some are not in memory.

    The *wish* is the choice if every model were there. A wish that is not there is loaded in the
    background. Meanwhile the best choice counts the seconds until each model could run. So a model
    that is not there runs only where waiting for it is still the best.

    Parameters
    ----------
    models : sequence of callables
        In the order of the profile; those of a `Store` come and go.
    scheduler : TurnScheduler
    clock : callable
        Monotonic seconds.

    Attributes
    ----------
    waits : int
        Inputs that had to wait for a load.
    """

    __slots__ = (
        *("_clock", "_count", "_denied", "_loads_before", "_models", "_reckons"),
        *("_scheduler", "_told", "waits"),
    )

    def __init__(
        self, models: Sequence[Model], scheduler: TurnScheduler, clock: Callable[[], float]
    ) -> None:
        self._models = {i: m for i, m in enumerate(models) if isinstance(m, StoredModel)}
        self._scheduler = scheduler
        self._clock = clock
        self._count = len(models)
        self._reckons = False  # the scheduler knows of delays
        self._denied: tuple[int, float] | None = None  # a wish without room, and since when
        self._told: set[int] = set()  # models whose failure the user was told of
        self.waits = 0
        self._loads_before = self._loads_so_far()

    @property
    def loads(self) -> int:
        """Loads that ended well since the runner was made."""
        return self._loads_so_far() - self._loads_before

    def choose(self, wish: Decision) -> Decision:
        """Return the choice that counts the time for loads; begin to load the wish."""
        if self.is_there(wish.model):
            self._denied = None
            return wish
        delays = [0.0] * self._count
        for i, model in self._models.items():
            delays[i] = min(model.delay(), _NEVER)
        if delays[wish.model] == _NEVER:
            wish = self._without_failed(wish.model, delays)
        if delays[wish.model] == 0.0 or self._has_waited_enough(wish.model, delays[wish.model]):
            self._denied = None
            return wish
        decision = self._reckon(delays)
        if delays[decision.model] == 0.0:
            self._load_beside(wish.model, decision.model)
        return decision

    def is_there(self, model: int) -> bool:
        """Tell whether a model is in memory."""
        stored = self._models.get(model)
        return stored is None or stored.is_resident

    def load(self, model: int) -> None:
        """Load a model now."""
        self.waits += 1
        self._models[model].load()

    def choose_again(self, model: int, time_left: float | None) -> Decision:
        """Choose anew for a model that was waited for, by the time that is left."""
        self._reckon([0.0 if i == model else _NEVER for i in range(self._count)])
        return self._scheduler.decide(time_left)

    def is_fresh(self, model: int) -> bool:
        """Tell whether a model has not run since it was loaded."""
        stored = self._models.get(model)
        return stored is not None and stored.is_fresh

    def typical(self, latency: float, decision: Decision, time_left: float) -> float:
        """Return what to learn from the first run after a load: no more than whether it was late.

        Such a run finds caches empty and memory untouched, which says nothing of the next one.
        """
        late = latency > time_left
        return min(latency, max(decision.latency, time_left * _BEYOND if late else 0.0))

    def forget(self) -> None:
        """Let the scheduler wish again, after an input."""
        if self._reckons:
            self._reckons = False
            self._scheduler.reckon(None)

    # -------------------------------------------------------------------------------------- inside

    def _reckon(self, delays: Sequence[float]) -> Decision:
        self._reckons = True
        return self._scheduler.reckon(delays)

    def _without_failed(self, failed: int, delays: Sequence[float]) -> Decision:
        """Return the wish among the models that can be loaded, and say once what cannot."""
        if failed not in self._told:
            self._told.add(failed)
            name = self._scheduler.profile.models[failed]
            warn(
                f"{name}: could not be loaded ({self._models[failed].error}); other models run "
                f"until load({name!r})"
            )
        return self._reckon([d if d == _NEVER else 0.0 for d in delays])

    def _has_waited_enough(self, wish: int, delay: float) -> bool:
        if self._denied is None or self._denied[0] != wish:
            return False
        return self._clock() - self._denied[1] >= _PATIENCE * delay

    def _load_beside(self, wish: int, running: int) -> None:
        """Begin to load the wish; note since when there is no room for it."""
        if self._models[wish].prefetch(beside=self._models.get(running)):
            self._denied = None
        elif self._denied is None or self._denied[0] != wish:
            self._denied = wish, self._clock()

    def _loads_so_far(self) -> int:
        return sum(model.loads for model in self._models.values())


def loading_of(
    models: Sequence[Model], scheduler: TurnScheduler, clock: Callable[[], float]
) -> Loading | None:
    """Return how models come and go; None where all of them stay."""
    if any(isinstance(model, StoredModel) for model in models):
        return Loading(models, scheduler, clock)
    return None
