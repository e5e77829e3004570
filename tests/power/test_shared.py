"""Several users of one process hold a device in common; between processes only one caps."""

from __future__ import annotations

import errno
import gc
import math
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from forking import in_child
from rapl_tree import limits, zone_path
from threads import at_once

import alert
from alert import power
from alert.running.runner import Runner

pytestmark = pytest.mark.usefixtures("directory")

FOUND = 45_000_000


def long_term(client: Path) -> int:
    return limits(zone_path(client, 1))[0]


# ---------------------------------------------------------------------------------------- releasing


def test_a_release_gives_back_everything_until_the_next_cap(client: Path) -> None:
    before = limits(zone_path(client, 1))
    with power.open("rapl", root=client) as device:
        assert device.asked is None
        device.set_cap(20.0)
        capped = limits(zone_path(client, 1))
        assert device.asked == 20.0
        device.release()
        assert device.asked is None
        assert limits(zone_path(client, 1)) == before
        device.release()  # again is fine
        device.set_cap(20.0)  # and is no repetition
        assert limits(zone_path(client, 1)) == capped  # with its short window
    assert limits(zone_path(client, 1)) == before


def test_a_release_leaves_what_somebody_else_has_set(client: Path) -> None:
    with power.open("rapl", root=client) as device:
        device.set_cap(20.0)
        file = next(zone_path(client, 1).glob("constraint_2_power_limit_uw"))
        file.write_text("15000000\n")
        device.release()
        assert long_term(client) == 15_000_000


def test_an_emulated_release_lifts_the_cap() -> None:
    with power.open("emulated") as device:
        device.set_cap(10.0)
        device.release()
        assert (device.cap, device.asked) == (25.0, None)


def test_a_child_cannot_release(client: Path) -> None:
    def work() -> None:
        with pytest.raises(power.PowerPermissionError, match="opened by another process"):
            device.release()

    with power.open("rapl", root=client) as device:
        device.set_cap(20.0)
        assert in_child(work) == 0
        assert long_term(client) == 20_000_000


def test_measuring_leaves_an_open_device_as_it_was(client: Path) -> None:
    before = limits(zone_path(client, 1))
    with power.open("rapl", root=client) as device:
        for cap in (None, 30.0):
            if cap is not None:
                device.set_cap(cap)
                before = limits(zone_path(client, 1))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the counter stands still
                alert.Profile.measure(
                    [len],
                    "x",
                    accuracy=[0.5],
                    power=device,
                    power_caps=[10.0, 20.0],
                    max_seconds=0.01,
                    idle_power=1.0,
                    progress=False,
                )
            assert device.asked == cap
            assert limits(zone_path(client, 1)) == before


# ------------------------------------------------------------------------------------------ sharing


def test_the_device_is_given_back_with_its_last_user(client: Path) -> None:
    before = limits(zone_path(client, 1))
    first, second = power.open("rapl", root=client), power.open("rapl", root=client)
    assert first is not second
    first.set_cap(30.0)
    assert second.asked == second.cap == 30.0
    second.set_cap(20.0)  # the newest rules
    assert first.asked == first.cap == 20.0
    first.close()
    first.close()  # counts once
    assert first.closed
    assert not second.closed
    assert long_term(client) == 20_000_000
    with pytest.raises(ValueError, match="the power device is closed"):
        first.set_cap(30.0)
    assert second.energy() == 0.0
    second.close()
    assert limits(zone_path(client, 1)) == before
    with power.open("rapl", root=client) as third:  # a new one
        assert third.asked is None


@pytest.mark.parametrize("closes", [True, False])
def test_a_user_that_is_dropped_holds_nothing(client: Path, closes: bool) -> None:
    before = limits(zone_path(client, 1))
    first, second = power.open("rapl", root=client), power.open("rapl", root=client)
    first.set_cap(30.0)
    del first
    gc.collect()
    assert long_term(client) == 30_000_000
    if closes:
        second.close()
    else:
        del second
        gc.collect()
    assert limits(zone_path(client, 1)) == before


def test_a_cell_of_a_notebook_runs_twice(client: Path) -> None:
    before = limits(zone_path(client, 1))
    cell = """
runner = Runner([len, len], profile, goal, alert.power.open("rapl", root=root))
runner("abc")
"""
    table = alert.Profile([[0.02, 0.01], [0.06, 0.03]], [[20, 30]] * 2, [0.6, 0.8], [20, 30], 5)
    goal = alert.Goal.min_energy(deadline=0.5, accuracy=0.5)
    names = {"alert": alert, "Runner": Runner, "profile": table, "goal": goal, "root": client}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the counter stands still
        for _ in range(3):
            exec(cell, names)
            assert long_term(client) in (20_000_000, 30_000_000)
    del names["runner"]
    gc.collect()
    assert limits(zone_path(client, 1)) == before


def test_each_runner_sets_its_own_cap_again(client: Path) -> None:
    goal = alert.Goal.min_energy(deadline=0.5, accuracy=0.5)
    seen = []

    def model(x: object) -> None:
        seen.append(long_term(client) // 1_000_000)

    def runner(cap: float) -> Runner:
        table = alert.Profile([[0.01]], [[20]], [0.6], [cap], 5)
        return Runner([model], table, goal, power.open("rapl", root=client))

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        low, high = runner(20.0), runner(30.0)
        for _ in range(2):
            low("x")
            low("x")
            high("x")
    assert seen == [20, 20, 30] * 2
    assert low.history["cap_changed"].tolist() == [True, False, True, False]
    assert not any("is in force" in str(w.message) for w in said)
    for each in (low, high):
        each.device.close()


def test_a_pause_leaves_the_cap_of_another_runner(client: Path) -> None:
    goal = alert.Goal.min_energy(deadline=0.5, accuracy=0.5)
    table = alert.Profile([[0.01]], [[20]], [0.6], [20.0], 5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with power.open("rapl", root=client) as device:
            runner = Runner([len], table, goal, device, release_after=1000.0)
            device.set_cap(30.0)
            runner._give_back()
            assert long_term(client) == 30_000_000
            runner("x")
            assert long_term(client) == 20_000_000
            runner._give_back()
            assert long_term(client) == FOUND
            runner("x")
            assert long_term(client) == 20_000_000
            runner.close()


def test_other_options_are_another_device(client: Path) -> None:
    with power.open("rapl", root=client):
        with pytest.raises(power.PowerError, match=r"this process .* has opened it") as caught:
            power.open("rapl", root=client, window=0.5)
        assert caught.value.errno == errno.EBUSY
        with pytest.warns(power.PowerWarning, match="has opened it already") as told:
            device = power.open("auto", root=client, window=0.5)
        assert len(told) == 1
        assert not device.can_cap
        device.close()


def test_observers_are_not_counted(client: Path) -> None:
    with power.open("rapl", root=client) as device:
        device.set_cap(20.0)
        observers = [power.open("rapl", root=client, observe=True) for _ in range(2)]
        for observer in observers:
            assert observer.cap == 20.0
            observer.close()
        assert long_term(client) == 20_000_000
    assert long_term(client) == FOUND


def test_emulated_packages_are_not_shared() -> None:
    with power.open("emulated") as one, power.open("emulated") as other:
        one.set_cap(10.0)
        assert other.cap == 25.0


def test_many_threads_share_one_device(client: Path) -> None:
    before = limits(zone_path(client, 1))

    def user(seed: int) -> Callable[[], None]:
        def use() -> None:
            random = Random(seed)
            for _ in range(50):
                with power.open("rapl", root=client) as device:
                    device.set_cap(random.choice([20.0, 30.0, 40.0]))
                    assert device.cap in (20.0, 30.0, 40.0)
                    if random.random() < 0.2:
                        device._share().close()

        return use

    at_once(*map(user, range(6)))
    assert limits(zone_path(client, 1)) == before


# ---------------------------------------------------------------------------------- other processes


OTHER = """
import sys
from alert import power

power.journal_directory = lambda: sys.argv[2]
device = power.open("rapl", root=sys.argv[1])
device.set_cap(20.0)
print("capped", flush=True)
sys.stdin.read()
device.close()
"""


def test_beside_another_process_auto_reads_and_says_so_once(
    client: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-c", OTHER, str(client), str(directory)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "capped\n"
        opened = power.open
        monkeypatch.setattr("alert.power.opening.open", lambda kind: opened(kind, root=client))
        table = alert.Profile(
            *([[0.02, 0.01]], [[20, 30]], [0.6], [20, 30], 5), origin={"power": "rapl"}
        )
        goal = alert.Goal.min_energy(deadline=0.5, accuracy=0.5)
        told = f"no power cap is set.*energy is measured: .*process {other.pid} caps it already"
        with pytest.warns(power.PowerWarning, match=told) as caught:
            runner = Runner([len], table, goal)
        assert [w.filename for w in caught] == [__file__]
        assert "close it there" in str(caught[0].message)
        with runner:
            assert runner.scheduler.decision.power_cap is None
            assert not runner.device.can_cap
            assert math.isinf(runner.scheduler.profile.power_caps[-1])
        assert long_term(client) == 20_000_000  # the other's
        other.communicate("")
    assert long_term(client) == FOUND


def test_a_child_shares_nothing_with_its_parent(client: Path) -> None:
    def work() -> None:
        with pytest.raises(power.PowerError, match=r"caps it already|opened it already"):
            power.open("rapl", root=client)

    with power.open("rapl", root=client) as device:
        device.set_cap(20.0)
        assert in_child(work) == 0
        assert long_term(client) == 20_000_000
    assert long_term(client) == FOUND


# ----------------------------------------------------------------------------------------- warnings


def test_a_warning_names_the_line_of_the_user(client: Path) -> None:
    """However deep in the package the device is used."""
    (zone_path(client, 1) / "enabled").write_text("1\n")
    with power.open("rapl", root=client) as device:
        for file in zone_path(client, 1).glob("energy_uj"):
            file.write_text("nonsense\n")
        table = alert.Profile([[0.01]], [[20]], [0.6], [20], 5)
        goal = alert.Goal.min_energy(deadline=0.5, accuracy=0.5)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            with Runner([len], table, goal, device) as runner:
                runner("x")
    assert said
    assert {w.filename for w in said} == {__file__}
