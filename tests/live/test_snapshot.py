"""Snapshots that come from somebody else: damaged, hostile or made to print badly."""

from __future__ import annotations

import json
import os
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from servers import SOON
from simulation import Bench
from watching import gathered

from alert.live import sockets
from alert.live.receiver import Receiver
from alert.live.snapshot import Snapshot


def good() -> dict[str, object]:
    bench = Bench(live="camera")
    bench.runner("x")
    [snapshot] = gathered()
    bench.runner.close()
    document: dict[str, object] = json.loads(snapshot.line())
    return document


def test_a_snapshot_survives_its_line() -> None:
    line = json.dumps(good()).encode()
    snapshot = Snapshot.of_line(line)
    assert Snapshot.of_line(snapshot.line()) == snapshot
    assert snapshot.line().endswith(b"\n")
    assert snapshot.line().count(b"\n") == 1


BAD: list[tuple[str, object]] = [
    ("pid", "1"),
    ("pid", True),
    ("pid", 1.0),
    ("energy", "much"),
    ("energy", True),
    ("energy", float("nan")),
    ("energy", float("inf")),
    ("energy", 10**400),
    ("name", None),
    ("name", ["x"]),
    ("streams", None),
    ("streams", "x"),
    ("streams", [None]),
    ("streams", [{}]),
    ("more", 1),
]


@pytest.mark.parametrize(("key", "value"), BAD, ids=repr)
def test_a_bad_snapshot_is_refused(key: str, value: object) -> None:
    document = good()
    Snapshot.of_line(json.dumps(document).encode())
    with pytest.raises(ValueError, match="expected"):
        Snapshot.of_line(json.dumps({**document, key: value}).encode())


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b"9" * 10_000], ids=len
)
def test_what_is_no_snapshot_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        Snapshot.of_line(line)


def test_text_that_does_not_print_is_escaped() -> None:
    document = {**good(), "name": "\x1b[2Jcamera\u202e\n"}
    assert Snapshot.of_line(json.dumps(document).encode()).name == r"\x1b[2Jcamera\u202e\n"


@pytest.mark.parametrize("sent", [b"nonsense\n", b"x" * (3 << 20), b"[" * 99_999 + b"\n"], ids=len)
def test_a_sender_that_makes_no_sense_is_left(sent: bytes) -> None:
    place = sockets.open_directory(make=True)
    with sockets.listen(place, "hostile.socket") as listening, Receiver() as watching:
        there, _ = listening.accept()
        there.settimeout(SOON)
        writing = threading.Thread(target=lambda: refused(there, sent), daemon=True)
        writing.start()
        while watching._connections:
            watching.wait(0.01)
        assert watching.snapshots() == []
        writing.join(SOON)
        there.close()
    os.close(place)


def refused(there: socket.socket, sent: bytes) -> None:
    with suppress(OSError):
        there.sendall(sent)


def test_names_that_are_no_sockets_are_passed_over(directory: Path) -> None:
    bench = Bench(live="camera")
    (directory / "live" / "file").write_text("x")
    (directory / "live" / "folder.socket").mkdir()
    assert [snapshot.name for snapshot in gathered()] == ["camera"]
    assert (directory / "live" / "file").exists()
    bench.runner.close()
