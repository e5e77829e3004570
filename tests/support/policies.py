"""Frequency policies as plain files, laid out as the kernel does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

LEAST, MOST = 800_000, 3_600_000  # kHz


def tree(root: Path, found: Sequence[int] = (MOST, MOST)) -> Path:
    """Write policies that are found at these settings, in kHz; return `root`."""
    for number, khz in enumerate(found):
        path = root / f"policy{number}"
        path.mkdir(parents=True)
        (path / "cpuinfo_min_freq").write_text(f"{LEAST}\n")
        (path / "cpuinfo_max_freq").write_text(f"{MOST}\n")
        (path / "scaling_max_freq").write_text(f"{khz}\n")
    return root
