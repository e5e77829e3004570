"""The live view is for the user alone: directories, links and strangers."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from servers import SOON, serve
from simulation import Bench
from watching import Connect, gathered, read_line, threads, until

from alert import power
from alert.live import sender, sockets
from alert.live.receiver import Receiver


def test_only_the_user_may_enter_the_directory(directory: Path) -> None:
    bench = Bench(live="camera")
    for path in (directory, directory / "live"):
        assert path.stat().st_mode & 0o777 == 0o700
    bench.runner.close()


@pytest.mark.parametrize(("which", "mode"), [("live", 0o750), ("live", 0o701), (".", 0o770)])
def test_a_directory_that_is_open_to_others_is_refused(
    directory: Path, which: str, mode: int
) -> None:
    (directory / "live").mkdir(parents=True)
    directory.chmod(0o700)
    (directory / "live").chmod(0o700)
    (directory / which).chmod(mode)
    refused = pytest.raises(
        PermissionError, match=r": it belongs to another user, or is open to others"
    )
    with refused:
        Bench(live="camera")
    with refused:
        serve(live="shop")
    with refused:
        Receiver()
    until(lambda: not threads())


def test_a_directory_of_another_user_is_refused(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (directory / "live").mkdir(parents=True, mode=0o700)
    directory.chmod(0o700)
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    with pytest.raises(PermissionError, match="belongs to another user"):
        Bench(live="camera")


@pytest.mark.parametrize("which", ["live", "."])
def test_a_link_in_the_place_of_the_directory_is_refused(directory: Path, which: str) -> None:
    elsewhere = directory.with_name("elsewhere")
    elsewhere.mkdir(mode=0o700)
    link = directory if which == "." else directory / "live"
    link.parent.mkdir(mode=0o700, exist_ok=True)
    link.symlink_to(elsewhere)
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        Bench(live="camera")
    assert list(elsewhere.iterdir()) == []


def test_a_long_path_is_no_obstacle(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = directory.parent / ("x" * 200)
    monkeypatch.setattr(power, "journal_directory", lambda: str(long))
    bench = Bench(live="camera")
    assert [snapshot.name for snapshot in gathered()] == ["camera"]
    bench.runner.close()


def test_another_user_is_turned_away(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(live="camera")
    there = connect()
    assert read_line(there)
    user, place = os.geteuid(), sockets.open_directory()
    [name] = sockets.names(place)
    with monkeypatch.context() as patch, socket.socket(socket.AF_UNIX) as stranger:
        patch.setattr(os, "geteuid", lambda: user + 1)
        stranger.settimeout(SOON)
        stranger.connect(sockets._path(place, name))
        assert stranger.recv(1) == b""  # by the sender
        assert sockets.connect(place, name) is None  # by the receiver
    assert read_line(there)  # who came before stays
    os.close(place)
    bench.runner.close()


def test_more_than_a_few_are_turned_away(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "MOST", 2)
    bench = Bench(live="camera")
    first, second, third = (connect() for _ in range(3))
    assert read_line(first)
    assert read_line(second)
    assert third.recv(1) == b""
    first.close()
    until(lambda: read_line(connect()))  # there is room again
    bench.runner.close()
