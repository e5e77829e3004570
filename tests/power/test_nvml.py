"""GPUs through a stub of NVIDIA's library, which shows what each test wants it to show."""

from __future__ import annotations

import errno
import json
import math
import threading
from pathlib import Path
from typing import Any

import pytest
from devices import joules
from gpus import LOST, MISMATCH, NO_PERMISSION, NOT_LOADED, NOT_SUPPORTED, Gpus, compile_stub
from killing import wait_for

import alert
from alert import power

pytestmark = pytest.mark.usefixtures("directory")


# ------------------------------------------------------------------------------- caps and joules


def test_all_gpus_are_one_device(gpus: Gpus) -> None:
    with power.open("nvml") as device:
        assert device.kind == "nvml"
        assert not device.emulated
        assert device.can_cap
        assert device.can_read
        assert device.cap_range == (250.0, 550.0)
        assert device.cap == 550.0
        assert device.zones == []
        assert gpus.limits() == Gpus.LIMITS
        for cap, shares in ((250.0, (100.0, 150.0)), (550.0, (250.0, 300.0)), (400, (175, 225))):
            device.set_cap(cap)
            assert gpus.limits() == shares
            assert device.cap == cap
        with pytest.raises(ValueError, match="expected 250 to 550 W, got 249"):
            device.set_cap(249.0)
    assert gpus.limits() == Gpus.LIMITS


def test_only_a_range_that_is_asked_for_raises_a_limit(gpus: Gpus) -> None:
    with power.open("nvml", cap_range=(300, 700)) as device:
        assert device.cap_range == (300.0, 700.0)
        for cap, shares in ((700.0, (300.0, 400.0)), (475.0, (200.0, 275.0))):
            device.set_cap(cap)
            assert gpus.limits() == shares
        with pytest.raises(ValueError, match="expected 300 to 700 W"):
            device.set_cap(299.0)
    assert gpus.limits() == Gpus.LIMITS
    for wrong in ((200, 300), (300, 701), (300, 300), (400, 300), (math.nan, 300)):
        with pytest.raises(ValueError, match=r"cap_range: expected .* 250 <= low < high <= 700"):
            power.open("nvml", cap_range=wrong)


def test_some_gpus(gpus: Gpus) -> None:
    with power.open("nvml", gpus=[1]) as device:
        assert device.cap_range == (150.0, 300.0)
        assert [gpu["name"] for gpu in device.gpus] == ["Stub 1"]
        device.set_cap(200.0)
        assert gpus.limits() == (250.0, 200.0)
        gpus.advance(2.0)
        assert joules(device) == pytest.approx(400.0, abs=1e-9)
        with power.open("nvml", gpus=(0,)) as other:  # nobody's yet
            assert other.cap_range == (100.0, 250.0)
    for wrong in ([2], [0, 0], [0, 7]):
        with pytest.raises(ValueError, match=r"gpus: expected indices below 2, each once"):
            power.open("nvml", gpus=wrong)
    senseless: list[Any] = [[], [-1], ["0"], [2**70]]
    for value in senseless:
        with pytest.raises(ValueError, match=r"gpus.*: expected"):
            power.open("nvml", gpus=value)
    with pytest.raises(TypeError, match="gpus: expected a sequence"):
        power.open("nvml", gpus=0)  # type: ignore[arg-type]


def test_energy_follows_the_cap_and_never_runs_backwards(gpus: Gpus) -> None:
    with power.open("nvml") as device:
        assert device.energy() == 0.0
        gpus.advance(4.0)
        assert joules(device) == pytest.approx(4 * (220 + 300), abs=1e-9)
        device.set_cap(250.0)
        gpus.advance(4.0)
        assert joules(device) == pytest.approx(4 * (220 + 300 + 250), abs=1e-9)
        gpus.gpu[0].energy_mj = 0  # the driver has been loaded anew
        with pytest.warns(power.PowerWarning, match=r"GPU 0.* no hardware can draw"):
            assert joules(device) == pytest.approx(4 * (220 + 300 + 250), abs=1e-9)
        gpus.advance(1.0)
        assert joules(device) == pytest.approx(5 * 250 + 4 * (220 + 300), abs=1e-9)


def test_a_cap_is_written_once_and_read_back(gpus: Gpus) -> None:
    with power.open("nvml", gpus=[0]) as device:
        assert gpus.calls("set_limit") == 1  # the limit found: to see whether it may be set
        for _ in range(3):
            device.set_cap(200.0)
        assert gpus.calls("set_limit") == 2
        enforced = gpus.calls("enforced_limit")
        device.set_cap(150.0)
        assert gpus.calls("set_limit") == 3
        assert gpus.calls("enforced_limit") == enforced
    assert gpus.calls("set_limit") == 4


def test_states_what_a_change_costs(gpus: Gpus) -> None:
    gpus.machine.set_us = 200_000
    with power.open("nvml", gpus=[0]) as device:
        assert device.switch_cost >= 0.2
        assert device.settle == 0.1
        assert device.tick == 0.02
        gpus.machine.set_us = 0
        first = device.switch_cost
        for cap in (150.0, 200.0, 160.0, 210.0, 170.0, 220.0):
            device.set_cap(cap)
        assert device.switch_cost < first / 2
    with power.open("nvml", gpus=[0], switch_cost=0.02, settle=0.0) as device:
        device.set_cap(200.0)
        assert device.switch_cost == 0.02
        assert device.settle == 0.0
    for name in ("switch_cost", "settle"):
        with pytest.raises(ValueError, match=f"{name}: expected a number of seconds from 0"):
            power.open("nvml", **{name: -1.0})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="settle: expected"):
        power.open("nvml", settle=math.nan)


def test_calls_drop_the_gil(gpus: Gpus) -> None:
    done = threading.Event()
    with power.open("nvml", gpus=[0]) as device:
        gpus.machine.set_us = 60_000_000

        def cap() -> None:
            device.set_cap(200.0)
            done.set()

        thread = threading.Thread(target=cap)
        calls = gpus.calls("set_limit")
        thread.start()
        wait_for(lambda: gpus.calls("set_limit") > calls)
        assert not done.is_set()  # we run while the driver works
        gpus.machine.set_us = 0
        thread.join()
    assert done.is_set()


# ------------------------------------------------------------------------------- what is missing


@pytest.mark.parametrize(
    ("code", "number", "words", "remedy"),
    [
        (NOT_LOADED, errno.ENODEV, "Driver Not Loaded", "modprobe nvidia"),
        (MISMATCH, errno.ELIBBAD, "version mismatch", "reboot"),
        (999, errno.EIO, "Unknown Error", ""),
    ],
)
def test_a_driver_that_does_not_start(
    gpus: Gpus, code: int, number: int, words: str, remedy: str
) -> None:
    gpus.fault("init", code)
    with pytest.raises(power.PowerError, match=words) as caught:
        power.open("nvml")
    assert caught.value.errno == number
    assert caught.value.what == "nvmlInit"
    assert remedy in caught.value.remedy
    (lack,) = power.describe()["nvml"]["missing"]
    assert words in lack["why"]


def test_no_library() -> None:
    with pytest.raises(power.PowerError, match=r"libnvidia-ml.so.1") as caught:
        power.open("nvml")
    assert caught.value.errno == errno.ENOENT
    assert "NVIDIA's driver" in caught.value.remedy


def test_no_gpu(gpus: Gpus) -> None:
    gpus.machine.gpus = 0
    with pytest.raises(power.PowerError, match="no GPU") as caught:
        power.open("nvml")
    assert caught.value.errno == errno.ENODEV
    assert "--gpus all" in caught.value.remedy


def test_no_permission_leaves_the_energy(gpus: Gpus) -> None:
    gpus.fault("set_limit", NO_PERMISSION, gpu=1)
    with power.open("nvml") as device:
        assert not device.can_cap
        assert device.can_read
        with pytest.raises(power.PowerPermissionError, match=r"GPU 1 \(Stub 1\): Insuff"):
            device.set_cap(400.0)
        assert math.isnan(device.cap_range[0])
        gpus.advance(1.0)
        assert joules(device) == pytest.approx(520.0)
        first, second = device.gpus
        assert first["cap_missing"] is None
        assert second["cap_missing"]["errno"] == errno.EPERM
    assert gpus.limits() == Gpus.LIMITS


@pytest.mark.needs("root")
def test_root_is_not_told_to_be_root(gpus: Gpus) -> None:
    gpus.fault("set_limit", NO_PERMISSION, gpu=0)
    with power.open("nvml", gpus=[0]) as device:
        (remedy,) = [gpu["cap_missing"]["remedy"] for gpu in device.gpus]
        assert "--cap-add=SYS_ADMIN" in remedy
        assert "run as root" not in remedy


def test_energy_that_is_refused_has_a_remedy_of_its_own(gpus: Gpus) -> None:
    gpus.fault("energy", NO_PERMISSION, gpu=0)
    with power.open("nvml", gpus=[0]) as device:
        remedy = device.gpus[0]["read_missing"]["remedy"]
        assert "read energy" in remedy
        assert "limit" not in remedy


@pytest.mark.parametrize(("least", "most"), [(0, 0), (300_000, 100_000)])
def test_a_gpu_without_a_range(gpus: Gpus, least: int, most: int) -> None:
    gpus.gpu[0].least_mw, gpus.gpu[0].most_mw = least, most
    with power.open("nvml", gpus=[0]) as device:
        assert not device.can_cap
        with pytest.raises(power.PowerError, match="this GPU has one limit only"):
            device.set_cap(200.0)


@pytest.mark.filterwarnings("ignore:.*medians are less precise")
def test_a_gpu_whose_range_is_one_value(gpus: Gpus) -> None:
    gpus.gpu[0].least_mw = gpus.gpu[0].most_mw = gpus.gpu[0].limit_mw
    with power.open("nvml", gpus=[0], settle=0, switch_cost=0) as device:
        assert device.cap_range == (250.0, 250.0)
        options: dict[str, Any] = {"idle_power": 1.0, "max_seconds": 0.05, "progress": False}
        with pytest.warns(UserWarning, match="energy"):  # the counter stands still
            profile = alert.Profile.measure([abs], 1, accuracy=[0.5], power=device, **options)
        assert profile.power_caps.tolist() == [250.0]


def test_neither_caps_nor_energy_is_said_so(gpus: Gpus) -> None:
    """A Jetson board: the library starts, and supports nothing of power."""
    for function in ("mig_mode", "limit", "enforced_limit", "limit_range", "set_limit", "energy"):
        gpus.fault(function, NOT_SUPPORTED, gpu=0)
    with pytest.raises(power.PowerError, match=r"neither caps nor energy: Not Supported.*Jetson"):
        power.open("nvml", gpus=[0])


@pytest.mark.parametrize("uuid", [b"GPU-../../x", b"\xff\xfe/GPU", b"..", b"", b"a b\n%"])
def test_odd_uuids_are_no_paths(gpus: Gpus, directory: Path, uuid: bytes) -> None:
    gpus.gpu[0].uuid, gpus.gpu[0].name = uuid, b"\xf8\x91 RTX\xff"
    with power.open("nvml", gpus=[0]) as device:
        assert device.can_cap
        assert device.gpus[0]["name"] == "\ufffd\ufffd RTX\ufffd"
        device.set_cap(200.0)
        names = [path.name for path in directory.iterdir() if path.name.endswith(".lock")]
        (name,) = names
        assert all(c.isascii() and (c.isalnum() or c in "-%") for c in name.removesuffix(".lock"))
        assert [p.name for p in directory.parent.iterdir() if p.name.endswith(".lock")] == []
        with pytest.raises(power.PowerError, match="opened it already"):
            power.open("nvml", gpus=[0], settle=1.0)
    assert gpus.limits() == Gpus.LIMITS
    assert json.loads(json.dumps(power.describe()["nvml"]))["gpus"][0]["name"]


def test_caps_without_energy(gpus: Gpus) -> None:
    gpus.fault("energy", NOT_SUPPORTED, gpu=0)
    with power.open("nvml") as device:
        assert device.can_cap
        assert not device.can_read
        with pytest.warns(power.PowerWarning, match="energy"):
            assert device.energy() is None
        device.set_cap(400.0)
    assert gpus.limits() == Gpus.LIMITS
    (lack,) = power.describe()["nvml"]["missing"]
    assert "Volta" in lack["remedy"]


def test_neither_caps_nor_energy(gpus: Gpus) -> None:
    gpus.fault("limit", NOT_SUPPORTED, gpu=0)
    gpus.fault("energy", NOT_SUPPORTED, gpu=0)
    with pytest.raises(power.PowerError, match="Not Supported") as caught:
        power.open("nvml")
    assert caught.value.errno == errno.EOPNOTSUPP
    assert "fixed" in caught.value.remedy
    power.open("nvml", gpus=[1]).close()


def test_a_divided_gpu_is_refused(gpus: Gpus) -> None:
    gpus.gpu[0].divided = 1
    with pytest.raises(power.PowerError, match="MIG") as caught:
        power.open("nvml")
    assert caught.value.what == "GPU 0 (Stub 0)"
    assert "gpus=" in caught.value.remedy
    with power.open("nvml", gpus=[1]) as device:
        assert device.can_cap
    assert not power.describe()["nvml"]["can_cap"]


def test_a_driver_older_than_some_functions(tmp_path: Path) -> None:
    old = Gpus(tmp_path / "driver", compile_stub("-DOLD_DRIVER"))
    with old.loaded(), power.open("nvml") as device:
        assert device.can_cap
        assert not device.can_read


@pytest.mark.parametrize("function", ["by_index", "name", "uuid"])
def test_a_lost_gpu(gpus: Gpus, function: str) -> None:
    gpus.fault(function, LOST, gpu=None if function == "by_index" else 1)
    with pytest.raises(power.PowerError, match="GPU is lost") as caught:
        power.open("nvml")
    assert caught.value.errno == errno.ENODEV
    assert "reset" in caught.value.remedy


def test_a_gpu_lost_on_the_way(gpus: Gpus) -> None:
    with power.open("nvml") as device:
        device.set_cap(400.0)
        gpus.fault("energy", LOST, gpu=1)
        with pytest.warns(power.PowerWarning, match="GPU is lost"):
            assert device.energy() is None
        assert device.energy() is None
        gpus.fault("set_limit", LOST, gpu=1)
        gpus.fault("limit", LOST, gpu=1)
        with pytest.warns(power.PowerWarning, match="GPU is lost"):
            device.set_cap(300.0)
        assert not device.can_cap
        device.set_cap(350.0)  # is not tried, nor told, again
    assert gpus.limits()[0] == Gpus.LIMITS[0]


# --------------------------------------------------------------------------- caps that do not take


def test_an_ignored_cap_is_reported_once(gpus: Gpus) -> None:
    gpus.gpu[1].ignores = 1
    with power.open("nvml") as device:
        with pytest.warns(power.PowerWarning, match="GPU 1.*the limit keeps its value"):
            device.set_cap(400.0)
        assert not device.can_cap
        device.set_cap(450.0)
        assert gpus.limits() == pytest.approx((175.0, Gpus.LIMITS[1]), abs=0.001)
    assert gpus.limits() == Gpus.LIMITS


def test_a_rounded_cap_is_reported_once_and_used(gpus: Gpus) -> None:
    gpus.gpu[0].unit_mw, gpus.gpu[0].limit_mw = 20_000, 260_000
    with power.open("nvml", gpus=[0]) as device:
        with pytest.warns(power.PowerWarning, match="a cap of 150 W did not take, 140 W"):
            device.set_cap(150.0)
        device.set_cap(170.0)
        assert device.cap == 160.0
        assert device.can_cap
    gpus.gpu[0].unit_mw = 1


def test_another_limit_that_is_lower_is_reported(gpus: Gpus) -> None:
    gpus.gpu[0].other_limit_mw = 130_000
    with power.open("nvml", gpus=[0]) as device:
        with pytest.warns(power.PowerWarning, match=r"130 W is in force: another limit"):
            device.set_cap(200.0)
        assert device.cap == 130.0


def test_a_lower_limit_is_found_whichever_cap_comes_first(gpus: Gpus) -> None:
    gpus.gpu[0].other_limit_mw = 180_000
    with power.open("nvml", gpus=[0]) as device:
        device.set_cap(150.0)
        with pytest.warns(power.PowerWarning, match="180 W is in force: another limit"):
            device.set_cap(200.0)
        looked = gpus.calls("enforced_limit")
        device.set_cap(150.0)
        assert gpus.calls("enforced_limit") == looked  # it has been in force before
