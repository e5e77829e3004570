"""What holds for all tests."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

COMPILED = {"gpus", "library", "machine", "plant", "program", "server"}  # by fixtures


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that compile something: ``-m "not compiler"`` leaves them out."""
    for item in items:
        if not COMPILED.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.compiler)


@pytest.fixture(scope="session", autouse=True)
def away_from_the_sources() -> Iterator[None]:
    """Let programs that tests start import the package that is installed.

    From the project's folder they would find its sources, which have no extension module.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(Path(__file__).parent)
        yield


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Let programs that tests start be interrupted.

    A shell has what it runs in the background ignore Ctrl-C, and whatever that starts inherits it.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
