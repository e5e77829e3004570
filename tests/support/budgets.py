"""Machines that share a budget of power, made up."""

from __future__ import annotations

from random import Random

from alert.serving.budget.demand import Loss


def random_loss(random: Random, caps: int) -> Loss:
    watts = sorted(random.uniform(5.0, 60.0) for _ in range(caps))
    busy = random.choice([0.0, random.uniform(0.1, 100.0)])
    loss = sorted((busy * random.random() for _ in range(caps)), reverse=True)
    return Loss(tuple(watts), tuple(each - loss[-1] for each in loss))
