"""Coverage-guided fuzzing of the readers of profiles, traces and packed weights.

python tests/fuzz/readers.py [SECONDS] [DIRECTORY]     # 30 by default; DIRECTORY gathers

Wants atheris, which is not among the tools that the project installs: it has no build for every
Python. The first byte of an input says what the rest is: a profile, a trace, the header of a trace
whose arrays are good (the checksums of a zip let few damaged traces through), or the header of a
file of packed weights whose tensors are good. A reader may refuse a file with ValueError, and with
nothing else.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import warnings
import zipfile
import zlib
from pathlib import Path

import atheris
import numpy as np
import torch

with atheris.instrument_imports(include=["alert"]):
    import alert
    from alert.store.opening import open_weights
    from alert.store.packed_file import HEAD, MAGIC
    from alert.store.weights import Part
    from alert.variants.smartdeal import decompose

PROFILE = alert.Profile([[0.02, 0.01]], [[5.0, 9.0]], [0.8], [5.0, 10.0], 2.0)
TRACE = alert.Trace(PROFILE, latency=np.full((3, 1, 2), 0.02), energy=np.full((3, 1, 2), 0.1))


def saved(directory: Path) -> tuple[bytes, bytes]:
    """Return what a profile and a trace look like on disk."""
    PROFILE.save(directory / "p.json")
    TRACE.save(directory / "t.npz")
    return (directory / "p.json").read_bytes(), (directory / "t.npz").read_bytes()


def with_header(trace: bytes, header: bytes) -> bytes:
    """Return the trace with another header, its checksums right."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(trace)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            if name == "header.npy":
                array = io.BytesIO()
                np.save(array, np.frombuffer(header, np.uint8))
                new.writestr(name, array.getvalue())
            else:
                new.writestr(name, old.read(name))
    return out.getvalue()


def packed(directory: Path) -> tuple[bytes, bytes]:
    """Return the header of packed weights, inflated, and the tensors."""
    path = directory / "w.sdw"
    decompose(torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.Conv2d(4, 2, 3))).save(path)
    raw = path.read_bytes()
    end = HEAD.size + HEAD.unpack(raw[: HEAD.size])[2]
    return zlib.decompress(raw[HEAD.size : end]), raw[end:]


def with_checksum(header: bytes, tensors: bytes) -> bytes:
    """Return packed weights under another header."""
    deflated = zlib.compress(header)
    return HEAD.pack(MAGIC, 1, len(deflated), zlib.crc32(deflated)) + deflated + tensors


def read_weights(path: Path) -> None:
    """Unpack all tensors."""
    weights = open_weights(path)
    try:
        for name, spec in weights.specs.items():
            weights.read([Part(name, 0, spec.size)], [np.empty(spec.size, np.uint8)])
    finally:
        weights.close()


def main() -> None:
    """Fuzz until the time is over or a reader fails."""
    seconds = sys.argv[1] if len(sys.argv) > 1 else "30"
    directory = Path(tempfile.mkdtemp())
    gathered = Path(sys.argv[2]) if len(sys.argv) > 2 else directory / "corpus"
    gathered.mkdir(exist_ok=True)
    profile, trace = saved(directory)
    with np.load(directory / "t.npz") as arrays:
        header = arrays["header"].tobytes()
    weights, tensors = packed(directory)
    for kind, content in enumerate((profile, trace, header, weights)):
        (gathered / f"seed-{kind}").write_bytes(bytes([kind]) + content)
    warnings.simplefilter("ignore")  # of profiles measured elsewhere

    def read(data: bytes) -> None:
        kind, content = data[0] % 4 if data else 0, data[1:]
        path = directory / ("x.json", "x.npz", "x.npz", "x.sdw")[kind]
        content = with_header(trace, content) if kind == 2 else content
        path.write_bytes(with_checksum(content, tensors) if kind == 3 else content)
        with contextlib.suppress(ValueError):
            (alert.Profile.load, alert.Trace.load, alert.Trace.load, read_weights)[kind](path)

    options = [
        f"-max_total_time={seconds}",
        "-max_len=8192",
        "-len_control=0",
        "-rss_limit_mb=2048",
        "-timeout=20",
    ]
    atheris.Setup([sys.argv[0], *options, str(gathered)], read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
