"""Which photograph is this patch from? Plain and nested anytime networks, trained here.

The photographs come with scikit-image and scikit-learn. Each photograph is cut into blocks. Patches
for training and patches for measuring come from different blocks. A patch is grey, with its
brightness and contrast removed, so that texture and shape decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from alert.workloads import training
from alert.workloads.task import Task

_PHOTOGRAPHS = (
    *("astronaut", "brick", "camera", "cat", "cell", "clock", "coffee", "coins", "grass"),
    *("gravel", "hubble_deep_field", "immunohistochemistry", "moon", "page", "retina", "rocket"),
    "text",
)
_SAMPLES = ("china.jpg", "flower.jpg")

SIZE = 96  # of a patch, in pixels
_LEARNT_SIZE = 40  # of those learnt from: the networks take any size, and small ones learn faster
_BLOCK = 112  # of which one in _HELD_OUT is kept for measuring
_HELD_OUT = 4
_MEASURED = 4000  # patches the accuracy is measured on
_BATCH = 64

PLAIN = {"plain-8": 8, "plain-16": 16, "plain-32": 32, "plain-64": 64}
"""Channels of the first layer of the traditional networks."""

NESTED = (8, 8, 16, 32)
"""Channels each exit of the anytime network adds to the first layer."""


class NestedConvolutions(nn.Module):
    """Convolutions in stripes: each stripe reads the stripes before it, and has an exit.

    The design follows the nested architectures of Wan, Hoffmann, Lu and Maire (ICML 2020): a later
    exit reuses everything that earlier exits computed. With one stripe it is a plain network.

    Parameters
    ----------
    widths : sequence of int
        Channels of each stripe in the first layer; the following layers have 2 and 4 times as many.
    classes : int
    """

    def __init__(self, widths: Sequence[int], classes: int) -> None:
        super().__init__()
        plan = [(1, 2), (1, 1), (2, 2), (2, 1), (4, 2), (4, 1)]  # channels, stride
        reaches = [sum(widths[: k + 1]) for k in range(len(widths))]  # of a stripe and those before
        self.layers = nn.ModuleList()
        before = [1] * len(widths)  # channels that each stripe of a layer reads
        for times, stride in plan:
            stripes = zip(before, widths, strict=True)
            self.layers.append(
                nn.ModuleList(_convolution(read, times * width, stride) for read, width in stripes)
            )
            before = [times * reach for reach in reaches]
        self.exits = nn.ModuleList(nn.Linear(read, classes) for read in before)

    def forward(self, x: torch.Tensor) -> Iterator[torch.Tensor]:
        """Yield the logits of one exit after the other."""
        known: list[torch.Tensor] = []  # for each layer the output of the stripes so far
        for k, leave in enumerate(self.exits):
            earlier, known, seen = known, [], x
            for d, stripes in enumerate(self.layers):
                new = stripes[k](seen)  # type: ignore[index]
                seen = torch.cat((earlier[d], new), 1) if earlier else new
                known.append(seen)
            yield leave(seen.mean((2, 3)))


def _convolution(read: int, channels: int, stride: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(read, channels, 3, stride, 1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    )


class Patches:
    """Patches of photographs, from training blocks or from held-out blocks."""

    def __init__(self) -> None:
        self._pictures = [torch.from_numpy(picture) for picture in _photographs()]
        self.classes = len(self._pictures)

    def draw(
        self, count: int, size: int, generator: torch.Generator, *, held_out: bool
    ) -> training.Batch:
        """Draw patches, shape (count, 1, size, size), and the numbers of their photographs."""
        labels = torch.randint(self.classes, (count,), generator=generator)
        patches = torch.stack(
            [self._patch(int(label), size, generator, held_out) for label in labels]
        )
        spread, mean = torch.std_mean(patches, (1, 2), keepdim=True)
        return ((patches - mean) / (spread + 1e-3)).unsqueeze(1), labels

    def _patch(
        self, label: int, size: int, generator: torch.Generator, held_out: bool
    ) -> torch.Tensor:
        """Draw until a patch lies in held-out blocks only, or in training blocks only."""
        picture = self._pictures[label]
        height, width = picture.shape
        while True:
            y = int(torch.randint(height - size + 1, (1,), generator=generator))
            x = int(torch.randint(width - size + 1, (1,), generator=generator))
            blocks = {
                (row + 2 * column) % _HELD_OUT == 0
                for row in (y // _BLOCK, (y + size - 1) // _BLOCK)
                for column in (x // _BLOCK, (x + size - 1) // _BLOCK)
            }
            if blocks == {held_out}:
                return picture[y : y + size, x : x + size]


def _photographs() -> list[NDArray[np.float32]]:
    from skimage import color, data
    from sklearn.datasets import load_sample_image

    pictures = [getattr(data, name)() for name in _PHOTOGRAPHS]
    pictures += [load_sample_image(name) for name in _SAMPLES]
    grey = [color.rgb2gray(p[..., :3]) if p.ndim == 3 else p / 255.0 for p in pictures]
    return [np.ascontiguousarray(picture, np.float32) for picture in grey]


def load(steps: int = 700, *, progress: bool = True) -> Task:
    """Train the networks, or take them from the cache; `steps` batches each."""
    patches = Patches()
    generator = torch.Generator().manual_seed(1)
    measured = [
        patches.draw(_BATCH, SIZE, generator, held_out=True)
        for _ in range(0, min(_MEASURED, 8 * steps), _BATCH)
    ]
    key = training.version(__file__, settings=steps)

    def train(name: str, widths: Sequence[int]) -> tuple[nn.Module, list[float]]:
        return training.trained(
            f"patches-{name}",
            key,
            lambda: NestedConvolutions(widths, patches.classes),
            lambda generator: patches.draw(_BATCH, _LEARNT_SIZE, generator, held_out=False),
            steps,
            lambda network: training.hits(network, measured, 1, len(widths)),
            progress=progress,
        )

    task = Task("patches", lambda n, seed: _inputs(patches, n, seed))
    for name, width in PLAIN.items():
        network, accuracy = train(name, [width])
        task.add(name, training.traditional(network), accuracy[-1])
    network, accuracy = train("nested", NESTED)
    task.add("nested", network, accuracy)
    return task


def _inputs(patches: Patches, n: int, seed: int) -> tuple[list[torch.Tensor], NDArray[np.int64]]:
    generator = torch.Generator().manual_seed(1000 + seed)
    drawn, _ = patches.draw(n, SIZE, generator, held_out=True)
    return list(torch.split(drawn, 1)), np.arange(n)
