"""What all exporters share: a function that hears of every input, and gauges of a runner."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable

from alert._arguments import instance
from alert.running.outcome import Outcome
from alert.running.runner import Runner
from alert.running.verdict import Verdict

BUCKETS = tuple(m * 10.0**e for e in range(-4, 2) for m in (1.0, 2.0, 5.0))
"""Upper ends of the buckets of latencies, by default: 0.1 ms to 50 s."""

GAUGES = {
    "power_cap": "Cap of the last input, in its unit; infinite for none.",
    "slowdown": "Estimated latency, relative to the profile.",
    "goal_kept": "1 where the goal is kept, else 0.",
}
"""What `gauges` reads."""


def listen(runner: Runner, hear: Callable[[Outcome], object]) -> None:
    """Have a runner call a function with every outcome, before the function that it calls now."""
    before = runner.on_input

    def both(outcome: Outcome) -> None:
        hear(outcome)
        if before is not None:
            before(outcome)

    runner.on_input = hear if before is None else both


def gauges(runner: Runner) -> dict[str, Callable[[], float | None]]:
    """Return functions that read a runner, by the names of their metrics.

    They return None for what is unknown, as before the first input. They do not keep the runner
    alive, and know nothing of a runner that is gone.

    Raises
    ------
    TypeError
        It is no runner.
    """
    instance("runner", runner, Runner, "a Runner")

    def power_cap(runner: Runner) -> float | None:
        last = runner._loop.newest  # whichever thread asks
        if last is None:
            return None
        return math.inf if last.power_cap is None else last.power_cap

    def slowdown(runner: Runner) -> float:
        return runner.scheduler.slowdown[0]

    def goal_kept(runner: Runner) -> float | None:
        kept = Verdict.of(runner.scheduler).kept
        return None if kept is None else float(kept)

    known = weakref.ref(runner)

    def of_runner(read: Callable[[Runner], float | None]) -> Callable[[], float | None]:
        def value() -> float | None:
            runner = known()
            return None if runner is None else read(runner)

        return value

    return {read.__name__: of_runner(read) for read in (power_cap, slowdown, goal_kept)}
