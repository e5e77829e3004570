"""Features of a device and a model together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from alert import _arguments
from alert._arguments import Floats

Features: TypeAlias = Callable[[object], ArrayLike]
"""Takes a device; returns an array of models x features."""


PRODUCTS = 0.3
"""Weight of the products. There are many, and most say little, so they are held closer to zero."""

_LARGEST = 1e100
"""Of a number that describes a model or a device: squares and ratios of such numbers are finite."""


def joint(models: ArrayLike, devices: ArrayLike) -> Features:
    """Return the features of every device with every model: both, and all their products.

    Parameters
    ----------
    models : array_like, models x a
        Numbers that describe each model: the logarithm of its operations, its size, its accuracy.
    devices : array_like, n x b
        Numbers that describe some devices. They serve to scale each number to mean 0 and
        deviation 1, as those of the models are.

    Returns
    -------
    callable
        Takes the b numbers of a device. Returns an array of models x (1 + a + b + a b).

    Notes
    -----
    A law of these features can say that large models suit fast devices. Functions of your
    own can say more, for example by how much a model exceeds the memory that is free.
    """
    table = _numbers("models", models, (None, None))
    seen = _numbers("devices", devices, (None, None))
    for name, array in (("models", table), ("devices", seen)):
        if 0 in array.shape:
            raise ValueError(f"{name}: expected some rows and columns, got {array.shape}")
    return _Joint(table, seen)


class _Joint:
    """Joins the numbers of a device with those of every model; they are linear in the device's."""

    def __init__(self, models: Floats, devices: Floats) -> None:
        mean, deviation = _scale(models)
        of_models = (models - mean) / deviation
        self._mean, self._deviation = _scale(devices)
        (rows, a), b = of_models.shape, len(self._mean)
        of_device = np.tile(np.eye(b), (rows, 1, 1))
        products = np.multiply.outer(PRODUCTS * of_models, np.eye(b)).reshape(rows, a * b, b)
        self._slope = np.concatenate((np.zeros((rows, 1 + a, b)), of_device, products), axis=1)
        self._fixed = np.zeros(self._slope.shape[:2])
        self._fixed[:, 0] = 1.0
        self._fixed[:, 1 : 1 + a] = of_models

    def __call__(self, device: object) -> Floats:
        numbers = _numbers("device", device, self._mean.shape)
        joined: Floats = self._fixed + self._slope @ ((numbers - self._mean) / self._deviation)
        return joined


def _numbers(name: str, values: object, shape: tuple[int | None, ...]) -> Floats:
    array = _arguments.grid(name, values, shape)  # type: ignore[arg-type]
    expected = f"a number from -{_LARGEST:g} to {_LARGEST:g}"
    _arguments.refuse(name, array, np.abs(array) > _LARGEST, expected)
    return array


def _scale(numbers: Floats) -> tuple[Floats, Floats]:
    """Return the mean of each column, and its deviation, or 1 where that is as good as 0."""
    deviation = numbers.std(axis=0)
    return numbers.mean(axis=0), np.where(deviation > 1.0 / _LARGEST, deviation, 1.0)
