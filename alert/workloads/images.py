"""ImageNet classification of photographs: EfficientNet-Lite 0 to 2, and a cascade of two of them.

The cascade is the anytime model. It runs the smallest network for a first answer, and then the
largest for a better one. It needs no training, but its first exit costs a whole network. Accuracies
are the published ImageNet top-1, not measured on the photographs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from alert.workloads import efficientnet, photographs
from alert.workloads.task import Inputs, Task


class Cascade:
    """Networks that run one after the other; each answer is better than the one before."""

    def __init__(self, *networks: torch.nn.Module) -> None:
        self._networks = networks

    def __call__(self, pixels: torch.Tensor) -> Iterator[torch.Tensor]:
        """Yield the logits of one network after the other."""
        for network in self._networks:
            yield network(pixels)


def load(*, progress: bool = True) -> Task:
    """Load the networks; nothing is trained, so there is no progress to show."""
    networks = efficientnet.load()
    task = Task("images", _inputs)
    for name, network in networks.items():
        task.add(name, network, efficientnet.ACCURACY[name])
    names = list(networks)
    stages = [names[0], names[-1]]
    task.add(
        "cascade",
        Cascade(*(networks[name] for name in stages)),
        [efficientnet.ACCURACY[name] for name in stages],
    )
    return task


def _inputs(n: int, seed: int) -> Inputs:
    return [picture.pixels for picture in photographs.stream(n, seed)], np.arange(n)
