"""Memory that runs out at every single allocation: MemoryError, nothing lost, nothing leaked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from gpus import Gpus, compile_stub
from programs import ROOT, build, has_gil
from rapl_tree import Zone, package
from rapl_tree import build as build_tree


@pytest.mark.skipif(not has_gil(), reason="without a GIL Python has no allocator but its own")
def test_every_allocation_may_fail(tmp_path: Path) -> None:
    source = "tests/c/failing_malloc.c"
    library = build(tmp_path / "failing_malloc.so", "-O2", "-shared", "-fPIC", source)
    memory = Zone("dram", energy_uj=1_000_000)
    packages = [package(children=(memory,)), package("package-1", energy_uj=None)]
    root = build_tree(tmp_path / "tree", packages)
    gpus = Gpus(tmp_path / "driver", compile_stub())
    walker = [sys.executable, str(ROOT / "tests/support/out_of_memory.py"), str(root)]
    walker += [str(tmp_path / "journals")]
    environment = gpus.environment() | {"LD_PRELOAD": str(library), "PYTHONMALLOC": "malloc"}
    environment |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    environment.pop("COVERAGE_PROCESS_CONFIG", None)  # coverage.py does not survive this
    result = subprocess.run(
        walker, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "allocations failed" in result.stdout
