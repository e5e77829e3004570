"""Compare `alert.learning.Selector` with other libraries' bandits on a simulated fleet.

Run `pip install mabwiser river vowpalwabbit` before. Regret is the chance of a thumb up that is
given away, on average over 1500 devices. Times are CPU times of one thread. All take the same
devices, and their users draw thumbs with the same random numbers.

    python benchmarks/bench_select.py [seeds]
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from importlib import import_module

import numpy as np
from rich.console import Console
from rich.table import Table

from alert.evaluation import fleet
from alert.evaluation.fleet import Fleet, Policy
from alert.learning import Selector

DEVICES = 1500


def selector(world: Fleet, seed: int, **options: float | str) -> Policy:
    """Return the policy of a Selector."""
    names = [str(model) for model in range(len(world.models))]
    ours = Selector(names, fleet.features(world), seed=seed, **options)  # type: ignore[arg-type]

    def policy(device: np.ndarray) -> tuple[int, Callable[[float], None]]:
        name, ticket = ours.choose(device)
        return int(name), lambda thumb: ours.rate(ticket, thumb)

    return policy


def fixed(world: Fleet, seed: int) -> Policy:
    """Return the model that is liked best on average over all devices, known beforehand."""
    best = int(world.likes.mean(axis=0).argmax())
    return lambda device: (best, lambda thumb: None)


def scaled(world: Fleet) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that scales the numbers of a device as ours are scaled."""
    mean, deviation = world.devices.mean(axis=0), world.devices.std(axis=0)
    return lambda device: (device - mean) / deviation


def mabwiser(world: Fleet, seed: int, alpha: float) -> Policy:
    """Return MABWiser's LinUCB, with a law for each model. It must see some rounds first."""
    mab = import_module("mabwiser.mab")

    arms, scale = list(range(len(world.models))), scaled(world)
    bandit = mab.MAB(arms, mab.LearningPolicy.LinUCB(alpha=alpha), seed=seed)
    first = iter(np.random.default_rng(seed).permutation(arms).tolist())
    fitted = False

    def policy(device: np.ndarray) -> tuple[int, Callable[[float], None]]:
        context = np.append(1.0, scale(device))[None]
        arm = next(first, None)  # each model once: it refuses to predict what it never saw
        if arm is None:
            arm = int(bandit.predict(context))

        def rate(thumb: float) -> None:
            nonlocal fitted
            learn = bandit.partial_fit if fitted else bandit.fit
            learn([arm], [thumb], context)
            fitted = True

        return arm, rate

    return policy


def river(world: Fleet, seed: int, alpha: float) -> Policy:
    """Return river's LinUCBDisjoint, with a law for each model."""
    arms, scale = list(range(len(world.models))), scaled(world)
    bandit = import_module("river.bandit").LinUCBDisjoint(alpha=alpha, seed=seed)

    def policy(device: np.ndarray) -> tuple[int, Callable[[float], None]]:
        context = {"one": 1.0, **{str(k): float(x) for k, x in enumerate(scale(device))}}
        arm = bandit.pull(arms, context=context)
        return arm, lambda thumb: bandit.update(arm, context, thumb)

    return policy


def wabbit(world: Fleet, seed: int, options: str) -> Policy:
    """Return Vowpal Wabbit's contextual bandit, with features of device, model and both."""
    scale = scaled(world)
    models = (world.models - world.models.mean(axis=0)) / world.models.std(axis=0)
    bandit = import_module("vowpalwabbit").Workspace(
        f"--cb_explore_adf -q DM --quiet --random_seed {seed} {options}"
    )
    random = np.random.default_rng(seed)

    def lines(device: np.ndarray, label: str = "", chosen: int = -1) -> list[str]:
        shared = "shared |D " + " ".join(f"d{k}:{x:.5f}" for k, x in enumerate(scale(device)))
        rows = (" ".join(f"m{k}:{x:.5f}" for k, x in enumerate(model)) for model in models)
        labels = (label if arm == chosen else "" for arm in range(len(models)))
        pairs = zip(labels, rows, strict=True)
        return [shared, *(f"{label}|M {row} a{arm}" for arm, (label, row) in enumerate(pairs))]

    def policy(device: np.ndarray) -> tuple[int, Callable[[float], None]]:
        chances = np.array(bandit.predict(lines(device)))
        arm = int(random.choice(len(chances), p=chances / chances.sum()))
        label = f"0:{{cost}}:{chances[arm]:.6f} "
        return arm, lambda thumb: bandit.learn(lines(device, label.format(cost=-thumb), arm))

    return policy


def candidates() -> Iterator[tuple[str, Callable[[Fleet, int], Policy]]]:
    """Yield every policy. The peers come with several settings each: the best one counts."""
    yield "best fixed model", fixed
    yield "Selector", selector
    yield "Selector, thompson", partial(selector, method="thompson")
    for alpha in (0.1, 0.5, 1.0):
        yield f"MABWiser LinUCB, alpha {alpha}", partial(mabwiser, alpha=alpha)
        yield f"river LinUCBDisjoint, alpha {alpha}", partial(river, alpha=alpha)
    for options in ("--regcb", "--squarecb", "--epsilon 0.05", "--cover 5"):
        yield f"Vowpal Wabbit {options}", partial(wabbit, options=options)


def main() -> None:
    """Print a table."""
    logging.getLogger("vowpalwabbit").setLevel(logging.ERROR)
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    table = Table("policy", title=f"{DEVICES} devices, {seeds} fleets")
    for column in ("regret", "± fleets", "first 200", "µs a round"):
        table.add_column(column, justify="right")
    for name, make in candidates():
        found, seconds = [], 0.0
        with suppress(ImportError):
            for seed in range(seeds):
                world = fleet.make(DEVICES, 1000 + seed)
                start = time.process_time()
                found.append(fleet.serve(world, make(world, seed), 77 + seed))
                seconds += time.process_time() - start
        if not found:
            table.add_row(name, "not installed")
            continue
        regrets = np.array([each.all for each in found])
        first = np.mean([each.first for each in found])
        cost = 1e6 * seconds / (seeds * DEVICES)
        spread = f"{regrets.std():.3f}"
        table.add_row(name, f"{regrets.mean():.4f}", spread, f"{first:.3f}", f"{cost:.0f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
