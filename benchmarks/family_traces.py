"""A family against the network that it was made of: recorded traces, the same goals.

``python benchmarks/family_traces.py`` replays the traces in `benchmarks/traces/family`: with the
network alone, with the network alone run by ONNX Runtime, and with the variants of its family.
Deadlines are multiples of the latency of the network. Accuracies are those of the network, less
what a user may give up.

``--record`` makes both families and records their traces; ``--record patches`` one of them. Seconds
are those of the processor, so that other work on the machine hardly counts; caps and joules follow
from them by the law of the emulated package.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

import alert

KEPT = Path(__file__).parent / "traces" / "family"

# Times the latency of the network at full speed. The first three are those of the evaluation that
# the network can keep; the longer a deadline is, the more of the joules are those of idling.
DEADLINES = (1.3, 1.6, 2.0, 3.0, 4.0)
USUAL = 3
GIVEN_UP = (0.01, 0.02, 0.05, 0.1, 0.15)  # of the accuracy of the network
CAPS = (8.0, 11.0, 15.0, 20.0, 25.0)
ORIGINAL = "original"
EXPORTED = "original by ONNX Runtime"
ALONE = (ORIGINAL, EXPORTED)
NAMES = ("patches", "photographs")


class Processor(alert.power.Device):
    """The emulated package, on the processor time of this thread instead of the time of day."""

    kind, emulated, can_cap, cap_range = "emulated", True, True, (CAPS[0], CAPS[-1])
    cap = CAPS[-1]

    # Of the emulated package; see csrc/alert_power.h.
    _IDLE, _PEAK, _EXPONENT, _COMPUTE = 5.0, 25.0, 2.5, 0.7

    def __init__(self) -> None:
        self._passed = 0.0  # seconds besides those that were worked
        self._joules = 0.0
        self._began = 0.0
        self.set_cap(self.cap)

    def set_cap(self, cap: float, /) -> None:
        """Set the frequency that draws the cap."""
        frequency = ((cap - self._IDLE) / (self._PEAK - self._IDLE)) ** (1.0 / self._EXPONENT)
        self._stretch = self._COMPUTE / frequency + 1.0 - self._COMPUTE
        self.cap = cap

    def clock(self) -> float:
        """Return the time."""
        return time.thread_time() + self._passed

    def rest(self, seconds: float) -> None:
        """Let time pass without work."""
        self._passed += seconds
        self._joules += self._IDLE * seconds

    def begin(self) -> None:
        """Take note that work starts now."""
        self._began = time.thread_time()

    def pace(self) -> None:
        """Stretch the work as its cap says."""
        now = time.thread_time()
        worked = now - self._began
        self._began = now
        self._passed += (self._stretch - 1.0) * worked
        self._joules += self.cap * self._stretch * worked

    def energy(self) -> float:
        """Return the joules drawn so far."""
        return self._joules


class Found(NamedTuple):
    """What became of a trace under some goals: means, and how many goals were not kept."""

    energy: float
    accuracy: float
    late: float
    violated: int


def part(trace: alert.Trace, names: list[str]) -> alert.Trace:
    """Return the trace of some of the models."""
    rows = [trace.profile.models.index(name) for name in names]
    return alert.Trace(
        trace.profile.subset(names),
        trace.latency[:, rows],
        trace.energy[:, rows],
        {},
        trace.phase,
        trace.phases,
        trace.group,
        task=trace.task,
        environment=trace.environment,
        seed=trace.seed,
        origin=trace.origin,
    )


def replayed(trace: alert.Trace, names: list[str], goals: list[alert.Goal]) -> Found:
    """Replay the trace of some of the models under each goal."""
    mine = part(trace, names)
    runs = [mine.replay(mine.profile, goal) for goal in goals]
    means = np.mean([(run.mean_energy, run.mean_accuracy, run.miss_rate) for run in runs], axis=0)
    energy, accuracy, late = means.tolist()
    return Found(energy, accuracy, late, sum(run.violated for run in runs))


def goals_of(trace: alert.Trace, times: float) -> list[alert.Goal]:
    """Return goals that the network alone can keep, under one deadline."""
    profile = trace.profile
    row = profile.models.index(ORIGINAL)
    deadline, own = times * float(profile.latency[row, -1]), float(profile.accuracy[row])
    return [alert.Goal.min_energy(deadline, accuracy=own - less) for less in GIVEN_UP]


def compared(trace: alert.Trace, deadlines: Sequence[float]) -> list[Found]:
    """Return what became of the network, of the network by ONNX Runtime, and of its family."""
    goals = [goal for times in deadlines for goal in goals_of(trace, times)]
    variants = [name for name in trace.profile.models if name not in ALONE]
    return [replayed(trace, names, goals) for names in ([ORIGINAL], [EXPORTED], variants)]


def record(name: str, inputs: int) -> None:
    """Make a family, and record it beside its network."""
    import torch

    from alert import variants
    from alert.variants import measuring, onnx
    from alert.variants.kind import Context
    from alert.workloads import families

    torch.set_num_threads(1)
    measuring.latencies = partial(measuring.latencies, clock=time.thread_time)
    offered = getattr(families, f"of_{name}")()
    family = variants.family(**offered)
    print(f"{name}\n{family}\n")
    network, pictures = offered["model"].eval(), offered["calibration"]
    by_onnx = onnx.make(network, None, Context(offered["example"])).model
    own = next(v.accuracy for v in family.variants if v.name == ORIGINAL)
    processor = Processor()
    trace = alert.Trace.record(
        {ORIGINAL: network, EXPORTED: by_onnx, **family},
        list(islice(cycle(pictures), inputs)),
        accuracy={**family.accuracy, **dict.fromkeys(ALONE, own)},
        power=processor,
        power_caps=CAPS,
        task=f"family of {name}",
        environment="quiet",
        clock=processor.clock,
        sleep=processor.rest,
    )
    KEPT.mkdir(exist_ok=True)
    trace.save(KEPT / f"{name}.npz")


def show() -> None:
    """Print a table of each trace."""
    for name in NAMES:
        trace = alert.Trace.load(KEPT / f"{name}.npz")
        table = Table(
            title=f"{name}: the network / by ONNX Runtime / its family; {len(GIVEN_UP)} goals for "
            "each deadline",
        )
        for title in ("deadline", "joules an input", "x", "accuracy", "late", "goals not kept"):
            table.add_column(title, justify="right")
        for deadlines in (*((times,) for times in DEADLINES), DEADLINES[:USUAL]):
            found = compared(trace, deadlines)
            least, most = min(deadlines), max(deadlines)
            table.add_row(
                f"{least}" if least == most else f"{least} to {most}",
                " / ".join(f"{run.energy:.3g}" for run in found),
                f"{found[2].energy / found[0].energy:.2f}",
                " / ".join(f"{run.accuracy:.3f}" for run in found),
                " / ".join(f"{run.late:.3f}" for run in found),
                " / ".join(f"{run.violated}" for run in found),
            )
        Console(width=130).print(table)


def main() -> None:
    """Record, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", nargs="*", choices=NAMES, help="families, or all")
    parser.add_argument("-n", "--inputs", type=int, default=240)
    arguments = parser.parse_args()
    if arguments.record is not None:
        for name in arguments.record or NAMES:
            record(name, arguments.inputs)
    show()


if __name__ == "__main__":
    main()
