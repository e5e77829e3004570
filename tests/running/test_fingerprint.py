"""What a machine is known by."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from simulation import profile

import alert
from alert.measuring import fingerprint

HERE = {"cpu": "A", "cores": 4, "system": "Linux", "architecture": "x86_64"}


def test_is_flat_and_plain() -> None:
    found = fingerprint.machine()
    assert {"cpu", "cores", "system", "architecture"} <= set(found)
    assert all(type(value) in (str, int) for value in found.values())
    assert json.loads(json.dumps(found)) == found
    assert found["system"] == platform.system()
    assert found["architecture"] == platform.machine()
    assert 1 <= int(found["cores"]) <= (os.cpu_count() or 1)
    assert found["cpu"]


def test_counts_the_cores_this_process_may_use() -> None:
    cores = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(cores)})
        assert fingerprint.machine()["cores"] == 1
    finally:
        os.sched_setaffinity(0, cores)


def test_names_torch_only_where_it_is_in_use() -> None:
    import torch

    found = fingerprint.machine()
    assert found["torch"] == torch.__version__
    assert found["threads"] == torch.get_num_threads()
    code = """
import json, sys
from alert.measuring import fingerprint
print(json.dumps(fingerprint.machine()))
assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) <= {"cpu", "cores", "system", "architecture", "cpu_quota"}


def test_names_the_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    assert "gpu" in fingerprint.machine() or not torch.cuda.is_available()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"GPU number {index}")
    assert fingerprint.machine()["gpu"] == "GPU number 0"


def test_counts_all_cores_where_a_process_cannot_be_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 96)
    assert fingerprint.machine()["cores"] == 96
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert fingerprint.machine()["cores"] == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor\t: 0\nmodel name\t: Some  CPU @ 2 GHz\nmodel name\t: x\n", "Some CPU @ 2 GHz"),
        ("Processor: 0\nHardware : Board 7\n", "Board 7"),
        ("nothing here", None),
        (None, None),
    ],
)
def test_reads_the_name_of_the_cpu(
    text: str | None, expected: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cpuinfo"
    if text is not None:
        file.write_text(text)
    monkeypatch.setattr(fingerprint, "_CPUINFO", file)
    assert fingerprint.machine()["cpu"] == (expected or platform.processor() or "unknown")


def test_tells_differences() -> None:
    assert fingerprint.differences(HERE, dict(HERE)) == []
    assert fingerprint.differences(HERE, {**HERE, "cores": 8, "cpu": "B"}) == [
        "cpu: A, here B",
        "cores: 4, here 8",
    ]


def test_what_only_one_of_them_states_is_no_difference() -> None:
    assert fingerprint.differences({**HERE, "torch": "2.9"}, HERE) == []
    assert fingerprint.differences(HERE, {**HERE, "torch": "2.9"}) == []


def test_loading_a_profile_of_another_machine_warns(tmp_path: Path) -> None:
    table = profile()
    path = tmp_path / "p.json"
    for machine, expected in ((fingerprint.machine(), None), ({**HERE, "cpu": "Z80"}, "cpu: Z80")):
        origin = {"machine": machine}
        alert.Profile(
            table.latency,
            table.power,
            table.accuracy,
            table.power_caps,
            table.idle_power,
            origin=origin,
        ).save(path)
        if expected is None:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                alert.Profile.load(path)
        else:
            with pytest.warns(UserWarning, match=expected):
                alert.Profile.load(path)


# ------------------------------------------------------------------------------------ processors

ARM = """\
processor\t: 0
BogoMIPS\t: 50.00
Features\t: fp asimd evtstrm aes
CPU implementer\t: {implementer}
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: {part}
CPU revision\t: 1

"""
NEOVERSE, GRAVITON_1 = ("0x41", "0xd0c"), ("0x41", "0xd08")
RISC_V = "processor\t: 0\nhart\t\t: 1\nisa\t\t: {isa}\nmmu\t\t: sv39\nuarch\t\t: {uarch}\n"
POWER = "processor\t: 0\ncpu\t\t: {cpu}, altivec supported\nclock\t\t: 2300.000000MHz\n"
LOONGARCH = "system type\t\t: generic-loongson-machine\nModel Name\t\t: {name}\nCPU MHz\t\t: 2500\n"
OLD_ARM = "model name\t: ARMv7 Processor rev 4 (v7l)\nCPU implementer\t: 0x41\nCPU part\t: {part}\n"
S390 = "vendor_id       : IBM/S390\nmachine         : {machine}\n"


def arm(*cores: tuple[str, str]) -> str:
    return "".join(ARM.format(implementer=made_by, part=part) for made_by, part in cores)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (arm(NEOVERSE), arm(GRAVITON_1)),
        (arm(("0x41", "0xd03")), arm(("0x53", "0xd03"))),
        (arm(("0x41", "0xd03"), ("0x41", "0xd08")), arm(("0x41", "0xd03"))),  # big and little cores
        (RISC_V.format(isa="rv64gc", uarch="a"), RISC_V.format(isa="rv64gc", uarch="b")),
        (RISC_V.format(isa="rv64gc", uarch="a"), RISC_V.format(isa="rv64gcv", uarch="a")),
        (POWER.format(cpu="POWER8E"), POWER.format(cpu="POWER9")),
        (LOONGARCH.format(name="3A5000"), LOONGARCH.format(name="3A6000")),
        (OLD_ARM.format(part="0xc07"), OLD_ARM.format(part="0xd03")),
        (S390.format(machine=2964), S390.format(machine=8561)),
        ("cpu model\t: MIPS 24Kc V5.5\n", "cpu model\t: MIPS 74Kc V5.0\n"),
    ],
)
def test_tells_processors_of_every_architecture_apart(
    one: str, other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for text in (one, other, one):
        (tmp_path / "cpuinfo").write_text(text)
        monkeypatch.setattr(fingerprint, "_CPUINFO", tmp_path / "cpuinfo")
        found.append(fingerprint.machine())
    assert fingerprint.differences(found[0], found[1])[0].startswith("cpu: ")
    assert fingerprint.differences(found[0], found[2]) == []


def test_a_name_alone_stands_for_a_processor_that_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "vendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\nmodel name\t: Xeon  6148\n\n"
    (tmp_path / "cpuinfo").write_text(2 * text)
    monkeypatch.setattr(fingerprint, "_CPUINFO", tmp_path / "cpuinfo")
    assert fingerprint.machine()["cpu"] == "Xeon 6148"


# ---------------------------------------------------------------------------------------- quotas


@pytest.mark.parametrize(
    ("lines", "limits", "expected"),
    [
        ("0::/", {"cpu.max": "max 100000"}, "none"),
        ("0::/", {"cpu.max": "150000 100000"}, "1.5"),
        ("0::/a/b", {"a/b/cpu.max": "max 100000", "a/cpu.max": "200000 100000"}, "2"),
        ("0::/a/b", {"a/b/cpu.max": "50000 100000", "a/cpu.max": "200000 100000"}, "0.5"),
        ("0::/../elsewhere", {"cpu.max": "50000 100000"}, "0.5"),
        ("0::/", {}, "none"),
        ("0::/", {"cpu.max": "garbage"}, "none"),
        ("0::/", {"cpu.max": "100 0"}, "none"),
        ("", {}, "none"),
        (
            "3:cpuset:/\n2:cpu,cpuacct:/docker/1\n0::/",
            {"cpu,cpuacct/cpu.cfs_quota_us": "250000", "cpu,cpuacct/cpu.cfs_period_us": "100000"},
            "2.5",
        ),
        ("1:cpu:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, "none"),
    ],
)
def test_knows_the_quota_of_cgroups(
    lines: str,
    limits: dict[str, str],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "cgroup").write_text(lines + "\n")
    for name, text in limits.items():
        (tmp_path / "fs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "fs" / name).write_text(text + "\n")
    monkeypatch.setattr(fingerprint, "_CGROUP", tmp_path / "cgroup")
    monkeypatch.setattr(fingerprint, "_CGROUPS", tmp_path / "fs")
    assert fingerprint.machine()["cpu_quota"] == expected


def test_a_quota_is_a_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fingerprint.differences({"cpu_quota": "none"}, {"cpu_quota": "2"}) == [
        "cpu_quota: none, here 2"
    ]
    monkeypatch.setattr(fingerprint, "_CGROUP", tmp_path / "nothing")
    assert "cpu_quota" not in fingerprint.machine()
