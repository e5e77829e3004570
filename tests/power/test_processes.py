"""RAPL and other processes: rights, what is given back, what is inherited."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from rapl_tree import (
    build,
    limits,
    package,
    run_as_nobody,
    zone_path,
)

from alert import power
from alert.power import opening

SUPPORT = Path(__file__).parents[1] / "support"

DROP = "os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)"


@pytest.mark.parametrize(
    ("energy_mode", "limit_mode", "expected"),
    [
        (0o400, 0o644, "False False"),
        (0o444, 0o644, "False True"),
        (0o400, 0o666, "True False"),
        (0o444, 0o666, "True True"),
    ],
)
def test_rights_as_they_are(
    tmp_path: Path, energy_mode: int, limit_mode: int, expected: str
) -> None:
    root = build(tmp_path / "powercap", [package()])
    code = f"""
import os, pathlib
from alert import power
from alert.power import opening
for path in pathlib.Path({str(root)!r}).rglob("*"):
    if path.is_file():
        os.chown(path, 0, 0)
        os.chmod(path, 0o644)
        if path.name == "energy_uj":
            os.chmod(path, {energy_mode})
        if path.name.endswith("power_limit_uw"):
            os.chmod(path, {limit_mode})
{DROP}
told = power.describe({str(root)!r})["rapl"]
print(told["can_cap"], told["can_read"])
for lack in told["missing"]:
    print(pathlib.Path(lack["what"]).name, lack["why"], "alert info" in lack["remedy"])
try:
    device = power.open("rapl", root={str(root)!r})
    print("open", device.can_cap, device.can_read, device.energy())
    device.set_cap(20.0)
    print("capped", device.cap)
except power.PowerPermissionError as error:
    print("PowerPermissionError", isinstance(error, PermissionError), error.errno)
"""
    lines = run_as_nobody(root, code).stdout.splitlines()
    assert lines[0] == expected
    cap, read_ = (word == "True" for word in expected.split())
    wanted = []
    if not cap:
        wanted.append("constraint_2_power_limit_uw Permission denied True")
    if not read_:
        wanted.append("energy_uj Permission denied True")
    if cap or read_:
        wanted.append(f"open {cap} {read_} {0.0 if read_ else None}")
    wanted.append("capped 20.0" if cap else "PowerPermissionError True 13")
    assert lines[1:] == wanted


@pytest.mark.needs("libpowercap", "powercap-utils", "root")  # to mount
def test_the_tree_of_the_machine_itself() -> None:
    """The default root, by mounting a tree there in a mount namespace of its own."""
    code = f"""
import subprocess, sys
from pathlib import Path
sys.path.insert(0, {str(SUPPORT)!r})
from rapl_tree import CLIENT, limits
from rapl_tree import build, zone_path
from alert import power
from alert.power import opening
root = build(Path("/sys/class/powercap"), CLIENT)
zone = zone_path(root, 1)
found = limits(zone)
device = power.open()
device.set_cap(17.0)
shown = subprocess.run(["powercap-info", "-z", "1", "-c", "2", "-l", "intel-rapl"],
                       capture_output=True, text=True, check=True).stdout.strip()
print(device.kind, device.cap, shown)
device.close()
print(limits(zone) == found)
"""
    command = 'mount -t tmpfs none /sys/class && exec "$0" -c "$1"'
    result = subprocess.run(
        ["unshare", "-m", "sh", "-c", command, sys.executable, code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.stdout.splitlines() == ["rapl 17.0 17000000", "True"], result.stderr


def test_given_back_when_nobody_closes(client: Path) -> None:
    found = limits(zone_path(client, 1))
    endings = {
        "module end": "",
        "exception": "raise RuntimeError",
        "exit": "sys.exit(3)",
        "dropped": "del device; import gc; gc.collect(); assert limits(zone) == found",
        "thread": "import threading; threading.Thread(target=print).start()",
    }
    for name, ending in endings.items():
        code = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(SUPPORT)!r})
from alert import power
from alert.power import opening
from rapl_tree import limits
zone = Path({str(zone_path(client, 1))!r})
found = limits(zone)
device = power.open("rapl", root={str(client)!r})
device.set_cap(20.0)
assert limits(zone)[0] == 20000000
print("capped", flush=True)
{ending}
"""
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, timeout=60, check=False
        )
        assert run.stdout.startswith(b"capped"), run.stderr
        assert limits(zone_path(client, 1)) == found, name


def test_children_do_not_give_back(client: Path) -> None:
    zone = zone_path(client, 1)
    with power.open("rapl", root=client) as device:
        device.set_cap(20.0)
        pid = os.fork()
        if pid == 0:
            ok = True
            try:
                device.set_cap(30.0)
                ok = False
            except power.PowerPermissionError:
                pass
            ok = ok and device.energy() is not None and device.cap == 20.0
            device.close()
            opening._close_all()
            os._exit(0 if ok and limits(zone)[0] == 20_000_000 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert device.cap == 20.0
    assert limits(zone)[0] == 45_000_000


def test_no_descriptor_is_left_or_inherited(client: Path) -> None:
    def descriptors() -> set[str]:
        return set(os.listdir("/proc/self/fd"))

    before = descriptors()
    with power.open("rapl", root=client):
        opened = descriptors() - before
        assert opened
        for fd in opened:
            if Path(f"/proc/self/fd/{fd}").exists():
                assert not os.get_inheritable(int(fd))
    assert descriptors() == before
    with pytest.raises(power.PowerError):
        power.open("rapl", root=client / "none")
    assert descriptors() == before


@pytest.mark.needs("root")  # to mount
def test_without_the_library(client: Path) -> None:
    code = f"""
from alert import power
from alert.power import opening
try:
    power.open("rapl", root={str(client)!r})
except power.PowerError as error:
    print(error.what, "apt install libpowercap0" in error.remedy)
"""
    command = 'mount --bind /dev/null "$(ldconfig -p | sed -n "s/.*libpowercap.so.0 .*=> //p")"'
    result = subprocess.run(
        ["unshare", "-m", "sh", "-c", command + ' && exec "$0" -c "$1"', sys.executable, code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.stdout == "libpowercap.so.0 True\n", result.stderr
