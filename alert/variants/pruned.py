"""The kind "pruned": channels are cut out, and what remains is trained again.

"pruned:0.5" cuts half of the channels of every layer, those of the smallest weights. torch-pruning
does it. As cut, a network is no better than noise, so training follows.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from alert._installation import require
from alert.running.models import Call
from alert.variants import reshaped
from alert.variants.checks import check_trained, refuse_tied
from alert.variants.kind import Context, Made
from alert.variants.parameters import share

_USUAL = "0.5"
_MULTIPLE = 8  # of channels: processors are no faster with fewer

shape = reshaped.reshape


def check(parameter: str | None, context: Context) -> None:
    """Refuse a share that is out of range, and a family without training."""
    share("pruned", parameter or _USUAL)
    require("variants", ["torch_pruning"])
    if context.train is None:
        raise ValueError("kinds: pruned: expected a function that trains, got none; pass train=")


def make(model: nn.Module, parameter: str | None, context: Context) -> Made:
    """Cut channels, and train the rest."""
    assert context.train is not None
    refuse_tied("pruned", model)
    original = copy.deepcopy(model)
    call = Call.of(context.example)
    expected = _shapes(model, call)
    with torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of parameters outside of layers, which stay as they are
        _cut(model, call, share("pruned", parameter or _USUAL))
    if _shapes(model, call) != expected:
        raise ValueError("pruning would change the shape of the outputs")
    record = reshaped.differences(original, model)
    if record["shapes"] == reshaped.differences(original, original)["shapes"]:
        raise ValueError(f"no layer has channels to spare, in multiples of {_MULTIPLE}")
    with torch.enable_grad():
        context.train(model)
    check_trained(model)
    return Made(model.eval(), record)


def _cut(model: nn.Module, call: Call, share_of_channels: float) -> None:
    import torch_pruning

    def run(model: nn.Module, call: Call) -> Any:
        return call(model)

    call = Call(*map(_ordinary, call.args), **{k: _ordinary(v) for k, v in call.kwargs.items()})
    graph = torch_pruning.DependencyGraph().build_dependency(model, call, forward_fn=run)
    torch_pruning.pruner.BasePruner(
        model,
        call,
        torch_pruning.importance.GroupMagnitudeImportance(p=2),
        forward_fn=run,
        pruning_ratio=share_of_channels,
        round_to=_MULTIPLE,
        ignored_layers=list(_output_layers(graph)),
    ).step()


def _output_layers(graph: Any) -> Iterator[nn.Module]:
    """Yield the layers that no other layer reads: their channels are those of the outputs."""
    for group in graph.get_all_groups():
        if not any(graph.is_in_channel_pruning_fn(dep.handler) for dep, _ in group):
            yield group[0].dep.layer


def _ordinary(x: Any) -> Any:
    """Copy a tensor: one that was made in inference mode is of no use for gradients."""
    return x.clone() if isinstance(x, torch.Tensor) else x


def _shapes(model: nn.Module, call: Call) -> list[torch.Size]:
    with torch.inference_mode():
        output = call(model)
    found = output if isinstance(output, (tuple, list)) else [output]
    return [x.shape for x in found if isinstance(x, torch.Tensor)]
