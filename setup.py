"""Builds alert._core and its watchdog. Everything else is in pyproject.toml.

Switches: ALERT_DEBUG=1 builds with -O0 -g, ALERT_SANITIZE=1 with AddressSanitizer and
UndefinedBehaviorSanitizer, ALERT_SANITIZE=thread with ThreadSanitizer, ALERT_WERROR=1 makes
warnings errors.

Objects are kept in build/objects, one directory for each set of flags. A source is compiled again
only when a file that it includes has changed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sysconfig
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import setuptools
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import PlatformError

SOURCES = sorted(str(path) for path in Path("csrc").glob("*/**/*.c"))
POWER = sorted(str(path) for path in Path("csrc/power").glob("**/*.c"))
WATCHDOG = ["csrc/watchdog.c", *POWER]  # it gives back whatever a device may have changed

COMMON = ["-std=c11", "-fvisibility=hidden", "-ffp-contract=off", "-D_GNU_SOURCE=1", "-Icsrc"]
COMMON += ["-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Wdouble-promotion"]
# Nobody reads errno after sqrt() or catches traps; no value changes without them.
# Two numbers that were worked out side by side would both wait for the later one.
FAST = ["-fno-math-errno", "-fno-trapping-math", "-fno-tree-slp-vectorize"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
SANITIZE_THREADS = ["-fsanitize=thread"]
LIBRARIES = ["m", "dl"]

PYTHON_HEADERS = f"-I{sysconfig.get_path('include')}"
REMEDY = "on Debian or Ubuntu: apt install gcc libc6-dev python3-dev"


def flag(name: str) -> bool:
    """Tell whether an environment switch is on."""
    return os.environ.get(name, "0") not in ("", "0")


def switches(link_time: bool) -> list[str]:
    """Return the flags that the environment asks for, or else optimisation."""
    chosen = ["-O0", "-g"] if flag("ALERT_DEBUG") else ["-O3"]
    if flag("ALERT_SANITIZE"):
        threads = os.environ["ALERT_SANITIZE"] == "thread"
        chosen += SANITIZE_THREADS if threads else SANITIZE
        chosen += ["-g", "-fno-omit-frame-pointer"]
    elif link_time and not flag("ALERT_DEBUG"):
        chosen += ["-flto=auto"]  # saves a sixth of the instructions of a step
    if flag("ALERT_WERROR"):
        chosen += ["-Werror"]
    return chosen


def version(compiler: Sequence[str]) -> str:
    """Ask a compiler which one it is, and check that the headers are there.

    Raises
    ------
    PlatformError
        The compiler, the C library's headers or Python's are missing.
    """
    try:
        asked = subprocess.run(
            [*compiler, PYTHON_HEADERS, "-fsyntax-only", "-v", "-xc", "-"],
            input="#include <Python.h>\n",
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise PlatformError(
            f"building alert needs a C compiler, and there is no {error.filename} ({REMEDY})"
        ) from None
    if missing := re.search(r"fatal error: '?([\w./-]+)'?(: No such| file not)", asked.stderr):
        raise PlatformError(f"building alert needs the header {missing[1]} ({REMEDY})")
    found = re.search(r"^.* version .*$", asked.stderr, flags=re.M)
    return found[0] if found else ""


class Objects:
    """Compiled sources, kept in one directory for each set of flags.

    Parameters
    ----------
    compiler
        That of setuptools.
    flags : sequence of str
    identity : object
        What else an object depends on, with a repr that tells.
    headers : sequence of str
        Flags that find headers which may lie elsewhere each time; `identity` has their version.
    """

    def __init__(
        self, compiler: Any, flags: Sequence[str], identity: object, headers: Sequence[str] = ()
    ) -> None:
        self.compiler = compiler
        self.flags = [*flags, *headers]
        self.link_options = [word for word in flags if word.startswith(("-flto", "-fsanitize"))]
        known = repr((compiler.compiler_so, list(flags), identity))
        self.directory = Path("build/objects", hashlib.sha256(known.encode()).hexdigest()[:12])

    def linked(self, name: str, sources: Sequence[str], link: Callable[..., None]) -> Path:
        """Return the file of that name, made from the sources as they are now."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            objects = list(pool.map(self._compiled, sources))
        made = self.directory / name
        if not made.exists() or any(is_newer(path, made) for path in objects):
            names = [str(path) for path in objects]
            link(names, str(made), libraries=LIBRARIES, extra_postargs=self.link_options)
        return made

    def _compiled(self, source: str) -> Path:
        directory = str(self.directory)
        made = Path(*self.compiler.object_filenames([source], output_dir=directory))
        notes = made.with_suffix(".d")
        if not is_current(made, notes):
            flags = [*self.flags, "-MMD", "-MF", str(notes)]
            self.compiler.compile([source], output_dir=directory, extra_postargs=flags)
        return made


def is_current(made: Path, notes: Path) -> bool:
    """Tell whether no file that an object was made from, as noted by the compiler, has changed."""
    if not (made.exists() and notes.exists()):
        return False
    names = shlex.split(notes.read_text().partition(":")[2].replace("\\\n", " "))
    sources = [Path(name) for name in names]
    return all(path.exists() and not is_newer(path, made) for path in sources)


def is_newer(path: Path, than: Path) -> bool:
    """Compare the times at which two files were written."""
    return path.stat().st_mtime_ns > than.stat().st_mtime_ns


def lay(made: Path, directory: Path) -> None:
    """Copy a file into a directory, in place of one that a process may be running."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / made.name).unlink(missing_ok=True)
    shutil.copy(made, directory)


class Build(build_ext):
    """Builds the extension, and beside it the program that gives limits back."""

    def finalize_options(self) -> None:
        """Have setuptools leave it to `Objects` to tell what is up to date."""
        super().finalize_options()
        self.force = True
        self.edited = bool(self.inplace)  # which run() changes for a while

    def run(self) -> None:
        """Build both, and lay the program beside the extension."""
        super().run()
        lay(self.watchdog, Path(self.get_ext_fullpath("alert._core")).parent)

    def build_extensions(self) -> None:
        """Make both from the objects that are kept."""
        import numpy  # not needed for metadata

        compiler = version(self.compiler.compiler_so)
        # Not where somebody edits: one file changed means all of them optimised again. And not by
        # Clang, which wants a plugin that not all machines have.
        link_time = compiler.startswith("gcc") and not self.edited
        objects = Objects(
            self.compiler,
            [*COMMON, *FAST, *switches(link_time), PYTHON_HEADERS],
            (compiler, numpy.__version__),
            ["-isystem", numpy.get_include()],  # compilers do not note system headers
        )
        [extension] = self.extensions
        target = Path(self.get_ext_fullpath(extension.name))
        made = objects.linked(target.name, extension.sources, self.compiler.link_shared_object)
        lay(made, target.parent)
        plain = Objects(self.compiler, [*COMMON, "-O2"], compiler)
        self.watchdog = plain.linked("_watchdog", WATCHDOG, self.compiler.link_executable)


if int(setuptools.__version__.split(".")[0]) < 77:
    raise SystemExit(
        f"setup.py needs setuptools 77 or newer, this is {setuptools.__version__}: "
        "use `pip install .`, which brings its own"
    )
setup(cmdclass={"build_ext": Build}, ext_modules=[Extension("alert._core", SOURCES)])
