"""Who knows whom, and what an import brings along."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import alert
from alert import _core

ROOT = Path(__file__).parent.parent
C_FILES = sorted((ROOT / "csrc").glob("**/*.[ch]"))


def included(path: Path) -> set[str]:
    """Headers a file includes itself."""
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
    return set(re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', text, flags=re.M))


def names_in(folder: str) -> set[str]:
    return {path.name for path in (ROOT / "csrc" / folder).glob("*.h")}


def test_every_layer_is_there() -> None:
    for folder in ("core", "power", "python"):
        assert len(names_in(folder)) >= 3
    assert len(C_FILES) > 30


def test_the_core_knows_numbers_only() -> None:
    allowed = {"alert.h", *names_in("core")}
    standard = {"errno.h", "math.h", "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h"}
    standard |= {"stdlib.h", "string.h", "float.h", "limits.h"}
    files = [p for p in C_FILES if p.parent.name == "core"] + [ROOT / "csrc/alert.h"]
    for path in files:
        assert included(path) <= allowed | standard, path


def test_the_core_has_no_clock_no_output_no_environment() -> None:
    calls = (
        r"\b(printf|fprintf|puts|fopen|getenv|time|clock|clock_gettime|rand|random|abort|exit)\("
    )
    for path in C_FILES:
        if path.parent.name == "core":
            code = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
            assert not re.search(calls, code), path


def test_power_does_not_know_the_core_nor_python() -> None:
    forbidden = {"alert.h", *names_in("core"), *names_in("python"), "Python.h"} - names_in("power")
    files = [p for p in C_FILES if p.parent.name == "power"] + [ROOT / "csrc/alert_power.h"]
    for path in files:
        found = {name.rpartition("/")[2] for name in included(path)}
        assert not found & forbidden, path


def test_only_the_binding_knows_python_and_numpy() -> None:
    for path in C_FILES:
        python = {n for n in included(path) if n == "Python.h" or n.startswith("numpy/")}
        assert not python or path.parent.name == "python", path


def test_the_binding_goes_through_the_public_headers() -> None:
    inner = names_in("core") | names_in("power")
    for path in C_FILES:
        if path.parent.name == "python":
            assert not {name.rpartition("/")[2] for name in included(path)} & inner, path


def test_the_binding_uses_no_private_api_of_cpython() -> None:
    for path in C_FILES:
        if path.parent.name == "python":
            code = re.sub(r'/\*.*?\*/|"[^"\n]*"', "", path.read_text(), flags=re.S)
            assert not re.search(r"\b_Py[A-Z_]", code), path


IMPORT = """
import gc, json, os, sys, threading
import numpy
def state():
    descriptors = {os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")
                   if os.path.exists(f"/proc/self/fd/{n}")}
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        children = file.read()
    return descriptors, threading.active_count(), len(os.listdir("/proc/self/task")), children
before = state()
import alert
assert state() == before, (before, state())
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def test_an_import_opens_nothing_starts_nothing_prints_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    modules = {name.partition(".")[0] for name in json.loads(done.stderr)}
    assert "alert" in modules
    assert not modules & {"torch", "matplotlib", "tqdm", "rich", "scipy", "sklearn", "skimage"}


def test_no_public_name_is_both_a_function_and_a_submodule() -> None:
    submodules = {path.stem for path in (ROOT / "alert").glob("*.py")}
    for name in alert.__all__:
        if name in submodules:
            assert type(getattr(alert, name)) is type(sys), name


def test_public_names_are_there_and_documented() -> None:
    assert alert.__all__ == sorted(alert.__all__)
    for name in alert.__all__:
        thing = getattr(alert, name)
        assert isinstance(thing, str) or (thing.__doc__ or "").strip(), name


def test_public_methods_are_documented() -> None:
    for kind in (alert.Goal, alert.Profile, alert.Scheduler, alert.Runner, _core.PowerDevice):
        for name in dir(kind):
            thing = getattr(kind, name)
            if not name.startswith("_") and (callable(thing) or isinstance(thing, property)):
                assert thing.__doc__, (kind, name)
