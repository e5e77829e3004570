"""What the tests of stores have in common."""

from __future__ import annotations

from pathlib import Path

import pytest
from stores import Nets


@pytest.fixture
def nets(tmp_path: Path) -> Nets:
    return Nets(tmp_path, "a", "b", "c")
