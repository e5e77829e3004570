"""One stream of inputs under one scheme, and its result."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alert.demo.plan import Plan, Scheme
from alert.power.device import Device
from alert.running.models import Model
from alert.running.report import Report
from alert.running.runner import Runner


@dataclass(frozen=True)
class Outcome:
    """The result of one scheme on the stream."""

    scheme: Scheme
    report: Report
    trace: NDArray[np.void]
    """`Runner.history`, one record for each input."""
    outputs: list[Any]
    """The models' outputs, as `read` of `play` returned them."""

    @property
    def late(self) -> NDArray[np.bool_]:
        """For each input, whether its output came after the deadline."""
        late: NDArray[np.bool_] = self.trace["lateness"] > 0.0
        return late

    @property
    def accuracy(self) -> float:
        """Mean accuracy delivered: the model's published one, and 0 for a late output."""
        delivered = np.where(self.late, 0.0, self.scheme.profile.accuracy[self.trace["model"]])
        return float(delivered.mean())

    @property
    def models(self) -> list[str]:
        """For each input the name of the model that ran."""
        return [self.scheme.profile.models[model] for model in self.trace["model"]]


def play(
    plan: Plan,
    scheme: Scheme,
    models: Mapping[str, Model],
    device: Device,
    inputs: Sequence[Any],
    environments: Sequence[str],
    *,
    switch: Callable[[Any], object] = lambda environment: None,
    read: Callable[[Any], Any] = lambda output: output,
    advance: Callable[[], object] = lambda: None,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], object] = time.sleep,
) -> Outcome:
    """Let inputs arrive one period apart, also while earlier ones still wait.

    Parameters
    ----------
    plan, scheme
        The goal and the period; what the scheduler may choose from.
    models : mapping
        Models by name; all those of the scheme's profile must be there.
    device : Device
    inputs, environments : sequence
        For each arrival, what the model is called with and what runs beside it.
    switch : callable, optional
        Called with the environment of the next input before that arrives, and with "quiet" at the
        end, however that comes.
    read : callable, optional
        Makes of a model's output what is kept of it.
    advance : callable, optional
        Called after each input.
    clock, sleep : callable
        Time in seconds; others than the system's are for simulations.
    """
    offered = {name: models[name] for name in scheme.profile.models}
    runner = Runner(
        offered, scheme.profile, plan.goal, device, clock=clock, history=max(len(inputs), 1)
    )
    outputs = []
    with runner:
        try:
            arrival = clock() + plan.period
            for x, environment in zip(inputs, environments, strict=True):
                switch(environment)
                while (now := clock()) < arrival:
                    sleep(arrival - now)
                outputs.append(read(runner(x, arrival=arrival)))
                arrival += plan.period
                advance()
        finally:
            switch("quiet")
        return Outcome(scheme, runner.report(), runner.history, outputs)
