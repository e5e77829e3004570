"""A family against the network that it was made of: recorded traces, the same goals.

``python benchmarks/family_traces.py`` replays the traces in `benchmarks/traces/family`: once with
the network alone, once with the variants of its family. Goals are those that the network alone can
keep: deadlines are multiples of its latency, accuracies lie between that of the least accurate
variant and its own. ``--record DIRECTORY`` records a trace of a family that `alert family`
wrote there. Seconds are those of the processor, so that other work on the machine hardly counts;
caps and joules follow from them by the law of the emulated package.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

import alert
from alert.evaluation import settings

KEPT = Path(__file__).parent / "traces" / "family"

# Times the latency of the network at full speed: those of the evaluation that it can keep.
DEADLINES = tuple(times for times in settings.DEADLINES if times > 1.0)
CAPS = (8.0, 11.0, 15.0, 20.0, 25.0)
ORIGINAL = "original"


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


def goals_of(trace: alert.Trace) -> list[alert.Goal]:
    """Return goals that the network alone can keep."""
    profile = trace.profile
    row = profile.models.index(ORIGINAL)
    least, own = float(profile.accuracy.min()), float(profile.accuracy[row])
    return [
        alert.Goal.min_energy(times * float(profile.latency[row, -1]), accuracy=accuracy)
        for times in DEADLINES
        for accuracy in (least + level * (own - least) for level in settings.LEVELS)
    ]


def compared(path: Path) -> tuple[Found, Found]:
    """Return what became of the network alone, and of its family."""
    trace = alert.Trace.load(path)
    variants = [name for name in trace.profile.models if name != ORIGINAL]
    goals = goals_of(trace)
    return replayed(trace, [ORIGINAL], goals), replayed(trace, variants, goals)


def record(directory: Path, name: str, inputs: int) -> None:
    """Record the network and the variants that `alert family` wrote."""
    import torch

    from alert import variants
    from alert.workloads import families

    torch.set_num_threads(1)
    offered = getattr(families, f"of_{name}")()
    network = offered["model"].eval()
    family = variants.load(directory / "variants", network)
    own = next(v.accuracy for v in family.variants if v.name == ORIGINAL)
    processor = Processor()
    pictures = [offered["calibration"][t % len(offered["calibration"])] for t in range(inputs)]
    trace = alert.Trace.record(
        {ORIGINAL: network, **family},
        pictures,
        accuracy={ORIGINAL: own, **family.accuracy},
        power=processor,
        power_caps=CAPS,
        task=f"family of {name}",
        environment="quiet",
        clock=processor.clock,
        sleep=processor.rest,
    )
    KEPT.mkdir(exist_ok=True)
    trace.save(KEPT / f"{name}.npz")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", type=Path, metavar="DIRECTORY", help="what alert family wrote")
    parser.add_argument("--name", choices=("patches", "photographs"), default="patches")
    parser.add_argument("-n", "--inputs", type=int, default=240)
    arguments = parser.parse_args()
    if arguments.record:
        record(arguments.record, arguments.name, arguments.inputs)
        return
    count = len(DEADLINES) * len(settings.LEVELS)
    table = Table(title=f"the network alone / its family; {count} goals")
    for title in ("trace", "joules an input", "x", "accuracy", "late", "goals not kept"):
        table.add_column(title, justify="left" if title == "trace" else "right")
    for path in sorted(KEPT.glob("*.npz")):
        alone, family = compared(path)
        table.add_row(
            path.stem,
            f"{alone.energy:.3g} / {family.energy:.3g}",
            f"{family.energy / alone.energy:.2f}",
            f"{alone.accuracy:.3f} / {family.accuracy:.3f}",
            f"{alone.late:.3f} / {family.late:.3f}",
            f"{alone.violated} / {family.violated}",
        )
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
