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
    assert set(json.loads(done.stdout)) == {"cpu", "cores", "system", "architecture"}


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
