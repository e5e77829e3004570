"""Progress bars on standard error, where somebody watches and tqdm is installed."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from typing import Any


class _NoBar(AbstractContextManager["_NoBar"]):
    """Takes the calls of a progress bar and shows nothing."""

    def __exit__(self, *_: object) -> None:
        pass

    def set_description(self, _: str) -> None:
        pass

    def update(self) -> None:
        pass


def bar(
    total: int | None, unit: str, description: str = "", *, shown: bool = True, leave: bool = True
) -> Any:
    """Return a context manager whose method `update` counts one unit.

    Parameters
    ----------
    total : int or None
        Units in all, where that is known.
    unit : str
        Name of a unit.
    description : str, optional
        Text before the bar; the method `set_description` replaces it.
    shown : bool, default True
        False for a bar that shows nothing.
    leave : bool, default True
        Leave the finished bar on the screen.
    """
    if not (shown and _is_watched()):
        return _NoBar()
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return _NoBar()
    return tqdm(total=total, unit=unit, desc=description or None, leave=leave)


def _is_watched() -> bool:
    """Tell a terminal and a notebook from a file, which a bar would fill."""
    return sys.stderr.isatty() or "ipykernel" in sys.modules
