"""What holds for all tests."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from gpus import Gpus, compile_stub
from plants import Plant, compile_plant, running
from rapl_tree import CLIENT, build

from alert import _progress, _warnings, power

pytest_plugins = ["without"]

# However busy the machine is, no example takes too long.
hypothesis.settings.register_profile(
    "tests", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("tests")


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


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test hear the warnings that a process gives once."""
    monkeypatch.setattr(_warnings, "_said", set())


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let progress bars be shown, as in a terminal."""
    monkeypatch.setattr(_progress, "_is_terminal", lambda: True)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    directory = tmp_path_factory.mktemp("plant")
    with running(compile_plant(), directory / "machine", "wrapping") as plant:
        yield plant


@pytest.fixture
def gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gpus]:
    gpus = Gpus(tmp_path / "driver", compile_stub())
    monkeypatch.setenv("LD_LIBRARY_PATH", str(gpus.library.parent))  # for the watchdog
    with gpus.loaded():
        yield gpus
        assert gpus.machine.users == 0  # every init had its shutdown


@pytest.fixture
def client(tmp_path: Path) -> Path:
    return build(tmp_path / "powercap", CLIENT)


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the journals of this process in a directory of the test's own."""
    monkeypatch.setattr(power, "journal_directory", lambda: str(tmp_path / "journals"))
    return tmp_path / "journals"
