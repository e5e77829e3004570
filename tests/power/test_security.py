"""SECURITY.md says of the watchdog what a running one shows."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from gpus import Gpus
from killing import wait_for, watchdogs
from plants import Plant
from policies import tree

PAGE = Path(__file__).parents[2] / "SECURITY.md"

VICTIM = """
import os, sys
from alert import power

power.journal_directory = lambda: sys.argv[1]
device = power.open(sys.argv[2], **({"root": sys.argv[3]} if sys.argv[3] else {}))
device.set_cap(device.cap_range[1] * 0.6)
print(flush=True)
sys.stdin.read()
"""


def row(name: str) -> str:
    """What the page's table says of the watchdog under that name."""
    (text,) = re.findall(rf"^\| {name} \| (.*) \|$", PAGE.read_text(), flags=re.M)
    return str(text)


@dataclass
class Watchdog:
    pid: int
    parent: int
    directory: Path  # of the journals

    def read(self, name: str) -> str:
        return Path(f"/proc/{self.pid}/{name}").read_text()

    def descriptors(self) -> Counter[str]:
        names = (os.readlink(link) for link in Path(f"/proc/{self.pid}/fd").iterdir())
        return Counter(re.sub(r"^(socket):.*", r"\1", name) for name in names)

    def libraries(self) -> set[str]:
        """Files mapped that can be executed, without directories and versions."""
        lines = [line.split() for line in self.read("maps").splitlines()]
        files = {Path(line[5]).name for line in lines if len(line) > 5 and "x" in line[1]}
        return {re.split(r"[-.]", name)[0] for name in files}


@contextmanager
def watchdog(directory: Path, kind: str, root: str = "", **environment: str) -> Iterator[Watchdog]:
    """The watchdog of a process that caps, which is killed in the end."""
    search = os.pathsep.join(filter(None, sys.path))
    kept = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    with subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(directory), kind, root],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**kept, "SECRET": "42", "PYTHONPATH": search, **environment},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"\n"
        (pid,) = watchdogs(process.pid)
        it = Watchdog(pid, process.pid, directory)
        try:
            yield it
        finally:
            process.send_signal(signal.SIGKILL)
    wait_for(lambda: not list(directory.glob("*.journal")))


def test_its_environment(machine: Plant, directory: Path) -> None:
    assert re.findall(r"`(\w+)`", row("environment")) == ["LD_LIBRARY_PATH"]
    with watchdog(directory, "rapl", str(machine.root)) as it:
        assert it.read("environ") == ""
    with watchdog(directory, "rapl", str(machine.root), LD_LIBRARY_PATH="/nowhere") as it:
        assert it.read("environ") == "LD_LIBRARY_PATH=/nowhere\0"


def test_its_session_and_directory(machine: Plant, directory: Path) -> None:
    assert row("session, directory") == "a session of its own, in `/`"
    with watchdog(directory, "rapl", str(machine.root)) as it:
        assert os.getsid(it.pid) not in (0, os.getsid(it.parent))
        assert os.readlink(f"/proc/{it.pid}/cwd") == "/"


def test_its_descriptors(machine: Plant, gpus: Gpus, directory: Path) -> None:
    text = row("descriptors")
    for name in (
        "`/dev/null` three times",
        "the journal",
        "a pidfd",
        "a pair of sockets",
        "its file",
    ):
        assert name in text
    limits = {str(machine.root / path) for path in machine.limits()}
    with watchdog(directory, "rapl", str(machine.root)) as it:
        held = it.descriptors()
        (journal,) = directory.glob("*.journal")
        assert held.pop("/dev/null") == 3
        assert held.pop("anon_inode:[pidfd]") == held.pop("socket") == held.pop(str(journal)) == 1
        assert set(held) <= limits
        assert set(held.values()) == {1}
        assert str(machine.root / "intel-rapl/intel-rapl:0/enabled") in held
    assert "the lock of its GPU" in text
    with watchdog(directory, "nvml", **{"LD_LIBRARY_PATH": str(gpus.library.parent)}) as it:
        held = it.descriptors()
        (journal,) = directory.glob("*.journal")
        locks = [str(directory / f"GPU-{i}.lock") for i in range(2)]
        assert set(held) == {"/dev/null", "anon_inode:[pidfd]", "socket", str(journal), *locks}
    gpus.machine.users = 0  # the dead said no goodbye


def test_its_descriptors_of_frequencies(tmp_path: Path, directory: Path) -> None:
    root = tree(tmp_path / "cpufreq")
    limits = {str(root / f"policy{number}/scaling_max_freq") for number in range(2)}
    with watchdog(directory, "cpufreq", str(root)) as it:
        held = it.descriptors()
        (journal,) = directory.glob("*.journal")
        assert set(held) == {"/dev/null", "anon_inode:[pidfd]", "socket", str(journal), *limits}
    assert {Path(limit).read_text() for limit in limits} == {"3600000\n"}


@pytest.mark.parametrize("kind", ["rapl", "nvml"])
def test_its_libraries(machine: Plant, gpus: Gpus, directory: Path, kind: str) -> None:
    named = {*re.findall(r"`(\w+)`", row("libraries, while it sleeps")), "ld", "[vdso]"}
    named |= {"_watchdog", "[vsyscall]"}
    root = str(machine.root) if kind == "rapl" else ""
    search = {"LD_LIBRARY_PATH": str(gpus.library.parent)}
    with watchdog(directory, kind, root, **search) as it:
        assert "libc" in it.libraries()
        assert it.libraries() <= named
    if kind == "nvml":
        assert gpus.limits() == Gpus.LIMITS  # for which it has loaded the driver's library
        gpus.machine.users = 0


def test_its_rights(machine: Plant, directory: Path) -> None:
    assert row("rights") == "user, group and capabilities of its parent"
    with watchdog(directory, "rapl", str(machine.root)) as it:
        rights = r"^(?:Uid|Gid|Groups|Cap\w+|NoNewPrivs):.*$"
        parent = Path(f"/proc/{it.parent}/status").read_text()
        found = re.findall(rights, it.read("status"), flags=re.M)
        assert len(found) >= 8
        assert found == re.findall(rights, parent, flags=re.M)


def test_it_opens_no_file_of_a_zone(machine: Plant, directory: Path) -> None:
    assert "For zones and frequencies it opens no file." in " ".join(PAGE.read_text().split())
    found = machine.limits()
    with watchdog(directory, "rapl", str(machine.root)) as it:
        assert machine.limits() != found
        machine.counts()
        assert it.pid
    counts = machine.counts()
    assert sum(opens for opens, _, _ in counts.values()) == 0
    written = {path for path, (_, _, writes) in counts.items() if writes}
    assert written
    assert written <= set(found)
    assert machine.limits() == found
