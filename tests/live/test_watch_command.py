"""`alert watch`: what a person sees of runners and servers that work."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from needs import require
from servers import SOON, serve
from simulation import Bench

import alert
from alert.cli import main, watch, watch_table
from alert.cli.terminal import console
from alert.live.snapshot import Snapshot, Stream

GOAL = alert.Goal.min_energy(deadline=0.2, accuracy=0.6)


@pytest.fixture(autouse=True)
def lines_come_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_LINE", 0.01)


@pytest.fixture
def bench(directory: Path) -> Iterator[Bench]:
    made = Bench(GOAL, live="camera")
    made.runner("x")
    yield made
    made.runner.close()


def stream(**values: object) -> Stream:
    usual = Stream("camera", 12, 1, 0, "net", None, 20.0, 1.5, 0.0341, 0.05, 0.51, 0.8, True)
    return replace(usual, **values)  # type: ignore[arg-type]


def snapshot(*streams: Stream) -> Snapshot:
    return Snapshot("camera", 4242, "rapl", "W", 6.12, "measured", 0, streams)


def drawn(*snapshots: Snapshot, width: int = 80, age: float = 0.0) -> str:
    require("rich")
    out = console()
    out.width = width
    with out.capture() as captured:
        out.print(watch_table.picture([(each, age) for each in snapshots]))
    return captured.get()


def test_without_a_runner_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch"]) == 1
    said = "alert: nothing to watch: no Runner or Server of this user was given live=\n"
    assert capsys.readouterr() == ("", said)


@pytest.mark.usefixtures("bench")
def test_a_name_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "door", "gate"]) == 1
    said = "alert: nothing to watch has the name door or gate: there are camera\n"
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize("name", ["camera", str(os.getpid())])
def test_only_what_is_asked_for_is_shown(
    bench: Bench, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    other = Bench(GOAL, live="other")
    assert main(["watch", "--json", "--once", name]) == 0
    shown = [json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()]
    assert shown == (["camera"] if name == "camera" else ["camera", "other"])
    other.runner.close()


def test_json_holds_the_whole_snapshot(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "--json", "--once"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document.pop("age") < SOON
    assert Snapshot.of_line(json.dumps(document).encode()).streams[0].inputs == 1


def test_once_prints_a_table(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    require("rich")
    assert main(["watch", "--once"]) == 0
    title, *table = capsys.readouterr().out.splitlines()
    assert title.split("  ")[0] == "camera"
    assert f"process {os.getpid()}, simulated, 0.4 J emulated" in title
    assert "small" in table[3]


def test_elsewhere_than_on_a_terminal_it_prints_lines_until_the_end(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    require("rich")
    lines = watch_table.lines
    printed_once: list[bool] = []

    def lines_until_the_second(seen: watch.Seen) -> Iterator[str]:
        if printed_once:
            bench.runner.close()
        printed_once.append(True)
        return lines(seen)

    monkeypatch.setattr(watch_table, "lines", lines_until_the_second)
    assert main(["watch"]) == 0
    printed, said = capsys.readouterr()
    first, second, *_ = printed.splitlines()
    assert first == second
    assert first == (
        "camera: small, 10 W, slowdown 1.00, 40 of 200 ms, 0.4 J an input, 1 inputs, 0 late, "
        "goal kept"
    )
    assert said == "alert: all of them have ended\n"


def test_the_lines_of_a_server_name_the_tenants(capsys: pytest.CaptureFixture[str]) -> None:
    with serve(live="shop") as server:
        server.tenant("door")
        assert main(["watch", "--json", "--once"]) == 0
    seen = Snapshot.of_line(without_age(capsys.readouterr().out))
    assert list(watch_table.lines([(seen, 0.0)])) == ["shop, door: no input yet"]


def without_age(line: str) -> bytes:
    document = json.loads(line)
    del document["age"]
    return json.dumps(document).encode()


def test_the_table_fits_into_80_columns() -> None:
    model = "efficientnet-lite4-quantized"
    full = stream(name="a long name", model=model, exit=2, inputs=123456, late=1234, refused=9999)
    other = stream(name="door", response=12.345, deadline=None, power_cap=None, kept=None)
    text = drawn(snapshot(full, other))
    assert max(map(len, text.splitlines())) <= 80
    for shown in ("34.1 of 50 ms", "12.3 s", "20 W", "no cap", "1.50", "123456", "kept", "9999"):
        assert shown in text
    assert model in drawn(snapshot(full, other), width=120)


def test_the_table_of_a_runner_has_a_row() -> None:
    *_, row, end = drawn(snapshot(stream())).splitlines()
    assert " ".join(row.split()) == "net 20 W 1.50 34.1 of 50 ms 0.51 12 1 kept"
    assert end == ""
    assert "missed" in drawn(snapshot(stream(kept=False)))


def test_numbers_that_are_old_are_marked() -> None:
    assert "silent for 7 s" in drawn(snapshot(stream()), age=7.2)
    assert "silent" not in drawn(snapshot(stream()), age=1.0)


def test_a_name_is_no_markup() -> None:
    text = drawn(snapshot(stream(name="[red]door[/]", model="[bold]net")))
    assert "[red]door[/]" in text
    assert "[bold]net" in text


PROGRAM = """
import sys
from alert import power
power.journal_directory = lambda: sys.argv[1]
from alert.cli import main
sys.exit(main(["watch"]))
"""


def test_on_a_terminal_it_draws_until_ctrl_c(bench: Bench, directory: Path) -> None:
    require("rich")
    mine, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(directory)],
        stdout=its,
        stderr=subprocess.PIPE,
        env={**os.environ, "TERM": "xterm-256color"},
    )
    os.close(its)
    os.set_blocking(mine, False)
    ends, drew = time.monotonic() + SOON, b""
    while drew.count(b"small") < 3:  # drawn over and over
        assert time.monotonic() < ends, drew
        try:
            drew += os.read(mine, 1 << 16)
        except BlockingIOError:
            time.sleep(0.01)
    program.send_signal(signal.SIGINT)
    _, said = program.communicate(timeout=SOON)
    os.close(mine)
    assert (program.returncode, said) == (0, b"")
