"""The search for the best configuration, against a scan of all of them, under the sanitizers."""

from __future__ import annotations

from pathlib import Path

from programs import ROOT, SANITIZE, build, run


def test_the_search_chooses_what_a_scan_chooses(tmp_path: Path) -> None:
    core = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("csrc/core/**/*.c"))
    source = "tests/c/test_choose.c"
    program = build(tmp_path / "test_choose", *SANITIZE, source, *core, "-lm")
    result = run(program, "300000", "1")
    assert result.returncode == 0, result.stdout + result.stderr
