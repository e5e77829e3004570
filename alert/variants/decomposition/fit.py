"""Finding basis and coefficients: least squares in turn, ours and as in the authors' code."""

from __future__ import annotations

import torch
from torch import Tensor

from alert.variants.decomposition import powers

_ROUNDS = 30

# Of the authors' code and its examples.
_LARGEST = 32.0
_THRESHOLD = 4e-3
_TOLERANCE = 1e-10
_RCOND = 1e-10


def fit(a: Tensor, count: int, rows: int) -> tuple[Tensor, Tensor]:
    """Return powers of two and bases for blocks, with so many rows that are not zero.

    Parameters
    ----------
    a : Tensor
        Blocks, float64, shape (blocks, rows, width).
    count : int
        Powers of two.
    rows : int
        Of all blocks together.
    """
    b = torch.eye(a.shape[2], dtype=a.dtype).expand(len(a), -1, -1)
    c = a * powers.mask_of(a, b, rows)
    for _ in range(_ROUNDS):
        b = powers.basis_for(powers.rounded(c, count), a)
        c = powers.coefficients_for(b, a)
        c = c * powers.mask_of(c, b, rows)
    q = powers.rounded(c, count)
    return q, powers.basis_for(q, a)


def fit_like_authors(a: Tensor, rows: int) -> tuple[Tensor, Tensor]:
    """Return powers of two and bases for blocks, as the code at VITA-Group/SmartDeal does.

    The rows with the least norm go first. Then there are least squares in turn, with a threshold
    on the coefficients, until a block no longer changes. The powers have no lowest one yet.
    """
    b = torch.eye(a.shape[2], dtype=a.dtype).expand(len(a), -1, -1)
    a = a * powers.mask_of(a, b, rows)
    c, before = a, torch.full_like(a, torch.inf)
    for _ in range(_ROUNDS - 1):
        q = _nearest(c)
        changes = torch.linalg.vector_norm(q - before, dim=(1, 2)) > _TOLERANCE
        if not changes.any():
            break
        b = _solved(q, a)
        found = _solved(b.mT, a.mT).mT
        found = torch.where(found.abs() < _THRESHOLD, 0.0, found)
        c = torch.where(changes[:, None, None], found, c)
        before = q
    q = _nearest(c)
    return q, _solved(q, a)


def _nearest(c: Tensor) -> Tensor:
    """Round to the nearest power of two; halfway to the lower one."""
    above = torch.exp2(torch.ceil(torch.log2(c.abs().clamp_min(1e-300))))
    power = torch.where(c.abs() - above / 2 <= above - c.abs(), above / 2, above)
    return torch.sign(c) * power.clamp_max(_LARGEST)


def _solved(matrix: Tensor, right: Tensor) -> Tensor:
    """Return the least squares; small singular values count as zero."""
    found = torch.linalg.lstsq(matrix, right, rcond=_RCOND, driver="gelsd")
    solution: Tensor = found.solution
    return solution
