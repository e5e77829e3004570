"""All that learns while it serves, in one summary: ratings, cold starts, the model for a device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from alert._arguments import Floats
from alert.evaluation import cold_start, fleet, ratings
from alert.evaluation.ratings import Run, Scheme, World
from alert.files import write_json
from alert.learning import Selector
from alert.trace import Trace

SEEDS = 20
"""Runs of each world, with users and contexts drawn anew."""

DEVICES = 1500

Found = Mapping[World, Mapping[Scheme, list[Run]]]


def from_ratings(trace: Trace, seeds: int = SEEDS) -> Found:
    """Play every world under every scheme."""
    return {world: ratings.play(trace, world, seeds=seeds) for world in ratings.WORLDS}


def summary_of_ratings(found: Found) -> dict[str, Any]:
    """Sum up the second half of the inputs, when the first has taught what it could."""
    return {world.name: _of_world(world, schemes) for world, schemes in found.items()}


def _of_world(world: World, schemes: Mapping[Scheme, list[Run]]) -> dict[str, Any]:
    half = ratings.INPUTS // 2
    known = _mean(schemes["known"], lambda run: run.energy[half:].mean())
    told = {}
    for scheme, runs in schemes.items():
        accuracy = _mean(runs, lambda run: run.accuracy[half:].mean())
        told[scheme] = {
            "accuracy": accuracy,
            "kept": accuracy >= world.goal - 0.005,
            "energy / known": _mean(runs, lambda run: run.energy[half:].mean()) / known,
            "late": _mean(runs, lambda run: run.late.mean()),
            "asked": _mean(runs, lambda run: run.asked.mean()),
            "ratings": _mean(runs, lambda run: run.ratings),
            "regret": _mean(runs, lambda run: run.regret.sum()),
        }
    return {"goal": world.goal, "schemes": told}


def _mean(runs: list[Run], of: Callable[[Run], Any]) -> float:
    return fmean(float(of(run)) for run in runs)


def without_profiles(traces: Mapping[str, Trace], seeds: int = 5) -> dict[str, Any]:
    """Serve traces without a profile: the worst of several wrong guesses for each trace."""
    told = {}
    for name, trace in traces.items():
        found = cold_start.cold_starts(trace, range(seeds))
        told[name] = {
            "late": max(each.late for each in found),
            "late with a profile": found[0].late_measured,
            "energy, first 50": max(each.first for each in found),
            "energy": max(each.energy for each in found),
            "error": max(each.error for each in found),
        }
    return told


def of_devices(seed: int = 0) -> dict[str, float]:
    """Return the regret per device of the selector, of the best fixed model, and of chance."""
    world = fleet.make(DEVICES, seed)
    names = [str(model) for model in range(len(world.models))]
    selector = Selector(names, fleet.features(world), seed=seed)
    random = np.random.default_rng(seed)

    def ours(device: Any) -> tuple[int, Callable[[float], None]]:
        name, ticket = selector.choose(device)
        return int(name), lambda thumb: selector.rate(ticket, thumb)

    best = int(world.likes.mean(axis=0).argmax())
    return {
        "selector": fleet.serve(world, ours, seed).all,
        "best fixed model": fleet.serve(world, lambda device: (best, _forget), seed).all,
        "random": fleet.serve(
            world, lambda device: (int(random.integers(len(names))), _forget), seed
        ).all,
    }


def _usual(runs: list[Run]) -> Run:
    """Return the run of which half of the others give more away."""
    return sorted(runs, key=lambda run: float(run.regret.sum()))[len(runs) // 2]


def _forget(thumb: float) -> None:
    pass


def write(found: Found, told: dict[str, Any], models: tuple[str, ...], output: Path) -> None:
    """Write the summary as JSON, and the pictures of what was learnt from ratings."""
    from alert.plots import learning

    output.mkdir(parents=True, exist_ok=True)
    write_json(output / "learning.json", told)
    label = "emulated joules" if told["emulated"] else ""
    regret: dict[str, dict[str, Floats]] = {
        world.name: {str(scheme): np.array([r.regret for r in runs]) for scheme, runs in by.items()}
        for world, by in found.items()
    }
    learning.draw_regret(regret, "J", label).savefig(output / "regret.png")
    for number, (world, by) in enumerate(found.items()):
        run = _usual(by["feedback"])
        truth = np.array(world.accuracy).T[run.context]
        figure = learning.draw_posteriors(
            models[: truth.shape[1]], run.mean, run.deviation, truth, world.name
        )
        figure.savefig(output / f"posteriors-{number + 1}.png")
