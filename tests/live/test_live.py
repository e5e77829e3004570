"""The live view: what a runner sends to whoever watches it."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from servers import serve
from simulation import AnytimeBench, Bench, state
from watching import Connect, gathered, read_line, until

import alert
from alert.live import receiver, sender
from alert.live.receiver import Receiver
from alert.live.snapshot import Snapshot, Stream

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
