"""Traces drawn at random, for tests of what reads them: contention comes and goes."""

from __future__ import annotations

import numpy as np

import alert

CAPS = [6.0, 12.0, 25.0]
EXITS: dict[int | str, list[tuple[float, float]]] = {2: [(0.3, 0.5), (0.6, 0.65), (1.0, 0.72)]}


def profile() -> alert.Profile:
    """Two traditional models and an anytime one, faster and hungrier under a higher cap."""
    speed = np.array([0.4, 0.7, 1.0])
    return alert.Profile(
        latency=np.array([[0.004], [0.012], [0.016]]) / speed,
        power=np.tile(CAPS, (3, 1)),
        accuracy=[0.55, 0.75, 0.72],
        power_caps=CAPS,
        idle_power=5.0,
        models=["small", "large", "anytime"],
        exits=EXITS,
    )


def trace(n: int = 200, seed: int = 0, *, words: int = 1) -> alert.Trace:
    """Make a trace of `n` inputs, `words` of which share one deadline.

    log slowdown has one level for all models in a phase, 0 or log 1.8. Its spread around it is
    mostly common to the models when it is quiet, and mostly their own beside something else.
    """
    rng = np.random.default_rng(seed)
    quiet = profile()
    models, caps = quiet.latency.shape
    phase = (np.cumsum(rng.random(n) < 0.05) % 2).astype(np.int64)
    busy = (phase == 1)[:, None, None]
    common = rng.normal(0.0, np.where(busy, 0.1, 0.07), (n, 1, 1))
    own = rng.normal(0.0, np.where(busy, 0.35, 0.04), (n, models, caps))
    latency = quiet.latency * np.exp(np.where(busy, np.log(1.8), 0.0) + common + own)
    return alert.Trace(
        quiet,
        latency,
        latency * quiet.power,
        exits={
            i: latency[:, i, :, None] * [fraction for fraction, _ in pairs]
            for i, pairs in quiet.exits.items()
        },
        phase=phase,
        phases=("quiet", "compute"),
        group=np.arange(n) // words,
        task="synthetic",
        environment="compute",
        seed=seed,
        origin={"emulated": True},
    )


def with_accuracy(trace: alert.Trace, accuracy: np.ndarray | None = None) -> alert.Trace:
    """Return a trace with an accuracy for every input and output, by default a random one."""
    if accuracy is None:
        accuracy = np.random.default_rng(trace.seed).random((len(trace), 5))
    return alert.Trace(
        *(trace.profile, trace.latency, trace.energy, trace.exits, trace.phase, trace.phases),
        trace.group,
        accuracy=accuracy,
        seed=trace.seed,
    )
