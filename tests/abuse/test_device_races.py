"""Threads that use one power device at once."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from forking import in_child
from rapl_tree import build, constraint_file, package, read, zone_path
from threads import at_once

from alert import power

ROUNDS = 30
THREADS = 4


def test_a_device_is_closed_once() -> None:
    for _ in range(ROUNDS):
        device = power.open("emulated")
        at_once(*[device.close] * THREADS)
        assert device.closed


def test_limits_that_are_given_back_while_they_are_set_stay_given_back(tmp_path: Path) -> None:
    limit = constraint_file(zone_path(build(tmp_path, [package()])), "long_term", "power_limit_uw")
    before = read(limit)
    for _ in range(ROUNDS):
        device = power.open("rapl", root=tmp_path)
        low, high = device.cap_range

        def use(device: power.PowerDevice = device, low: float = low, high: float = high) -> None:
            while True:
                device.set_cap(low)
                device.set_cap(high)
                assert low <= device.cap <= high
                assert device.energy() is not None
                assert "rapl" in repr(device)

        def use_until_closed(use: Callable[[], None] = use) -> None:
            with pytest.raises(ValueError, match="closed"):
                use()

        at_once(use_until_closed, use_until_closed, device.close)
        assert read(limit) == before


def test_a_failure_is_told_once(tmp_path: Path) -> None:
    build(tmp_path, [package(energy_uj=None)])
    for _ in range(3 * ROUNDS):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            device = power.open("rapl", root=tmp_path, observe=True)
            told.clear()
            at_once(device.energy, device.energy)
        assert [warning.category for warning in told] == [power.PowerWarning]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_threads_of_a_forked_child_agree_on_a_lock() -> None:
    """It makes one of its own, for the one it was born with may be held for ever."""
    devices = [power.open("emulated") for _ in range(20)]

    def check() -> None:
        for device in devices:
            at_once(device.close, device.close)

    for _ in range(3):
        assert in_child(check) == 0
