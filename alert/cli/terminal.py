"""What the commands print, and the packages they need for it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alert._installation import require as require
from alert.files import check_writable

if TYPE_CHECKING:
    from rich.console import Console


def console() -> Console:
    """Return where tables go: standard output, plain text where that is no terminal."""
    require("cli", ["rich"])
    from rich.console import Console

    return Console(markup=False, emoji=False, highlight=False, soft_wrap=True)


@contextmanager
def part_kept(
    path: Path, attribute: str, check: Callable[[Path], object] = check_writable
) -> Iterator[None]:
    """Save what an exception carries of a measurement that it ends.

    Parameters
    ----------
    path : Path
        Where the whole would have been saved. Whether it can be is found out first.
    attribute : {"profile", "trace", "family"}
        Of the exception.
    check : callable
        Raises `OSError` where nothing can be saved.
    """
    check(path)
    try:
        yield
    except BaseException as error:
        part = getattr(error, attribute, None)
        if part is not None:
            part.save(path)
            said = f"alert: {path} holds what was measured before it stopped: {part!r}"
            print(said, file=sys.stderr)  # a warning might replace the exception
        raise


def print_json(document: Any) -> None:
    """Print what a program would read."""
    print(json.dumps(document, indent=1, allow_nan=False))
