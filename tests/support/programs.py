"""Programs that tests run: the C tests are compiled, those in Python find the package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from needs import require

import alert

ROOT = Path(__file__).parents[2]
PACKAGES = Path(alert.__file__).parents[1]  # where programs in Python find what is tested
COMPILER = os.environ.get("CC", "gcc").split()
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror"]
FLAGS += [f"-I{folder}" for folder in ("csrc", "tests/c")]
SANITIZE = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def build(output: Path, *arguments: str) -> Path:
    """Compile and link one program; paths are relative to the project's folder."""
    require("gcc")
    subprocess.run([*COMPILER, *FLAGS, *arguments, "-o", str(output)], check=True, cwd=ROOT)
    return output


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    command = [str(program), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def has_gil() -> bool:
    return getattr(sys, "_is_gil_enabled", lambda: True)()  # from Python 3.13 on
