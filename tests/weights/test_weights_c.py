"""Packed weights in C, without Python: under the sanitizers, and without a warning."""

from __future__ import annotations

from pathlib import Path

from needs import require
from programs import ORDINARY, ROOT, SANITIZE, build, check_with_clang, compiled, run

WEIGHTS = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("csrc/weights/*.c"))


def test_hostile_bytes_under_the_sanitizers(tmp_path: Path) -> None:
    program = build(tmp_path / "test_weights", *SANITIZE, "tests/c/test_weights.c", *WEIGHTS, "-lm")
    result = run(program)
    assert result.returncode == 0, result.stdout + result.stderr


def test_gcc_has_no_warning() -> None:
    require("gcc")
    for source in WEIGHTS:
        compiled(source, tuple(ORDINARY))


def test_clang_has_no_warning() -> None:
    check_with_clang(WEIGHTS)
