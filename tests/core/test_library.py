"""The core and power as a C library, and the example that is linked with it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from needs import require
from programs import ROOT, run


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the library and the example in a folder of their own."""
    require("gcc", "make")
    folder = tmp_path_factory.mktemp("build")
    command = ["make", "-s", f"BUILD={folder}", "CFLAGS=-O1 -Werror", f"{folder}/loop"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_example_follows_the_machine(built: Path) -> None:
    """Both models are run in turn, as the goal lies between them. When everything takes twice as
    long the higher cap is chosen, after one late output."""
    done = run(built / "loop")
    assert (done.returncode, done.stderr) == (0, "")
    *inputs, summary = done.stdout.splitlines()
    assert len(inputs) == 40
    assert 8 <= sum("large under 10 W  50 ms" in line for line in inputs[:20]) <= 12
    assert 8 <= sum("small under 10 W  20 ms" in line for line in inputs[:20]) <= 12
    assert sum("large under 20 W  60 ms" in line for line in inputs[20:]) > 10
    assert sum("late" in line for line in inputs) == 1
    found = re.match(r"1 of 40 late, accuracy (0\.\d+)", summary)
    assert found
    assert 0.75 <= float(found[1]) < 0.76


def test_the_library_needs_the_c_library_only(built: Path) -> None:
    """Every other name is defined inside; none is visible that does not begin with alert_."""
    listed = subprocess.run(
        ["nm", "-g", str(built / "libalert.a")], capture_output=True, text=True, check=True
    )
    names = re.findall(r" ([A-Z]) (\w+)$", listed.stdout, flags=re.M)
    defined = {name for kind, name in names if kind != "U"}
    wanted = {name for kind, name in names if kind == "U"} - defined
    assert "alert_scheduler_step" in defined
    assert "alert_power_open" in defined
    assert {name for name in defined if not name.lower().startswith("alert_")} == set()
    assert {name for name in wanted if name.startswith(("alert_", "Py", "powercap"))} == set()
