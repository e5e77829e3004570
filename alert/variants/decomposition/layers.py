"""Which weights of a network are decomposed, and what is refused."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils import parametrize

_FEWEST = 4  # inputs of a filter: with fewer, a basis takes more than it saves
_KINDS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def chosen(model: nn.Module) -> dict[str, nn.Module]:
    """Return the layers whose weights are decomposed, by the names of the weights.

    Depthwise convolutions and the first layers of pictures have too few inputs for each filter.

    Raises
    ------
    ValueError
        There are none, or a weight is computed from others; the message names the weight.
    """
    found: dict[str, nn.Module] = {}
    for path, layer in model.named_modules():
        weight = getattr(layer, "weight", None)
        if not isinstance(layer, _KINDS) or not isinstance(weight, torch.Tensor):
            continue
        name = f"{path}.weight" if path else "weight"
        if parametrize.is_parametrized(layer) or "weight" not in layer._parameters:
            raise ValueError(f"model: {name}: a weight that is computed cannot be decomposed")
        if weight.shape[1] >= _FEWEST and weight.is_floating_point():
            found[name] = layer
    if not found:
        raise ValueError(
            "model: no weights to decompose: no convolution or linear layer with "
            f"{_FEWEST} inputs or more for each filter"
        )
    return found
