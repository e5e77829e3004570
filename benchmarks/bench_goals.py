"""What many exits and a new goal cost, as multiples of a step in the same run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from timeit import repeat

import alert

SIZES = ((5, 11), (40, 2), (40, 50), (100, 100))
EXITS = (10, 30, 100, 300, 1000)
STEPS = 50


def profile(models: int, caps: int, exits: int = 0) -> alert.Profile:
    """Faster and hungrier as the cap rises; larger models are more accurate."""
    watts = [10.0 + 90.0 * j / max(caps - 1, 1) for j in range(caps)]
    stairs = [((k + 1) / exits, 0.3 + 0.5 * ((k + 1) / exits) ** 0.5) for k in range(exits)]
    return alert.Profile(
        latency=[[0.01 * (i + 1) * (100.0 / w) ** 0.6 for w in watts] for i in range(models)],
        power=[watts] * models,
        accuracy=[0.8 if exits else 0.5 + 0.4 * i / models for i in range(models)],
        power_caps=watts,
        idle_power=5.0,
        exits={0: stairs} if exits else None,
    )


def seconds(act: Callable[[], object], times: int) -> float:
    """Time one call, as the least of five runs."""
    return min(repeat(act, number=times, repeat=5)) / times


def measure(table: alert.Profile, goal: alert.Goal) -> tuple[float, float]:
    """Seconds of a step, and of a new goal."""
    scheduler = alert.Scheduler(table, goal, history=0)
    pace = scheduler.decision.latency
    for i in range(200):
        scheduler.step(pace * (0.9 + 0.003 * (i % 100)), None)
    latencies = [pace * (0.9 + 0.008 * i) for i in range(STEPS)]
    others = [replace(goal, deadline=goal.deadline * factor) for factor in (1.01, 0.99, 1.02, 0.98)]

    def steps() -> None:
        for latency in latencies:
            scheduler.step(latency, None)

    def goals() -> None:
        for other in others:
            scheduler.goal = other

    return seconds(steps, 20) / STEPS, seconds(goals, 100) / len(others)


def main() -> None:
    for exits in EXITS:
        step, _ = measure(profile(1, 2, exits), alert.Goal.min_energy(0.05, 0.6))
        print(f"1 x 2, {exits:4} exits: step {1e6 * step:6.2f} us")
    for models, caps in SIZES:
        table, deadline = profile(models, caps), 0.05 * models**0.5
        for goal in (alert.Goal.min_energy(deadline, 0.6), alert.Goal.max_accuracy(deadline, 3.0)):
            step, new = measure(table, goal)
            print(f"{models:3} x {caps:3}, {goal.objective:12}: new goal / step {new / step:4.1f}")


if __name__ == "__main__":
    main()
