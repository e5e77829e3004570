"""Networks of which no family can be made."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from alert.store.tensors import registered

_FOREIGN = ("torch.ao.nn.quantized", "torch.ao.nn.intrinsic.quantized", "torch.nn.quantized")


def checked(model: Any) -> nn.Module:
    """Return a network whose weights can be made cheaper.

    Raises
    ------
    TypeError
        The argument is no module.
    ValueError
        The network has no weights, or such as are complex, not finite or already quantised.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model: expected a torch.nn.Module, got {type(model).__name__}")
    for name, part in model.named_modules():
        if type(part).__module__.startswith(_FOREIGN) or isinstance(part, torch.jit.ScriptModule):
            kind = type(part).__name__
            raise ValueError(f"model: expected an ordinary network, got {name or 'a'} {kind}")
    for name, parameter in model.named_parameters():
        if not (parameter.is_floating_point() or parameter.is_complex()):
            raise ValueError(f"model: expected weights as trained, got {name} of {parameter.dtype}")
    for name, value in model.state_dict().items():
        if not isinstance(value, torch.Tensor):
            kind = type(value).__name__
            raise ValueError(f"model: expected tensors in its state dict, got {name}, {kind}")
    tensors = [*model.named_parameters(), *model.named_buffers()]
    for name, tensor in tensors:
        _check(name, tensor)
    if not any(tensor.numel() and tensor.is_floating_point() for _, tensor in tensors):
        raise ValueError("model: expected weights, got a network without any")
    return model


def _check(name: str, tensor: torch.Tensor) -> None:
    if isinstance(tensor, (nn.UninitializedParameter, nn.UninitializedBuffer)):
        raise ValueError(f"model: expected weights, got {name} without a shape; run the model once")
    if tensor.is_complex():
        raise ValueError(f"model: expected real weights, got {name} of {tensor.dtype}")
    if tensor.is_quantized or type(tensor.data) is not torch.Tensor:
        raise ValueError(f"model: expected weights as trained, got {name} already quantised")
    if tensor.is_meta:
        raise ValueError(f"model: expected weights, got {name} on the 'meta' device")
    if tensor.is_floating_point() and not torch.isfinite(tensor.detach()).all():
        raise ValueError(f"model: expected finite weights, got NaN or infinity in {name}")


def check_trained(model: nn.Module) -> None:
    """Raise ValueError where training has left weights that are not finite."""
    for name, parameter in model.named_parameters():
        if not torch.isfinite(parameter.detach()).all():
            raise ValueError(f"train: expected finite weights after it, got others in {name}")


def refuse_tied(kind: str, model: nn.Module) -> None:
    """Raise ValueError for parameters with several names: a kind would change one of them."""
    for names in registered(model).values():
        if len(names) > 1:
            raise ValueError(f"{kind} cannot change tied parameters: {', '.join(names)}")
