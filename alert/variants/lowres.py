"""The kind "lowres": the network sees smaller pictures. "lowres:0.5" halves each side."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from alert.variants.kind import Context, Made, Record
from alert.variants.parameters import share

_USUAL = "0.75"


class LowRes(nn.Module):
    """Scales pictures down before a network sees them.

    Parameters
    ----------
    network : Module
        It takes pictures of any size.
    scale : float
        Of each side, 0 to 1.
    """

    def __init__(self, network: nn.Module, scale: float) -> None:
        super().__init__()
        self.network = network
        self.scale = scale

    def forward(self, pictures: torch.Tensor) -> Any:
        """Run the network on smaller pictures; `pictures` has the shape (B, C, H, W)."""
        height, width = (max(1, round(self.scale * side)) for side in pictures.shape[-2:])
        smaller = nn.functional.interpolate(
            pictures.float(), (height, width), mode="bilinear", antialias=True
        )
        if not pictures.is_floating_point():
            smaller = smaller.round()
        return self.network(smaller.to(pictures.dtype))


def check(parameter: str | None, context: Context) -> None:
    """Refuse a scale that is out of range."""
    share("lowres", parameter or _USUAL)


def make(model: nn.Module, parameter: str | None, context: Context) -> Made:
    """Put the scaling before a network."""
    scale = share("lowres", parameter or _USUAL)
    return Made(LowRes(model, scale).eval(), {"scale": scale})


def shape(model: nn.Module, record: Record) -> nn.Module:
    """Put the scaling before an architecture."""
    return LowRes(model, share("lowres", record.get("scale")))
