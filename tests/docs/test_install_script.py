"""`install.py` where something is missing: stand-ins for programs note what they are told."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from needs import NEEDS, TO_BUILD, TO_TEST
from programs import ROOT

RUN = f"""
import os, runpy
os.geteuid = lambda: {{}}
runpy.run_path({str(ROOT / "install.py")!r}, {{{{}}}}, "__main__")
"""


class Machine:
    """A machine with Python and what a test adds to it."""

    def __init__(self, folder: Path) -> None:
        self.bin, self.noted = folder / "bin", folder / "noted"
        (folder / "venv" / "bin").mkdir(parents=True)
        self.bin.mkdir()
        self.noted.write_text("")
        self.program(folder / "venv" / "bin" / "python", "")
        self.user = 0  # as the script sees it, whoever runs the test
        self.arguments = ["--venv", str(folder / "venv")]

    def program(self, path: Path, script: str) -> None:
        """Add a program that notes its arguments and then runs the script."""
        path.write_text(f'#!/bin/sh\necho "{path.name} $*" >>{self.noted}\n{script}\n')
        path.chmod(0o755)

    def add(self, name: str, script: str = "") -> None:
        self.program(self.bin / name, script)

    def add_apt_get(self) -> None:
        """Installing with it brings a compiler."""
        self.add("env", 'shift; exec "$@"')
        gcc = f"{self.bin}/gcc"
        self.add(
            "apt-get", f"case $* in *install*) echo '#!/bin/sh' >{gcc}; /bin/chmod +x {gcc};; esac"
        )

    def install(self, *arguments: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        """Run the script; with an answer, somebody sits there."""
        ours, theirs = pty.openpty() if answer else os.pipe()
        if answer:
            os.write(ours, answer.encode())
        try:
            return subprocess.run(
                [sys.executable, "-c", RUN.format(self.user), *self.arguments, *arguments],
                env={"PATH": str(self.bin), "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=theirs if answer else subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            os.close(ours)
            os.close(theirs)

    def told(self, name: str) -> list[str]:
        """Return what a program was told, call by call."""
        lines = self.noted.read_text().splitlines()
        return [line.partition(" ")[2] for line in lines if line.startswith(f"{name} ")]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_what_is_missing_is_named_installed_and_then_alert(machine: Machine) -> None:
    machine.add_apt_get()
    done = machine.install("demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert NEEDS["gcc"].purpose in done.stdout
    assert "gcc libc6-dev" in done.stdout
    update, install = machine.told("apt-get")
    assert update == "-qq update"
    assert install.startswith("-qq install --yes --no-install-recommends ")
    assert "gcc libc6-dev" in install
    assert "valgrind" not in install  # that is for the tests
    assert machine.told("python") == [
        f"-m pip install --quiet --constraint {ROOT}/constraints.txt {ROOT}[demo]"
    ]
    machine.noted.write_text("")
    assert machine.install("demo").returncode == 0
    assert machine.told("apt-get") == []  # nothing is missing any more


def test_the_tests_need_more(machine: Machine) -> None:
    machine.add_apt_get()
    done = machine.install("test")
    assert done.returncode == 0
    installed = machine.told("apt-get")[1]
    assert all(package in installed for package in ("valgrind", "g++", "make", "clang"))
    assert "Tests that need what is missing will be skipped." in done.stdout
    assert machine.told("python")[0].endswith("[test]")


@pytest.mark.parametrize("answer", ["n\n", "y\n", "\n"])
def test_somebody_who_sits_there_is_asked(machine: Machine, answer: str) -> None:
    machine.add_apt_get()
    done = machine.install("demo", answer=answer)
    assert "Install these Debian packages as root? [Y/n]" in done.stdout
    agreed = answer != "n\n"
    assert bool(machine.told("apt-get")) == agreed
    assert done.returncode == (0 if agreed else 1)
    if not agreed:
        assert done.stderr.startswith("alert cannot be built without: C compiler")
        assert machine.told("python") == []


def test_not_asked_with_yes(machine: Machine) -> None:
    machine.add_apt_get()
    done = machine.install("demo", "--yes", answer="n\n")
    assert done.returncode == 0
    assert "[Y/n]" not in done.stdout
    assert len(machine.told("apt-get")) == 2


def test_a_system_without_apt(machine: Machine) -> None:
    done = machine.install("test")
    assert done.returncode == 1
    assert "There is no apt-get here" in done.stdout
    assert "C compiler" in done.stdout
    assert "memory checks" in done.stdout
    assert done.stderr.startswith("alert cannot be built without: C compiler")


def test_somebody_else_than_root(machine: Machine) -> None:
    machine.user = 1000
    machine.add_apt_get()
    done = machine.install("demo")
    assert done.returncode == 1
    assert "there is no sudo: apt-get install gcc libc6-dev" in done.stdout
    assert machine.told("apt-get") == []
    machine.add("sudo", 'exec "$@"')
    done = machine.install("demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert machine.told("sudo")[0].endswith("apt-get -qq update")


def test_a_step_that_fails(machine: Machine) -> None:
    machine.add("env", 'shift; exec "$@"')
    machine.add("apt-get", "exit 100")
    done = machine.install("demo")
    assert done.returncode == 1
    assert done.stderr.startswith("failed: env DEBIAN_FRONTEND=noninteractive apt-get -qq update")
    assert machine.told("python") == []


def test_everything_needed_has_a_purpose_and_a_package() -> None:
    for name in TO_BUILD + TO_TEST:
        assert NEEDS[name].purpose
        assert NEEDS[name].debian


def test_what_a_test_lacks_is_named_at_the_end() -> None:
    """`require` notes it, and `--nothing-missing` sees it; pytest's own way does neither."""
    own_way = "import" + "orskip"
    assert not [path for path in (ROOT / "tests").rglob("*.py") if own_way in path.read_text()]
