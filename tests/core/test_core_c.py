"""The C core's own tests, without Python: under the sanitizers, and under valgrind."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from needs import require
from programs import ORDINARY, ROOT, SANITIZE, build, check_with_clang, compiled, run

CORE = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("csrc/core/**/*.c"))
COUNTED = ["-Wl,--wrap=calloc,--wrap=malloc,--wrap=realloc"]
PROGRAMS = ("core", "estimate", "memory")
POSTERIOR = ["tests/c/test_posterior.c", "csrc/core/learning/posterior.c"]
POSTERIOR += ["csrc/core/estimate/normal.c"]


def sources(name: str) -> list[str]:
    """Return the program's own source, the core, and what it is linked with."""
    return [f"tests/c/test_{name}.c", *CORE, *(COUNTED if name == "memory" else [])]


@pytest.mark.parametrize("name", PROGRAMS)
def test_under_the_sanitizers(name: str, tmp_path: Path) -> None:
    program = build(tmp_path / name, *SANITIZE, *sources(name), "-lm")
    result = run(program)
    assert result.returncode == 0, result.stdout + result.stderr


def test_learnt_profiles_under_the_sanitizers(tmp_path: Path) -> None:
    source, counted = "tests/c/test_learnt.c", "-Wl,--wrap=calloc"
    program = build(tmp_path / "test_learnt", *SANITIZE, source, *CORE, counted, "-lm")
    result = run(program)
    assert result.returncode == 0, result.stdout + result.stderr


def test_offsets_under_the_sanitizers(tmp_path: Path) -> None:
    source, counted = "tests/c/test_offsets.c", "-Wl,--wrap=calloc,--wrap=malloc"
    program = build(tmp_path / "test_offsets", *SANITIZE, source, *CORE, counted, "-lm")
    result = run(program)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_closed_loop_on_the_emulated_package(tmp_path: Path) -> None:
    """Contention comes: the estimate rises, another cap is chosen, deadlines are kept."""
    power = [f"csrc/power/{name}.c" for name in ("power", "options", "emulated/emulated")]
    source = "tests/c/test_loop.c"
    program = build(tmp_path / "test_loop", *SANITIZE, source, *CORE, *power, "-lm")
    result = run(program)
    assert result.returncode == 0, result.stdout + result.stderr


def test_threads_share_a_profile_under_the_thread_sanitizer(tmp_path: Path) -> None:
    tsan = ["-g", "-O1", "-fsanitize=thread", "-pthread"]
    source = "tests/c/test_threads.c"
    program = build(tmp_path / "test_threads", *tsan, source, *CORE, "-lm")
    # Where addresses are scattered too widely the sanitizer does not start.
    result = run(Path("setarch"), "-R", str(program))
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_posterior_under_the_sanitizers(tmp_path: Path) -> None:
    program = build(tmp_path / "test_posterior", *SANITIZE, *POSTERIOR, "-lm")
    result = run(program)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_posterior_stays_positive_over_ten_million_ratings(tmp_path: Path) -> None:
    program = build(tmp_path / "test_posterior", *ORDINARY, *POSTERIOR, "-lm")
    command = [str(program), "10000000"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.needs("valgrind")
@pytest.mark.parametrize("name", PROGRAMS)
def test_under_valgrind(name: str, tmp_path: Path) -> None:
    program = build(tmp_path / name, *ORDINARY, *sources(name), "-lm")
    command = ["valgrind", "-q", "--error-exitcode=9", "--leak-check=full", str(program)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_gcc_has_no_warning() -> None:
    require("gcc")
    for source in CORE:  # the objects that valgrind runs
        compiled(source, tuple(ORDINARY))


def test_clang_has_no_warning() -> None:
    check_with_clang(CORE)


@pytest.mark.needs("g++")
def test_its_public_headers_serve_cplusplus(tmp_path: Path) -> None:
    source = tmp_path / "use.cpp"
    source.write_text('#include "alert.h"\nint main() { return sizeof(alert_goal) == 0; }\n')
    command = ["g++", "-Wall", "-Werror", f"-I{ROOT / 'csrc'}", str(source), "-o", "/dev/null"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
