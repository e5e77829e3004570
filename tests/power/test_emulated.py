"""The emulated package as Python sees it. Its law is checked exactly in tests/c/test_power.c."""

from __future__ import annotations

import gc
import math
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from typing import Any

import pytest

from alert import power


def fast() -> power.PowerDevice:
    """Open a package of 10 to 90 W, quadratic, bound by computing alone."""
    return power.open(
        "emulated", idle_power=10, peak_power=90, exponent=2, compute=1, min_frequency=0.25
    )


def busy(seconds: float) -> float:
    """Work for that long; return the joules a law of 90 W would draw meanwhile."""
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        pass
    return time.perf_counter() - start


def test_what_it_says_of_itself() -> None:
    with fast() as device:
        assert device.kind == "emulated"
        assert device.emulated
        assert device.can_cap
        assert device.can_read
        assert device.cap_range == pytest.approx((15.0, 90.0))
        assert device.cap == 90.0
        assert (device.switch_cost, device.settle, device.tick) == (0.0, 0.0, 0.0)
        assert device.zones == []
        assert repr(device) == "<alert power device: emulated, caps 15..90 W, energy>"
        assert not device.closed
    assert device.closed
    assert repr(device) == "<alert power device: emulated, closed>"


def test_a_cap_makes_real_work_longer_and_cheaper() -> None:
    with fast() as device:
        device.set_cap(30.0)
        assert device.cap == 30.0
        start = time.perf_counter()
        before = device.energy()
        device.begin()
        worked = busy(0.02)
        device.pace()
        after = device.energy()
        took = time.perf_counter() - start
    assert before is not None
    assert after is not None
    assert took >= 2 * worked
    # 30 W for twice the work's time at least, and never more than that power throughout
    assert 30.0 * 2 * worked <= after - before <= 30.0 * took


def test_energy_never_runs_backwards() -> None:
    with fast() as device:
        readings = []
        for cap in (90.0, 20.0, 50.0):
            device.set_cap(cap)
            readings.append(device.energy())
            device.begin()
            readings.append(device.energy())
            busy(0.001)
            device.pace()
            readings.append(device.energy())
            busy(0.001)
            device.pace()
            readings.append(device.energy())
    numbers = [reading for reading in readings if reading is not None]
    assert len(numbers) == len(readings) == 12
    assert numbers == sorted(numbers)
    assert numbers[0] >= 0.0


@pytest.mark.parametrize("cap", [14.0, 91.0, 0.0, -1.0, math.nan, math.inf])
def test_a_cap_outside_the_range(cap: float) -> None:
    with fast() as device:
        with pytest.raises(ValueError, match=r"power_cap: expected 15 to 90 W, got"):
            device.set_cap(cap)
        assert device.cap == 90.0


@pytest.mark.parametrize("cap", ["30", None, [30.0]])
def test_a_cap_that_is_no_number(cap: Any) -> None:
    with power.open("emulated") as device, pytest.raises(TypeError, match="power_cap"):
        device.set_cap(cap)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("idle_power", -1.0),
        ("peak_power", 1.0),
        ("exponent", 0.5),
        ("compute", 1.5),
        ("min_frequency", 0.0),
        ("compute", math.nan),
    ],
)
def test_a_law_out_of_range(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{name}: expected .*, got"):
        power.open("emulated", **{name: value})  # type: ignore[arg-type]


def test_unknown_kind() -> None:
    with pytest.raises(ValueError, match=r"kind: expected one of 'auto', .* got 'steam'"):
        power.open("steam")  # type: ignore[arg-type]


def test_the_law_by_default_is_the_one_documented() -> None:
    law = power.law()
    assert set(law) == {"idle_power", "peak_power", "exponent", "compute", "min_frequency"}
    assert 2.0 <= law["exponent"] <= 3.0
    with power.open("emulated") as device:
        dynamic = law["peak_power"] - law["idle_power"]
        low = law["idle_power"] + dynamic * law["min_frequency"] ** law["exponent"]
        assert device.cap_range == pytest.approx((low, law["peak_power"]))


def test_closing_twice_and_use_after_close() -> None:
    device = power.open("emulated")
    device.close()
    device.close()
    for use in (device.begin, device.pace, device.energy, lambda: device.set_cap(20.0)):
        with pytest.raises(ValueError, match="the power device is closed"):
            use()
    with pytest.raises(ValueError, match="closed"):
        _ = device.cap
    assert device.kind == "emulated"


def test_there_is_no_other_way_to_make_one() -> None:
    with pytest.raises(TypeError):
        power.PowerDevice()


def test_a_dropped_device_is_freed() -> None:
    reference = weakref.ref(power.open("emulated"))
    gc.collect()
    assert reference() is None


def test_waiting_lets_other_threads_run_and_ctrl_c_through() -> None:
    code = """
import os, signal, threading, time
from alert import power
device = power.open("emulated", idle_power=10, peak_power=90, exponent=1, compute=1,
                    min_frequency=0.01)
device.set_cap(device.cap_range[0])
device.begin()
time.sleep(0.6)  # under this cap a minute's work
ticks = []
started = threading.Event()
def tick():
    started.wait()
    for _ in range(3):
        ticks.append(time.perf_counter())
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=tick).start()
try:
    started.set()
    device.pace()
except KeyboardInterrupt:
    assert len(ticks) == 3
    device.begin()
    device.set_cap(90.0)
    device.pace()
    print("interrupted")
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.stdout == "interrupted\n", result.stderr


@pytest.mark.parametrize("call", ["device.pace()", "device.set_cap(90.0)", "runner(0)"])
def test_ctrl_c_takes_effect_at_once(call: str) -> None:
    """Whoever waits, and however often Ctrl-C comes; and nothing of the wait is left over."""
    code = f"""
import os, signal, threading, time
import alert
from alert import power
device = power.open("emulated", idle_power=10, peak_power=90, exponent=1, compute=1,
                    min_frequency=0.01)
low = device.cap_range[0]
device.set_cap(low)
profile = alert.Profile([[90.0]], [[low]], [0.5], [low], 10.0)
runner = alert.Runner([lambda _: time.sleep(0.6)], profile, alert.Goal.min_energy(1e4, 0.1),
                      power=device)
def interrupt():
    waiting.wait()
    time.sleep(0.7)
    os.kill(os.getpid(), signal.SIGINT)
waiting = threading.Event()
threading.Thread(target=interrupt).start()
device.begin()
time.sleep(0.6)  # under this cap a minute's work
try:
    waiting.set()
    {call}
except KeyboardInterrupt:
    signal.alarm(10)
    device.set_cap(90.0)
    device.begin()
    device.pace()
    print("interrupted", device.cap)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=45, check=False
    )
    assert result.stdout == "interrupted 90.0\n", result.stderr


def test_a_signal_that_raises_nothing_shortens_no_wait() -> None:
    code = """
import signal, time
from alert import power
device = power.open("emulated", idle_power=10, peak_power=90, exponent=1, compute=1,
                    min_frequency=0.1)
device.set_cap(device.cap_range[0])
rang = []
signal.signal(signal.SIGALRM, lambda *_: rang.append(True))
signal.setitimer(signal.ITIMER_REAL, 0.15, 0.02)
before = time.monotonic()
device.begin()
time.sleep(0.1)
device.set_cap(90.0)
print(bool(rang), time.monotonic() - before >= 0.9)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.stdout == "True True\n", result.stderr


def test_threads_share_a_device() -> None:
    device = fast()
    device.set_cap(60.0)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for i in range(300):
                device.begin()
                device.pace()
                device.set_cap(60.0 + i % 7)
                assert device.energy() is not None
        except ValueError as error:
            if "closed" not in str(error):
                failures.append(error)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    device.close()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_forked_child_may_not_cap() -> None:
    with fast() as device:
        pid = os.fork()
        if pid == 0:
            try:
                device.set_cap(30.0)
            except power.PowerPermissionError:
                os._exit(0)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_importing_starts_nothing() -> None:
    code = "import alert.power, threading, sys; print(threading.active_count(), *sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    threads, *modules = result.stdout.split()
    assert threads == "1"
    assert not {"torch", "matplotlib", "rich", "tqdm"} & set(modules)
    assert result.stderr == ""


def test_sigterm_during_a_wait_ends_the_process() -> None:
    code = """
import time
from alert import power
device = power.open("emulated", exponent=1, compute=1, min_frequency=0.01)
device.set_cap(device.cap_range[0])
device.begin()
time.sleep(0.6)
print("waiting", flush=True)
device.pace()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"waiting\n"
        process.terminate()
        assert process.wait(timeout=120) == -signal.SIGTERM
