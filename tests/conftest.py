"""What holds for all tests."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest


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
