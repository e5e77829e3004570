"""The architecture of a variant, without weights: a file brings those."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import nn

from alert.variants import onnx
from alert.variants.kind import Record
from alert.variants.kinds import SHAPES


def builder(network: nn.Module | None, steps: Sequence[Record]) -> Callable[[], nn.Module]:
    """Return a callable without arguments that builds a variant, as `alert.Store` takes it."""
    return partial(built, network, steps)


def built(network: nn.Module | None, steps: Sequence[Record]) -> nn.Module:
    """Build a variant without weights.

    Parameters
    ----------
    network : Module or None
        The original; None will do where ONNX Runtime runs the variant. Its weights are not copied.
    steps : sequence of dict
        For each kind of the chain its name and its record.

    Raises
    ------
    ValueError
        A record does not fit the network, or the network is needed.
    """
    if network is None and not (steps and SHAPES[steps[-1]["kind"]] is onnx.shape):
        raise ValueError("model: expected the network that the family was made of, got None")
    module = hollow(network or nn.Module())
    for step in steps[-1:] if network is None else steps:
        module = SHAPES[step["kind"]](module, step["record"])
    return module.eval()


def hollow(network: nn.Module) -> nn.Module:
    """Copy a module; parameters and buffers of its state dict go to the "meta" device.

    Everything else stays as it is: a file does not bring it.
    """
    state = network.state_dict(keep_vars=True).values()
    return copy.deepcopy(network, {id(tensor): _without_memory(tensor) for tensor in state})


def _without_memory(tensor: torch.Tensor) -> torch.Tensor:
    room = torch.empty_like(tensor, device="meta")
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(room, requires_grad=tensor.requires_grad)
    return room
