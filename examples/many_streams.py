"""Step a thousand streams in one call: `python examples/many_streams.py`. Needs NumPy only."""

import time

import numpy as np

import alert

STREAMS = 1000


def main() -> None:
    """Run 100 rounds; the streams share one profile, and the slowdown is drawn at random."""
    profile = alert.Profile(
        latency=[[0.020, 0.010], [0.060, 0.030]],
        power=[[10, 20], [10, 20]],
        accuracy=[0.70, 0.80],
        power_caps=[10, 20],
        idle_power=5,
    )
    goal = alert.Goal.min_energy(deadline=0.1, accuracy=0.75)
    schedulers = [alert.Scheduler(profile, goal, history=0) for _ in range(STREAMS)]
    expected = np.array([scheduler.decision.latency for scheduler in schedulers])

    random = np.random.default_rng(0)
    started = time.perf_counter()
    for _ in range(100):
        latencies = expected * random.uniform(0.8, 1.2, STREAMS)
        chosen = alert.step_many(schedulers, latencies, None)
        expected = chosen["latency"]
    seconds = time.perf_counter() - started

    counts = np.bincount(chosen["model"], minlength=2)
    print(f"last round: {counts[0]} streams run the small model, {counts[1]} the large one")
    print(f"{1e6 * seconds / (100 * STREAMS):.2f} µs per stream and step")


if __name__ == "__main__":
    main()
