"""What the tests of video have in common."""

from __future__ import annotations

import pytest
from scene import Scene


@pytest.fixture(scope="module")
def measured() -> Scene:
    return Scene()


@pytest.fixture
def scene(measured: Scene) -> Scene:
    """The profile is measured once."""
    fresh = Scene.__new__(Scene)
    fresh.__dict__.update(measured.__dict__)
    measured.machine.contention = 1.0
    return fresh
