"""What to say where the C core is not beside the Python files."""

from __future__ import annotations

import sys
from pathlib import Path


def explanation(package: str) -> str:
    """Say in one sentence why there is no ``alert._core`` in this folder, and what to do."""
    folder = Path(package).resolve()
    if (folder.parent / "setup.py").exists():
        return (
            f"{folder.parent} is the source folder of alert, without the C core: leave the folder "
            "to use an installed alert, or run `pip install -e .` in it to work on the sources"
        )
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    return (
        f"alert in {folder.parent} was installed for another Python than this one, {python}: "
        "install it with `python -m pip install alert-runtime`"
    )
