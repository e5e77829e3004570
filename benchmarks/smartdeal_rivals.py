"""Other ways to make weights small, for `bench_smartdeal.py`: few bits, pruning, alternation.

Integers have a scale of 16 bits for each group of 64 inputs, as in torchao. Pruning zeroes the
vectors of three weights with the least norm. All are trained straight through, as ours is.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from math import log2

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from alert.variants.decomposition import layer_inputs
from alert.variants.decomposition.layers import chosen
from alert.variants.smartdeal import Decomposed, decompose

GROUP = 64
_CLIPS = torch.linspace(0.6, 1.0, 9)  # shares of the largest weight that scales are tried with


class Integers:
    """Symmetric integers with a scale for each group of inputs.

    Parameters
    ----------
    levels : int
        15 is what four bits hold; 3 are -1, 0 and 1.
    keep : float, default 1.0
        Share of the vectors of three weights that are not zero.
    """

    def __init__(self, levels: int, keep: float = 1.0) -> None:
        self.most, self.keep = (levels - 1) // 2, keep
        self.bits = 4.0 if levels == 15 else 1.6  # five numbers of three levels take a byte
        assert levels == 15 or 5 * log2(levels) < 8

    def __call__(self, weight: Tensor) -> Tensor:
        """Return the weight as it is stored."""
        flat = (weight * self._mask(weight)).reshape(len(weight), -1)
        filled = functional.pad(flat, (0, -flat.shape[1] % GROUP))
        groups = filled.reshape(-1, GROUP)
        rounded = torch.clamp(torch.round(groups / self.scales(groups)), -self.most, self.most)
        whole = (rounded * self.scales(groups)).reshape(filled.shape)
        return whole[:, : flat.shape[1]].reshape(weight.shape)

    def scales(self, groups: Tensor) -> Tensor:
        """Return the scales with the least error, shape (groups, 1)."""
        widest = groups.abs().amax(1, keepdim=True).clamp_min(1e-12) / self.most
        tried = widest * _CLIPS
        scaled = groups[:, None] / tried[..., None]
        off = (scaled.round().clamp(-self.most, self.most) - scaled) * tried[..., None]
        return tried.gather(1, off.square().sum(2).argmin(1, keepdim=True))

    def bytes(self, weight: Tensor) -> float:
        """Return what a weight takes."""
        groups = len(weight) * -(-(weight.numel() // len(weight)) // GROUP)
        bitmap = weight.numel() / 3 if self.keep < 1.0 else 0.0
        return (self.keep * weight.numel() * self.bits + bitmap + 16 * groups) / 8

    def _mask(self, weight: Tensor) -> Tensor:
        if self.keep == 1.0:
            return torch.ones_like(weight)
        flat = weight.reshape(len(weight), -1)
        vectors = functional.pad(flat, (0, -flat.shape[1] % 3)).reshape(len(weight), -1, 3)
        norms = vectors.square().sum(2)
        least = norms.flatten().topk(round(self.keep * norms.numel())).values[-1]
        mask = (norms >= least).repeat_interleave(3, 1)[:, : flat.shape[1]]
        return mask.to(weight.dtype).reshape(weight.shape)


class _Rounded(nn.Module):
    def __init__(self, scheme: Integers) -> None:
        super().__init__()
        self.scheme = scheme

    def forward(self, weight: Tensor) -> Tensor:
        """Round straight through."""
        return weight + (self.scheme(weight.detach()) - weight.detach())


def rounded(
    net: nn.Module, scheme: Integers, train: Callable[[nn.Module], object] | None = None
) -> tuple[nn.Module, float]:
    """Return a network with rounded weights, trained or not, and the bytes of all its tensors.

    What is not a weight of a layer takes what it does in a packed file.
    """
    rest = decompose(net).accounting
    size = float(rest.int8 + rest.half + rest.raw + rest.header)
    net = copy.deepcopy(net)
    layers = list(chosen(net).values())
    for layer in layers:
        size += scheme.bytes(layer.get_parameter("weight"))
        parametrize.register_parametrization(layer, "weight", _Rounded(scheme))
    if train is not None:
        train(net)
    for layer in layers:
        parametrize.remove_parametrizations(layer, "weight")
    return net.eval(), size


@torch.no_grad()
def rounded_with_feedback(net: nn.Module, scheme: Integers, inputs: list[Tensor]) -> nn.Module:
    """Return a network with rounded weights, the errors of each passed on: GPTQ."""
    net = copy.deepcopy(net)
    weights = [layer.get_parameter("weight") for layer in chosen(net).values()]
    for place in layer_inputs.in_order(net, weights, inputs[0]):
        weight = weights[place]
        [columns] = layer_inputs.columns(net, weight, inputs)
        weight.copy_(_gptq(scheme, weight.flatten(1).double(), columns).reshape(weight.shape))
    return net


def _gptq(scheme: Integers, left: Tensor, columns: Tensor) -> Tensor:
    moments = columns @ columns.T / columns.shape[1]
    damped = moments + 0.01 * moments.diagonal().mean() * torch.eye(len(moments))
    inverse = torch.linalg.inv(damped.double())
    factor = torch.linalg.cholesky(inverse, upper=True)
    found, scales = torch.zeros_like(left), None
    for j in range(left.shape[1]):
        if j % GROUP == 0:
            scales = scheme.scales(left[:, j : j + GROUP])
        assert scales is not None
        steps = torch.round(left[:, j : j + 1] / scales).clamp(-scheme.most, scheme.most)
        found[:, j : j + 1] = steps * scales
        error = (left[:, j : j + 1] - found[:, j : j + 1]) / factor[j, j]
        left[:, j:] -= error @ factor[j : j + 1, j:]
    return found


def alternated(
    net: nn.Module, keep: float, train: Callable[..., object], rounds: int
) -> Decomposed:
    """Train freely and decompose in turn, as the authors do."""
    net = copy.deepcopy(net)

    def project() -> None:
        found = decompose(net, keep=keep, method="authors").model
        training = net.training
        net.load_state_dict(found.state_dict())
        net.train(training)

    train(net, project, rounds)
    return decompose(net, keep=keep, method="authors")
