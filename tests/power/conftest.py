"""What the tests of power have in common."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from plants import Plant, compile_plant, running
from rapl_tree import limits, zone_path


@pytest.fixture
def found(client: Path) -> tuple[int, ...]:
    """The limits of the zone that `client` caps, before anybody does."""
    return limits(zone_path(client, 1))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """Two packages of a server."""
    directory = tmp_path_factory.mktemp("plant")
    with running(compile_plant(), directory / "server", "server") as plant:
        yield plant
