"""What building and testing need of a machine, and the packages that bring it.

`install.py` installs it. A test that is marked ``needs("valgrind")`` or calls `require` is skipped
where it is missing. The standard library is enough for this file.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sysconfig
import unittest
from collections.abc import Callable
from functools import cache
from importlib import invalidate_caches
from importlib.util import find_spec
from typing import NamedTuple


class Need(NamedTuple):
    """One thing needed: what for, how it is found, and what brings it."""

    purpose: str
    is_there: Callable[[], bool]
    debian: str = ""  # packages of Debian and Ubuntu
    pip: str = ""


def program(*names: str) -> Callable[[], bool]:
    """Look for programs on the path."""
    return lambda: all(shutil.which(name) for name in names)


def header(name: str) -> Callable[[], bool]:
    """Have the C preprocessor look for a header."""

    def found() -> bool:
        command = ["gcc", f"-I{sysconfig.get_path('include')}", "-E", "-xc", "-o", os.devnull, "-"]
        try:
            done = subprocess.run(
                command, input=f"#include <{name}>\n", text=True, stderr=subprocess.DEVNULL
            )
        except OSError:
            return False
        return done.returncode == 0

    return found


def library(name: str) -> Callable[[], bool]:
    """Have the dynamic linker look for a library."""

    def found() -> bool:
        try:
            ctypes.CDLL(name)
        except OSError:
            return False
        return True

    return found


def module(name: str) -> Callable[[], bool]:
    """Look for a Python module without importing it."""

    def found() -> bool:
        invalidate_caches()  # it may just have been installed
        try:
            return find_spec(name) is not None
        except ModuleNotFoundError:  # the package that it is in
            return False

    return found


def fuse_headers() -> bool:
    """Ask pkg-config, as the test that compiles with them does."""
    command = ["pkg-config", "--exists", "fuse3"]
    return bool(shutil.which("pkg-config")) and subprocess.run(command).returncode == 0


NEEDS = {
    # to build
    "venv": Need("Python's own environments", module("ensurepip"), "python3-venv"),
    "gcc": Need("C compiler", header("stdlib.h"), "gcc libc6-dev"),
    "python-headers": Need("Python's headers for C", header("Python.h"), "python3-dev"),
    # to test
    "make": Need("make", program("make"), "make"),
    "g++": Need("C++ compiler: the headers must serve it", program("g++"), "g++"),
    "clang": Need("second C compiler, fuzzing", program("clang"), "clang libclang-rt-dev"),
    "valgrind": Need("memory checks", program("valgrind"), "valgrind"),
    "libpowercap": Need("access to RAPL", library("libpowercap.so.0"), "libpowercap0"),
    "powercap-headers": Need(
        "header that our declarations are compared with",
        header("powercap/powercap.h"),
        "libpowercap-dev",
    ),
    "powercap-utils": Need(
        "second opinion on power limits", program("powercap-info", "rapl-info"), "powercap-utils"
    ),
    "fuse": Need("emulated power files", program("fusermount3"), "fuse3"),
    "/dev/fuse": Need("emulated power files", lambda: os.access("/dev/fuse", os.R_OK | os.W_OK)),
    "fuse-headers": Need("emulated power files", fuse_headers, "libfuse3-dev pkg-config"),
    "root": Need("tests that mount or become somebody else", lambda: os.geteuid() == 0),
    # Python packages, under the names they are imported by
    "av": Need("clips", module("av"), pip="av"),
    "efficientnet_lite_pytorch": Need(
        "networks of the demonstration",
        module("efficientnet_lite_pytorch"),
        pip="efficientnet-lite-pytorch",
    ),
    "httpx2": Need("requests to a server", module("httpx2"), pip="httpx2"),
    "hypothesis": Need("generated cases", module("hypothesis"), pip="hypothesis"),
    "ipykernel": Need("notebooks", module("ipykernel"), pip="ipykernel"),
    "jupyter_client": Need("notebooks", module("jupyter_client"), pip="jupyter-client"),
    "matplotlib": Need("pictures", module("matplotlib"), pip="matplotlib"),
    "nbclient": Need("notebooks", module("nbclient"), pip="nbclient"),
    "opentelemetry.sdk": Need("metrics", module("opentelemetry.sdk"), pip="opentelemetry-sdk"),
    "onnx": Need("variants", module("onnx"), pip="onnx"),
    "onnxruntime": Need("variants", module("onnxruntime"), pip="onnxruntime"),
    "onnxscript": Need("variants", module("onnxscript"), pip="onnxscript"),
    "pandas": Need("data frames", module("pandas"), pip="pandas"),
    "prometheus_client": Need("metrics", module("prometheus_client"), pip="prometheus-client"),
    "ray": Need("nodes of a cluster", module("ray"), pip="'ray[serve]'"),
    "starlette": Need("serving over HTTP", module("starlette"), pip="starlette"),
    "rich": Need("tables", module("rich"), pip="rich"),
    "safetensors": Need("files of weights", module("safetensors"), pip="safetensors"),
    "scipy": Need("second opinion on numbers", module("scipy"), pip="scipy"),
    "skimage": Need("photographs", module("skimage"), pip="scikit-image"),
    "sklearn": Need("photographs", module("sklearn"), pip="scikit-learn"),
    "torch": Need("networks", module("torch"), pip="torch"),
    "torch_pruning": Need("variants", module("torch_pruning"), pip="torch-pruning"),
    "tritonclient": Need("a client of others", module("tritonclient"), pip="'tritonclient[http]'"),
    "uvicorn": Need("serving over HTTP", module("uvicorn"), pip="uvicorn"),
    "transformers": Need("networks that take keywords", module("transformers"), pip="transformers"),
    "threadpoolctl": Need("threads", module("threadpoolctl"), pip="threadpoolctl"),
    "zeus": Need("another meter", module("zeus"), pip="zeus"),
    "tqdm": Need("progress bars", module("tqdm"), pip="tqdm"),
}

NOT_INSTALLED = {"root": "run as root", "/dev/fuse": "let this user open /dev/fuse"}

TO_BUILD = ("venv", "gcc", "python-headers")
TO_TEST = tuple(name for name, need in NEEDS.items() if need.debian and name not in TO_BUILD)


lacking: dict[str, None] = {}
"""What something was skipped for; a set that keeps its order."""


@cache
def is_there(name: str) -> bool:
    """Tell whether one of `NEEDS` is there."""
    return NEEDS[name].is_there()


def require(*names: str) -> None:
    """Skip the test, or the fixture, or the file, where one of `NEEDS` is missing."""
    absent = [name for name in names if not is_there(name)]
    if absent:
        lacking.update(dict.fromkeys(absent))
        raise unittest.SkipTest(f"needs {remedy(absent)}")


def remedy(names: list[str]) -> str:
    """Say which commands bring them."""
    found = [NEEDS[name] for name in names]
    debian = " ".join(need.debian for need in found if need.debian)
    pip = " ".join(need.pip for need in found if need.pip)
    said = [f"apt install {debian}"] if debian else []
    said += [f"pip install {pip}"] if pip else []
    said += [text for name, text in NOT_INSTALLED.items() if name in names]
    return "; ".join(said)
