"""Processes that cap in other namespaces: the living keep their limits, the dead give them back."""

from __future__ import annotations

from pathlib import Path

import pytest
from capping import are_back, line_of, process, tell
from killing import wait_for

from alert import power

pytestmark = pytest.mark.usefixtures("directory")

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
