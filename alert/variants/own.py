"""Variants that a function of the user makes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from torch import nn

from alert.variants import reshaped
from alert.variants.kind import Made

shape = reshaped.reshape


def make(function: Callable[[nn.Module], Any], model: nn.Module) -> Made:
    """Let a function of the user make a variant of a copy.

    The variant can be stored where it differs from the original in tensors and integers only.
    """
    original = copy.deepcopy(model)
    made = function(model)
    if not callable(made):
        raise TypeError(f"expected the function to return a callable, got {type(made).__name__}")
    if not isinstance(made, nn.Module):
        return Made(made, suffix="")
    made.eval()
    try:
        return Made(made, reshaped.differences(original, made))
    except ValueError:
        return Made(made, suffix="")
