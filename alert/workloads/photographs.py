"""Photographs that come with scikit-image and scikit-learn, as a stream of inputs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from skimage import data
from sklearn.datasets import load_sample_image

SIZE = 260
"""Pixels on a side of the pictures in a stream: what the largest network of the demo looks at."""

# Least side of a crop, as a share of the shorter side of its photograph.
_SMALLEST_CROP = 0.75

_PHOTOGRAPHS: dict[str, Callable[[], Any]] = {
    "cat": data.chelsea,
    "coffee": data.coffee,
    "rocket": data.rocket,
    "astronaut": data.astronaut,
    "photographer": data.camera,
    "motorcycle": lambda: data.stereo_motorcycle()[0],  # type: ignore[no-untyped-call]
    "palace": lambda: load_sample_image("china.jpg"),
    "flower": lambda: load_sample_image("flower.jpg"),
}

NAMES = tuple(_PHOTOGRAPHS)
"""The photographs, by what they show."""


class Picture(NamedTuple):
    """One input."""

    name: str
    """What the photograph shows: one of `NAMES`."""
    pixels: torch.Tensor
    """Shape (1, 3, size, size), uint8."""


def photograph(name: str) -> NDArray[np.uint8]:
    """Return a whole photograph, shape (height, width, 3), grey ones in three equal channels."""
    image: NDArray[np.uint8] = np.asarray(_PHOTOGRAPHS[name](), np.uint8)
    return np.stack([image] * 3, axis=-1) if image.ndim == 2 else image


def stream(inputs: int, seed: int, size: int = SIZE) -> list[Picture]:
    """Return crops of the photographs, all different; the seed decides their order.

    Every photograph comes equally often. Crops are square, with random place and width. Every
    second crop is mirrored.

    Parameters
    ----------
    inputs : int
    seed : int
    size : int, default 260
        Side of every picture, in pixels.
    """
    rng = np.random.default_rng(seed)
    photographs = {name: photograph(name) for name in NAMES}
    order: list[str] = []
    while len(order) < inputs:
        order += rng.permutation(NAMES).tolist()
    return [Picture(name, _crop(photographs[name], size, rng)) for name in order[:inputs]]


def _crop(image: NDArray[np.uint8], size: int, rng: np.random.Generator) -> torch.Tensor:
    height, width = image.shape[:2]
    side = int(min(height, width) * rng.uniform(_SMALLEST_CROP, 1.0))
    top, left = (int(rng.integers(0, extent - side + 1)) for extent in (height, width))
    part = image[top : top + side, left : left + side]
    if rng.random() < 0.5:
        part = part[:, ::-1]
    pixels = torch.from_numpy(np.ascontiguousarray(part)).permute(2, 0, 1)[None]
    resized = torch.nn.functional.interpolate(
        pixels.float(), size=(size, size), mode="bicubic", antialias=True
    )
    return resized.round().clamp(0, 255).to(torch.uint8)


@cache
def labels() -> tuple[str, ...]:
    """Return the names of the 1000 ImageNet classes, in the order of the networks' outputs."""
    text = files("alert.workloads").joinpath("imagenet.txt").read_text(encoding="utf-8")
    return tuple(text.splitlines())
