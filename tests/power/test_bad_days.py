"""A process that caps in odd surroundings: what it found is given back, and nothing is silent."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import journals
import pytest
from killing import is_dead, wait_for, watchdogs
from programs import PACKAGES
from rapl_tree import CLIENT, build, limits, zone_path

from alert import power

pytestmark = pytest.mark.usefixtures("directory")

CAP = """
import os, signal, sys, time
from alert import power

power.journal_directory = lambda: sys.argv[2]
device = power.open("rapl", root=sys.argv[1])
device.set_cap(20.0)
print(os.getpid(), flush=True)
"""


@pytest.fixture
def found(client: Path) -> tuple[int, ...]:
    return limits(zone_path(client, 1))


@contextmanager
def process(
    client: Path,
    directory: Path,
    after: str = "sys.stdin.read()",
    *,
    before: str = "",
    **kw: object,
) -> Iterator[subprocess.Popen[str]]:
    """Start a process that caps, perhaps in other surroundings; it is killed in the end."""
    command = [sys.executable, "-u", "-W", "always", "-c", before + CAP + after]
    with subprocess.Popen(
        [*kw.pop("within", []), *command, str(client), str(directory)],  # type: ignore[misc]
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PACKAGES)},
    ) as it:
        try:
            yield it
        finally:
            it.kill()


def line_of(it: subprocess.Popen[str]) -> str:
    assert it.stdout is not None
    line = it.stdout.readline()
    if not line:
        assert it.stderr is not None
        raise AssertionError(it.stderr.read())
    return line


def tell(it: subprocess.Popen[str], line: object) -> None:
    assert it.stdin is not None
    it.stdin.write(f"{line}\n")
    it.stdin.flush()


def are_back(client: Path, found: tuple[int, ...]) -> bool:
    return limits(zone_path(client, 1)) == found


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
        assert list(directory.iterdir()) == []


# ---------------------------------------------------------------------------------------- journals


@pytest.mark.needs("root")  # to mount
@pytest.mark.parametrize("fill", [True, False])
def test_a_full_disk_is_said_once_and_the_watchdog_does_without(
    client: Path, directory: Path, found: tuple[int, ...], fill: bool
) -> None:
    """Full of data, or of files."""
    directory.mkdir(mode=0o700)
    options = "size=16k,mode=700" if fill else "nr_inodes=1,mode=700"
    eat = f"head -c 65536 /dev/zero > {directory}/filler 2>/dev/null;" if fill else ""
    mount = f'mount -t tmpfs -o {options} none {directory} && {eat} exec "$0" "$@"'
    within = ["unshare", "-m", "sh", "-c", mount]
    with process(
        client, directory, "device.set_cap(25.0)\nprint()\nsys.stdin.read()", within=within
    ) as it:
        line_of(it)
        line_of(it)
        assert not are_back(client, found)
        it.kill()
        wait_for(lambda: are_back(client, found))
        assert it.stderr is not None
        told = it.stderr.read()
    assert told.count("PowerWarning") == 1
    assert "No space left on device" in told
    assert "together with its watchdog" in told
    assert "never" in told


@pytest.mark.parametrize("watchdog", [True, False])
def test_a_directory_that_will_not_do_says_what_is_lost(
    client: Path, directory: Path, found: tuple[int, ...], watchdog: bool
) -> None:
    directory.mkdir()
    directory.chmod(0o777)
    before = "" if watchdog else "from alert import power; power._WATCHDOG = '/none'\n"
    with process(client, directory, before=before) as it:
        line_of(it)
        it.kill()
        if watchdog:
            wait_for(lambda: are_back(client, found))
        assert it.stderr is not None
        told = it.stderr.read()
    assert told.count("PowerWarning") == 1
    assert "never given back" in told
    assert ("together with its watchdog" in told) == watchdog
    assert ("others may write to it" in told) == watchdog
    assert are_back(client, found) == watchdog


def test_without_a_watchdog_there_is_a_journal_and_a_warning(
    client: Path, directory: Path, found: tuple[int, ...]
) -> None:
    """And a worker that outlives the dead keeps nobody from giving back."""
    before = "from alert import power; power._WATCHDOG = '/none'\n"
    fork = "pid = os.fork()\nif pid == 0: time.sleep(60)\nprint(pid, flush=True)\nsys.stdin.read()"
    with process(client, directory, fork, before=before) as it:
        line_of(it)
        worker = int(line_of(it))
        it.kill()
    try:
        assert not are_back(client, found)
        assert all(item["error"] is None for item in power.restore(directory))
        assert are_back(client, found)
    finally:
        os.kill(worker, signal.SIGKILL)


def test_a_child_past_the_handlers_of_fork_keeps_nobody_from_giving_back(
    client: Path, directory: Path, found: tuple[int, ...]
) -> None:
    """It shares the lock of the journal; but the process is dead, and there was no watchdog."""
    if not hasattr(ctypes.CDLL(None), "_Fork"):
        pytest.skip("the C library has no _Fork()")
    before = "from alert import power; power._WATCHDOG = '/none'\n"
    fork = """
import ctypes
pid = ctypes.CDLL(None)._Fork()
if pid == 0: time.sleep(60)
print(pid, flush=True)
sys.stdin.read()
"""
    with process(client, directory, fork, before=before) as it:
        line_of(it)
        worker = int(line_of(it))
        assert power.restore(directory) == []  # it lives
        it.kill()
    try:
        assert power.restore(directory)
        assert are_back(client, found)
    finally:
        os.kill(worker, signal.SIGKILL)


@pytest.mark.parametrize("program", ["/bin/false", "/bin/true"])
def test_a_watchdog_that_does_not_start_is_said(
    client: Path, directory: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr(power, "_WATCHDOG", program)
    with power.open("rapl", root=client) as device:
        with pytest.warns(power.PowerWarning, match=r"did not start .*not given back at once"):
            device.set_cap(20.0)
        device.set_cap(25.0)
        assert len(list(directory.glob("*.journal"))) == 1


def test_what_a_process_had_just_begun_is_removed(client: Path, directory: Path) -> None:
    directory.mkdir(mode=0o700)
    (directory / "7-abcdef.tmp").touch(mode=0o600)
    making = directory / "8-abcdef.tmp"
    making.touch(mode=0o600)
    held = journals.lock(making)
    power.open("rapl", root=client).close()
    assert list(directory.iterdir()) == [making]  # its process lives
    os.close(held)
    assert power.restore(directory) == []
    assert list(directory.iterdir()) == []


def test_a_restore_that_stands_still_holds_nobody_up_for_long(
    client: Path, directory: Path, found: tuple[int, ...]
) -> None:
    directory.mkdir(mode=0o700)
    held = journals.lock_directory(directory)
    try:
        with pytest.raises(BlockingIOError, match="at work there for seconds"):
            power.restore(directory)
        with power.open("rapl", root=client) as device:
            with pytest.warns(power.PowerWarning, match="at work there for seconds"):
                device.set_cap(20.0)
            assert len(watchdogs(os.getpid())) == 1
        assert are_back(client, found)
    finally:
        os.close(held)


def test_the_command_says_which_journals_were_passed_over(directory: Path) -> None:
    directory.mkdir(mode=0o700)
    (directory / "1-cut.journal").write_bytes(b"alertJ")
    (directory / "2-directory.journal").mkdir()
    command = [sys.executable, "-m", "alert", "restore", "--directory", str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert sorted(done.stdout.splitlines()) == [
        f"{directory}/1-cut.journal passed over: it is cut, damaged or of another version",
        f"{directory}/2-directory.journal passed over: Is a directory",
    ]
    assert done.returncode == 1
    assert "2 journals were passed over" in done.stderr
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    assert [item["value"] for item in json.loads(done.stdout)["files"]] == [None, None]
    assert done.returncode == 1


# -------------------------------------------------------------------------------------- namespaces

NAMESPACES = {
    "own /proc": ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"],
    "the host's /proc": ["unshare", "--pid", "--fork", "--kill-child"],
    "time": ["unshare", "--time", "--boottime", "1000", "--fork", "--kill-child"],
}


@pytest.mark.needs("root")  # to unshare
@pytest.mark.parametrize("within", NAMESPACES.values(), ids=NAMESPACES)
def test_a_living_process_of_another_namespace_keeps_its_limits(
    client: Path, directory: Path, found: tuple[int, ...], within: list[str]
) -> None:
    after = "for line in sys.stdin:\n    print(device.cap, flush=True)\n"
    with process(client, directory, after, within=within) as it:
        line_of(it)
        assert power.restore(directory) == []
        with pytest.raises(power.PowerError, match="caps it already"):
            power.open("rapl", root=client)
        assert len(list(directory.glob("*.journal"))) == 1
        tell(it, "cap")
        assert line_of(it) == "20.0\n"
    wait_for(lambda: left_by_nobody(directory))
    assert are_back(client, found)


@pytest.mark.needs("root")  # to unshare
def test_a_proc_of_another_namespace_says_nothing_of_who_lives(
    client: Path, directory: Path, found: tuple[int, ...]
) -> None:
    """Process and restore are in one namespace, whose pids their /proc does not know."""
    after = """
if os.fork() == 0:
    print(power.restore(sys.argv[2]), device.cap, flush=True)
    os._exit(0)
sys.stdin.read()
"""
    with process(client, directory, after, within=NAMESPACES["the host's /proc"]) as it:
        line_of(it)
        assert line_of(it) == "[] 20.0\n"
    wait_for(lambda: left_by_nobody(directory))
    assert are_back(client, found)


def left_by_nobody(directory: Path) -> bool:
    """Restore; the end of a namespace kills watchdogs at any moment."""
    power.restore(directory)
    return list(directory.iterdir()) == []


# ---------------------------------------------------------------------------------------- watchdog


def test_a_loop_of_waits_ends(client: Path, directory: Path) -> None:
    """The watchdog is nobody's child that the program would wait for."""
    loop = """
import subprocess
subprocess.Popen(["true"])
try:
    while True:
        os.wait()
except ChildProcessError:
    print("all have ended", flush=True)
sys.stdin.read()
"""
    with process(client, directory, loop) as it:
        pid = int(line_of(it))
        assert len(watchdogs(pid)) == 1
        assert line_of(it) == "all have ended\n"


def test_a_lost_watchdog_is_replaced(client: Path, directory: Path, found: tuple[int, ...]) -> None:
    loop = (
        "for line in sys.stdin:\n    device.set_cap(float(line)); print(device.cap, flush=True)\n"
    )
    with process(client, directory, loop) as it:
        pid = int(line_of(it))
        (first,) = watchdogs(pid)
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: is_dead(first))
        tell(it, 15.0)
        line_of(it)
        (second,) = watchdogs(pid)
        assert second != first
        it.kill()
        wait_for(lambda: are_back(client, found))
        assert it.stderr is not None
        assert it.stderr.read() == ""


def test_a_lost_watchdog_that_cannot_be_replaced_is_said_once(
    client: Path, directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "watchdog"
    program.symlink_to(power._WATCHDOG)
    monkeypatch.setattr(power, "_WATCHDOG", str(program))
    with power.open("rapl", root=client) as device:
        device.set_cap(20.0)
        (watchdog,) = watchdogs(os.getpid())
        program.unlink()
        os.kill(watchdog, signal.SIGKILL)
        wait_for(lambda: is_dead(watchdog))
        with pytest.warns(power.PowerWarning, match="not given back at once"):
            device.set_cap(25.0)
        device.set_cap(15.0)


def test_closing_survives_a_dead_watchdog_and_a_default_sigpipe(
    client: Path, directory: Path, found: tuple[int, ...]
) -> None:
    code = """
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
sys.stdin.readline()
device.close()
print("closed", flush=True)
"""
    with process(client, directory, code) as it:
        (watchdog,) = watchdogs(int(line_of(it)))
        os.kill(watchdog, signal.SIGKILL)
        wait_for(lambda: is_dead(watchdog))
        tell(it, "close")
        assert line_of(it) == "closed\n"
        assert it.wait() == 0
    assert are_back(client, found)


def test_closing_does_not_wait_for_ever_for_a_watchdog_that_is_stopped(
    client: Path, directory: Path, found: tuple[int, ...]
) -> None:
    code = "sys.stdin.readline(); device.close(); print('closed', flush=True)"
    with process(client, directory, code) as it:
        (watchdog,) = watchdogs(int(line_of(it)))
        os.kill(watchdog, signal.SIGSTOP)
        try:
            tell(it, "close")
            assert line_of(it) == "closed\n"
            assert are_back(client, found)
            with power.open("rapl", root=client) as device:
                device.set_cap(15.0)  # free again
        finally:
            os.kill(watchdog, signal.SIGCONT)
    wait_for(lambda: is_dead(watchdog))
    assert are_back(client, found)


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
