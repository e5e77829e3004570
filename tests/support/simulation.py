"""A machine that exists in a test only: its clock moves when the test, or a model, says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import alert
from alert.power import Device
from alert.running.runner import Runner


class Machine:
    """A clock, and how much slower than on a quiet machine everything is."""

    def __init__(self) -> None:
        self.now = 100.0
        self.contention = 1.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def work(self, seconds: float) -> None:
        self.now += seconds * self.contention


class Package(Device):
    """A power device on the clock of a `Machine`.

    Work under a cap of `cap` watts takes PEAK / cap times as long, and draws `cap` watts.
    """

    IDLE = 4.0
    PEAK = 40.0

    kind = "simulated"
    emulated = True
    can_cap = True
    cap_range = (10.0, PEAK)
    switch_cost = 0.0
    settle = 0.0
    tick = 0.0
    cap = PEAK

    def __init__(self, machine: Machine, *, read_cost: float = 0.0, tick: float = 0.0) -> None:
        self.machine = machine
        self.read_cost = read_cost  # seconds that reading the energy takes
        self.tick = tick
        self.readable = True
        self.cap = self.PEAK
        self.caps_set: list[float] = []
        self.refuses: Exception | None = None
        self.closed = False
        self.working = False
        self._joules = 0.0
        self._booked = machine.now  # until when
        self._begun = machine.now  # the work that the next pace ends

    def set_cap(self, cap: float, /) -> None:
        assert not self.closed
        self._book()
        if self.refuses is not None:
            raise self.refuses
        self.cap = cap
        self.caps_set.append(cap)

    def energy(self) -> float | None:
        assert not self.closed
        self.machine.now += self.read_cost
        self._book()
        return self._joules if self.readable else None

    def begin(self) -> None:
        assert not self.closed
        self._book()
        self._begun = self.machine.now
        self.working = True

    def pace(self) -> None:
        seconds = self.machine.now - self._begun
        self.machine.now = self._begun + seconds * self.PEAK / self.cap
        self.working = True  # since the last pace, even without another begin
        self._book()
        self._begun = self.machine.now
        self.working = False

    def close(self) -> None:
        self.closed = True

    def _book(self) -> None:
        watts = self.cap if self.working else self.IDLE
        self._joules += watts * (self.machine.now - self._booked)
        self._booked = self.machine.now


class Network:
    """A traditional model. It returns its name and what it was given."""

    def __init__(self, machine: Machine, name: str, seconds: float) -> None:
        self.machine = machine
        self.name = name
        self.seconds = seconds
        self.raises: BaseException | None = None

    def __call__(self, x: Any) -> Any:
        self.machine.work(self.seconds)
        if self.raises is not None:
            raise self.raises
        return self.name, x


class Staircase:
    """An anytime model: exit k comes `seconds[k]` after the one before."""

    def __init__(self, machine: Machine, seconds: Sequence[float]) -> None:
        self.machine = machine
        self.seconds = list(seconds)
        self.begun = 0  # exits that began to run, all inputs together
        self.closed = 0  # generators that ended, or were ended
        self.between: Callable[[int], None] = lambda k: None  # called before exit k

    def __call__(self, x: Any) -> Iterator[Any]:
        try:
            for k, seconds in enumerate(self.seconds):
                self.between(k)
                self.begun += 1
                self.machine.work(seconds)
                yield k, x
        finally:
            self.closed += 1


CAPS = [10.0, 20.0, 40.0]
SECONDS = {"small": 0.01, "large": 0.03}  # under the highest cap
ACCURACY = {"small": 0.6, "large": 0.8}


def profile(
    seconds: dict[str, float] = SECONDS,
    accuracy: dict[str, float] = ACCURACY,
    exits: Any = None,
) -> alert.Profile:
    """What these models cost on a quiet `Machine` with a `Package`."""
    return alert.Profile(
        latency=[[s * Package.PEAK / cap for cap in CAPS] for s in seconds.values()],
        power=[CAPS for _ in seconds],
        accuracy=list(accuracy.values()),
        power_caps=CAPS,
        idle_power=Package.IDLE,
        models=list(seconds),
        exits=exits,
    )


CHEAP = alert.Goal.min_energy(deadline=0.2, accuracy=0.5)
"""On the quiet machine: the small model."""


class Bench:
    """A runner of the small and the large model on a simulated machine."""

    def __init__(self, goal: alert.Goal = CHEAP, **options: Any) -> None:
        self.machine = Machine()
        self.package = Package(self.machine, read_cost=options.pop("read_cost", 0.0))
        self.models = {name: Network(self.machine, name, s) for name, s in SECONDS.items()}
        self.runner = Runner(
            self.models,
            profile(),
            goal,
            self.package,
            clock=self.machine.clock,
            **{"method": "paper", **options},  # a goal for each input: easy to foresee
        )


EXITS = {"large": [(1 / 3, 0.5), (2 / 3, 0.7), (1.0, 0.8)]}


class AnytimeBench:
    """A runner of one anytime model whose exits take 10 ms each under the highest cap."""

    def __init__(self, goal: alert.Goal, **options: Any) -> None:
        self.machine = Machine()
        self.package = Package(self.machine)
        self.model = Staircase(self.machine, [0.01] * 3)
        table = profile({"large": 0.03}, {"large": 0.8}, EXITS)
        models = {"large": self.model}
        options = {"method": "paper", **options}
        self.runner = Runner(models, table, goal, self.package, clock=self.machine.clock, **options)


def state(runner: Runner) -> bytes:
    return runner.scheduler._save()[0]
