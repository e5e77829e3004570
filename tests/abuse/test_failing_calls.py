"""Every call to the system that a power device makes fails once: said, and the limits come back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from programs import ROOT, build


def test_every_call_may_fail(tmp_path: Path) -> None:
    source = "tests/c/failing_calls.c"
    library = build(tmp_path / "failing_calls.so", "-O2", "-shared", "-fPIC", source, "-ldl")
    preload = f"{os.environ.get('LD_PRELOAD', '')} {library}"
    environment = os.environ | {"LD_PRELOAD": preload}
    environment |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    environment.pop("COVERAGE_PROCESS_CONFIG", None)  # its calls could fail instead
    # No log file: a sanitizer would make its folder by calls of the library, before there are any.
    environment["ASAN_OPTIONS"] = "detect_leaks=0"
    result = subprocess.run(
        [sys.executable, str(ROOT / "tests/support/failing_calls.py"), str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "calls failed" in result.stdout
