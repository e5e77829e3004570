"""Frequencies as a knob: what is set, what is in force, and what comes back."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import journals
import pytest
from plants import TOP, Plant, compile_plant, running
from policies import tree
from rapl_tree import run_as_nobody

import alert
from alert import power

SUPPORT = Path(__file__).parents[1] / "support"
FAST, SLOW = "cpufreq/policy0/scaling_max_freq", "cpufreq/policy10/scaling_max_freq"
STEPS = "cpufreq/policy0/scaling_max_freq"

pytestmark = pytest.mark.usefixtures("directory")


@pytest.fixture
def cores(tmp_path: Path) -> Iterator[Plant]:
    with running(compile_plant(), tmp_path / "machine", "cores") as plant:
        yield plant


@pytest.fixture
def steps(tmp_path: Path) -> Iterator[Plant]:
    with running(compile_plant(), tmp_path / "machine", "steps") as plant:
        yield plant


def opened(plant: Plant, **options: object) -> power.PowerDevice:
    """Open the frequencies; nobody shall care that these machines' joules cannot be read."""
    return power.open("cpufreq", root=plant.root / "cpufreq", **options)  # type: ignore[arg-type]


def frequencies(plant: Plant) -> list[int]:
    """Return the settings in order of the policies' numbers, kHz."""
    return [plant.value(f"cpufreq/policy{number}/scaling_max_freq") for number in (0, 2, 10, 11)]


# ------------------------------------------------------------------------------------------ setting


def test_every_policy_gets_the_cap_as_far_as_its_range_goes(cores: Plant) -> None:
    with opened(cores) as device:
        assert (device.kind, device.unit, device.can_cap) == ("cpufreq", "GHz", True)
        assert device.cap_range == (0.8, 5.0)
        assert device.cap == 5.0  # of all: none is held back
        for cap in (4.2, 3.6, 2.5, 0.8, 5.0):
            device.set_cap(cap)
            khz = round(cap * 1e6)
            assert frequencies(cores) == [khz, khz, min(khz, 3_600_000), min(khz, 3_600_000)]
            assert device.cap == cap
        with pytest.raises(ValueError, match=r"power_cap: expected 0\.8 to 5 GHz, got 5\.5"):
            device.set_cap(5.5)
        with pytest.raises(TypeError, match="power_cap: expected a number, got str"):
            device.set_cap("2")  # type: ignore[arg-type]
        device.set_cap(1.0)
    assert frequencies(cores) == [5_000_000, 5_000_000, 3_600_000, 3_600_000]


def test_the_cap_in_force_is_the_mean_where_somebody_else_sets_one(cores: Plant) -> None:
    with opened(cores) as device:
        device.set_cap(3.0)
        (cores.root / FAST).write_text("2000000")
        assert device.cap == pytest.approx((2.0 + 3 * 3.0) / 4)
    assert frequencies(cores) == [2_000_000, 5_000_000, 3_600_000, 3_600_000]  # theirs stays


def test_the_parts_are_the_policies_by_number(cores: Plant) -> None:
    with opened(cores, observe=True) as device:
        assert [part["name"] for part in device.parts] == [
            "policy0",
            "policy2",
            "policy10",
            "policy11",
        ]
        part = device.parts[2]
        assert (part["limit"], part["cap_range"]) == (3.6, (0.8, 3.6))
        assert (part["cpus"], part["governor"]) == ("10", "schedutil")
        assert not device.can_cap
        with pytest.raises(power.PowerPermissionError, match="observe only"):
            device.set_cap(2.0)


def test_a_limit_found_is_not_exceeded_unless_a_range_is_given(cores: Plant) -> None:
    for number in (0, 2):
        (cores.root / f"cpufreq/policy{number}/scaling_max_freq").write_text("3000000")
    (cores.root / SLOW).write_text("2000000")
    found = frequencies(cores)
    with opened(cores) as device:
        assert device.cap_range == (0.8, 5.0)
        device.set_cap(5.0)
        assert frequencies(cores) == found  # none is raised
        assert device.cap == pytest.approx((3.0 + 3.0 + 2.0 + 5.0) / 4)  # what is in force
        device.set_cap(3.6)
        assert frequencies(cores) == found
        device.set_cap(2.5)
        assert frequencies(cores) == [2_500_000, 2_500_000, 2_000_000, 2_500_000]
    assert frequencies(cores) == found
    with opened(cores, cap_range=(1.0, 4.5)) as device:
        assert device.cap_range == (1.0, 4.5)
        device.set_cap(4.0)
        assert frequencies(cores) == [4_000_000, 4_000_000, 3_600_000, 3_600_000]
    assert frequencies(cores) == found
    with pytest.raises(ValueError, match=r"cap_range: expected two numbers of GHz, 0\.8 <= low"):
        opened(cores, cap_range=(0.5, 4.5))


def test_a_cap_between_two_steps_of_the_driver_is_told_once(steps: Plant) -> None:
    with opened(steps) as device:
        with pytest.warns(power.PowerWarning, match=r"1\.9 GHz did not take, 1\.6 GHz is in force"):
            device.set_cap(1.9)
        assert device.cap == 1.6
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            device.set_cap(1.5)
            device.set_cap(1.2)
        assert device.cap == 1.2
    assert steps.value(STEPS) == 2_000_000


def test_a_driver_that_does_not_heed_caps_is_told(steps: Plant) -> None:
    steps.trick("ignore", STEPS)
    with opened(steps) as device:
        with pytest.warns(power.PowerWarning, match="the driver ignores it"):
            device.set_cap(0.8)
        assert not device.can_cap


def test_a_policy_whose_cores_are_offline_is_left_out(cores: Plant) -> None:
    cores.fault("read", SLOW, 16)  # EBUSY
    with opened(cores) as device:
        assert [part["name"] for part in device.parts] == ["policy0", "policy2", "policy11"]
        device.set_cap(2.0)
    cores.fault("read", SLOW, 0)
    assert frequencies(cores) == [5_000_000, 5_000_000, 3_600_000, 3_600_000]


def test_a_machine_without_frequencies_says_so(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "none"):
        with pytest.raises(power.PowerError, match="virtual machines") as caught:
            power.open("cpufreq", root=root)
        assert caught.value.what == str(root)


# ---------------------------------------------------------------- a kernel that cools the machine


def test_a_limit_of_the_kernels_does_not_become_ours(steps: Plant) -> None:
    """What is found while the kernel cools the machine is no setting, and is not given back."""
    steps.command(f"ceiling {STEPS} 1200000")
    with opened(steps) as device:
        assert device.cap == 1.2
        assert device.cap_range == (0.4, 2.0)  # a runner may start on a hot machine
        device.set_cap(0.8)
        assert device.cap == 0.8
        with pytest.warns(power.PowerWarning, match="or the kernel cools the machine"):
            device.set_cap(2.0)
        assert device.cap == 1.2
        steps.command(f"ceiling {STEPS} 0")
        assert device.cap == 2.0  # which was asked for
    steps.command(f"ceiling {STEPS} 0")
    assert steps.value(STEPS) == 2_000_000


def test_a_setting_of_somebody_elses_is_told_from_a_limit_of_the_kernels(steps: Plant) -> None:
    (steps.root / STEPS).write_text("1200000")
    with opened(steps) as device:
        device.set_cap(0.8)
    assert steps.value(STEPS) == 1_200_000


def test_opening_writes_nothing(steps: Plant) -> None:
    steps.counts()
    opened(steps).close()
    assert steps.counts()[STEPS][2] == 0


@pytest.mark.parametrize("ceiling", [400_000, 800_000, 1_200_000])
def test_a_cap_behind_a_limit_of_the_kernels_is_given_back(steps: Plant, ceiling: int) -> None:
    with opened(steps) as device:
        device.set_cap(0.8)
        steps.command(f"ceiling {STEPS} {ceiling}")
        assert device.cap == min(0.8, ceiling / 1e6)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            device.close()
    steps.command(f"ceiling {STEPS} 0")
    assert steps.value(STEPS) == 2_000_000


def test_a_lower_setting_of_somebody_elses_stays(steps: Plant) -> None:
    with opened(steps) as device:
        device.set_cap(1.6)
        (steps.root / STEPS).write_text("800000")
    assert steps.value(STEPS) == 800_000


def test_a_cap_above_a_limit_of_the_kernels_is_told(steps: Plant) -> None:
    with opened(steps) as device:
        device.set_cap(0.8)
        steps.command(f"ceiling {STEPS} 1200000")
        with pytest.warns(power.PowerWarning, match="or the kernel cools the machine"):
            device.set_cap(1.6)
        assert device.cap == 1.2
    steps.command(f"ceiling {STEPS} 0")
    assert steps.value(STEPS) == 2_000_000


# ---------------------------------------------------------------------------------- other processes


def test_one_process_caps_a_policy(cores: Plant) -> None:
    with opened(cores) as device:
        code = """
import sys
import time
import alert
from alert import power
try:
    power.open("cpufreq", root=sys.argv[1])
except power.PowerError as error:
    print(error.errno, error.why)
with power.open("cpufreq", root=sys.argv[1], observe=True) as device:
    print(device.cap)
"""
        device.set_cap(2.0)
        told = subprocess.run(
            [sys.executable, "-c", code, str(cores.root / "cpufreq")],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        assert told == [f"16 process {os.getpid()} caps it already", "2.0"]
    opened(cores).close()


def test_a_child_does_not_give_back(cores: Plant) -> None:
    with opened(cores) as device:
        device.set_cap(2.0)
        pid = os.fork()
        if pid == 0:
            try:
                device.set_cap(3.0)
            except power.PowerPermissionError:
                device.close()
                os._exit(0)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert device.cap == 2.0
    assert frequencies(cores)[0] == 5_000_000


def test_a_restore_gives_back_what_a_journal_names(tmp_path: Path, directory: Path) -> None:
    root = tree(tmp_path / "cpufreq", [3_600_000])
    setting = root / "policy0/scaling_max_freq"
    setting.write_text("2000000\n")
    entry = journals.Entry(str(setting), found=3_600_000, held=2_000_000, kind="cpufreq")
    journals.write(directory, [entry])
    assert [told["value"] for told in power.restore(directory)] == [3_600_000]
    assert setting.read_text() == "3600000\n"
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [
        "policy0/scaling_min_freq",
        "policy/scaling_max_freq",
        "policyX/scaling_max_freq",
        "mypolicy0/scaling_max_freq",
        "cpu0/scaling_max_freq",
        "policy0/scaling_max_freq/../other",
        "scaling_max_freq",
    ],
)
def test_a_journal_can_name_no_other_file(tmp_path: Path, directory: Path, name: str) -> None:
    (tmp_path / "policy0/scaling_max_freq").mkdir(parents=True)
    file = Path(os.path.normpath(tmp_path / name))
    if not file.is_dir():
        file.parent.mkdir(exist_ok=True)
        file.write_text("2000000\n")
    entry = journals.Entry(str(tmp_path / name), found=1, held=2_000_000, kind="cpufreq")
    journals.write(directory, [entry])
    power.restore(directory)
    assert file.is_dir() or file.read_text() == "2000000\n"


@pytest.mark.needs("root")  # to become somebody else
def test_without_rights_the_rule_is_named(tmp_path: Path) -> None:
    root = tree(tmp_path / "cpufreq")
    code = f"""
import os, pathlib
import alert
from alert import power
for path in pathlib.Path({str(root)!r}).rglob("*_freq"):
    os.chown(path, 0, 0)
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
try:
    power.open("cpufreq", root={str(root)!r})
except power.PowerPermissionError as error:
    print(error.what); print(error.remedy)
"""
    assert run_as_nobody(root, code).stdout.splitlines() == [
        str(root / "policy0/scaling_max_freq"),
        "writing frequencies needs root, or the rule that `alert info` prints",
    ]


@pytest.mark.needs("root")  # to mount
def test_the_frequencies_of_the_machine_itself() -> None:
    """The default root, by mounting a tree there in a mount namespace of its own."""
    code = f"""
import sys
import time
from pathlib import Path
sys.path.insert(0, {str(SUPPORT)!r})
from policies import tree
import alert
from alert import power
root = tree(Path("/sys/devices/system/cpu/cpufreq"))
with power.open("cpufreq") as device:
    device.set_cap(2.0)
    print([int((root / f"policy{{i}}/scaling_max_freq").read_text()) for i in (0, 1)])
print([int((root / f"policy{{i}}/scaling_max_freq").read_text()) for i in (0, 1)])
found = power.describe()["cpufreq"]
print(found["can_cap"], found["cap_range"], len(found["policies"]), found["rule"])
"""
    command = 'mount -t tmpfs none /sys/devices/system/cpu/cpufreq && exec "$0" -c "$1"'
    result = subprocess.run(
        ["unshare", "-m", "sh", "-c", command, sys.executable, code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.stdout.splitlines() == [
        "[2000000, 2000000]",
        "[3600000, 3600000]",
        "True [0.8, 3.6] 2 None",
    ], result.stderr


# ------------------------------------------------------------------------------------------- joules


def test_the_joules_are_those_of_another_device(cores: Plant) -> None:
    meter = power.open("rapl", root=cores.root, observe=True)
    with power.combine(opened(cores), meter) as device:
        assert (device.kind, device.can_cap, device.can_read) == ("cpufreq", True, True)
        assert device.tick == meter.tick
        device.set_cap(2.0)
        before = device.energy()
        assert before is not None
        cores.command("add load 3")
        assert device.energy() == pytest.approx(before + 3.0, abs=1e-3)
        assert cores.value(f"{TOP}:0/constraint_0_power_limit_uw") == 45_000_000
    assert meter.closed
    assert frequencies(cores)[0] == 5_000_000


def test_unknown_joules_are_said_once(cores: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    device = opened(cores)
    if device.can_read:
        pytest.skip("this machine's RAPL can be read")
    with device:
        with pytest.warns(power.PowerWarning, match=r"^energy is not read: .*(rapl|libpowercap)"):
            assert device.energy() is None
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert device.energy() is None
        assert not device.parts[0]["can_read"]
        assert device.parts[0]["read_missing"]["why"]


# -------------------------------------------------------------------------------- profiles, runners


def test_a_driver_with_a_table_says_its_settings(tmp_path: Path) -> None:
    root = tree(tmp_path / "cpufreq")
    with power.open("cpufreq", root=root, observe=True) as device:
        assert device.settings is None
    for number in range(2):
        (root / f"policy{number}/scaling_available_frequencies").write_text(
            "3000000 2400000 1600000 800000 \n"
        )
    with power.open("cpufreq", root=root) as device:
        assert device.settings == [0.8, 1.6, 2.4, 3.0, 3.6]  # the last is that of the boost
    with power.open("cpufreq", root=root, cap_range=(1.6, 3.0)) as device:
        assert device.settings == [1.6, 2.4, 3.0]


def test_a_profile_and_a_runner_say_gigahertz(tmp_path: Path) -> None:
    root = tree(tmp_path / "cpufreq")
    limit = root / "policy0/scaling_max_freq"

    def model(x: int) -> int:
        time.sleep(0.002 * 3.6e6 / int(limit.read_text()))
        return x

    models = {"small": model, "large": lambda x: model(model(x))}
    device = power.open("cpufreq", root=root)
    if device.can_read:
        device.meter = power.open("none")  # type: ignore[attr-defined]
    with device:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of energy that cannot be read
            profile = alert.Profile.measure(
                models, 1, accuracy=[0.5, 0.9], power=device, max_repeats=3, idle_seconds=0.0
            )
        assert profile.unit == "GHz"
        assert profile.power_caps.tolist() == pytest.approx([0.8, 1.5, 2.2, 2.9, 3.6])
        assert not profile.knows_power
        assert "0.8-3.6 GHz, cpufreq" in repr(profile)
        goal = alert.Goal.max_accuracy(deadline=0.5, energy=None)
        with alert.Runner(models, profile, goal, device) as runner:
            assert runner(7) == 7
            _, cap = runner.scheduler.decision
            assert cap in profile.power_caps.tolist()
            assert int(limit.read_text()) == round(1e6 * cap)
            assert " GHz" in repr(runner)
            assert " GHz" in repr(runner.report())
            assert "watts" not in repr(runner)
        watts = alert.Profile([[0.1]], [[3.0]], [0.9], [3.0], 1.0)
        with pytest.raises(ValueError, match=r"^profile: expected power caps in GHz, as the cpufr"):
            alert.Runner([model], watts, goal, device)
    assert limit.read_text() == "3600000\n"
