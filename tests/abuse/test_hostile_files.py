"""Files made to take all memory are refused before they do."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import synthetic
from programs import PACKAGES

import alert

MUCH = 100  # megabytes, more than the process may map


def bomb(path: Path, method: int, said: int) -> None:
    """A trace whose latency is followed by zeros; the directory says that it has `said` bytes."""
    synthetic.trace(5).save(path)
    with zipfile.ZipFile(path) as source:
        members = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            with archive.open(name, "w") as member:
                member.write(content)
                for _ in range(MUCH if name == "latency.npy" else 0):
                    member.write(bytes(1_000_000))
    content = path.read_bytes()
    entry = content.rindex(b"latency.npy") - 46
    assert content[entry : entry + 4] == b"PK\x01\x02"
    path.write_bytes(content[: entry + 24] + struct.pack("<I", said) + content[entry + 28 :])


def honest_bomb(path: Path) -> None:
    bomb(path, zipfile.ZIP_DEFLATED, 4_000_000_000)


def lying_bomb(path: Path) -> None:
    bomb(path, zipfile.ZIP_DEFLATED, 308)


def packed_otherwise(path: Path) -> None:
    """What bzip2 packs comes out all at once, whatever the directory says."""
    bomb(path, zipfile.ZIP_BZIP2, 308)


def huge_shape(path: Path) -> None:
    synthetic.trace(5).save(path)
    with zipfile.ZipFile(path) as source:
        members = {name: source.read(name) for name in source.namelist()}
    shape = "{'descr': '<f4', 'fortran_order': False, 'shape': (100000000, 3, 3), }"
    header = shape.ljust(117) + "\n"
    size = len(header).to_bytes(2, "little")
    members["latency.npy"] = b"\x93NUMPY\x01\x00" + size + header.encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def many_names(path: Path) -> None:
    """Half a million members that are nothing but a name."""
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", *(20, 20, 0, 0, 0, 33), *(0, 0, 0), 1, *(0,) * 6)
    directory = (entry + b"x") * 500_000
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, len(directory), 0, 0)
    path.write_bytes(directory + end)


def large_document(path: Path) -> None:
    """Text that is twenty times as large when it is objects."""
    path.write_bytes(b'{"schema": [' + b"{}," * 25_000_000 + b"{}]}")


def many_configurations(path: Path) -> None:
    """10 000 exits under 2000 caps: a small file, a table of 20 million configurations."""
    caps = [float(cap) for cap in range(1, 2001)]
    document = alert.Profile([caps], [caps], [0.5], caps, 0.0).document()
    document["exits"] = {"model 0": [[(i + 1) / 10_000, 0.5] for i in range(10_000)]}
    path.write_text(json.dumps(document), "utf-8")


MADE: dict[str, tuple[Callable[[Path], None], str]] = {
    "a.npz": (honest_bomb, "unpacked"),
    "b.npz": (lying_bomb, "latency.npy"),
    "c.npz": (packed_otherwise, "packed in another way"),
    "d.npz": (huge_shape, "latency.npy: cannot reshape"),
    "e.npz": (many_names, "bytes of names"),
    "f.json": (large_document, "bytes of JSON"),
    "g.json": (
        many_configurations,
        "at most 10000000 configurations, exits included, got 50005000",
    ),
}


def test_hostile_files_are_refused_with_little_memory(tmp_path: Path) -> None:
    for name, (make, _) in MADE.items():
        make(tmp_path / name)
    command = [sys.executable, str(Path(__file__).parents[1] / "support/hostile.py")]
    command += [str(tmp_path / name) for name in MADE]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGES), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    for (name, (_, expected)), line in zip(MADE.items(), lines, strict=True):
        peak, _, said = line.partition(" ")
        assert said.startswith("ValueError: "), line
        assert f"{name}: " in said, line
        assert expected in said, line
        assert int(peak) < 80_000_000, line
