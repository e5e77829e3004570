"""The parts of a decomposition, against the twin and by their properties."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from reference_smartdeal import fitted, like_authors, rounded, with_feedback
from torch import nn

from alert.variants.decomposition import (
    feedback,
    fit,
    layer_inputs,
    packing,
    powers,
    straight_through,
)
from alert.variants.decomposition.blocks import Blocks
from alert.variants.decomposition.packing import Bits

SHAPES = [(6, 5, 3, 3), (7, 4, 5, 5), (40, 16), (3, 700), (5, 9, 1, 1), (2, 5, 4), (4, 2, 3, 3, 3)]


def matrices(count: int, rows: int, columns: int) -> list[np.ndarray]:
    """Of so many rows at least, and columns at most."""
    rng = np.random.default_rng(3)
    shapes = [(rng.integers(rows, 60), rng.integers(2, columns + 1)) for _ in range(count)]
    return [rng.normal(0.0, 0.05, shape) for shape in shapes]


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_blocks_join_to_what_was_cut(shape: tuple[int, ...], shared: bool) -> None:
    weight = torch.randn(shape)
    blocks = Blocks.of(weight, shared=shared)
    assert torch.equal(blocks.joined(blocks.cut(weight)), weight)
    assert blocks.cut(weight).shape[1] <= 192


def test_rows_are_in_the_blocks_that_are_said() -> None:
    blocks = Blocks((5, 7), 2, 2, 3)
    rows = torch.arange(5 * 4, dtype=torch.float64).reshape(5, 4, 1)
    grouped = blocks.grouped(rows)
    for filter, row in np.ndindex(5, 4):
        assert rows[filter, row, 0] in grouped[int(blocks.bases()[filter, row])]


def test_the_authors_fit_gives_the_codes_of_the_twin() -> None:
    for a in matrices(200, 4, 5):
        q, b = fit.fit_like_authors(torch.from_numpy(a)[None], len(a))
        wanted, basis = like_authors(a)
        assert np.array_equal(q[0].numpy(), wanted)
        np.testing.assert_allclose((q @ b)[0].numpy(), wanted @ basis, atol=1e-9)


@pytest.mark.parametrize(("levels", "keep"), [(7, 1.0), (7, 0.5), (3, 0.3)])
def test_our_fit_gives_the_codes_of_the_twin(levels: int, keep: float) -> None:
    for a in matrices(30, 30, 4):  # least squares without a solution of their own differ
        rows = max(1, round(keep * len(a)))
        q, b = fit.fit(torch.from_numpy(a)[None], levels, rows)
        wanted, basis = fitted(a, levels, rows)
        assert np.array_equal(q[0].numpy(), wanted)
        np.testing.assert_allclose((q @ b)[0].numpy(), wanted @ basis, atol=1e-7)


def test_no_fit_is_worse_than_rounding_alone() -> None:
    a = torch.randn(8, 60, 3, dtype=torch.float64)
    alone = (powers.rounded(a, 7) - a).norm()
    q, b = fit.fit(a, 7, 8 * 60)
    assert (q @ b - a).norm() < 0.99 * alone


@given(st.integers(0, 2**32), st.integers(1, 12))
def test_rounding_takes_the_nearest(seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    c = rng.normal(0.0, 1.0, (9, 3)) * 2.0 ** rng.integers(-12, 12, (9, 3))
    found = powers.rounded(torch.from_numpy(c)[None], levels)[0].numpy()
    assert np.array_equal(found, rounded(c, levels))


def test_halves_of_rows_come_from_all_blocks_together() -> None:
    c = torch.tensor([[[1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]]])
    mask = powers.mask_of(c, torch.ones(2, 1, 1), 3)
    assert mask.flatten().tolist() == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("bits", [4, 6, 8])
def test_a_basis_is_off_by_half_a_step_at_most(bits: int) -> None:
    b = torch.randn(50, 3, 3, dtype=torch.float64)
    b[0, 1] = 0.0
    integers, scales = powers.basis_integers(b, bits)
    assert integers.abs().max() <= 2 ** (bits - 1) - 1
    assert torch.equal(scales, scales.bfloat16().double())
    step = b.abs().amax(2, keepdim=True) / (2 ** (bits - 1) - 1)
    assert ((integers * scales - b).abs() <= 0.8 * step).all()


# -------------------------------------------------------------------------------------- feedback


def rows_of(weight: torch.Tensor, width: int) -> feedback.Rows:
    """Rows under bases of their own, none left out."""
    filters, columns = weight.shape
    rows = weight.reshape(filters, columns // width, width)
    blocks = Blocks((filters, columns), width, 1, columns // width)
    q, b = fit.fit(blocks.grouped(rows), 7, filters * columns // width)
    places = blocks.bases()
    mask = torch.ones(*rows.shape[:2], 1, dtype=torch.float64)
    return feedback.Rows(rows, b[places], powers.tops(q)[:, 0][places], mask)


def correlated(columns: int, samples: int) -> torch.Tensor:
    mixed = torch.randn(columns, 6, dtype=torch.float64) @ torch.randn(6, samples).double()
    return mixed + 0.3 * torch.randn(columns, samples, dtype=torch.float64)


def test_feedback_is_that_of_the_twin() -> None:
    """The twin brings the inverse up to date; rows are rounded by the same function."""
    torch.manual_seed(1)
    rows, inputs = rows_of(torch.randn(3, 15, dtype=torch.float64), 3), correlated(15, 80)
    q = feedback.coefficients(rows, inputs, Bits())
    for filter in range(3):

        def round_row(place: int, goal: np.ndarray, metric: np.ndarray, filter: int = filter):  # type: ignore[no-untyped-def]
            root = np.linalg.cholesky(metric)
            basis = rows.bases[filter, place]
            nearest = feedback._nearest(
                torch.from_numpy(goal @ root)[None, None],
                (basis @ torch.from_numpy(root))[None],
                rows.tops[filter, place][None, None],
                7,
            )
            return (nearest[0, 0] @ basis).numpy()

        wanted = with_feedback(rows.weights[filter].flatten().numpy(), inputs.numpy(), 3, round_row)
        found = (q[filter][:, None] @ rows.bases[filter])[:, 0].flatten()
        np.testing.assert_allclose(found.numpy(), wanted, atol=1e-9)


def test_feedback_halves_the_error_of_outputs() -> None:
    torch.manual_seed(2)
    weight = torch.randn(8, 60, dtype=torch.float64)
    rows, inputs = rows_of(weight, 3), correlated(60, 400)

    def error(q: torch.Tensor) -> float:
        off = weight - (q[:, :, None] @ rows.bases)[:, :, 0].reshape(8, 60)
        return float((off @ inputs).norm())

    plain = powers.rounded(
        powers.coefficients_for(rows.bases.flatten(0, 1), rows.weights.reshape(-1, 1, 3)),
        7,
        rows.tops.reshape(-1, 1, 3),
    ).reshape(8, 20, 3)
    assert error(feedback.coefficients(rows, inputs, Bits())) < 0.5 * error(plain)


def test_weights_change_toward_what_they_made_before() -> None:
    torch.manual_seed(4)
    weight, wanted = torch.randn(6, 5, 1, 1, dtype=torch.float64), torch.randn(1, 5, 300).double()
    inputs = 0.8 * wanted
    found = feedback.toward(weight, inputs, wanted)

    def error(changed: torch.Tensor) -> float:
        return float((changed.flatten(1) @ inputs[0] - weight.flatten(1) @ wanted[0]).norm())

    assert found.shape == weight.shape
    assert error(found) < 0.1 * error(weight)
    assert torch.equal(feedback.toward(weight, wanted, wanted), weight)


def test_rows_that_are_left_out_stay_zero() -> None:
    rows = rows_of(torch.randn(2, 12, dtype=torch.float64), 3)
    rows.mask[0, 2] = 0.0
    q = feedback.coefficients(rows, correlated(12, 50), Bits())
    assert torch.equal(q[0, 2], torch.zeros(3, dtype=torch.float64))
    assert (q[1] != 0.0).any(1).all()


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 6, 3, padding=1),
        nn.Conv2d(4, 6, (3, 2), stride=2, dilation=(1, 2), bias=False),
        nn.Conv2d(4, 6, (3, 4), padding="same", dilation=2),
        nn.Conv2d(4, 6, 3, padding="valid"),
        nn.Conv2d(4, 6, 3, padding=2, groups=2),
        nn.Conv2d(4, 6, 3, padding=1, padding_mode="circular"),
    ],
)
def test_columns_times_weights_are_the_outputs(layer: nn.Conv2d) -> None:
    x = torch.randn(2, 4, 9, 8)
    columns = layer_inputs.columns(layer, layer.weight, [x])
    weights = layer.weight.detach().double().reshape(layer.groups, 6 // layer.groups, -1)
    products = (weights @ columns).reshape(6, -1)
    if layer.bias is not None:
        products = products + layer.bias.detach().double()[:, None]
    outputs = layer(x).detach().double().transpose(0, 1).reshape(6, -1)
    torch.testing.assert_close(products.sort(1).values, outputs.sort(1).values, atol=1e-5, rtol=0)


def test_columns_of_a_linear_map_end_the_run_there() -> None:
    class Late(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise AssertionError("the run went on")

    last = nn.Linear(5, 2)
    net = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), last, Late())
    inputs = [torch.randn(3, 7, 4), torch.randn(4)]
    columns = layer_inputs.columns(net, last.weight, inputs)
    wanted = torch.cat([net[:2](x).reshape(-1, 5).detach() for x in inputs]).double()
    assert columns.shape == (1, 5, 22)
    torch.testing.assert_close(columns[0].sum(1), wanted.sum(0))


# -------------------------------------------------------------------------------------- training


def test_the_mask_follows_the_weights_and_gradients_reach_all_rows() -> None:
    layer = nn.Linear(6, 1, bias=False)
    c = torch.tensor([[[3.0, 3.0, 3.0], [1.0, 1.0, 1.0]]])
    blocks = Blocks.of(layer.weight, shared=True)
    straight_through.attach(layer, blocks, Bits(), 1, (c, torch.eye(3)[None]))
    coefficients, _ = layer.parameters()
    assert (layer.weight != 0.0).tolist() == [[True] * 3 + [False] * 3]
    layer.weight.sum().backward()  # type: ignore[no-untyped-call]
    assert coefficients.grad is not None
    torch.testing.assert_close(coefficients.grad, torch.ones(1, 2, 3), atol=1e-3, rtol=0)
    with torch.no_grad():
        coefficients[0, 1] = 5.0
    assert (layer.weight != 0.0).tolist() == [[False] * 3 + [True] * 3]
    q, b = straight_through.detach(layer)
    assert q.tolist() == [[[0.0] * 3, [4.0] * 3]]
    assert torch.allclose((q @ b)[0, 1].float(), layer.weight[0, 3:])


# --------------------------------------------------------------------------------------- packing


@pytest.mark.parametrize("bits", [Bits(4, 8), Bits(3, 8), Bits(2, 4), Bits(6, 7)])
@pytest.mark.parametrize("keep", [1.0, 0.4])
@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_packed_comes_out_again(shape: tuple[int, ...], keep: float, bits: Bits) -> None:
    weight = torch.randn(shape, dtype=torch.float64)
    blocks = Blocks.of(weight, shared=True)
    rows = max(1, round(keep * blocks.row_count))
    q, b = fit.fit(blocks.cut(weight), bits.levels, rows)
    packed = packing.basis(q, b, blocks, bits, torch.float32)
    wanted = blocks.joined(q @ powers.rounded_basis(b, bits.basis))
    torch.testing.assert_close(packed.unpacked().double(), wanted, atol=1e-6, rtol=1e-6)
    there = int((q != 0.0).any(2).sum())
    assert there <= rows
    layout = packed.tensor.layout
    assert layout is not None
    stored = there if layout.is_sparse else blocks.row_count
    sizes = layout.sizes(packed.tensor.filters, packed.tensor.columns)
    assert len(packed.payload) == sum(sizes.values()) + layout.coefficients(stored)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_keep_their_type(dtype: torch.dtype) -> None:
    weight = torch.randn(8, 12, dtype=torch.float64)
    blocks = Blocks.of(weight, shared=True)
    q, b = fit.fit(blocks.cut(weight), 7, blocks.row_count)
    found = packing.basis(q, b, blocks, Bits(), dtype).unpacked()
    as_float = packing.basis(q, b, blocks, Bits(), torch.float32).unpacked()
    assert found.dtype == dtype
    assert torch.equal(found, as_float.to(dtype))


@pytest.mark.parametrize(
    ("tensor", "form", "tolerance"),
    [
        (torch.randn(5, 7, 3), "int8", 0.03),
        (torch.randn(5, 7).bfloat16(), "int8", 0.03),
        (torch.randn(9), "half", 0.002),
        (torch.tensor([1.0, 1e-9]), "half", 1e-8),  # next to zero
        (torch.tensor([1e-9, 2e-9]), "raw", 0.0),
        (torch.tensor([1.0, 70000.0]), "raw", 0.0),  # beyond float16
        (torch.randn(9).bfloat16(), "raw", 0.0),
        (torch.arange(5), "raw", 0.0),
        (torch.tensor(3), "raw", 0.0),
        (torch.tensor([[True], [False]]), "raw", 0.0),
        (torch.zeros(0, 4), "raw", 0.0),
    ],
)
def test_other_tensors_take_the_smallest_form(
    tensor: torch.Tensor, form: str, tolerance: float
) -> None:
    packed = packing.plain_tensor(tensor)
    assert packed.tensor.form == form
    found = packed.unpacked()
    assert (found.dtype, found.shape) == (tensor.dtype, tensor.shape)
    torch.testing.assert_close(found, tensor, atol=tolerance, rtol=0)
