"""Rounding to what a packed file can hold, and the least squares on both sides of it.

In all functions `c` has the shape (blocks, rows, width), and `b` and what is rounded to small
integers the shape (blocks, width, width).
"""

from __future__ import annotations

from math import log2

import torch
from torch import Tensor

_MIDPOINT = log2(4 / 3)  # 1.5 is halfway between 1 and 2, and log2(1.5) + this is 1
_TINY = 1e-30
_RIDGE = 1e-9  # of the diagonal: least squares with fewer rows than unknowns


def levels(bits: int) -> int:
    """Return how many powers of two codes of so many bits have, besides sign and zero."""
    return int(2 ** (bits - 1) - 1)


def exponents(c: Tensor) -> Tensor:
    """Return the exponent of the power of two that is nearest to each magnitude."""
    return torch.floor(torch.log2(c.abs().clamp_min(_TINY)) + _MIDPOINT)


def tops(c: Tensor) -> Tensor:
    """Return the highest exponent of each column, shape (blocks, 1, width)."""
    return exponents(c.abs().amax(1, keepdim=True))


def rounded(c: Tensor, count: int, top: Tensor | None = None) -> Tensor:
    """Round to zero or the nearest of `count` powers of two, up to 2^`top` of the column."""
    top = tops(c) if top is None else top
    low = top - (count - 1)
    power = torch.exp2(torch.minimum(torch.maximum(exponents(c), low), top))
    return torch.where(c.abs() < 0.5 * torch.exp2(low), 0.0, torch.sign(c) * power)


def rounded_basis(b: Tensor, bits: int) -> Tensor:
    """Round each row to integers of so many bits, times a scale that has 16."""
    integers, scales = basis_integers(b, bits)
    return integers * scales


def basis_integers(b: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """Return the integers of each row, and the scales, shape (blocks, width, 1)."""
    most = levels(bits)
    scales = (b.abs().amax(2, keepdim=True) / most).to(torch.bfloat16).to(b.dtype)
    scales = torch.where(scales > 0.0, scales, 1.0)
    return torch.round(b / scales).clamp(-most, most), scales


def basis_for(c: Tensor, a: Tensor) -> Tensor:
    """Return the basis by which coefficients come nearest to blocks `a`."""
    basis: Tensor = torch.linalg.solve(_ridged(c.mT @ c), c.mT @ a)
    return basis


def coefficients_for(b: Tensor, a: Tensor) -> Tensor:
    """Return the coefficients by which a basis comes nearest to blocks `a`."""
    transposed: Tensor = torch.linalg.solve(_ridged(b @ b.mT), b @ a.mT)
    return transposed.mT


def _ridged(gram: Tensor) -> Tensor:
    return gram + torch.diag_embed(_RIDGE * gram.diagonal(dim1=1, dim2=2) + _TINY)


def mask_of(c: Tensor, b: Tensor, rows: int) -> Tensor:
    """Mark the rows of all blocks together that contribute most, shape (blocks, rows, 1)."""
    norms = (c @ b).pow(2).sum(2)
    best = norms.flatten().topk(rows).indices
    mask = torch.zeros(norms.numel(), dtype=c.dtype, device=c.device)
    mask[best] = 1.0
    return mask.reshape(*norms.shape, 1)
