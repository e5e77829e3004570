"""Threads as a knob, and the knob of one device with the meter of another."""

from __future__ import annotations

import gc
import importlib.util
import subprocess
import sys
import types
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from alert import power
from alert.power import combined, threads
from alert.power.threads import Threads


class Library:
    """Something with worker threads."""

    def __init__(self, number: int) -> None:
        self.number = number

    def get_num_threads(self) -> int:
        return self.number

    def set_num_threads(self, number: int) -> None:
        self.number = number


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> tuple[Library, Library]:
    """Put two libraries in place of those of this process."""
    found = Library(8), Library(6)
    monkeypatch.setitem(sys.modules, "torch", types.ModuleType("torch"))
    monkeypatch.setattr(sys.modules["torch"], "get_num_threads", found[0].get_num_threads, False)
    monkeypatch.setattr(sys.modules["torch"], "set_num_threads", found[0].set_num_threads, False)
    monkeypatch.setattr(threads, "_libraries", lambda: {"blas": found[1]})
    return found


def test_a_cap_is_a_number_of_threads_of_every_library(libraries: tuple[Library, Library]) -> None:
    torch, blas = libraries
    with Threads() as device:
        assert (device.kind, device.unit, device.can_cap) == ("threads", "threads", True)
        assert (device.cap, device.cap_range) == (8.0, (1.0, 8.0))
        assert device.settings == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
        device.set_cap(3)
        assert (device.cap, torch.number, blas.number) == (3.0, 3, 3)
        assert not device.can_read
    assert (torch.number, blas.number) == (8, 6)
    assert device.closed
    device.close()
    with pytest.raises(ValueError, match="closed"):
        device.set_cap(2)


@pytest.mark.parametrize("cap", [0, 9, 2.5, -1, float("nan"), float("inf")])
def test_a_cap_is_a_whole_number_in_the_range(
    libraries: tuple[Library, Library], cap: float
) -> None:
    with Threads() as device, pytest.raises(ValueError, match=r"^power_cap: expected"):
        device.set_cap(cap)
    assert libraries[0].number == 8


def test_only_a_range_allows_more_than_the_number_found(
    libraries: tuple[Library, Library],
) -> None:
    with power.open("threads", cap_range=(2, 16)) as device:
        device.set_cap(16)
        assert libraries[0].number == 16
        with pytest.raises(ValueError, match="expected 2 to 16 threads, got 1"):
            device.set_cap(1)
    assert libraries[0].number == 8
    wrong: list[tuple[Any, type[Exception]]] = [
        ((0, 4), ValueError),
        ((4, 4), ValueError),
        ((1, 5000), ValueError),
        ((1, 2.5), ValueError),
        ((1, 2, 3), TypeError),
        (5, TypeError),
        (("a", 2), TypeError),
        ((1, float("inf")), TypeError),
    ]
    for cap_range, error in wrong:
        with pytest.raises(error, match=r"^cap_range: expected"):
            power.open("threads", cap_range=cap_range)


def test_a_library_that_is_loaded_later_is_found(
    libraries: tuple[Library, Library], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Threads() as device:
        device.set_cap(2)
        late = Library(4)
        monkeypatch.setattr(threads, "_libraries", lambda: {"blas": libraries[1], "late": late})
        device.set_cap(3)
        assert late.number == 4  # nothing has been imported
        monkeypatch.setitem(sys.modules, "late", types.ModuleType("late"))
        device.set_cap(3)
        assert (late.number, libraries[0].number, libraries[1].number) == (3, 3, 3)
    assert (late.number, libraries[0].number, libraries[1].number) == (4, 8, 6)


def test_a_device_that_is_dropped_gives_back(libraries: tuple[Library, Library]) -> None:
    device = power.open("threads")
    device.set_cap(2)
    del device
    gc.collect()
    assert libraries[0].number == 8


def test_several_users_of_a_process_find_the_same(libraries: tuple[Library, Library]) -> None:
    torch, blas = libraries
    first = power.open("threads")
    first.set_cap(2)
    second = power.open("threads")  # a cell of a notebook that runs twice
    assert second.cap_range == (1.0, 8.0)
    assert second.asked == 2.0
    second.set_cap(4)
    assert first.asked == first.cap == 4.0
    first.close()
    first.close()  # counts once
    assert torch.number == 4
    second.release()
    assert second.asked is None
    assert (torch.number, blas.number) == (8, 6)
    second.set_cap(4)
    second.close()
    assert (torch.number, blas.number) == (8, 6)


def test_a_number_that_somebody_else_has_set_stays(libraries: tuple[Library, Library]) -> None:
    torch, blas = libraries
    with Threads() as device:
        device.set_cap(2)
        torch.number = 5
    assert (torch.number, blas.number) == (5, 6)


@pytest.mark.needs("threadpoolctl")
def test_pytorch_is_not_imported_where_there_is_something_else() -> None:
    code = """
import sys, numpy
from alert import power
with power.open("threads") as device:
    device.set_cap(1)
    print(device.cap, "torch" in sys.modules)
"""
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "1.0 False\n"


@pytest.mark.needs("torch")
def test_the_threads_of_pytorch_itself() -> None:
    import torch

    found = torch.get_num_threads()
    with power.open("threads", cap_range=(1, 3)) as device:
        device.set_cap(3)
        assert torch.get_num_threads() == 3
    assert torch.get_num_threads() == found


@pytest.mark.needs("torch")
def test_a_cap_holds_in_every_thread_that_runs_a_model() -> None:
    """OpenMP keeps the number of each thread that has computed before."""
    import torch

    with ThreadPoolExecutor(1) as other, power.open("threads", cap_range=(1, 3)) as device:
        device.set_cap(3)
        other.submit(torch.set_num_threads, 3).result()
        device.set_cap(2)
        other.submit(device.begin).result()
        assert other.submit(torch.get_num_threads).result() == 2
        other.submit(torch.set_num_threads, 1).result()  # somebody else's change stays
        other.submit(device.begin).result()
        assert other.submit(torch.get_num_threads).result() == 1
        assert torch.get_num_threads() == 2


@pytest.mark.needs("torch")
def test_a_cap_that_comes_again_after_a_release_holds_in_the_thread_that_released() -> None:
    import torch

    found = torch.get_num_threads()
    caps = (1, found + 1)
    with ThreadPoolExecutor(1) as other, power.open("threads", cap_range=caps) as device:
        device.set_cap(found + 1)
        device.release()
        assert torch.get_num_threads() == found
        other.submit(device.set_cap, found + 1).result()
        device.begin()
        assert torch.get_num_threads() == found + 1


def test_without_any_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(power.PowerError, match="threadpoolctl is installed") as caught:
        power.open("threads")
    assert caught.value.remedy == "`pip install threadpoolctl`"


# ------------------------------------------------------------------------------------- combining


class Knob(power.Device):
    kind, unit, can_cap, cap_range, switch_cost = "knob", "Hz", True, (1.0, 9.0), 0.25
    cap = 9.0

    def __init__(self) -> None:
        self.calls: list[str] = []

    def set_cap(self, cap: float, /) -> None:
        self.cap = cap

    def energy(self) -> float | None:
        return None

    def begin(self) -> None:
        self.calls.append("begin")

    def pace(self) -> None:
        self.calls.append("pace")

    def close(self) -> None:
        self.calls.append("close")
        raise RuntimeError("it cannot be closed")


class Meter(Knob):
    kind, unit, tick = "meter", "W", 0.5

    def energy(self) -> float:
        return 42.0


@pytest.fixture
def two() -> tuple[Knob, Meter]:
    return Knob(), Meter()


def test_a_combined_device_caps_by_one_and_reads_the_other(two: tuple[Knob, Meter]) -> None:
    knob, meter = two
    device = power.combine(knob, meter)
    assert isinstance(device, power.Device)
    assert (device.kind, device.unit, device.cap_range) == ("knob", "Hz", (1.0, 9.0))
    assert (device.switch_cost, device.tick, device.energy()) == (0.25, 0.5, 42.0)
    assert device.can_read
    assert device.parts == []
    device.set_cap(2.0)
    assert (knob.cap, meter.cap) == (2.0, 9.0)
    device.begin()
    device.pace()
    with pytest.raises(RuntimeError):
        device.close()
    assert knob.calls == meter.calls == ["begin", "pace", "close"]  # the second all the same
    assert device.closed


def test_combining_again_replaces_the_meter(two: tuple[Knob, Meter]) -> None:
    knob, meter = two
    other = Meter()
    with pytest.raises(RuntimeError):  # of the meter that is closed
        power.combine(power.combine(knob, meter), other)
    device = power.combine(power.combine(knob, combined.Unmetered(power.PowerError())), other)
    assert (device.knob, device.meter) == (knob, other)


def test_what_is_no_device_is_refused(two: tuple[Knob, Meter]) -> None:
    for arguments, name in (((3, two[1]), "knob"), ((two[0], "rapl"), "meter")):
        with pytest.raises(TypeError, match=f"^{name}: expected an open device, got"):
            power.combine(*arguments)


def test_a_combined_device_has_what_every_device_has() -> None:
    for device in (power.open("threads"), power.open("emulated")):
        names = {name for name in dir(power.PowerDevice) if not name.startswith("_")}
        old = {"zones", "gpus", "switch_cost_s", "settle_s", "tick_s"}
        with device, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name in names - old:
                assert hasattr(device, name), name
