"""OracleStatic: the best single configuration for the whole trace."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import NDArray

from alert._arguments import Floats
from alert.evaluation.costs import Costs
from alert.evaluation.output_trace import OutputTrace
from alert.evaluation.playback import play
from alert.evaluation.result import Replay
from alert.goal import Goal


def static(trace: OutputTrace, goal: Goal) -> Replay:
    """Try all configurations; take the best that violates nothing, or else the most accurate."""

    def rank(run: Replay) -> tuple[bool, float, float]:
        assert run.inputs is not None
        latency = float(run.inputs["latency"].mean())
        energy, error = run.mean_energy, run.error
        accurate, cheap, fast = (error, energy), (energy, error), (latency, energy)
        by = {"min_energy": cheap, "max_accuracy": accurate, "min_latency": fast}
        return (run.violated, *(accurate if run.violated else by[goal.objective]))

    return min(_all(trace, goal), key=rank)


def _all(trace: OutputTrace, goal: Goal) -> Iterator[Replay]:
    models, caps = trace.profile.latency.shape
    for model, cap in product(range(models), range(caps)):
        part = trace.cut([model], [cap])
        for output in range(len(part.model)):
            inputs = play(part, goal, partial(_always, output))
            inputs["model"], inputs["cap"] = model, cap
            yield Replay.of("static", goal, inputs)


def _always(
    column: int, inputs: NDArray[np.intp], _left: Floats, _table: Costs
) -> NDArray[np.intp]:
    return np.full(len(inputs), column)
