"""A process that caps in odd surroundings: what it found is given back, and nothing is silent."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from capping import CAP, are_back, line_of, process, tell
from killing import is_dead, wait_for, watchdogs
from programs import PACKAGES
from rapl_tree import CLIENT, build

from alert import power

pytestmark = pytest.mark.usefixtures("directory")


# ------------------------------------------------------------------------------------- descriptors


def test_descriptors_of_the_standard_streams_are_left_alone(
    client: Path, directory: Path, found: tuple[int, ...], tmp_path: Path
) -> None:
    """As of a daemon, which has closed them: what it prints would go into the journal."""
    told = tmp_path / "told"
    before = "import os; [os.close(fd) for fd in (0, 1, 2)]\n"
    code = (
        before
        + CAP.replace("print(", "(lambda *_, **__: None)(")
        + f"""
taken = [fd for fd in (0, 1, 2) if os.path.exists(f"/proc/self/fd/{{fd}}")]
with open({str(told)!r} + "~", "w") as file:
    file.write(repr(taken))
os.rename({str(told)!r} + "~", {str(told)!r})
time.sleep(60)
"""
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(client), str(directory)],
        env={**os.environ, "PYTHONPATH": str(PACKAGES)},
    ) as it:
        wait_for(told.exists)
        assert told.read_text() == "[]"
        assert len(watchdogs(it.pid)) == 1
        assert not are_back(client, found)
        it.kill()
    wait_for(lambda: are_back(client, found))


def test_a_process_that_closes_everything_gives_back(
    client: Path, directory: Path, found: tuple[int, ...]
) -> None:
    """It can reach its limits no more, so that they are nobody's."""
    with process(client, directory, "os.closerange(3, 100); sys.stdin.read()") as it:
        line_of(it)
        wait_for(lambda: are_back(client, found))
        assert it.poll() is None


@pytest.mark.parametrize("workers", [False, True])
def test_another_program_in_the_same_process_gives_back(
    client: Path, directory: Path, found: tuple[int, ...], workers: bool
) -> None:
    """Also while workers live on, forked by the first program."""
    fork = "pid = os.fork()\nif pid == 0: time.sleep(60)\nprint(pid, flush=True)\n"
    again = "print('again', flush=True); sys.stdin.readline()\n"
    code = (fork if workers else "print(0)\n") + (
        f"os.execv(sys.executable, [sys.executable, '-c', {CAP + again!r}, *sys.argv[1:]])"
    )
    with process(client, directory, code) as it:
        pid, worker = int(line_of(it)), int(line_of(it))
        assert int(line_of(it)) == pid  # and caps again
        assert line_of(it) == "again\n"
        assert not are_back(client, found)
        (watchdog,) = watchdogs(pid)
        tell(it, "end")
        it.wait()
        wait_for(lambda: is_dead(watchdog))
        if worker:
            os.kill(worker, signal.SIGKILL)
    assert are_back(client, found)


def test_the_lock_of_the_program_before_is_not_our_own(
    client: Path, directory: Path, found: tuple[int, ...]
) -> None:
    """Its watchdog has it, and is waited for, although the kernel names this process."""
    again = f"""
from alert import power
try:
    power.open("rapl", root={str(client)!r})
except power.PowerError as error:
    print(error.why, flush=True)
"""
    code = f"sys.stdin.readline()\nos.execv(sys.executable, [sys.executable, '-c', {again!r}])"
    with process(client, directory, code) as it:
        (watchdog,) = watchdogs(int(line_of(it)))
        os.kill(watchdog, signal.SIGSTOP)
        try:
            tell(it, "exec")
            assert line_of(it) == "another process caps it already\n"
        finally:
            os.kill(watchdog, signal.SIGCONT)
    wait_for(lambda: are_back(client, found))


def test_a_program_that_never_heard_of_us_gives_back(
    client: Path, directory: Path, found: tuple[int, ...]
) -> None:
    with process(client, directory, "os.execvp('sleep', ['sleep', '60'])") as it:
        line_of(it)
        wait_for(lambda: are_back(client, found))
        assert it.poll() is None
        wait_for(lambda: list(directory.iterdir()) == [])  # the journal goes last


# ------------------------------------------------------------------------------------ what is said


@pytest.mark.parametrize(
    "group",
    ["'; rm -rf /; '", "a b", "$(id)", "`id`", "a\nb", "a\n", "-R", "", "x" * 33, "ä", None, 7],
)
def test_a_rule_is_for_groups_only(group: Any) -> None:
    with pytest.raises(ValueError, match=r"^group: expected the name of a group, got") as caught:
        power.rule(group=group)
    assert len(str(caught.value)) < 150


def test_a_rule_grants_something_once() -> None:
    assert power.rule(caps=2**31, energy=2**31) == power.rule()  # type: ignore[arg-type]
    assert power.rule(frequencies=2**31) == power.rule(frequencies=True)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^caps, energy, frequencies: expected at least one"):
        power.rule(caps=False, energy=False)
    for group in ("power", "_alert", "gpu-users", "65534", "a.b"):
        assert group in power.rule(group=group)


def test_too_many_open_files_are_no_missing_library(client: Path) -> None:
    code = """
import os, resource, sys
from alert import power
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
try:
    while True:
        os.open("/dev/null", os.O_RDONLY)
except OSError:
    pass
try:
    power.open("rapl", root=sys.argv[1], observe=True)
except power.PowerError as error:
    print(error.errno, error.remedy)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(client)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PACKAGES)},
        check=False,
    )
    assert done.stdout.startswith(f"{errno.EMFILE} close some files"), done.stdout + done.stderr


@pytest.mark.needs("root")  # to mount, and to become somebody else
def test_an_owner_whom_proc_hides_lives(directory: Path) -> None:
    """Mounted with hidepid=2, /proc shows nobody else's processes."""
    ask = """
import os, sys
from alert import power
power.journal_directory = lambda: sys.argv[2] + "-other"
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
try:
    power.open("rapl", root=sys.argv[1])
except power.PowerError as error:
    print(error.why, error.what)
"""
    mount = 'mount -t proc -o hidepid=2 none /proc && exec "$0" "$@"'
    with tempfile.TemporaryDirectory() as everybodys:  # pytest's own are closed to others
        tree = build(Path(everybodys) / "powercap", CLIENT)
        for path in (Path(everybodys), tree, *tree.rglob("*")):
            path.chmod(0o777)
        with process(tree, directory) as it:
            pid = int(line_of(it))
            done = subprocess.run(
                [*("unshare", "-m", "sh", "-c", mount), sys.executable, "-c", ask, tree, directory],
                capture_output=True,
                text=True,
                env={**os.environ, "PYTHONPATH": str(PACKAGES)},
                check=False,
            )
    assert f"process {pid} caps it already" in done.stdout, done.stdout + done.stderr
