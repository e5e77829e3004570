"""The twin of packed weights and of their fits: plain NumPy, one row or matrix at a time."""

from __future__ import annotations

from math import ceil, floor, log2
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[Any]


class Shape(NamedTuple):
    """The numbers that `_core.unpack_weights` takes, by their names in csrc/alert_weights.h."""

    filters: int
    columns: int
    width: int
    filters_per_basis: int
    rows_per_basis: int
    coefficient_bits: int
    basis_bits: int
    is_sparse: bool

    @property
    def rows(self) -> int:
        return ceil(self.columns / self.width)

    @property
    def bases(self) -> int:
        groups = ceil(self.rows / self.rows_per_basis)
        return groups * ceil(self.filters / self.filters_per_basis)

    def basis(self, filter: int, row: int) -> int:
        groups = ceil(self.rows / self.rows_per_basis)
        return filter // self.filters_per_basis * groups + row // self.rows_per_basis


class Content(NamedTuple):
    """What is packed: scales (bases, width) as 16 bits, integers, and codes; None: no such row."""

    scales: NDArray[np.uint16]
    integers: NDArray[np.int64]
    codes: list[list[int] | None]


def in_bits(numbers: list[int], width: int) -> bytes:
    """Join numbers of so many bits, the first one lowest."""
    joined = sum((number % 2**width) << (width * place) for place, number in enumerate(numbers))
    return int(joined).to_bytes(ceil(width * len(numbers) / 8), "little")


def packed(shape: Shape, content: Content) -> bytes:
    there = [row for row in content.codes if row is not None]
    scales: bytes = content.scales.astype("<u2").tobytes()
    return (
        scales
        + in_bits(content.integers.flatten().tolist(), shape.basis_bits)
        + (in_bits([int(row is not None) for row in content.codes], 1) if shape.is_sparse else b"")
        + in_bits([code for row in there for code in row], shape.coefficient_bits)
    )


def unpacked(shape: Shape, content: Content) -> NDArray[np.float32]:
    weights = np.zeros((shape.filters, shape.rows * shape.width), np.float32)
    half = 2 ** (shape.coefficient_bits - 1)
    for filter in range(shape.filters):
        for row in range(shape.rows):
            codes = content.codes[filter * shape.rows + row]
            place = shape.basis(filter, row)
            total = np.zeros(shape.width, np.float32)
            for j, code in enumerate(codes or []):
                scale = np.array([content.scales[place, j]], np.uint32) << 16
                basis = scale.view(np.float32) * content.integers[place, j].astype(np.float32)
                magnitude = code % half
                power = 0.0 if magnitude == 0 else 2.0 ** (1 - magnitude)
                total += np.float32(power if code < half else -power) * basis
            weights[filter, row * shape.width : (row + 1) * shape.width] = total
    return weights[:, : shape.columns]


# ------------------------------------------------------------------------------------------- fits


def nearest_power(value: float, largest: float) -> float:
    """As the authors round: the nearer of the two neighbours; the lower one where both are."""
    if value == 0.0:
        return 0.0
    above = 2.0 ** ceil(log2(abs(value)))
    found = above / 2 if abs(value) - above / 2 <= above - abs(value) else above
    return float(np.sign(value)) * min(found, largest)


def like_authors(a: Matrix) -> tuple[Matrix, Matrix]:
    """One block of the authors' alternation: 30 rounds at most, small coefficients to zero."""
    basis, c, before = np.eye(a.shape[1]), a, None
    for _ in range(29):
        q = np.vectorize(lambda value: nearest_power(value, 32.0))(c)
        if before is not None and np.linalg.norm(q - before) <= 1e-10:
            break
        before = q
        basis = np.linalg.lstsq(q, a, rcond=1e-10)[0]
        c = np.linalg.lstsq(basis.T, a.T, rcond=1e-10)[0].T
        c = np.where(np.abs(c) < 4e-3, 0.0, c)
    q = np.vectorize(lambda value: nearest_power(value, 32.0))(c)
    return q, np.linalg.lstsq(q, a, rcond=1e-10)[0]


def rounded(c: Matrix, levels: int) -> Matrix:
    """Round each column to zero or the nearest of so many powers of two, from its largest down."""
    q = np.zeros_like(c)
    for j in range(c.shape[1]):
        top = floor(log2(max(abs(c[:, j]).max(), 1e-30)) + log2(4 / 3))
        candidates = [0.0] + [2.0 ** (top - level) for level in range(levels)]
        for i, value in enumerate(c[:, j]):
            q[i, j] = np.sign(value) * min(candidates, key=lambda power: abs(abs(value) - power))
    return q


def fitted(a: Matrix, levels: int, rows: int) -> tuple[Matrix, Matrix]:
    """One block of our alternation, of which so many rows stay."""
    basis, c = np.eye(a.shape[1]), with_best_rows(a, a, rows)
    for _ in range(30):
        basis = np.linalg.lstsq(rounded(c, levels), a, rcond=None)[0]
        c = np.linalg.lstsq(basis.T, a.T, rcond=None)[0].T
        c = with_best_rows(c, c @ basis, rows)
    q = rounded(c, levels)
    return q, np.linalg.lstsq(q, a, rcond=None)[0]


def with_best_rows(c: Matrix, contribution: Matrix, rows: int) -> Matrix:
    best = np.argsort(-np.linalg.norm(contribution, axis=1))[:rows]
    kept = np.zeros_like(c)
    kept[best] = c[best]
    return kept


def with_feedback(weight: Matrix, inputs: Matrix, width: int, round_row: Any) -> Matrix:
    """Round one filter row by row; the columns to come make up for the errors (GPTQ's rule).

    The inverse of the second moments is brought up to date at each step, where the code that is
    tested takes a Cholesky factor. `round_row(place, goal, metric)` returns the row that is nearest
    to the goal in the metric.
    """
    moments = inputs @ inputs.T / inputs.shape[1]
    inverse = np.linalg.inv(moments + 0.01 * np.diag(moments).mean() * np.eye(len(moments)))
    left, found = weight.copy(), np.zeros_like(weight)
    for start in range(0, len(weight), width):
        here, rest = slice(start, start + width), slice(start + width, None)
        metric = np.linalg.inv(inverse[here, here])
        found[here] = round_row(start // width, left[here], metric)
        error = (left[here] - found[here]) @ metric
        left[rest] -= error @ inverse[here, rest]
        inverse = inverse - inverse[:, here] @ metric @ inverse[here, :]
    return found
