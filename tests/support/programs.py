"""Programs that tests run: the C tests are compiled, those in Python find the package."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from needs import require

import alert

ROOT = Path(__file__).parents[2]
PACKAGES = Path(alert.__file__).parents[1]  # where programs in Python find what is tested
COMPILER = os.environ.get("CC", "gcc").split()
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror"]
FLAGS += [f"-I{folder}" for folder in ("csrc", "tests/c")]
SANITIZE = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
STRICT = ["-Wshadow", "-Wconversion", "-Wpedantic", "-Wdouble-promotion"]
ORDINARY = ["-g", "-O2", *STRICT]


def build(output: Path, *arguments: str) -> Path:
    """Compile and link one program; paths are relative to the project's folder.

    What is compiled with the same flags is compiled once for all tests, several files at a time.
    """
    require("gcc")
    sources = [word for word in arguments if word.endswith(".c")]
    flags = tuple(word for word in arguments if word not in sources and not is_for_linker(word))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(lambda source: compiled(source, flags), sources))
    rest = [word for word in arguments if word not in sources]
    compile_with([*objects, *rest, "-o", str(output)])
    return output


def is_for_linker(word: str) -> bool:
    return word.startswith(("-l", "-Wl", "-shared"))


@cache
def compiled(source: str, flags: tuple[str, ...]) -> str:
    """Compile one file, or return the object that was made before."""
    made = tempfile.mkdtemp(dir=kept_directory()) + "/object.o"
    compile_with([*flags, "-c", source, "-o", made])
    return made


@cache
def kept_directory() -> str:
    """Make a directory that goes with this process."""
    directory = tempfile.TemporaryDirectory()
    atexit.register(directory.cleanup)
    return directory.name


def check_with_clang(sources: list[str]) -> None:
    """Have Clang read the sources: it gives its warnings as it does, and they are errors."""
    require("clang")
    command = ["clang", *FLAGS, *STRICT, "-fsyntax-only", *sources]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def compile_with(words: list[str]) -> None:
    subprocess.run([*COMPILER, *FLAGS, *words], check=True, cwd=ROOT)


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    command = [str(program), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def has_gil() -> bool:
    return getattr(sys, "_is_gil_enabled", lambda: True)()  # from Python 3.13 on
