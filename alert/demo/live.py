"""The demonstration with real networks, real photographs and real contention."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from alert import _progress, power
from alert.demo import plan
from alert.demo.demonstration import Demonstration
from alert.demo.stream import play
from alert.power.opening import open_or_emulate
from alert.profile import Profile
from alert.workloads import contention, efficientnet, photographs

# How well each configuration is measured. It decides which one the fixed scheme runs, and no more:
# ALERT corrects the profile as it goes.
_PRECISION = 0.03
_MAX_SECONDS = 1.5

_CPUS = 2

# Seconds that the streams of all schemes may take, and the most inputs in one. A machine half as
# fast as two cloud cores gets fewer inputs, so that all is done in three minutes.
_SECONDS = 110.0
_MOST_INPUTS = 360

# Least and greatest share of the inputs in a phase: two phases of contention between three quiet
# ones. After the last, ALERT has some inputs left to make up for late outputs.
_PHASE = (0.2, 0.24)


def run(
    seed: int = 0,
    inputs: int | None = None,
    kind: power.Kind = "auto",
    progress: bool = True,
) -> Demonstration:
    """Profile the networks, and play the stream under every scheme.

    Parameters
    ----------
    seed : int, default 0
        Draws the photographs and the contention.
    inputs : int, optional
        Arrivals; by default 360, or as many as fit into two minutes.
    kind : str, default "auto"
        Power device, as for `alert.power.open`; but "auto" is RAPL where it can be capped and read,
        else the emulated package.
    progress : bool, default True
        Show bars, where somebody watches.
    """
    models = efficientnet.load()
    with ExitStack() as stack:
        stack.enter_context(confined())
        device = stack.enter_context(open_or_emulate(kind))
        beside = stack.enter_context(contention.Contention())
        profile = Profile.measure(
            models,
            photographs.stream(1, seed)[0].pixels,
            accuracy=efficientnet.ACCURACY,
            power=device,
            power_caps=plan.power_caps(device),
            precision=_PRECISION,
            max_seconds=_MAX_SECONDS,
            progress=progress,
        )
        made = plan.make(profile)
        n = _inputs_in(_SECONDS, made) if inputs is None else inputs
        stream = photographs.stream(n, seed)
        shortest, longest = (max(1, round(share * n)) for share in _PHASE)
        environments = contention.schedule(n, seed, shortest, longest)
        bar = stack.enter_context(
            _progress.bar(n * len(made.schemes), "input", shown=progress, leave=False)
        )
        outcomes = []
        for scheme in made.schemes:
            bar.set_description(scheme.name)
            outcomes.append(
                play(
                    made,
                    scheme,
                    models,
                    device,
                    [shown.pixels for shown in stream],
                    environments,
                    switch=beside.switch,
                    read=_label,
                    advance=bar.update,
                )
            )
    return Demonstration(
        made, profile, outcomes, environments, [shown.name for shown in stream], seed
    )


def _inputs_in(seconds: float, made: plan.Plan) -> int:
    """Return how many inputs all schemes together can be given in that time."""
    return max(1, min(_MOST_INPUTS, int(seconds / (len(made.schemes) * made.period))))


@contextmanager
def confined() -> Iterator[None]:
    """Keep this thread, and the loops it starts, on a few CPUs; give every network one thread.

    So contention is as strong on any machine: a busy CPU halves the share of a network. And the
    rest of a large machine is left alone.
    """
    cpus, threads = os.sched_getaffinity(0), torch.get_num_threads()
    os.sched_setaffinity(0, sorted(cpus)[:_CPUS])
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        os.sched_setaffinity(0, cpus)


def _label(logits: torch.Tensor) -> str:
    return photographs.labels()[int(logits.argmax())]
