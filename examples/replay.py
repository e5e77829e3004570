"""Compare two methods on a recorded trace: `python examples/replay.py`, in the clone."""

from pathlib import Path

import alert

TRACES = Path(__file__).resolve().parents[1] / "benchmarks" / "traces"


def main() -> None:
    """Replay the default method, the paper's and the oracle over the same inputs."""
    trace = alert.Trace.load(TRACES / "images-memory.npz")
    print(trace)
    # Twice the latency of the largest network at full power.
    deadline = 2.0 * float(trace.profile.latency[2, -1])
    goal = alert.Goal.min_energy(deadline=deadline, accuracy=0.74)
    for scheme in ("default", "paper", "oracle"):
        print(trace.replay(trace.profile, goal, scheme))


if __name__ == "__main__":
    main()
