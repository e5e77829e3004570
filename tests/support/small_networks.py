"""A network that takes milliseconds to make a family of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

SIDE = 12


def network(seed: int = 0) -> nn.Module:
    """Make a convolutional network whose outputs differ from picture to picture."""
    torch.manual_seed(seed)
    made = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 4),
    )
    made.train()
    with torch.no_grad():
        made(torch.randn(64, 1, SIDE, SIDE))  # for the statistics
    return made.eval()


def pictures(count: int, seed: int = 1) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return list(torch.randn(count, 1, 1, SIDE, SIDE, generator=generator))


def nothing(module: nn.Module) -> None:
    """Train for no steps at all."""


class Clock:
    """Stands in for measuring: says how long each variant takes."""

    def __init__(self, **seconds: float) -> None:
        self.seconds = seconds

    def __call__(self, models: dict[str, Callable[..., Any]], example: Any) -> dict[str, float]:
        return {name: self.seconds.get(name, 1.0) for name in models}
