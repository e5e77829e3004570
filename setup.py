"""Builds alert._core. Everything else is in pyproject.toml.

ALERT_DEBUG=1 builds with -O0 -g; ALERT_SANITIZE=1 adds AddressSanitizer and
UndefinedBehaviorSanitizer; ALERT_WERROR=1 makes warnings errors.
"""

import os
import subprocess
import sysconfig
from pathlib import Path

import numpy
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SOURCES = sorted(str(path) for path in Path("csrc").glob("*/**/*.c"))
WATCHDOG = ("give_back/journal", "nvml/nvml_dl", "power")  # what it needs besides its own file
HEADERS = sorted(str(path) for path in Path("csrc").glob("**/*.h"))


def flag(name: str) -> bool:
    """Tell whether an environment switch is on."""
    return os.environ.get(name, "0") not in ("", "0")


def compiler_is_gcc() -> bool:
    """Tell whether link-time optimization needs nothing more than the compiler.

    It saves a sixth of the instructions of a step. Clang's wants a plugin that not all machines
    have.
    """
    command = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    version = subprocess.run(
        [command.split()[0], "--version"], capture_output=True, text=True, check=False
    )
    return "Free Software Foundation" in version.stdout


# Nobody reads errno after sqrt() or catches traps; no value changes without them.
compile_args = ["-fno-math-errno", "-fno-trapping-math"]
common_args = ["-std=c11", "-fvisibility=hidden", "-ffp-contract=off"]
common_args += ["-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Wdouble-promotion"]
compile_args += common_args
link_args: list[str] = []
compile_args += ["-O0", "-g"] if flag("ALERT_DEBUG") else ["-O3"]
if compiler_is_gcc() and not (flag("ALERT_DEBUG") or flag("ALERT_SANITIZE")):
    compile_args += ["-flto=auto"]
    link_args += ["-flto=auto"]
if flag("ALERT_WERROR"):
    compile_args += ["-Werror"]
if flag("ALERT_SANITIZE"):
    sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g"]
    sanitize += ["-fno-omit-frame-pointer"]
    compile_args += sanitize
    link_args += sanitize


class BuildWithWatchdog(build_ext):
    """Builds the extension, and beside it the program that gives limits back."""

    def finalize_options(self) -> None:
        """Build anew each time: what is there may have been built with other switches."""
        super().finalize_options()
        self.force = True

    def run(self) -> None:
        """Compile and link both."""
        super().run()
        directory = Path(self.get_ext_fullpath("alert._core")).parent
        objects = self.compiler.compile(
            ["csrc/watchdog.c", *(f"csrc/power/{name}.c" for name in WATCHDOG)],
            output_dir=str(Path(self.build_temp) / "watchdog"),
            include_dirs=["csrc"],
            macros=[("_GNU_SOURCE", "1")],
            extra_postargs=[*common_args, "-O2"],
        )
        self.compiler.link_executable(
            objects, "_watchdog", libraries=["m", "dl"], output_dir=str(directory)
        )


setup(
    cmdclass={"build_ext": BuildWithWatchdog},
    ext_modules=[
        Extension(
            "alert._core",
            sources=SOURCES,
            depends=HEADERS,
            include_dirs=["csrc", numpy.get_include()],
            libraries=["m", "dl"],
            extra_compile_args=compile_args,
            extra_link_args=link_args,
            define_macros=[("_GNU_SOURCE", "1")],
        )
    ],
)
