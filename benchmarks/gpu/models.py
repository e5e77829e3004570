"""Transformers of three sizes with random weights: what they cost counts, not what they say."""

from __future__ import annotations

import torch
from torch import nn

DEVICE = "cuda"
WIDTH, HEAD = 2048, 128
TOKENS = (8, 512)  # sequences, and tokens of each

LAYERS = {"small": 1, "medium": 3, "large": 8}

ACCURACY = {"small": 0.70, "medium": 0.76, "large": 0.82}
"""Stated, so that there is something to choose."""


class Layer(nn.Module):
    """Attention and a feed-forward network."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.project, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map a tensor of shape (B, L, WIDTH) to another one."""
        heads = self.project(self.first(x)).unflatten(-1, (3, -1, HEAD)).permute(2, 0, 3, 1, 4)
        seen = nn.functional.scaled_dot_product_attention(*heads)
        x = x + self.out(seen.transpose(1, 2).flatten(-2))
        more: torch.Tensor = self.down(nn.functional.gelu(self.up(self.second(x))))
        return x + more


def build(layers: int) -> nn.Module:
    """Build a model where torch makes tensors now."""
    network = nn.Sequential(*(Layer() for _ in range(layers)))
    return network.to(torch.bfloat16).eval().requires_grad_(False)


def make(layers: int) -> nn.Module:
    """Make a model on the GPU."""
    torch.manual_seed(0)
    with torch.device(DEVICE):
        return build(layers)


def family() -> dict[str, nn.Module]:
    """Make all models, the smallest first, and run each a few times."""
    networks, x = {name: make(layers) for name, layers in LAYERS.items()}, example()
    with torch.inference_mode():
        for network in networks.values():
            for _ in range(5):
                network(x)
    torch.cuda.synchronize()
    return networks


def example() -> torch.Tensor:
    """Draw an input."""
    return torch.randn(*TOKENS, WIDTH, device=DEVICE).to(torch.bfloat16)
