"""Where something is missing, or in the way, one sentence says what to do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from programs import PACKAGES, ROOT

from alert import __version__


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Copy what it takes to build, and nothing that was built."""
    folder = tmp_path / "sources"
    folder.mkdir()
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "csrc", folder / "csrc")
    built = shutil.ignore_patterns("*.so", "_watchdog", "__pycache__")
    shutil.copytree(ROOT / "alert", folder / "alert", ignore=built)
    return folder


def python(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def build(sources: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return python(sources, "setup.py", "-q", "build_ext", "--inplace", **environment)


def compiler(folder: Path, script: str) -> str:
    """Write a stand-in for a C compiler; return its path."""
    program = folder / "compiler"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(program)


# ----------------------------------------------------------------------------------------- building


def test_metadata_take_no_compiler(sources: Path) -> None:
    done = python(sources, "setup.py", "--version", PATH="/nowhere", CC="/nowhere/cc")
    assert (done.returncode, done.stdout.strip()) == (0, __version__)


def test_no_compiler(sources: Path) -> None:
    done = build(sources, CC="/nowhere/cc")
    assert done.returncode == 1
    assert done.stderr == (
        "error: building alert needs a C compiler, and there is no /nowhere/cc "
        "(on Debian or Ubuntu: apt install gcc libc6-dev python3-dev)\n"
    )


@pytest.mark.parametrize(
    ("compiler_says", "header"),
    [
        ("<stdin>:1:10: fatal error: Python.h: No such file or directory", "Python.h"),
        ("<stdin>:1:10: fatal error: 'Python.h' file not found", "Python.h"),  # Clang's words
        (
            "x.h:25:10: fatal error: bits/libc-header-start.h: No such file",
            "bits/libc-header-start.h",
        ),
    ],
)
def test_no_headers(sources: Path, tmp_path: Path, compiler_says: str, header: str) -> None:
    done = build(sources, CC=compiler(tmp_path, f'echo "{compiler_says}" >&2; exit 1'))
    assert done.returncode == 1
    assert done.stderr == (
        f"error: building alert needs the header {header} "
        "(on Debian or Ubuntu: apt install gcc libc6-dev python3-dev)\n"
    )


def test_setuptools_that_is_too_old(sources: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    (old / "sitecustomize.py").write_text("import setuptools; setuptools.__version__ = '66.1.1'\n")
    done = python(sources, "setup.py", "--version", PYTHONPATH=str(old))
    assert done.returncode == 1
    assert done.stderr == (
        "setup.py needs setuptools 77 or newer, this is 66.1.1: use `pip install .`, "
        "which brings its own\n"
    )


# --------------------------------------------------------------------------------------- rebuilding


# Notes what it is told, and passes it on to the compiler. With NOTE_ONLY it makes empty objects,
# which takes no time.
NOTING = """
echo "$@" >>{noted}
if [ "$NOTE_ONLY" ]; then
    for word; do
        case $before in -c) source=$word ;; -o) made=$word ;; -MF) notes=$word ;; esac
        before=$word
    done
    if [ "$source" ]; then
        echo "$made: $source" >"$notes"
        set -- -c -x assembler /dev/null -o "$made"
    fi
fi
exec {compiler} "$@"
"""


@pytest.mark.needs("gcc", "python-headers")
def test_only_what_has_changed_is_compiled_again(sources: Path) -> None:
    """A stand-in notes what is compiled; switches that change do not mix objects."""
    noted = sources / "noted"
    gcc = sysconfig.get_config_var("CC") or "cc"
    shim = compiler(sources, NOTING.format(noted=noted, compiler=gcc))

    def compiled(**environment: str) -> set[str]:
        noted.write_text("")
        done = build(sources, CC=shim, ALERT_DEBUG="1", **environment)
        assert done.returncode == 0, done.stderr
        return set(re.findall(r"-c (csrc/\S+)", noted.read_text()))

    def touch(name: str) -> None:
        with (sources / name).open("a") as file:
            file.write("/* edited */\n")

    everything = {str(path.relative_to(sources)) for path in sources.glob("csrc/**/*.c")}
    assert compiled() == everything
    assert compiled() == set()
    touch("csrc/core/window.c")
    assert compiled() == {"csrc/core/window.c"}
    touch("csrc/core/window.h")
    users = compiled()
    assert {"csrc/core/window.c", "csrc/core/scheduler.c"} <= users < everything
    assert not any(name.startswith("csrc/p") for name in users)  # neither power nor python
    of_the_switch = everything - {"csrc/watchdog.c"}
    assert compiled(ALERT_WERROR="1", NOTE_ONLY="1") == of_the_switch
    assert compiled() == set()
    library = next((sources / "alert").glob("_core*.so"))
    assert python(sources, "-c", "import alert").stderr == ""
    assert (sources / "alert" / "_watchdog").stat().st_mode & 0o111
    library.unlink()
    assert compiled() == set()
    assert library.exists()
    watchdog = sources / "alert" / "_watchdog"
    shutil.copy("/bin/sleep", watchdog)  # stands in for a watchdog that is at work
    with subprocess.Popen([watchdog, "60"]) as running:
        try:
            assert compiled() == set()
        finally:
            running.kill()


# ---------------------------------------------------------------------------------------- importing
# With -S, for an editable install finds the core wherever Python is started.


def test_python_started_in_the_source_folder(sources: Path) -> None:
    for command in (["-c", "import alert"], ["-m", "alert", "info"]):
        done = python(sources, "-S", *command)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1] == (
            f"ImportError: {sources} is the source folder of alert, without the C core: leave the "
            "folder to use an installed alert, or run `pip install -e .` in it to work on the "
            "sources"
        )
        assert "circular" not in done.stderr


def test_a_package_of_another_python(sources: Path) -> None:
    (sources / "setup.py").unlink()
    done = python(sources, "-S", "-c", "import alert")
    assert f"ImportError: alert in {sources} was installed for another Python" in done.stderr
    assert "pip install alert-runtime" in done.stderr


def test_what_else_is_wrong_with_the_core_is_not_hidden(sources: Path) -> None:
    (sources / "alert" / "_core.py").write_text("import nowhere_to_be_found\n")
    done = python(sources, "-S", "-c", "import alert")
    assert "ModuleNotFoundError: No module named 'nowhere_to_be_found'" in done.stderr


def test_a_benchmark_started_in_the_source_folder_measures_what_is_installed(sources: Path) -> None:
    folder = sources / "benchmarks"
    folder.mkdir()
    shutil.copy(ROOT / "benchmarks" / "bench_import.py", folder)
    statement = f"import alert, sys; sys.exit({str(sources)!r} in alert.__file__)"
    code = f"import bench_import; bench_import.seconds({statement!r})"
    done = python(sources, "-c", code, PYTHONPATH=f"{folder}{os.pathsep}{PACKAGES}")
    assert (done.returncode, done.stderr) == (0, "")
