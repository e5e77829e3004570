"""Unpacking in C does what the twin does, and refuses what does not fit."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from reference_smartdeal import Content, Shape, packed, unpacked

from alert import _core

SMALL = Shape(3, 7, 3, 2, 2, 4, 8, True)


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    """Draw a shape; half of them have the usual form, which C writes in another way."""
    filters, columns, per_basis = (draw(st.integers(1, most)) for most in (6, 60, 4))
    width, bits = draw(st.just((3, 4)) | st.tuples(st.integers(1, 8), st.integers(2, 6)))
    rows, basis_bits, is_sparse = (draw(st.integers(*ends)) for ends in ((1, 20), (2, 8), (0, 1)))
    return Shape(filters, columns, width, per_basis, rows, bits, basis_bits, bool(is_sparse))


def content(shape: Shape, seed: int) -> Content:
    rng = np.random.default_rng(seed)
    upper = (
        rng.normal(0.0, 0.1, (shape.bases, shape.width)).astype(np.float32).view(np.uint32) >> 16
    )
    most = 2 ** (shape.basis_bits - 1)
    integers = rng.integers(-most, most, (shape.bases, shape.width, shape.width))
    codes = rng.integers(0, 2**shape.coefficient_bits, (shape.filters * shape.rows, shape.width))
    absent = rng.random(len(codes)) < 0.4 * shape.is_sparse
    rows = [None if gone else row.tolist() for row, gone in zip(codes, absent, strict=True)]
    return Content(upper.astype(np.uint16), integers, rows)


def unpack(shape: Shape, raw: Any) -> NDArray[np.float32]:
    weights = np.full((shape.filters, shape.columns), np.nan, np.float32)
    _core.unpack_weights(raw, weights, *shape, 0, shape.filters)
    return weights


@given(shapes(), st.integers(0, 2**32))
def test_weights_come_out_to_the_last_bit(shape: Shape, seed: int) -> None:
    found = content(shape, seed)
    assert np.array_equal(unpack(shape, packed(shape, found)), unpacked(shape, found))


@given(shapes(), st.integers(0, 2**32), st.data())
def test_some_filters_come_out_as_among_all(shape: Shape, seed: int, data: st.DataObject) -> None:
    raw = packed(shape, content(shape, seed))
    first = data.draw(st.integers(0, shape.filters - 1))
    count = data.draw(st.integers(1, shape.filters - first))
    weights = np.empty((count, shape.columns), np.float32)
    _core.unpack_weights(raw, weights, *shape, first, count)
    assert np.array_equal(weights, unpack(shape, raw)[first : first + count])


def test_filters_that_there_are_not_are_refused() -> None:
    raw = packed(SMALL, content(SMALL, 0))
    weights = np.empty((2, SMALL.columns), np.float32)
    for first in (2, 2**63):
        with pytest.raises(ValueError, match=r"^count: expected no more filters than there are"):
            _core.unpack_weights(raw, weights, *SMALL, first, 2)


@given(shapes(), st.integers(0, 2**32), st.binary(min_size=1, max_size=3))
def test_a_byte_too_many_or_too_few_is_refused(shape: Shape, seed: int, more: bytes) -> None:
    raw = packed(shape, content(shape, seed))
    for wrong in (raw[: -len(more)], raw + more):
        with pytest.raises(ValueError, match=r"^size: expected"):
            unpack(shape, wrong)


@given(shapes(), st.binary(max_size=400))
def test_any_bytes_are_unpacked_or_refused(shape: Shape, raw: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert np.isfinite(unpack(shape, raw)).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("filters", 0),
        ("columns", 0),
        ("width", 0),
        ("width", 9),
        ("filters_per_basis", 0),
        ("rows_per_basis", 0),
        ("coefficient_bits", 1),
        ("coefficient_bits", 7),
        ("coefficient_bits", 260),  # 4, if it were cut to a byte
        ("basis_bits", 1),
        ("basis_bits", 9),
    ],
)
def test_numbers_out_of_range_are_named(name: str, value: int) -> None:
    raw = packed(SMALL, content(SMALL, 0))
    weights = np.empty((SMALL.filters, SMALL.columns), np.float32)
    wrong = SMALL._replace(**{name: value})  # type: ignore[arg-type]
    wrote = "weights" if name in ("filters", "columns") else name
    with pytest.raises(ValueError, match=f"^{wrote}: expected "):
        _core.unpack_weights(raw, weights, *wrong, 0, wrong.filters)


def test_a_negative_number_and_text_are_refused() -> None:
    weights = np.empty((3, 7), np.float32)
    with pytest.raises(ValueError, match=r"^width: expected a whole number, got -1"):
        _core.unpack_weights(b"", weights, 3, 7, -1, 1, 1, 4, 8, False, 0, 3)
    with pytest.raises(TypeError, match=r"^columns: expected a whole number, got str"):
        _core.unpack_weights(b"", weights, 3, "7", 3, 1, 1, 4, 8, False, 0, 3)  # type: ignore[arg-type]


@pytest.mark.parametrize("bits", [0x7F80, 0xFF80, 0x7FC0, 0x7200])
def test_a_scale_beyond_sense_is_refused(bits: int) -> None:
    found = content(SMALL, 0)
    found.scales[1, 2] = bits
    with pytest.raises(ValueError, match=r"^scale\[5\]: expected a number within"):
        unpack(SMALL, packed(SMALL, found))


def test_weights_have_to_be_writable_aligned_and_as_many() -> None:
    raw = packed(SMALL, content(SMALL, 0))
    weights = np.empty((3, 7), np.float32)
    for wrong in (weights[:, :6].copy(), np.empty(85, np.uint8)[1:], np.empty(20, np.float32)):
        with pytest.raises(ValueError, match=r"^weights: expected 3 x 7 aligned float32 numbers"):
            _core.unpack_weights(raw, wrong, *SMALL, 0, 3)
    weights.flags.writeable = False
    with pytest.raises((TypeError, ValueError, BufferError)):
        _core.unpack_weights(raw, weights, *SMALL, 0, 3)
