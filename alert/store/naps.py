"""Naps of a thread that builds a module, so that the running model gets on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch.overrides import TorchFunctionMode

_SECONDS = 5e-5


class Naps(TorchFunctionMode):
    """Sleeps a moment before each operation of torch, as long as nobody is in a hurry.

    A thread that runs Python gives the GIL away every 5 ms only, and one of low priority may be
    stopped while it has the GIL. A model that runs asks for the GIL at every layer.
    """

    def __init__(self, is_in_hurry: Callable[[], bool]) -> None:
        super().__init__()
        self._is_in_hurry = is_in_hurry

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Carry an operation out."""
        if not self._is_in_hurry():
            time.sleep(_SECONDS)
        return func(*args, **(kwargs or {}))
