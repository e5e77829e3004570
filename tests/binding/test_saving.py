"""Full disks, quotas, read-only places and kills: a file that was there is there as it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import synthetic
from programs import PACKAGES

import alert

SUPPORT = Path(__file__).parents[1] / "support"
NAMES = ["p.json", "t.npz"]
PROFILE = synthetic.trace(3).profile


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A directory with a small profile and a small trace."""
    PROFILE.save(tmp_path / "p.json")
    synthetic.trace(3).save(tmp_path / "t.npz")
    return tmp_path


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def save(directory: Path, how: str, *under: str) -> subprocess.CompletedProcess[str]:
    """Save over what is there, in a process of its own that is started by the command `under`."""
    program = [*under, sys.executable, str(SUPPORT / "saving.py"), str(directory), how]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGES)}
    return subprocess.run(
        program, capture_output=True, text=True, timeout=60, check=False, env=environment
    )


def mounted(commands: str) -> list[str]:
    """Run a command while a file system of 24 KB lies over the directory that it names third."""
    mount = 'cp -a "$3" "$3.kept"; mount -t tmpfs -o size=24k none "$3"; cp -a "$3.kept/." "$3"'
    compare = 'diff -r "$3" "$3.kept"'  # here, for nobody else sees the mount
    return ["unshare", "-m", "sh", "-ec", f'{mount}; {commands}; "$@"; {compare}', "sh"]


def names_targets(printed: str, directory: Path, problem: str) -> bool:
    expected = [f"{problem}: '{directory / name}'" for name in NAMES]
    return [line.partition("] ")[2] for line in printed.splitlines()] == expected


def test_a_file_may_not_grow_so_large(kept: Path) -> None:
    before = contents(kept)
    done = save(kept, "small")
    assert done.returncode == 0, done.stderr
    assert names_targets(done.stdout, kept, "File too large")
    assert contents(kept) == before


@pytest.mark.needs("root")  # to mount
@pytest.mark.parametrize(
    ("commands", "problem"),
    [
        ("true", "No space left on device"),
        ('mount -o remount,ro "$3"', "Read-only file system"),
    ],
    ids=["full", "read-only"],
)
def test_a_disk_that_is_full_or_read_only(kept: Path, commands: str, problem: str) -> None:
    done = save(kept, "", *mounted(commands))
    assert done.returncode == 0, done.stdout + done.stderr  # diff found nothing, not even a name
    assert names_targets(done.stdout, kept, problem)


def test_a_directory_that_others_own(kept: Path) -> None:
    before = contents(kept)
    kept.chmod(0o555)
    as_root = ["setpriv", "--bounding-set=-dac_override"]  # which may write anywhere
    done = save(kept, "", *(as_root if os.geteuid() == 0 else []))
    assert done.returncode == 0, done.stderr
    assert names_targets(done.stdout, kept, "Permission denied")
    assert contents(kept) == before


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_kill_before_the_file_is_moved(call: str, kept: Path) -> None:
    before = contents(kept)
    assert save(kept, f"killed in {call}").returncode == -signal.SIGKILL
    after = contents(kept)
    assert {name: after.pop(name) for name in NAMES} == before
    [left] = after
    assert left.startswith(".p.json.")
    assert left.endswith(".tmp")
    assert alert.Profile.load(kept / "p.json") == PROFILE
    other = alert.Profile([[1.0]], [[1.0]], [1.0], [1.0], 0.0)
    other.save(kept / "p.json")
    assert alert.Profile.load(kept / "p.json") == other


def test_a_target_that_is_a_directory(tmp_path: Path) -> None:
    (tmp_path / "p.json").mkdir()
    with pytest.raises(IsADirectoryError, match=r"p\.json'$"):
        PROFILE.save(tmp_path / "p.json")
    assert os.listdir(tmp_path) == ["p.json"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
def test_a_file_that_is_saved_over_keeps_its_permissions(mode: int, kept: Path) -> None:
    for name in NAMES:
        (kept / name).chmod(mode)
    PROFILE.save(kept / "p.json")
    synthetic.trace(3).save(kept / "t.npz")
    assert {(kept / name).stat().st_mode & 0o777 for name in NAMES} == {mode}


@pytest.mark.parametrize("number", [1, True])
def test_a_number_is_not_a_path(number: int) -> None:
    """`open` takes numbers for descriptors, and closes them at the end."""
    for call in (alert.Profile.load, alert.Trace.load, PROFILE.save, synthetic.trace(3).save):
        with pytest.raises(TypeError, match=r"^path: expected a str or an os\.PathLike, got "):
            call(number)  # type: ignore[arg-type]
    os.fstat(1)


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"File name too long: '.*/p{250}'"):
        PROFILE.save(tmp_path / ("p" * 250))
    assert os.listdir(tmp_path) == []


def test_the_umask_of_all_threads_is_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> int:
        raise AssertionError("other threads would create files that anybody may write")

    monkeypatch.setattr(os, "umask", refuse)
    PROFILE.save(tmp_path / "p.json")


def test_many_threads_save_to_one_file(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    threads = [threading.Thread(target=PROFILE.save, args=(path,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert os.listdir(tmp_path) == ["p.json"]
    assert alert.Profile.load(path) == PROFILE
