"""Coefficients by error feedback: each row makes up for the errors of the rows before.

A layer's outputs are X wᵀ for inputs X. Rounding some weights changes them; weights that are still
to be rounded take back as much of the change as they can. That is the rule of GPTQ (Frantar et al.,
ICLR 2023), here on rows of coefficients. With H = XᵀX, and U the upper Cholesky factor of its
inverse, the row of weights w at columns r becomes q B, and

    e = (w - q B) U[r, r]⁻¹,    w[rest] -= e U[r, rest]

The layers before are rounded by then, so that X differs from the inputs Y of the network before.
Weights first change toward those that make of X what they made of Y.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from alert.variants.decomposition import powers
from alert.variants.decomposition.packing import Bits

_DAMPING = 0.01  # of the mean of the diagonal of H
_SWEEPS = 3


class Rows(NamedTuple):
    """Rows of weights, with the bases and the limits of each; shapes (filters, rows, ...).

    Attributes
    ----------
    weights : Tensor
    bases : Tensor
    tops : Tensor
        Highest exponents of the coefficients.
    mask : Tensor
        1 where the row is not zero.
    """

    weights: Tensor
    bases: Tensor
    tops: Tensor
    mask: Tensor


def coefficients(rows: Rows, inputs: Tensor, bits: Bits) -> Tensor:
    """Return powers of two for every row, shape (filters, rows, width).

    Parameters
    ----------
    rows : Rows
        float64.
    inputs : Tensor
        What the weights are multiplied by, shape (rows * width, samples), float64.
    bits : Bits
    """
    filters, count, width = rows.weights.shape
    factor = _factor(inputs)
    left = rows.weights.reshape(filters, -1).clone()
    found = torch.zeros_like(rows.weights)
    for row in range(count):
        here = slice(row * width, (row + 1) * width)
        rest = slice((row + 1) * width, None)
        inverse = torch.linalg.inv(factor[here, here])
        goal, bases = left[:, None, here] @ inverse, rows.bases[:, row] @ inverse
        q = _nearest(goal, bases, rows.tops[:, row, None], bits.levels) * rows.mask[:, row, None]
        found[:, row] = q[:, 0]
        left[:, rest] -= (goal - q @ bases)[:, 0] @ factor[here, rest]
    return found


def toward(weight: Tensor, inputs: Tensor, wanted: Tensor) -> Tensor:
    """Return weights that make of inputs what `weight` makes of the wanted ones.

    Parameters
    ----------
    weight : Tensor
        float64.
    inputs, wanted : Tensor
        Shape (groups, columns, samples).
    """
    flat = weight.reshape(len(inputs), -1, inputs.shape[1])
    moments = _damped(inputs @ inputs.mT / inputs.shape[2])
    missing = flat @ ((wanted - inputs) @ inputs.mT) / inputs.shape[2]
    found: Tensor = flat + torch.linalg.solve(moments, missing, left=False)
    return found.reshape(weight.shape)


def _damped(moments: Tensor) -> Tensor:
    mean = moments.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None]
    damping = torch.where(mean > 0.0, _DAMPING * mean, 1.0)
    return moments + damping * torch.eye(moments.shape[-1], dtype=moments.dtype)


def _factor(inputs: Tensor) -> Tensor:
    """Return the upper Cholesky factor of the inverse of the damped second moments."""
    damped = _damped(inputs @ inputs.T / inputs.shape[1])
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(damped))
    factor: Tensor = torch.linalg.cholesky(inverse, upper=True)
    return factor


def _nearest(goal: Tensor, bases: Tensor, top: Tensor, count: int) -> Tensor:
    """Return powers of two by which bases come near to goals, one coefficient after the other."""
    q = powers.rounded(powers.coefficients_for(bases, goal), count, top)
    error = goal - q @ bases
    for _ in range(_SWEEPS):
        for j in range(q.shape[2]):
            row = bases[:, j : j + 1]
            norm = row.square().sum(2, keepdim=True).clamp_min(1e-30)
            old = q[..., j : j + 1]
            wanted = old + (error * row).sum(2, keepdim=True) / norm
            new = powers.rounded(wanted, count, top[..., j : j + 1])
            error = error + (old - new) * row
            q = torch.cat((q[..., :j], new, q[..., j + 1 :]), 2)
    return q
