"""Packed weights in C, without Python: under the sanitizers, and without a warning."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from needs import require
from programs import ROOT, SANITIZE, build, run

WEIGHTS = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("csrc/weights/*.c"))


def test_hostile_bytes_under_the_sanitizers(tmp_path: Path) -> None:
    program = build(tmp_path / "test_weights", *SANITIZE, "tests/c/test_weights.c", *WEIGHTS, "-lm")
    result = run(program)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_compiles_without_a_warning(compiler: str, tmp_path: Path) -> None:
    require(compiler)
    flags = ["-std=c11", "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Wpedantic", "-Werror"]
    flags += ["-Wdouble-promotion", f"-I{ROOT / 'csrc'}"]
    flags += {"gcc": ["-O2", "-c"], "clang": ["-fsyntax-only"]}[compiler]  # Clang warns as it reads
    command = [compiler, *flags, *(str(ROOT / source) for source in WEIGHTS)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
