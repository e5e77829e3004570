"""The live view: what a runner sends to whoever watches it, and what it lets nobody do."""

from __future__ import annotations

import gc
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from forking import in_child
from servers import SOON, serve
from simulation import AnytimeBench, Bench, state

import alert
from alert import power
from alert.live import receiver, sender, sockets
from alert.live.receiver import Receiver
from alert.live.snapshot import Snapshot, Stream

pytestmark = pytest.mark.usefixtures("directory")


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "PERIOD", 0.001)
    monkeypatch.setattr(receiver, "_PATIENCE", SOON)


def until(holds: Callable[[], object]) -> None:
    ends = time.monotonic() + SOON
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.001)


def gathered() -> list[Snapshot]:
    with Receiver() as watching:
        watching.gather()
        return [snapshot for snapshot, _ in watching.snapshots()]


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "alert live view"]


Connect = Callable[[], socket.socket]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Connect to the only sender, as a stranger who does not keep to the rules."""
    made: list[socket.socket] = []

    def connect() -> socket.socket:
        place = sockets.open_directory()
        [name] = sockets.names(place)
        there = socket.socket(socket.AF_UNIX)
        there.settimeout(SOON)
        there.connect(sockets._path(place, name))
        os.close(place)
        made.append(there)
        return there

    yield connect
    for there in made:
        there.close()


def read_line(there: socket.socket) -> bytes:
    """Read a line, and nothing of the next one; what there is at the end."""
    line = b""
    while not line.endswith(b"\n") and (byte := there.recv(1)):
        line += byte
    return line


# ------------------------------------------------------------------------------------ what is shown


def test_a_runner_shows_what_it_does() -> None:
    bench = Bench(alert.Goal.min_energy(deadline=0.2, accuracy=0.6), live="camera")
    bench.machine.contention = 1.5
    for _ in range(3):
        bench.runner("x")
    bench.runner("x", deadline=0.001)  # late
    [snapshot] = gathered()
    [stream] = snapshot.streams
    last, row, report = bench.runner.last, bench.runner.history[-1], bench.runner.report()
    assert last is not None
    assert (snapshot.name, snapshot.pid, snapshot.power) == ("camera", os.getpid(), "simulated")
    assert (snapshot.energy, snapshot.mark, snapshot.unit) == (report.energy, "emulated", "W")
    assert (stream.name, stream.inputs, stream.late, stream.refused) == ("camera", 4, 1, 0)
    assert (stream.model, stream.exit, stream.power_cap) == (last.model, None, last.power_cap)
    assert stream.slowdown == bench.runner.scheduler.slowdown[0]
    assert stream.response == row["response"]
    assert stream.deadline == pytest.approx(0.001)
    assert report.energy is not None
    assert stream.energy == pytest.approx(report.energy / 4)
    assert (stream.accuracy, stream.kept) == (report.verdict.accuracy, report.verdict.kept)
    assert stream.kept is False
    bench.runner.close()


def test_before_the_first_input_there_is_nothing_to_tell() -> None:
    bench = Bench(live="camera")
    [snapshot] = gathered()
    [stream] = snapshot.streams
    assert (stream.inputs, stream.model, stream.response, stream.deadline) == (0, None, None, None)
    assert (snapshot.energy, stream.energy, stream.accuracy, stream.kept) == (None,) * 4
    bench.runner.close()


def test_an_exit_and_a_goal_without_a_deadline_are_shown() -> None:
    bench = AnytimeBench(alert.Goal.min_latency(accuracy=0.6), live="camera")
    bench.runner("x")
    [stream] = gathered()[0].streams
    assert bench.runner.last is not None
    assert stream.exit == bench.runner.last.exit is not None
    assert (stream.deadline, stream.response) == (None, bench.runner.last.latency)
    bench.runner.close()


def test_a_server_shows_every_tenant() -> None:
    with serve(live="shop") as server:
        camera = server.tenant("camera", max_latency=60.0, min_accuracy=0.7)
        server.tenant("archive")
        camera.submit("x").result()
        with pytest.raises(alert.Overloaded):
            camera.submit("x", max_latency=1e-9).result()
        [snapshot] = gathered()
    assert (snapshot.name, snapshot.power, snapshot.waiting) == ("shop", "board", 0)
    first, second = snapshot.streams
    assert (first.name, first.inputs, first.refused, first.model) == ("camera", 2, 1, "net")
    assert (first.power_cap, first.exit) == (20.0, None)
    assert first.deadline == pytest.approx(60.0)
    assert first.response is not None
    assert 0.0 < first.response < 60.0
    assert first.accuracy == pytest.approx(0.4)
    assert first.kept is False  # one of two was given up
    assert (second.name, second.inputs, second.model, second.kept) == ("archive", 0, None, None)
    assert gathered() == []


def test_several_runners_are_shown_at_once() -> None:
    benches = [Bench(live=name) for name in ("b", "a", "a")]
    assert [snapshot.name for snapshot in gathered()] == ["a", "a", "b"]
    for bench in benches:
        bench.runner.close()


def test_what_starts_later_is_found_and_what_ends_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "_LOOK", 0.0)
    with Receiver() as watching:

        def seen() -> list[Snapshot]:
            watching.wait(0.01)
            return [snapshot for snapshot, _ in watching.snapshots()]

        assert seen() == []
        bench = Bench(live="camera")
        until(seen)
        bench.runner("x")
        until(lambda: seen()[0].streams[0].inputs == 1)
        bench.runner.close()
        until(lambda: not seen())


# ----------------------------------------------------------------------------------- off by default


def test_without_a_name_nothing_is_imported_nor_made(directory: Path) -> None:
    code = """
import sys
sys.path.insert(0, sys.argv[1])
from simulation import Bench
from servers import serve
Bench().runner("x")
with serve():
    pass
print([name for name in sys.modules if name.startswith("alert.live")])
"""
    support = str(Path(__file__).parents[1] / "support")
    done = subprocess.run([sys.executable, "-c", code, support], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
    assert not directory.exists()


@pytest.mark.parametrize("name", [True, 1, b"camera"])
def test_a_name_is_text(name: object) -> None:
    with pytest.raises(TypeError, match="live: expected text, got"):
        Bench(live=name)
    with pytest.raises(TypeError, match="live: expected text, got"):
        serve(live=name)


# ------------------------------------------------------------------------------------ who may watch


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
    assert threads() == []


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


# ------------------------------------------------------------------- what a watcher cannot do


def test_what_a_watcher_sends_is_not_read(connect: Connect) -> None:
    quiet, bench = Bench(), Bench(live="camera")
    there = connect()
    there.sendall(b'{"goal": null}\n\x00\xff' * 100)
    assert read_line(there)
    for _ in range(5):
        quiet.runner("x")
        bench.runner("x")
    there.sendall(b"close\n")
    assert Snapshot.of_line(read_line(there))
    assert state(bench.runner) == state(quiet.runner)
    bench.runner.close()


def test_a_run_goes_on_where_a_watcher_does_not_read(connect: Connect) -> None:
    bench = Bench(live="camera")
    live = bench.runner._live
    assert live is not None
    stuck, there = connect(), connect()
    others = there.makefile("rb")
    others.readline()
    rest = b""
    while not rest or live._receivers[0]._rest is not rest:  # the kernel takes no more
        rest = live._receivers[0]._rest
        assert others.readline()  # somebody else misses nothing
    for _ in range(20):
        bench.runner("x")
    assert bench.runner.report().inputs == 20
    until(lambda: Snapshot.of_line(others.readline()).streams[0].inputs == 20)
    lines = stuck.makefile("rb")
    until(lambda: Snapshot.of_line(lines.readline()).streams[0].inputs == 20)  # no line is cut
    bench.runner.close()


def test_a_long_snapshot_is_never_cut(connect: Connect) -> None:
    """Longer than the kernel takes at once: a receiver that is slow has half of it for a while."""
    stream = Stream("x" * 500, 0, 0, 0, None, None, None, None, None, None, None, None, None)
    count = itertools.count()

    class Owner:
        def look(self) -> Snapshot:
            return Snapshot("shop", next(count), "none", "W", None, "measured", 0, (stream,) * 1000)

    owner = Owner()
    live = sender.Sender(owner, Owner.look)
    lines = connect().makefile("rb")
    pids = [Snapshot.of_line(lines.readline()).pid]
    for _ in range(3):
        time.sleep(5 * sender.PERIOD)  # others come meanwhile
        pids.append(Snapshot.of_line(lines.readline()).pid)
    assert pids == sorted(set(pids))
    live.close()


def test_a_watcher_that_goes_leaves_nothing_behind(connect: Connect) -> None:
    bench = Bench(live="camera")
    live = bench.runner._live
    assert live is not None
    for _ in range(3):
        there = connect()
        assert read_line(there)
        there.close()
        until(lambda: not live._receivers)
    bench.runner("x")
    bench.runner.close()


# -------------------------------------------------------------------------------------- how it ends


def test_closing_removes_the_socket_and_ends_the_thread(connect: Connect, directory: Path) -> None:
    bench = Bench(live="camera")
    there = connect()
    bench.runner.close()
    bench.runner.close()
    assert list((directory / "live").iterdir()) == []
    while there.recv(4096):
        pass
    until(lambda: not threads())


def test_a_runner_that_is_collected_is_shown_no_more(directory: Path) -> None:
    bench = Bench(live="camera")
    del bench
    gc.collect()
    assert list((directory / "live").iterdir()) == []
    until(lambda: not threads())


def test_a_snapshot_that_fails_ends_the_view_and_not_the_run(
    connect: Connect, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda failed: said.append(failed.exc_value))
    bench = Bench(live="camera")
    monkeypatch.setattr(alert.Runner, "report", lambda self: 1 / 0)
    there = connect()
    assert there.recv(1) == b""
    until(lambda: said)
    bench.runner("x")
    assert list((directory / "live").iterdir()) == []
    bench.runner.close()


SHOWN = """
import sys, time
sys.path.insert(0, sys.argv[2])
from alert import power
power.journal_directory = lambda: sys.argv[1]
from simulation import Bench
bench = Bench(live="camera")
print("there", flush=True)
if sys.stdin.readline():
    bench.runner("x")
"""


def shown(directory: Path) -> subprocess.Popen[str]:
    support = str(Path(__file__).parents[1] / "support")
    command = [sys.executable, "-c", SHOWN, str(directory), support]
    program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    assert program.stdout.readline() == "there\n"
    return program


def test_a_program_that_ends_removes_its_socket(directory: Path) -> None:
    with shown(directory) as program:
        assert [snapshot.pid for snapshot in gathered()] == [program.pid]
        program.communicate("go\n", SOON)
    assert program.returncode == 0
    assert list((directory / "live").iterdir()) == []


@pytest.mark.parametrize("who", ["receiver", "sender"])
def test_the_socket_of_a_killed_program_is_removed(directory: Path, who: str) -> None:
    with shown(directory) as program:
        program.send_signal(signal.SIGKILL)
        program.wait(SOON)
    assert len(list((directory / "live").iterdir())) == 1
    if who == "receiver":
        assert gathered() == []
        assert list((directory / "live").iterdir()) == []
    else:
        bench = Bench(live="camera")
        assert len(list((directory / "live").iterdir())) == 1
        bench.runner.close()


def test_a_program_that_is_stopped_holds_nobody_up(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "_PATIENCE", 0.1)
    with shown(directory) as program:
        program.send_signal(signal.SIGSTOP)
        bench = Bench(live="other")
        with Receiver() as watching:
            while not watching.snapshots():
                watching.gather()
            assert [snapshot.name for snapshot, _ in watching.snapshots()] == ["other"]
        bench.runner.close()
        program.send_signal(signal.SIGCONT)
        program.communicate("go\n", SOON)


def test_a_fork_does_not_end_what_its_parent_shows(connect: Connect, directory: Path) -> None:
    bench = Bench(live="camera")
    there = connect()
    assert read_line(there)

    def work() -> None:
        bench.runner("x")
        bench.runner.close()
        again = Bench(live="child")
        assert {snapshot.name for snapshot in gathered()} == {"camera", "child"}
        again.runner.close()

    assert in_child(work) == 0
    assert [snapshot.name for snapshot in gathered()] == ["camera"]
    bench.runner.close()


def test_a_fork_does_not_hold_the_sockets_of_its_parent(connect: Connect) -> None:
    bench = Bench(live="camera")
    there = connect()
    assert read_line(there)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    bench.runner.close()
    while there.recv(4096):  # to its end, while the child lives
        pass
    os.close(writing)
    os.waitpid(child, 0)
    os.close(reading)


# -------------------------------------------------------------------------------- hostile snapshots


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
