"""A simulated fleet of devices, whose users rate the models that a selector chooses for them.

Everything here is made up. A user gives a thumb up with a chance that grows with the model's
accuracy, and falls where the model is slow, does not fit into memory or drains the battery. No
linear law says so exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from alert._arguments import Floats

PATIENT, IMPATIENT = 1.0, 0.15
"""Seconds that users of the two kinds of application put up with."""


@dataclass(frozen=True)
class Fleet:
    """Devices, models, and how users like each model on each device.

    Attributes
    ----------
    devices : array of devices x 4
        log10 operations/s, log10 MB of free memory, plugged in (0 or 1), interactive (0 or 1).
    models : array of models x 4
        log10 operations, log10 MB, accuracy, int8 (0 or 1).
    likes : array of devices x models
        The chance of a thumb up.
    """

    devices: Floats
    models: Floats
    likes: Floats


def make(devices: int, seed: int) -> Fleet:
    """Return a fleet of three networks in four variants each, and some devices."""
    random = np.random.default_rng(seed)
    drawn = np.column_stack(
        [
            random.uniform(8.6, 11.0, devices),
            random.uniform(1.0, 3.0, devices),
            random.random(devices) < 0.4,
            random.random(devices) < 0.5,
        ]
    )
    models = _models()
    return Fleet(drawn, models, _likes(drawn, models))


def _models() -> Floats:
    """Return a large, a middle and a small network: as trained, in int8, and pruned twice."""
    networks = [(9.9, 2.3, 0.80), (9.3, 1.6, 0.765), (8.7, 1.1, 0.71)]
    variants = [
        (0.0, 0.0, 0.0, 0.0),
        (-0.45, -0.6, -0.006, 1.0),
        (-0.3, -0.3, -0.02, 0.0),
        (-0.6, -0.6, -0.06, 0.0),
    ]
    return np.array([np.add((*n, 0.0), v) for n in networks for v in variants])


def _likes(devices: Floats, models: Floats) -> Floats:
    speed, memory, plugged, interactive = (devices[:, [k]] for k in range(4))
    work, size, accuracy, is_int8 = models.T
    seconds = 10 ** (work - speed) * np.where(is_int8 > 0, 0.8, 1.0)
    patience = np.where(interactive > 0, IMPATIENT, PATIENT)
    quick = _logistic(-2.5 * np.log(seconds / patience))
    fits = _logistic(-8.0 * (size - memory))
    lasts = np.exp(-np.where(plugged > 0, 0.0, 0.6) * seconds)
    good = np.clip((accuracy - 0.6) / 0.2, 0.0, 1.0) ** 0.7
    likes: Floats = 0.05 + 0.9 * good * quick * fits * lasts
    return likes


def _logistic(x: Floats) -> Floats:
    found: Floats = 1.0 / (1.0 + np.exp(-x))
    return found


def features(fleet: Fleet) -> Callable[[Any], Floats]:
    """Return the features that an engineer would give: all products, and what exceeds a limit."""
    from alert.learning import joint

    products = joint(fleet.models, fleet.devices)
    work, size = fleet.models[:, 0], fleet.models[:, 1]

    def of(device: Any) -> Floats:
        speed, memory, _, interactive = device
        beyond = np.empty((len(work), 4))
        beyond[:, 0] = slow = np.maximum(work - speed + 1.0, 0.0)
        beyond[:, 1] = slow * slow
        beyond[:, 2] = np.maximum(size - memory, 0.0)
        beyond[:, 3] = slow * interactive
        return np.concatenate((products(device), beyond), axis=1)

    return of


@dataclass(frozen=True)
class Regret:
    """The chance of a thumb up that was given away, on average over devices.

    Attributes
    ----------
    all, first : float
        Over all devices, and over the first 200.
    """

    all: float
    first: float


Policy = Callable[[Floats], tuple[int, Callable[[float], None]]]
"""Takes a device; returns a model, and what takes the thumb."""


def serve(fleet: Fleet, policy: Policy, seed: int) -> Regret:
    """Have a policy choose for one device after the other, and tell it each thumb."""
    random = np.random.default_rng(seed)
    given_away = np.empty(len(fleet.devices))
    for place, (device, likes) in enumerate(zip(fleet.devices, fleet.likes, strict=True)):
        model, rate = policy(device)
        rate(float(random.random() < likes[model]))
        given_away[place] = likes.max() - likes[model]
    return Regret(float(given_away.mean()), float(given_away[:200].mean()))
