"""Progress bars where somebody watches: in a notebook, and with tqdm in a terminal."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager
from typing import Any

_PERIOD = 0.1  # seconds between two pictures of a bar in a notebook


class _NoBar(AbstractContextManager["_NoBar"]):
    """Takes the calls of a progress bar and shows nothing."""

    def __exit__(self, *_: object) -> None:
        pass

    def set_description(self, _: str) -> None:
        pass

    def update(self) -> None:
        pass


class _NotebookBar(AbstractContextManager["_NotebookBar"]):
    """Shows a bar in the output of a cell, and takes it away at the end.

    It needs IPython only, where tqdm also needs ipywidgets. Nothing of it stays in the notebook.
    """

    def __init__(self, total: int | None, unit: str, description: str) -> None:
        from IPython import display

        show: Any = display.display  # which has no types
        self._total, self._unit, self._description = total, unit, description
        self._done, self._drawn = 0, time.perf_counter()
        self._output = show({"text/plain": ""}, raw=True, display_id=True)

    def __exit__(self, *_: object) -> None:
        self._output.update({"text/plain": "", "text/html": ""}, raw=True)

    def set_description(self, description: str) -> None:
        self._description = description
        self._draw()

    def update(self) -> None:
        self._done += 1
        self._draw()

    def _draw(self) -> None:
        now = time.perf_counter()
        if now - self._drawn < _PERIOD:
            return
        from html import escape

        self._drawn = now
        count, share = f"{self._unit} {self._done}", ""
        if self._total is not None:
            count = f"{count} of {self._total}"
            share = f"<progress max={self._total} value={self._done}></progress> "
        text = f"{count}: {self._description}" if self._description else count
        shown = {"text/plain": text, "text/html": f"{share}{escape(text)}"}
        self._output.update(shown, raw=True)


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
        Leave the finished bar on the screen of a terminal.
    """
    if shown and _is_notebook():
        return _NotebookBar(total, unit, description)
    if not (shown and _is_terminal()):
        return _NoBar()
    try:
        from tqdm import tqdm
    except ImportError:
        return _NoBar()
    return tqdm(total=total, unit=unit, desc=description or None, leave=leave)


def _is_terminal() -> bool:
    """Tell a terminal from a file, which a bar would fill."""
    return sys.stderr.isatty()


def _is_notebook() -> bool:
    """Tell whether a kernel of Jupyter runs this code."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")
