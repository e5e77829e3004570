"""What it costs that not all models fit into memory: recorded traces, two models at a time.

Run ``python benchmarks/store_traces.py``. A `Runner` replays each trace three times on a simulated
clock: with all models in memory, with models that are loaded when they are chosen (blocking), and
with models that a `Store` loads beside the one that runs. Latencies and joules of the inputs are
recorded. A load is assumed to take two deadlines and to draw as much as work under the lowest cap;
an input beside a load is assumed to take 3 % longer. Joules are of the emulated package.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

import alert
from alert.store.stored_model import StoredModel

KEPT = Path(__file__).parent / "traces"
TASKS, ENVIRONMENTS = ("images", "patches", "words"), ("compute", "memory")
SCHEMES = ("all in memory", "blocking", "beside")

DEADLINE = 2.0  # times the latency of the slowest model at full speed
LEVELS = np.linspace(0.1, 0.9, 9)  # of accuracy, between the least and the most accurate model
ROOM = 2  # models in memory
LOAD = 2.0  # deadlines that a load takes
BESIDE = 1.03  # latency beside a load / alone


@dataclass
class Machine(alert.power.Device):
    """A device on a clock of its own, on which recorded models run."""

    trace: alert.Trace
    period: float
    now: float = 0.0
    joules: float = 0.0
    input: int = -1
    loading: dict[int, float] = field(default_factory=dict)  # models, and until when

    kind = "simulated"
    emulated = True
    can_cap = True
    cap, cap_range = 0.0, (0.0, 0.0)

    def __post_init__(self) -> None:
        caps = self.trace.profile.power_caps.tolist()
        self.cap, self.cap_range = caps[-1], (caps[0], caps[-1])
        self.load_power = caps[0] - self.trace.profile.idle_power

    def clock(self) -> float:
        """Return the time."""
        return self.now

    def set_cap(self, watts: float, /) -> None:
        """Put a cap in force."""
        self.cap = watts

    def energy(self) -> float:
        """Return the joules drawn so far."""
        return self.joules

    def begin(self) -> None:
        """Do nothing: a model tells of its work itself."""

    pace = begin

    def rest(self, until: float) -> None:
        """Let time pass without work."""
        self.joules += self.trace.profile.idle_power * max(until - self.now, 0.0)
        self.now = max(self.now, until)

    def arrive(self) -> None:
        """Let the next input come, a period after the last one, or when that is done."""
        self.input += 1
        self.rest(self.input * self.period)

    def run(self, seconds: float, joules: float) -> None:
        """Let a model work. It takes longer while another one is loaded."""
        if any(until > self.now for until in self.loading.values()):
            seconds, joules = BESIDE * seconds, BESIDE * joules
        self.now += seconds
        self.joules += joules

    def charge_load(self) -> None:
        """Charge a load."""
        self.joules += self.load_power * LOAD * self.period


def recorded(machine: Machine, model: int) -> Callable[[object], Any]:
    """Return a model that takes as long as it took."""
    trace = machine.trace
    caps = trace.profile.power_caps.tolist()
    exits = trace.exits.get(model)

    def call(x: object) -> Any:
        at = machine.input, model, caps.index(machine.cap)
        seconds, joules = float(trace.latency[at]), float(trace.energy[at])
        if exits is None:
            machine.run(seconds, joules)
            return model
        return staircase(exits[machine.input, at[2]], joules / seconds)

    def staircase(times: Any, power: float) -> Iterator[int]:
        for step in np.diff(times, prepend=0.0).tolist():
            machine.run(step, step * power)
            yield model

    return call


@dataclass(eq=False)
class Item:
    """A model of the memory below, in the place of the store's own entry."""

    model: int
    name: str
    memory: Memory
    fresh: bool = True
    loads: int = 0
    error: None = None

    @property
    def module(self) -> object:
        """Something, if the model is in memory."""
        return self if self.memory.delay(self) == 0.0 else None


class Memory:
    """Keeps models as a store does, but loads them on the clock of a machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.there = [*range(ROOM)]  # least recently used first
        self.wished: int | None = None
        profile = machine.trace.profile
        self.items = [Item(i, name, self) for i, name in enumerate(profile.models)]
        self.calls = [recorded(machine, i) for i in range(len(self.items))]
        self.seconds = LOAD * machine.period

    def models(self) -> dict[str, Any]:
        """Return the models as a store has them."""
        return {item.name: StoredModel(self, item) for item in self.items}  # type: ignore[arg-type]

    def delay(self, item: Item) -> float:
        """Return the seconds until a model could run."""
        self._look()
        if item.model in self.there:
            return 0.0
        until = self.machine.loading.get(item.model, self.machine.now + self.seconds)
        return until - self.machine.now

    def prefetch(self, item: Item, beside: Item | None) -> bool:
        """Begin to load a model."""
        self._look()
        self.wished = item.model
        if item.model in (*self.there, *self.machine.loading):
            return True
        if self.machine.loading or not self._make_room(None if beside is None else beside.model):
            return False
        self.machine.loading[item.model] = self.machine.now + self.seconds
        self._count(item)
        return True

    def acquire(self, item: Item) -> Callable[[object], Any]:
        """Return a model, after its load."""
        if (waits := self.delay(item)) > 0.0:
            if item.model not in self.machine.loading:
                self.machine.loading.clear()
                assert self._make_room(None)
                self.machine.loading[item.model] = self.machine.now + waits
                self._count(item)
            self.machine.rest(self.machine.now + waits)
            self._look()
        self.there.remove(item.model)
        self.there.append(item.model)
        return self.calls[item.model]

    def release(self, item: Item, user: int, *, has_run: bool = True) -> None:
        """Note that a model has run."""
        item.fresh &= not has_run

    def _look(self) -> None:
        for model, until in list(self.machine.loading.items()):
            if until <= self.machine.now + 1e-12:
                del self.machine.loading[model]
                self.there.append(model)
                self.items[model].fresh = True

    def _make_room(self, stays: int | None) -> bool:
        going = [m for m in self.there if m not in (stays, self.wished)]
        going += [m for m in self.there if m == self.wished != stays]
        while len(self.there) + len(self.machine.loading) >= ROOM:
            if not going:
                return False
            self.there.remove(going.pop(0))
        return True

    def _count(self, item: Item) -> None:
        item.loads += 1
        self.machine.charge_load()


class Blocking(Memory):
    """Says that loads take no time, so that whatever is chosen is loaded then and there."""

    def delay(self, item: Item) -> float:
        """Return next to nothing."""
        return min(super().delay(item), 1e-9)

    def acquire(self, item: Item) -> Callable[[object], Any]:
        """Return a model, after its load."""
        if (waits := super().delay(item)) > 0.0:
            self._make_room(None)
            self._count(item)
            self.machine.rest(self.machine.now + waits)
            self.there.append(item.model)
            item.fresh = True
        return super().acquire(item)


class Found(NamedTuple):
    """What a scheme came to."""

    late: float
    energy: float
    accuracy: float
    loads: float


def replay(trace: alert.Trace, scheme: str, level: float) -> Found:
    """Run a trace under a goal."""
    profile = trace.profile
    deadline = DEADLINE * float(profile.latency[:, -1].max())
    low, high = float(profile.accuracy.min()), float(profile.accuracy.max())
    goal = alert.Goal.min_energy(deadline, accuracy=low + level * (high - low))
    machine = Machine(trace, deadline)
    memory = (Blocking if scheme == "blocking" else Memory)(machine)
    models = memory.models()
    if scheme == "all in memory":
        memory.there = list(range(len(models)))
    options: dict[str, Any] = {"clock": machine.clock, "history": len(trace.latency)}
    with alert.Runner(
        models, profile, goal, machine, inference_mode=False, overhead=0.0, **options
    ) as runner:
        for _ in range(len(trace.latency)):
            machine.arrive()
            runner(None)
        history = runner.history
    machine.rest((machine.input + 1) * machine.period)
    return Found(
        float(np.mean(history["lateness"] > 0.0)),
        machine.joules / len(history),
        float(np.mean(history["accuracy"])),
        sum(item.loads for item in memory.items),
    )


def measure() -> dict[str, dict[str, Found]]:
    """Run all traces under all schemes; return means over the levels."""
    found = {}
    for name in (f"{task}-{environment}" for task, environment in product(TASKS, ENVIRONMENTS)):
        trace = alert.Trace.load(KEPT / f"{name}.npz")
        results = {s: [replay(trace, s, level) for level in LEVELS] for s in SCHEMES}
        found[name] = {s: Found(*np.mean(rows, axis=0).tolist()) for s, rows in results.items()}
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    found = measure()
    if arguments.json:
        plain = {n: {s: r._asdict() for s, r in row.items()} for n, row in found.items()}
        print(json.dumps(plain, indent=1))
        return
    table = Table(title="all models in memory / two, blocking / two, beside; means over nine goals")
    for title in ("trace", "late", "joules an input", "accuracy", "loads", "late +", "joules x"):
        table.add_column(title, justify="left" if title == "trace" else "right")
    for name, row in found.items():
        whole, _, beside = results = [row[scheme] for scheme in SCHEMES]
        table.add_row(
            name,
            " / ".join(f"{result.late:.3f}" for result in results),
            " / ".join(f"{result.energy:.3g}" for result in results),
            " / ".join(f"{result.accuracy:.3f}" for result in results),
            " / ".join(f"{result.loads:.0f}" for result in results),
            f"{beside.late - whole.late:+.3f}",
            f"{beside.energy / whole.energy:.3f}",
        )
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
