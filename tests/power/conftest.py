"""What the tests of power have in common."""

from __future__ import annotations

from pathlib import Path

import pytest
from rapl_tree import limits, zone_path


@pytest.fixture
def found(client: Path) -> tuple[int, ...]:
    """The limits of the zone that `client` caps, before anybody does."""
    return limits(zone_path(client, 1))
