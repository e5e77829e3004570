from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, TypeAlias, final

import numpy as np
from _typeshed import structseq
from numpy.typing import ArrayLike, NDArray
from typing_extensions import Self, disjoint_base

METHODS: tuple[str, ...]
HISTORY: np.dtype[np.void]
OUTCOME: np.dtype[np.void]

_GoalTuple: TypeAlias = tuple[int, float, float, float, float, tuple[int, int, int], int]

def check_goal(goal: _GoalTuple, /) -> None: ...
def constants(method: str, /) -> dict[str, float]: ...
def step_many(
    schedulers: Sequence[Scheduler], latencies: ArrayLike, energies: ArrayLike | None
) -> NDArray[np.void]: ...

@final
class Profile:
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
    ) -> Profile: ...

@final
class Decision(structseq[Any], tuple[int, float]):
    __match_args__: Final = ("model", "power_cap")
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

@disjoint_base
class Scheduler:
    def __new__(
        cls,
        profile: Profile,
        goal: _GoalTuple,
        given: object,
        method: str,
        constants: dict[str, float],
        overhead: float,
        switch_cost: float,
        hold_inputs: int,
        history: int,
    ) -> Self: ...
    @property
    def _goal(self) -> Any: ...
    @property
    def decision(self) -> Decision: ...
    @property
    def slowdown(self) -> tuple[float, float]: ...
    @property
    def history(self) -> NDArray[np.void]: ...
    @property
    def overhead(self) -> float: ...
    @overhead.setter
    def overhead(self, value: float) -> None: ...
    @property
    def switch_cost(self) -> float: ...
    @property
    def hold_inputs(self) -> int: ...
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
    def _replay(
        self,
        latency: NDArray[np.float64],
        energy: NDArray[np.float64],
        idle_power: float,
        sharing: NDArray[np.uintp] | None = None,
        system: Scheduler | None = None,
    ) -> NDArray[np.void]: ...
    def set_switching(self, switch_cost: float, hold_inputs: int) -> None: ...
    def _set_goal(self, goal: _GoalTuple, given: object, /) -> None: ...
    def _save(self) -> tuple[bytes, Any, float, float, int]: ...
    def _restore(self, state: bytes, /) -> None: ...

class PowerError(OSError):
    what: str
    why: str
    remedy: str

class PowerPermissionError(PowerError, PermissionError): ...
class PowerWarning(RuntimeWarning): ...

@final
class PowerDevice:
    @property
    def kind(self) -> str: ...
    @property
    def emulated(self) -> bool: ...
    @property
    def can_cap(self) -> bool: ...
    @property
    def can_read(self) -> bool: ...
    @property
    def cap(self) -> float: ...
    @property
    def cap_range(self) -> tuple[float, float]: ...
    @property
    def switch_cost(self) -> float: ...
    @property
    def settle(self) -> float: ...
    @property
    def tick(self) -> float: ...
    @property
    def switch_cost_s(self) -> float: ...
    @property
    def settle_s(self) -> float: ...
    @property
    def tick_s(self) -> float: ...
    @property
    def closed(self) -> bool: ...
    @property
    def zones(self) -> list[dict[str, Any]]: ...
    @property
    def gpus(self) -> list[dict[str, Any]]: ...
    def set_cap(self, watts: float, /) -> None: ...
    def energy(self) -> float | None: ...
    def begin(self) -> None: ...
    def pace(self) -> None: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

def open_emulated(
    idle_power: float | None,
    peak_power: float | None,
    exponent: float | None,
    compute: float | None,
    min_frequency: float | None,
    /,
) -> PowerDevice: ...
def open_rapl(
    root: str | None,
    observe: bool,
    dram: bool,
    package: int,
    window: float | None,
    cap_min: float,
    cap_max: float,
    journal: str | None,
    watchdog: str | None,
    /,
) -> PowerDevice: ...
def open_nvml(
    gpus: Sequence[int] | None,
    observe: bool,
    guard: bool,
    switch_cost: float | None,
    settle: float | None,
    directory: str,
    watchdog: str | None,
    /,
) -> PowerDevice: ...
def restore(directory: str, /) -> list[dict[str, Any]]: ...
def power_law() -> dict[str, float]: ...
