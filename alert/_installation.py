"""What is not installed, and what to do about it: the C core, or packages of an extra."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path


def remedy() -> str:
    """Say in one sentence why the core is not there, and what to do."""
    folder = Path(__file__).resolve().parents[1]
    if (folder / "setup.py").exists():
        return (
            f"{folder} is the source folder of alert, without the C core: leave the folder to use "
            "an installed alert, or run `pip install -e .` in it to work on the sources"
        )
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    return (
        f"alert in {folder} was installed for another Python than this one, {python}: install it "
        "with `python -m pip install alert-runtime`"
    )


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
            f"this needs {', '.join(missing)}: pip install 'alert-runtime[{extra}]'",
            name=missing[0],
        )
