"""The kind "smartdeal": weights as a small basis times sparse powers of two.

"smartdeal:0.5" keeps the half of the rows that contribute most. It is a means to take less space
on disk and on the way into memory. The network that runs has usual weights, and is no faster.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Sequence
from typing import IO, Any, NamedTuple

import torch
from torch import Tensor, nn

from alert import files
from alert._arguments import integer
from alert._text import shown
from alert.variants.checks import checked, refuse_tied
from alert.variants.decomposition import (
    feedback,
    fit,
    layer_inputs,
    packing,
    powers,
    straight_through,
)
from alert.variants.decomposition.accounting import Accounting, account
from alert.variants.decomposition.blocks import Blocks
from alert.variants.decomposition.layers import chosen
from alert.variants.decomposition.packing import Bits, Packed
from alert.variants.kind import Context, Made, Record
from alert.variants.parameters import share

METHODS = ("feedback", "authors")


class Decomposed(NamedTuple):
    """A network that was decomposed.

    Attributes
    ----------
    model : Module
        With the weights that a reader of the file gets.
    tensors : dict
        As they are packed.
    """

    model: nn.Module
    tensors: dict[str, Packed]

    @property
    def accounting(self) -> Accounting:
        """Bytes of the file, part by part."""
        return account(self.tensors)

    def write(self, file: IO[bytes]) -> None:
        """Write the packed file."""
        packing.write(file, self.tensors)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the packed file, whole or not at all; a `Store` reads it by its suffix .sdw."""
        files.replace(path, self.write)


class _Weight(NamedTuple):
    """A weight that is being decomposed."""

    layer: nn.Module
    blocks: Blocks
    rows: int
    q: Tensor
    b: Tensor


def decompose(
    model: nn.Module,
    *,
    keep: float = 1.0,
    bits: int = 4,
    basis_bits: int = 8,
    calibration: Sequence[Any] = (),
    train: Callable[[nn.Module], object] | None = None,
    method: str = "feedback",
) -> Decomposed:
    """Decompose the weights of a network into small bases and sparse powers of two.

    Parameters
    ----------
    model : Module
        It stays as it is.
    keep : float, default 1.0
        Share of the rows of each weight that are not zero.
    bits : int, default 4
        Of a coefficient, 2 to 6: a sign, zero, and 2**(bits - 1) - 1 powers of two.
    basis_bits : int, default 8
        Of an element of a basis, 4 to 8.
    calibration : sequence, optional
        Inputs without answers. Errors of some weights are made up for by others, so that the
        outputs of each layer change little on these inputs.
    train : callable, optional
        Trains a module in place. What it trains are coefficients and bases, rounded at each step.
        Calibration is left out then.
    method : str, default "feedback"
        "authors": the fit of the authors' code, where each filter has bases of its own. It takes
        neither calibration nor training.

    Raises
    ------
    ValueError
        An argument is out of range, or the model has no weights that can be decomposed.
    """
    _check(keep, bits, basis_bits, method)
    refuse_tied("smartdeal", checked(model))
    work = copy.deepcopy(model).eval()
    chosen_bits = Bits(bits, basis_bits)
    like_authors = method == "authors"
    weights = {
        name: _fitted(layer, keep, chosen_bits, like_authors)
        for name, layer in chosen(work).items()
    }
    if train is not None and not like_authors:
        weights = _trained(work, weights, chosen_bits, train)
    elif len(calibration) and not like_authors:
        weights = _calibrated(work, weights, chosen_bits, calibration)
    tensors = _packed(work, weights, chosen_bits)
    made = copy.deepcopy(model).eval()
    made.load_state_dict({name: packed.unpacked() for name, packed in tensors.items()})
    return Decomposed(made, tensors)


def check(parameter: str | None, context: Context) -> None:
    """Refuse a share of the rows that is none."""
    if parameter is not None:
        share("smartdeal", parameter)


def make(model: nn.Module, parameter: str | None, context: Context) -> Made:
    """Decompose a network, with training or calibration where the context has them."""
    keep = 1.0 if parameter is None else share("smartdeal", parameter)
    done = decompose(model, keep=keep, calibration=context.calibration, train=context.train)
    return Made(done.model, {}, ".sdw", done.write)


def shape(model: nn.Module, record: Record) -> nn.Module:
    """Return the architecture as it is: only the weights differ."""
    return model


def _check(keep: float, bits: int, basis_bits: int, method: str) -> None:
    if not 0.0 < keep <= 1.0:
        raise ValueError(f"keep: expected a number above 0, up to 1, got {shown(keep)}")
    for name, value, least, most in (("bits", bits, 2, 6), ("basis_bits", basis_bits, 4, 8)):
        if integer(name, value, least) > most:
            raise ValueError(f"{name}: expected an integer from {least} to {most}, got {value}")
    if method not in METHODS:
        raise ValueError(f"method: expected one of {', '.join(METHODS)}, got {shown(method)}")


def _fitted(layer: nn.Module, keep: float, bits: Bits, like_authors: bool) -> _Weight:
    weight = _of(layer)
    blocks = Blocks.of(weight, shared=not like_authors)
    rows = max(1, round(keep * blocks.row_count))
    a = blocks.cut(weight)
    if like_authors:
        q, _ = fit.fit_like_authors(a, rows)
        q = powers.rounded(q, bits.levels)
        return _Weight(layer, blocks, rows, q, powers.basis_for(q, a))
    return _Weight(layer, blocks, rows, *fit.fit(a, bits.levels, rows))


def _of(layer: nn.Module) -> Tensor:
    return layer.get_parameter("weight").detach().double()


def _set(layer: nn.Module, weight: Tensor) -> None:
    with torch.no_grad():
        layer.get_parameter("weight").copy_(weight)


def _trained(
    model: nn.Module,
    weights: dict[str, _Weight],
    bits: Bits,
    train: Callable[[nn.Module], object],
) -> dict[str, _Weight]:
    for weight in weights.values():
        whole = weight.blocks.cut(_of(weight.layer))
        start = powers.coefficients_for(weight.b, whole), weight.b
        straight_through.attach(weight.layer, weight.blocks, bits, weight.rows, start)
    with torch.inference_mode(False), torch.enable_grad():
        train(model)
    model.eval()
    found = {}
    for name, weight in weights.items():
        q, b = straight_through.detach(weight.layer)
        if not bool(torch.isfinite(q @ b).all()):
            raise ValueError(f"train: expected finite weights after it, got others in {name}")
        found[name] = weight._replace(q=q, b=b)
    return found


@torch.no_grad()
def _calibrated(
    model: nn.Module, weights: dict[str, _Weight], bits: Bits, inputs: Sequence[Any]
) -> dict[str, _Weight]:
    """Find the coefficients again, layer by layer, each on the outputs of those before."""
    found = dict(weights)
    names, parameters = list(weights), [w.layer.get_parameter("weight") for w in weights.values()]
    original = copy.deepcopy(model)
    for place in layer_inputs.in_order(model, parameters, inputs[0]):
        weight = weights[names[place]]
        columns = layer_inputs.columns(model, parameters[place], inputs)
        before = original.get_parameter(names[place])
        wanted = layer_inputs.columns(original, before, inputs)
        _set(weight.layer, feedback.toward(_of(weight.layer), columns, wanted))
        q = _with_feedback(weight, columns, bits)
        found[names[place]] = weight._replace(q=q)
        _set(weight.layer, weight.blocks.joined(q @ powers.rounded_basis(weight.b, bits.basis)))
    return found


def _with_feedback(weight: _Weight, columns: Tensor, bits: Bits) -> Tensor:
    """Return powers of two for the inputs of a weight, shape (groups, columns, samples)."""
    blocks, b = weight.blocks, powers.rounded_basis(weight.b, bits.basis)
    whole = blocks.ungrouped(blocks.cut(_of(weight.layer)))
    fill = blocks.rows_per_filter * blocks.width - columns.shape[1]
    rows = feedback.Rows(
        whole,
        b[blocks.bases()],
        powers.tops(weight.q)[:, 0][blocks.bases()],
        blocks.ungrouped((weight.q != 0.0).any(2, keepdim=True).double()),
    )
    groups = zip(*(tensor.chunk(len(columns)) for tensor in rows), strict=True)
    found = [
        feedback.coefficients(feedback.Rows(*group), nn.functional.pad(x, (0, 0, 0, fill)), bits)
        for group, x in zip(groups, columns, strict=True)
    ]
    return blocks.grouped(torch.cat(found))


def _packed(model: nn.Module, weights: dict[str, _Weight], bits: Bits) -> dict[str, Packed]:
    tensors: dict[str, Packed] = {}
    for name, value in model.state_dict().items():
        weight = weights.get(name)
        tensors[name] = (
            packing.plain_tensor(value)
            if weight is None
            else packing.basis(weight.q, weight.b, weight.blocks, bits, value.dtype)
        )
    return tensors
