"""Without root: which right is missing, the rule that grants it, and going on without energy."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plants import TOP, Plant, compile_plant, running
from policies import tree
from programs import PACKAGES

from alert import power

GROUP, NOBODY = 54321, 65534

pytestmark = pytest.mark.needs("root")  # to become somebody else


@pytest.fixture
def plant() -> Iterator[Plant]:
    """A package as current kernels show it: limits 0644, energy 0400, both root's."""
    with tempfile.TemporaryDirectory() as name:  # pytest's directories are for root alone
        directory = Path(name)
        directory.chmod(0o755)
        with running(compile_plant(), directory / "machine", "private") as machine:
            yield machine


def as_nobody(code: str, plant: Plant, *, group: int = NOBODY) -> dict[str, Any]:
    """Run `code` as nobody; return what it has put into `told`."""
    prelude = f"""
import json, os, sys, warnings
sys.path.insert(0, {str(PACKAGES)!r})
import alert, numpy.ma  # while it can be read, and what it imports later, too
for name in alert.__all__:
    getattr(alert, name)
from alert import power
os.setgroups([{group}]); os.setresgid({NOBODY}, {NOBODY}, {NOBODY})
os.setresuid({NOBODY}, {NOBODY}, {NOBODY})
root, told = {str(plant.root)!r}, {{}}
"""
    result = subprocess.run(
        [sys.executable, "-c", f"{prelude}{code}\nprint(json.dumps(told))"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "XDG_RUNTIME_DIR": ""},
    )
    assert result.returncode == 0, result.stderr
    told: dict[str, Any] = json.loads(result.stdout)
    return told


DESCRIBE = "told = power.describe(root)['rapl']"


def install(rule: str, zone: Path) -> None:
    """Do what udev does when a zone appears."""
    (command,) = re.findall(r'RUN\+="/bin/sh -c \'(.*)\'"', rule)
    assert "/sys%p" in command
    subprocess.run(["/bin/sh", "-c", command.replace("/sys%p", str(zone))], check=True)


@pytest.mark.parametrize(("caps", "energy"), [(True, True), (True, False), (False, True)])
def test_the_rule_grants_what_it_says(plant: Plant, caps: bool, energy: bool) -> None:
    before = as_nobody(DESCRIBE, plant, group=GROUP)
    assert [(Path(lack["what"]).name, lack["why"]) for lack in before["missing"]] == [
        ("constraint_0_power_limit_uw", "Permission denied"),
        ("energy_uj", "Permission denied"),
    ]
    assert before["rule"] == power.rule()
    install(power.rule(caps=caps, energy=energy, group=str(GROUP)), plant.root / f"{TOP}:0")
    after = as_nobody(DESCRIBE, plant, group=GROUP)
    assert (after["can_cap"], after["can_read"]) == (caps, energy)
    granted = caps and energy
    assert after["rule"] == (None if granted else power.rule(caps=not caps, energy=not energy))
    assert as_nobody(DESCRIBE, plant)["rule"] == power.rule()  # others have gained nothing


def test_the_rule_of_frequencies_grants_them() -> None:
    with tempfile.TemporaryDirectory() as name:
        cpus = Path(name)
        cpus.chmod(0o755)
        machine = Plant(tree(cpus / "cpufreq", [3_600_000]))
        limit = machine.root / "policy0/scaling_max_freq"
        limit.chmod(0o644)
        (cpus / "cpu0").mkdir()
        (cpus / "cpu0/cpufreq").symlink_to("../cpufreq/policy0")
        code = """
try:
    with power.open("cpufreq", root=root, guard=False) as device:
        device.set_cap(2.0)
        told = {"cap": device.cap}
except power.PowerPermissionError as error:
    told = {"what": error.what, "remedy": error.remedy}
"""
        told = as_nobody(code, machine, group=GROUP)
        assert told["what"] == str(limit)
        assert "alert info" in told["remedy"]
        rule = power.rule(caps=False, energy=False, frequencies=True, group=str(GROUP))
        assert "alert-cpufreq.rules" in rule
        install(rule, cpus / "cpu0")
        assert as_nobody(code, machine, group=GROUP) == {"cap": 2.0}
        assert "what" in as_nobody(code, machine)  # others have gained nothing
        assert limit.read_text() == "3600000\n"


def test_the_rules_match_every_control_type_that_has_packages() -> None:
    rule = power.rule(frequencies=True)
    assert 'KERNEL=="intel-rapl:*|intel-rapl-mmio:*"' in rule
    assert rule.count("RUN+=") == 2
    with pytest.raises(ValueError, match=r"^caps, energy, frequencies: expected at least one"):
        power.rule(caps=False, energy=False)


def test_members_of_the_group_cap_and_give_back(plant: Plant) -> None:
    found = plant.limits()
    install(power.rule(group=str(GROUP)), plant.root / f"{TOP}:0")
    code = """
with power.open("rapl", root=root) as device:
    device.set_cap(20.0)
    told = {"cap": device.cap, "settle": device.settle, "energy": device.energy()}
"""
    assert as_nobody(code, plant, group=GROUP) == {"cap": 20.0, "settle": 0.01, "energy": 0.0}
    assert plant.limits() == found


def test_where_nothing_may_be_done_the_error_says_so(plant: Plant) -> None:
    code = """
try:
    power.open("rapl", root=root)
except power.PowerPermissionError as error:
    told = {"errno": error.errno, "what": error.what, "remedy": error.remedy}
"""
    told = as_nobody(code, plant)
    assert told["errno"] == 13
    assert told["what"].endswith("constraint_0_power_limit_uw")
    assert "alert info" in told["remedy"]


def test_a_runner_goes_on_without_energy_and_says_so_once(plant: Plant) -> None:
    install(power.rule(energy=False, group=str(GROUP)), plant.root / f"{TOP}:0")
    code = """
profile = alert.Profile([[0.02, 0.01]], [[15.0, 30.0]], [0.9], [20.0, 40.0], idle_power=5.0)
goal = alert.Goal.min_energy(deadline=0.5, accuracy=0.5)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    device = power.open("rapl", root=root, guard=False)  # one warning less, at the most
    with alert.Runner([lambda x: x], profile, goal, device) as runner:
        answers = [runner(x) for x in range(20)]
        told = {"answers": answers, "expected": runner.scheduler.decision.energy}
        told["energy"] = [float(joules) for joules in runner.history["energy"]]
    runner.device.close()
told["warnings"] = [str(warning.message) for warning in caught]
"""
    told = as_nobody(code, plant, group=GROUP)
    assert told["answers"] == list(range(20))
    assert told["expected"] > 0.0
    assert len(told["warnings"]) == 1
    assert "energy_uj: Permission denied" in told["warnings"][0]
