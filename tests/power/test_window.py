"""Energy windows."""

from __future__ import annotations

import asyncio
import math

import pytest
from simulation import Machine, Package

import alert
from alert.power import window
from alert.power.kinds import open_kind


def package() -> tuple[Machine, Package]:
    machine = Machine()
    return machine, Package(machine)


def test_measures_the_joules_of_a_block() -> None:
    machine, meter = package()
    machine.now += 5.0  # before the window: not its business
    with window("epoch", power=meter) as w:
        machine.now += 2.0
        assert w.joules is None
        assert math.isnan(w.seconds)
    machine.now += 3.0
    assert w.joules == pytest.approx(2.0 * Package.IDLE)
    assert w.name == "epoch"
    assert w.watts == pytest.approx(2.0 * Package.IDLE / w.seconds)
    assert not meter.closed


def test_windows_nest_and_share_the_meter() -> None:
    machine, meter = package()
    with window("train", power=meter) as train:
        for seconds in (1.0, 2.0):
            with window("epoch"), window("batch"):
                machine.now += seconds
        machine.now += 0.5
    assert [w.name for w in train.windows] == ["epoch", "epoch"]
    assert [w.joules for w in train.windows] == pytest.approx([4.0, 8.0])
    [batch] = train.windows[1].windows
    assert batch.name == "batch"
    assert batch.joules == pytest.approx(8.0)
    assert train.joules == pytest.approx(14.0)
    lines = repr(train).splitlines()
    assert lines[0].startswith("train: 14 J, ")
    assert lines[1].startswith("  epoch: 4 J, ")
    assert lines[2].startswith("    batch: 4 J, ")


def test_decorates_a_function_with_a_window_for_each_call() -> None:
    machine, meter = package()
    ended: list[window] = []

    @window("step", power=meter, then=ended.append)
    def step(seconds: float) -> float:
        """Work."""
        machine.now += seconds
        return seconds

    assert [step(1.0), step(3.0)] == [1.0, 3.0]
    assert [w.joules for w in ended] == pytest.approx([4.0, 12.0])
    assert (step.__name__, step.__doc__) == ("step", "Work.")


def test_an_exception_ends_the_window_and_is_not_reported() -> None:
    machine, meter = package()
    ended: list[window] = []

    @window("inner", then=ended.append)
    def fail() -> None:
        machine.now += 1.0
        raise KeyError

    with window("outer", power=meter) as outer:
        with pytest.raises(KeyError):
            fail()
        with window("next"):
            pass
    assert ended == []
    assert [w.name for w in outer.windows] == ["inner", "next"]
    assert outer.windows[0].joules == pytest.approx(4.0)


def test_a_meter_that_fails_leaves_no_window_open() -> None:
    class Broken(Package):
        def energy(self) -> float | None:
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"), window(power=Broken(Machine())):
        pass
    with window("alone", power=package()[1]) as w:
        pass
    assert w.joules is not None


def test_energy_that_is_not_read_is_none() -> None:
    _, meter = package()
    meter.readable = False
    with window("blind", power=meter) as w:
        pass
    assert w.joules is None
    assert w.watts is None
    assert "energy not read" in repr(w)
    with window("none", power="none") as w:
        pass
    assert w.joules is None


def test_opens_and_closes_a_device_by_its_kind() -> None:
    with window("emulated", power="emulated") as w:
        device = w._meter
    assert w.joules is not None
    assert isinstance(device, alert.power.PowerDevice)
    assert device.closed


def test_says_why_no_energy_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_rapl(kind: str, options: object) -> object:
        if kind == "rapl":
            raise alert.power.PowerError(2, "no RAPL here")
        return open_kind(kind, {})

    monkeypatch.setattr("alert.power.windows.open_kind", no_rapl)
    dark = window("dark")
    with pytest.warns(alert.power.PowerWarning, match="the energy of this window is not read: "):
        dark.__enter__()
    dark.__exit__(None, None, None)
    assert dark.joules is None


def test_a_task_that_outlives_its_window_starts_anew() -> None:
    machine, meter = package()

    async def late(go: asyncio.Event) -> window:
        await go.wait()
        with window("late", power=meter) as w:
            machine.now += 1.0
        return w

    async def main() -> tuple[window, window]:
        go = asyncio.Event()
        with window("outer", power=meter) as outer:
            task = asyncio.create_task(late(go))
            await asyncio.sleep(0)
        go.set()
        return outer, await task

    outer, inner = asyncio.run(main())
    assert outer.windows == []
    assert inner.joules == pytest.approx(4.0)
