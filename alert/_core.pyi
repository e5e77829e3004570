from collections.abc import Sequence
from typing import TypeAlias, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import Self

METHODS: tuple[str, ...]
RECORD: np.dtype[np.void]

_GoalTuple: TypeAlias = tuple[int, float, float, float, float, tuple[int, int, int], int]

def check_goal(goal: _GoalTuple, /) -> None: ...
def constants(method: str, /) -> dict[str, float]: ...
def step_many(
    schedulers: Sequence[Scheduler], latencies: ArrayLike, energies: ArrayLike | None
) -> NDArray[np.void]: ...

@final
class Table:
    def __new__(
        cls,
        latency: NDArray[np.float64],
        power: NDArray[np.float64],
        accuracy: NDArray[np.float64],
        power_caps: NDArray[np.float64],
        idle_power: float,
        exit_count: NDArray[np.uintp],
        exit_fraction: NDArray[np.float64],
        exit_accuracy: NDArray[np.float64],
    ) -> Table: ...

@final
class Decision(tuple[int, float]):
    @property
    def model(self) -> int: ...
    @property
    def power_cap(self) -> float: ...
    @property
    def exit(self) -> int | None: ...
    @property
    def latency(self) -> float: ...
    @property
    def energy(self) -> float: ...
    @property
    def accuracy(self) -> float: ...
    @property
    def probability(self) -> float: ...
    @property
    def feasible(self) -> bool: ...

class Scheduler:
    def __new__(
        cls,
        table: Table,
        goal: _GoalTuple,
        method: str,
        constants: dict[str, float],
        overhead: float,
        trace: int,
    ) -> Self: ...
    @property
    def decision(self) -> Decision: ...
    @property
    def slowdown(self) -> tuple[float, float]: ...
    @property
    def trace(self) -> NDArray[np.void]: ...
    @property
    def overhead(self) -> float: ...
    @overhead.setter
    def overhead(self, value: float) -> None: ...
    def step(
        self,
        latency: float,
        energy: float | None,
        *,
        deadline: float | None = None,
        idle_power: float | None = None,
        exit: int | None = None,
    ) -> Decision: ...
    def decide(self, deadline: float | None = None) -> Decision: ...
    def share(self, deadline: float, inputs: int) -> Decision: ...
    def _set_goal(self, goal: _GoalTuple, /) -> None: ...
    def _save(self) -> bytes: ...
    def _restore(self, state: bytes, /) -> None: ...
