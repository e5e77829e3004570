"""Packed files: what is damaged, cut short or hostile is refused, with little memory."""

from __future__ import annotations

import json
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from alert import _core
from alert.store.opening import open_weights
from alert.store.packed_file import HEAD, LARGEST_HEADER, MAGIC, PackedFile
from alert.store.weights import Part
from alert.variants.smartdeal import decompose

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(16, 24), nn.BatchNorm1d(24), nn.Conv2d(1, 4, 3))
    decompose(net, keep=0.5).save(tmp_path / "net.sdw")
    return tmp_path / "net.sdw"


def read_all(path: Path) -> dict[str, bytes]:
    file = open_weights(path)
    assert isinstance(file, PackedFile)
    try:
        return {name: read(file, name, 0, spec.size) for name, spec in file.specs.items()}
    finally:
        file.close()


def read(file: PackedFile, name: str, start: int, stop: int) -> bytes:
    into = np.empty(stop - start, np.uint8)
    file.read([Part(name, start, stop)], [into])
    return into.tobytes()


def parts(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the header and the payloads of a file."""
    length = HEAD.unpack(raw[: HEAD.size])[2]
    return json.loads(zlib.decompress(raw[HEAD.size : HEAD.size + length])), raw[
        HEAD.size + length :
    ]


def joined(header: bytes, payloads: bytes, version: int = 1) -> bytes:
    """Return a file whose checksums are right."""
    return HEAD.pack(MAGIC, version, len(header), zlib.crc32(header)) + header + payloads


def refused(path: Path) -> str:
    tracemalloc.start()
    with pytest.raises(
        ValueError, match=r"^\S+net.sdw: no packed weights, or damaged \("
    ) as raised:
        read_all(path)
    assert tracemalloc.get_traced_memory()[1] < 30_000_000
    tracemalloc.stop()
    return str(raised.value).partition("damaged ")[2]


def test_parts_of_a_tensor_are_parts_of_the_whole(path: Path) -> None:
    file = PackedFile(path)
    for name, whole in read_all(path).items():
        for start, stop in ((0, 1), (3, len(whole) - 2), (len(whole) // 2, len(whole))):
            if start < stop:
                assert read(file, name, start, stop) == whole[start:stop]
    file.close()


def test_a_tensor_is_read_and_unpacked_once_however_many_its_parts_are(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked: list[int] = []
    unpack = _core.unpack_weights

    def count(payload: Any, into: Any, *numbers: Any) -> None:
        unpacked.append(into.nbytes)
        unpack(payload, into, *numbers)

    file = PackedFile(path)
    read_payload = file._read_payload
    payloads: list[str] = []

    def note(name: str) -> Any:
        payloads.append(name)
        return read_payload(name)

    monkeypatch.setattr(file, "_read_payload", note)
    monkeypatch.setattr(_core, "unpack_weights", count)
    each = 4 * 16  # bytes of a filter
    whole = b"".join(read(file, "0.weight", at, at + 5 * each) for at in (0, 5 * each))
    whole += read(file, "0.weight", 10 * each, 24 * each)
    monkeypatch.undo()
    assert payloads == ["0.weight"]
    assert sum(unpacked) == len(whole) == 24 * each
    assert whole == read(file, "0.weight", 0, 24 * each)
    file.close()


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.9, 0.999])
def test_a_file_cut_short_is_refused(path: Path, share: float) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw[: int(share * len(raw))])
    assert refused(path)


def test_any_changed_byte_is_noticed(path: Path) -> None:
    raw = path.read_bytes()
    for place in range(0, len(raw), 7):
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 4]) + raw[place + 1 :])
        assert refused(path)


def test_another_version_is_said(path: Path) -> None:
    header = zlib.compress(b"{}")
    path.write_bytes(joined(header, b"", version=2))
    assert refused(path) == "(this release reads version 1, got 2)"


def first(document: dict[str, Any], **changes: object) -> None:
    document["tensors"][0].update(changes)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda d: d.clear(), "no list of tensors"),
        (lambda d: d["tensors"].append(3), "a tensor without a name of its own: None"),
        (lambda d: d["tensors"].append(d["tensors"][0]), "a tensor without a name of its own"),
        (lambda d: d["tensors"].pop(), "the tensors end at byte"),
        (lambda d: first(d, dtype="F31"), "dtype 'F31' is not known"),
        (lambda d: first(d, dtype="I32"), "form 'basis' is not known, or not for such a tensor"),
        (lambda d: first(d, form="zip"), "form 'zip' is not known"),
        (lambda d: first(d, shape=[-1]), "no shape, size or checksum"),
        (lambda d: first(d, shape="x"), "no shape, size or checksum"),
        (lambda d: first(d, crc=None), "no shape, size or checksum"),
        (lambda d: first(d, shape=[10**9, 10**9]), "do not fit the shape"),
        (lambda d: first(d, shape=[24, 19]), "size: expected the bytes that the shape"),
        (lambda d: first(d, shape=[0, 16]), "form 'basis' is not known, or not for such"),
        (lambda d: first(d, layout=None), "do not fit the shape"),
        (lambda d: first(d, layout=[3, 1]), "no layout"),
        (lambda d: first(d, layout=[0, 1, 1, 4, 8, 1]), "no layout"),
        (lambda d: first(d, layout=[9, 1, 1, 4, 8, 1]), "rows of 9 weights"),
        (lambda d: first(d, layout=[3, 24, 6, 9, 8, 1]), "coefficient_bits: expected a number"),
        (lambda d: first(d, form="raw"), "do not fit the shape"),
        (lambda d: first(d, form="half"), "do not fit the shape"),
    ],
)
def test_a_header_that_lies_is_refused(path: Path, edit: Edit, said: str) -> None:
    document, payloads = parts(path.read_bytes())
    edit(document)
    path.write_bytes(joined(zlib.compress(json.dumps(document).encode()), payloads))
    assert said in refused(path)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"no deflate", "header: "),
        (zlib.compress(b"[]"), "the header is not a JSON object"),
        (zlib.compress(b"{}")[:-3], "cut short"),
        (zlib.compress(b"{"), "Expecting property name"),
        (zlib.compress(b"[" * 100_000), "maximum recursion depth|too many nested"),
        (zlib.compress(bytes(200 * LARGEST_HEADER)), "cut short, or too long"),
    ],
)
def test_a_header_that_is_none_is_refused(path: Path, header: bytes, said: str) -> None:
    path.write_bytes(joined(header, b""))
    assert any(reason in refused(path) for reason in said.split("|"))


def test_a_bitmap_that_lies_is_refused(path: Path) -> None:
    """The shape allows for as many bytes, but other rows are there."""
    document, payloads = parts(path.read_bytes())
    entry = document["tensors"][0]
    rows = 24 * 6
    start = entry["size"] - rows // 8 - -(-rows // 2 * 12 // 8)
    wrong = bytearray(payloads)
    wrong[start] ^= 1
    entry["crc"] = zlib.crc32(bytes(wrong[: entry["size"]]))
    path.write_bytes(joined(zlib.compress(json.dumps(document).encode()), bytes(wrong)))
    assert "0.weight: size: expected the bytes that the shape" in refused(path)


def test_a_file_that_is_missing_is_no_damage(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_weights(tmp_path / "none.sdw")
