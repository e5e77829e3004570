"""GPUs to test on: a stub of libnvidia-ml.so.1 and the machine it shows (tests/nvml/stub.h)."""

from __future__ import annotations

import _ctypes
import ctypes
import mmap
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from needs import require
from programs import kept_directory

STUB = Path(__file__).parents[1] / "nvml" / "stub.c"
LIBRARY = "libnvidia-ml.so.1"
FUNCTIONS = (
    *("init", "count", "by_index", "by_uuid", "name", "uuid", "mig_mode", "limit"),
    *("enforced_limit", "limit_range", "set_limit", "energy"),
)
NOT_SUPPORTED, NO_PERMISSION, NOT_LOADED, LOST, MISMATCH = 3, 4, 9, 15, 18


class _Gpu(ctypes.Structure):
    _fields_ = (
        *(("name", ctypes.c_char * 96), ("uuid", ctypes.c_char * 96)),
        *(("limit_mw", ctypes.c_uint32), ("least_mw", ctypes.c_uint32)),
        *(("most_mw", ctypes.c_uint32), ("other_limit_mw", ctypes.c_uint32)),
        *(("unit_mw", ctypes.c_uint32), ("ignores", ctypes.c_uint32)),
        *(("divided", ctypes.c_uint32), ("good_calls", ctypes.c_uint32)),
        ("fault", ctypes.c_int32 * len(FUNCTIONS)),
        *(("energy_mj", ctypes.c_uint64), ("calls", ctypes.c_uint64 * len(FUNCTIONS))),
    )


class _Machine(ctypes.Structure):
    _fields_ = (
        *(("gpus", ctypes.c_uint32), ("set_us", ctypes.c_uint32)),
        *(("fault", ctypes.c_int32 * len(FUNCTIONS)), ("users", ctypes.c_int32)),
        ("gpu", _Gpu * 4),
    )


@cache
def compile_stub(*flags: str) -> Path:
    """Compile the stub, once for all tests that want it with these flags; return the library."""
    require("gcc", "root")  # GPUs are capped by root only
    base = ["gcc", "-std=c11", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror"]
    library = Path(tempfile.mkdtemp(dir=kept_directory())) / LIBRARY
    shared = ["-shared", "-fPIC", f"-Wl,-soname,{LIBRARY}", "-o", str(library)]
    subprocess.run([*base, *flags, str(STUB), *shared], check=True)
    return library


class Gpus:
    """Two GPUs at work: each draws what its work would, or as much as its limits allow."""

    LIMITS = (250.0, 300.0)
    RANGES = ((100.0, 300.0), (150.0, 400.0))
    DEMANDS = (220.0, 500.0)

    def __init__(self, directory: Path, library: Path) -> None:
        directory.mkdir()
        self.library = Path(shutil.copy(library, directory))
        with (directory / "machine").open("w+b") as file:
            file.truncate(ctypes.sizeof(_Machine))
            self.machine = _Machine.from_buffer(mmap.mmap(file.fileno(), 0))
        self.gpu = self.machine.gpu
        self.machine.gpus = 2
        for i in range(2):
            self.gpu[i].name = b"Stub %d" % i
            self.gpu[i].uuid = b"GPU-%d" % i
            self.gpu[i].limit_mw = round(1000 * self.LIMITS[i])
            self.gpu[i].least_mw, self.gpu[i].most_mw = (round(1000 * w) for w in self.RANGES[i])
            self.gpu[i].unit_mw = 1
            self.gpu[i].energy_mj = 10**12 + i

    def fault(self, function: str, code: int, gpu: int | None = None) -> None:
        """Have a function fail from now on; 0 for no longer."""
        (self.machine if gpu is None else self.gpu[gpu]).fault[FUNCTIONS.index(function)] = code

    def calls(self, function: str, gpu: int = 0) -> int:
        return int(self.gpu[gpu].calls[FUNCTIONS.index(function)])

    def limits(self) -> tuple[float, ...]:
        return tuple(self.gpu[i].limit_mw / 1000 for i in range(2))

    def advance(self, seconds: float) -> None:
        for i in range(2):
            watts = min(self.DEMANDS[i], self.limits()[i], self.gpu[i].other_limit_mw / 1000 or 1e9)
            self.gpu[i].energy_mj += round(1000 * watts * seconds)

    @contextmanager
    def loaded(self) -> Iterator[None]:
        """Have this process find the stub: the dynamic linker takes what is loaded by that name."""
        library = ctypes.CDLL(str(self.library))
        try:
            yield
        finally:
            _ctypes.dlclose(library._handle)

    def environment(self) -> dict[str, str]:
        """Return what has another process find the stub."""
        return {**os.environ, "LD_LIBRARY_PATH": str(self.library.parent)}
