"""The demonstration from beginning to end."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm

from alert import power
from alert.demo import plan, plot, traces
from alert.demo.stream import Outcome, play
from alert.profile import Profile
from alert.workloads import contention, efficientnet, photographs

# How well each configuration is measured. It decides which one the fixed scheme runs, and no more:
# ALERT corrects the profile as it goes.
_PRECISION = 0.03
_MAX_SECONDS = 1.5

_CPUS = 2

# Inputs in a phase of the stream: two or three phases of contention in 200 inputs.
_PHASE = (30, 50)


@dataclass(frozen=True)
class Demonstration:
    """What was done, and what came of it."""

    seed: int
    plan: plan.Plan
    profile: Profile
    outcomes: list[Outcome]
    photographs: list[str]
    environments: Sequence[contention.Environment]
    files: dict[str, Path]

    def summary(self) -> dict[str, Any]:
        """Return what the table says, and the labels, as plain values."""
        goal = self.plan.goal
        return {
            "seed": self.seed,
            "inputs": len(self.photographs),
            "deadline": goal.deadline,
            "accuracy": goal.accuracy,
            "period": self.plan.period,
            "power": self.profile.origin["power"],
            "emulated": self.profile.origin["emulated"],
            "schemes": [_figures(outcome) for outcome in self.outcomes],
            "files": {name: str(path) for name, path in self.files.items()},
        }


def run(
    seed: int, inputs: int, output: Path, kind: power.Kind = "auto", progress: bool = True
) -> Demonstration:
    """Profile the networks, play the stream under every scheme, write picture and traces.

    Parameters
    ----------
    seed : int
        Of the pictures and of the contention.
    inputs : int
        Arrivals.
    output : path
        Directory to write to; made where there is none.
    kind : str, default "auto"
        Power device, as for `alert.power.open`.
    progress : bool, default True
        Show bars on standard error.
    """
    output.mkdir(parents=True, exist_ok=True)
    files = {name: output / name for name in ("profile.json", "trace.csv", "demo.png", "demo.json")}
    stream = photographs.stream(inputs, seed)
    environments = contention.schedule(inputs, seed, *_PHASE)
    models = efficientnet.load()
    with ExitStack() as stack:
        stack.enter_context(_confined())
        device = stack.enter_context(power.open(kind))
        beside = stack.enter_context(contention.Contention())
        profile = Profile.measure(
            models,
            stream[0].pixels,
            accuracy=efficientnet.ACCURACY,
            power=device,
            power_caps=plan.power_caps(device),
            precision=_PRECISION,
            max_seconds=_MAX_SECONDS,
            progress=progress,
        )
        profile.save(files["profile.json"])
        made = plan.make(profile)
        total = inputs * len(made.schemes)
        bar = stack.enter_context(tqdm(total=total, unit="input", disable=not progress))
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
    done = Demonstration(
        seed, made, profile, outcomes, [shown.name for shown in stream], environments, files
    )
    traces.save(files["trace.csv"], outcomes, environments, done.photographs)
    plot.draw(made, outcomes, environments).savefig(files["demo.png"])
    files["demo.json"].write_text(json.dumps(done.summary(), indent=1) + "\n", encoding="utf-8")
    return done


@contextmanager
def _confined() -> Iterator[None]:
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


def _figures(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.scheme.name,
        "energy": outcome.report.energy,
        "late": int(outcome.late.sum()),
        "accuracy": outcome.accuracy,
        "choices": [
            {"model": model, "power_cap": cap, "inputs": count}
            for (model, cap), count in outcome.report.choices.items()
        ],
    }
