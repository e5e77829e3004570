"""What the commands print, and the packages they need for it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def require(extra: str, packages: Iterable[str]) -> None:
    """Check that optional packages are installed.

    Raises
    ------
    ModuleNotFoundError
        Some are not; says which, and what to install.
    """
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(
            f"this needs {', '.join(missing)}: pip install 'alert-runtime[{extra}]'"
        )


def console() -> Console:
    """Return where tables go: standard output, plain text where that is no terminal."""
    require("cli", ["rich"])
    from rich.console import Console

    return Console(markup=False, highlight=False, soft_wrap=True)


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Add the option of the commands that show progress."""
    parser.add_argument("--quiet", action="store_true", help="show no progress bars")


def print_json(document: Any) -> None:
    """Print what a program would read."""
    print(json.dumps(document, indent=1, allow_nan=False))
