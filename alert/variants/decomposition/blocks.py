"""How the weights of a layer are cut into rows, and which rows share a basis."""

from __future__ import annotations

from math import ceil, prod
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

_ROWS = 192  # of a block: as in the authors' code
_WIDEST = 8  # that C unpacks
_NARROW = 3  # rows of layers without a kernel


class Blocks(NamedTuple):
    """Rows of `width` weights, in blocks that have a basis each.

    The authors give each filter bases of its own. That takes more than it saves where a filter has
    few rows, so filters can share a basis until a block has 192 rows.

    Attributes
    ----------
    shape : tuple of int
        Of the weight; the first dimension counts the filters.
    width : int
        Of the kernel, or 3 where there is none.
    filters : int
        Filters that share a basis.
    rows : int
        Rows of one filter that share a basis.
    """

    shape: tuple[int, ...]
    width: int
    filters: int
    rows: int

    @classmethod
    def of(cls, weight: Tensor, *, shared: bool) -> Blocks:
        """Choose the blocks of a weight with two dimensions or more."""
        shape = tuple(weight.shape)
        width = shape[-1] if len(shape) > 2 and 2 <= shape[-1] <= _WIDEST else _NARROW
        rows = ceil(prod(shape[1:]) / width)
        filters = max(1, _ROWS // rows) if shared else 1
        return cls(shape, width, min(filters, shape[0]), ceil(rows / ceil(rows / _ROWS)))

    @property
    def columns(self) -> int:
        """Weights of a filter."""
        return prod(self.shape[1:])

    @property
    def rows_per_filter(self) -> int:
        """Rows of a filter; the last one may be padded with zeros."""
        return ceil(self.columns / self.width)

    @property
    def row_count(self) -> int:
        """Rows of the weight."""
        return self.shape[0] * self.rows_per_filter

    def cut(self, weight: Tensor) -> Tensor:
        """Return the blocks of a weight, shape (blocks, rows, width), padded with zeros."""
        flat = weight.reshape(self.shape[0], -1)
        rows = pad(flat, (0, -self.columns % self.width)).reshape(
            self.shape[0], self.rows_per_filter, self.width
        )
        return self.grouped(rows)

    def joined(self, blocks: Tensor) -> Tensor:
        """Return the weight that was cut into these blocks."""
        flat = self.ungrouped(blocks).reshape(self.shape[0], -1)
        return flat[:, : self.columns].reshape(self.shape)

    def grouped(self, rows: Tensor) -> Tensor:
        """Return the rows of all filters, shape (filters, rows, n), in their blocks."""
        n = rows.shape[-1]
        fill = (0, 0, 0, -self.rows_per_filter % self.rows, 0, -self.shape[0] % self.filters)
        filled = pad(rows, fill)
        split = filled.reshape(-1, self.filters, filled.shape[1] // self.rows, self.rows, n)
        return split.transpose(1, 2).reshape(-1, self.filters * self.rows, n)

    def ungrouped(self, blocks: Tensor) -> Tensor:
        """Return the rows of all filters, from their blocks."""
        pieces = ceil(self.rows_per_filter / self.rows)
        split = blocks.reshape(-1, pieces, self.filters, self.rows, blocks.shape[-1])
        rows = split.transpose(1, 2).reshape(-1, pieces * self.rows, blocks.shape[-1])
        return rows[: self.shape[0], : self.rows_per_filter]

    def bases(self) -> Tensor:
        """Return the number of the block that each row is in, shape (filters, rows)."""
        pieces = ceil(self.rows_per_filter / self.rows)
        filters = torch.arange(self.shape[0]) // self.filters
        return filters[:, None] * pieces + torch.arange(self.rows_per_filter) // self.rows
