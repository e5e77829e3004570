"""Training layers whose weight is always rounded powers of two times a rounded basis."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from alert.variants.decomposition import powers
from alert.variants.decomposition.blocks import Blocks
from alert.variants.decomposition.packing import Bits


class BasisTimesPowers(nn.Module):
    """Makes a weight of coefficients and bases, which are what is trained.

    Rounding is straight through: the gradient is that of the numbers before rounding. The mask
    follows the weights: the rows that contribute least are dropped anew each time.

    Parameters
    ----------
    blocks : Blocks
    bits : Bits
    rows : int
        That are not zero.
    start : tuple of Tensor
        Coefficients and bases to start from.
    """

    def __init__(self, blocks: Blocks, bits: Bits, rows: int, start: tuple[Tensor, Tensor]) -> None:
        super().__init__()
        self.blocks, self.bits, self.rows = blocks, bits, rows
        self.start = start

    def forward(self, c: Tensor, b: Tensor) -> Tensor:
        """Return the weight."""
        with torch.no_grad():
            moved_c, moved_b = (
                new - old for new, old in zip(self.rounded(c, b), (c, b), strict=True)
            )
        return self.blocks.joined((c + moved_c) @ (b + moved_b))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the training begins with; torch calls this."""
        c, b = self.start
        del self.start
        return c.to(weight.dtype), b.to(weight.dtype)

    def rounded(self, c: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """Return powers of two and bases as they are packed."""
        q = powers.rounded(c, self.bits.levels) * powers.mask_of(c, b, self.rows)
        return q, powers.rounded_basis(b, self.bits.basis)


def attach(
    layer: nn.Module, blocks: Blocks, bits: Bits, rows: int, start: tuple[Tensor, Tensor]
) -> None:
    """Let a layer compute its weight, beginning with these coefficients and bases."""
    weight = BasisTimesPowers(blocks, bits, rows, start)
    parametrize.register_parametrization(layer, "weight", weight)


def detach(layer: nn.Module) -> tuple[Tensor, Tensor]:
    """Give a layer its weight back; return powers of two and bases."""
    [weight] = [part for part in layer.modules() if isinstance(part, BasisTimesPowers)]
    c, b = layer.parametrizations.weight.parameters()  # type: ignore[union-attr]
    q, rounded = weight.rounded(c.detach(), b.detach())
    parametrize.remove_parametrizations(layer, "weight")
    return q.double(), rounded.double()
