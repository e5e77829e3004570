"""Files of weights: read whole and right, in any pieces; refused where damaged or hostile."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from needs import require
from stores import save

from alert.store import weights
from alert.store.opening import open_weights
from alert.store.tensors import bytes_of
from alert.store.weights import Spec, pieces, size_of

STATE = {
    "weight": torch.arange(1000, dtype=torch.float32).reshape(10, 100),
    "half": torch.arange(7, dtype=torch.bfloat16),
    "scalar": torch.tensor(3),
    "empty": torch.empty(0, 5),
    "half too": torch.arange(9, dtype=torch.float16),
}


def read(path: Path) -> dict[str, torch.Tensor]:
    """Read all tensors of a file, piece by piece."""
    file = open_weights(path)
    try:
        found = {name: torch.zeros(s.shape, dtype=s.dtype) for name, s in file.specs.items()}
        for piece in pieces(file.specs):
            file.read(piece, [bytes_of(found[part.name])[part.start : part.stop] for part in piece])
        return found
    finally:
        file.close()


def assert_same(found: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> None:
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


@pytest.fixture(params=[1, 5, 4096])
def piece(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(weights, "PIECE", request.param)
    return int(request.param)


@pytest.mark.usefixtures("piece")
def test_reads_what_was_saved(tmp_path: Path) -> None:
    assert_same(read(save(tmp_path / "w.safetensors", STATE)), STATE)
    torch.save(STATE, tmp_path / "w.pt")
    assert_same(read(tmp_path / "w.pt"), STATE)


def test_reads_what_the_library_saves(tmp_path: Path) -> None:
    require("safetensors")
    from safetensors.torch import save_file

    kinds = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8"]
    kinds += ["uint8", "bool", "float8_e4m3fn", "float8_e5m2", "complex64"]
    kinds += [kind for kind in ("uint16", "uint32", "uint64") if hasattr(torch, kind)]
    state = {kind: torch.ones(3, dtype=getattr(torch, kind)) for kind in kinds}
    save_file({**state, **STATE}, tmp_path / "w.safetensors", metadata={"format": "pt"})
    found = read(tmp_path / "w.safetensors")
    for name, tensor in {**state, **STATE}.items():
        assert found[name].dtype == tensor.dtype
        assert bytes_of(found[name]).tolist() == bytes_of(tensor).tolist()


def test_a_read_that_ends_early_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "w.safetensors", STATE)
    whole = os.preadv

    def some(descriptor: int, views: Sequence[memoryview], at: int) -> int:
        return whole(descriptor, [views[0][:3]], at)

    monkeypatch.setattr(os, "preadv", some)
    assert_same(read(path), STATE)


@given(st.lists(st.integers(0, 40), max_size=8), st.integers(1, 50), st.integers(1, 4))
def test_pieces_cover_every_byte_once_in_order(sizes: list[int], piece: int, parts: int) -> None:
    specs = {str(i): Spec(torch.uint8, (size,), size) for i, size in enumerate(sizes)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "PIECE", piece)
        patch.setattr(weights, "PARTS", parts)
        cut = list(pieces(specs))
    found = [(name, at) for p in cut for name, start, stop in p for at in range(start, stop)]
    assert found == [(name, at) for name, spec in specs.items() for at in range(spec.size)]
    assert all(0 < len(p) <= parts for p in cut)
    assert all(sum(stop - start for _, start, stop in p) <= piece for p in cut)


def test_size(tmp_path: Path) -> None:
    file = open_weights(save(tmp_path / "w.safetensors", STATE))
    assert size_of(file.specs) == 4000 + 14 + 8 + 18
    file.close()


# --------------------------------------------------------------------------------- files of torch


def test_tied_tensors_of_torch_are_read_once(tmp_path: Path) -> None:
    tied = torch.ones(3)
    torch.save({"a": tied, "b": tied, "c": torch.ones(3), "extra": 5}, tmp_path / "w.pt")
    file = open_weights(tmp_path / "w.pt")
    assert list(file.specs) == ["a", "c"]
    assert file.aliases == {"b": "a"}
    assert file.others == {"extra": 5}


def test_views_of_torch_are_read_as_they_look(tmp_path: Path) -> None:
    state = {"t": torch.arange(6.0).reshape(2, 3).t(), "part": torch.arange(9.0)[2:5]}
    torch.save(state, tmp_path / "w.pt")
    assert_same(read(tmp_path / "w.pt"), state)


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch evil",)


def test_nothing_in_a_file_of_torch_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"a": Evil()}, "w.pt")
    with pytest.raises(ValueError, match=r"w\.pt: no state dict of torch, or damaged"):
        open_weights(Path("w.pt"))
    assert not Path("evil").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            torch.nn.Linear(2, 2),
            r"no state dict of torch, or damaged .*whole module; save model\.state_dict\(\)\)$",
        ),
        ([1, 2], "expected a state dict, got list; save model"),
    ],
)
def test_refuses_other_things_of_torch(tmp_path: Path, content: object, message: str) -> None:
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(ValueError, match=message):
        open_weights(tmp_path / "w.pt")


def test_refuses_a_damaged_file_of_torch(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "w.pt")
    raw = (tmp_path / "w.pt").read_bytes()
    for length in (0, 1, 100, len(raw) // 2, len(raw) - 1):
        (tmp_path / "w.pt").write_bytes(raw[:length])
        with pytest.raises(ValueError, match=r"w\.pt: no state dict of torch, or damaged"):
            open_weights(tmp_path / "w.pt")


# -------------------------------------------------------------------------- hostile safetensors


def written(path: Path, header: object, body: bytes = b"", length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + body)
    return path


TWO = {"dtype": "F16", "shape": [2, 1], "data_offsets": [8, 12]}
ONE = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"{", "Expecting property name"),
        (b"\xff", "decode"),
        (b"[" * 100_000, "recursion"),
        ([], "the header is not a JSON object"),
        ({"a": 3}, "a: no entry"),
        ({"a": {**ONE, "dtype": "F31"}}, "a: dtype 'F31' is not known"),
        ({"a": {**ONE, "dtype": ["F32"]}}, "a: dtype .* is not known"),
        ({"a": {**ONE, "shape": 2}}, "a: no shape, or no offsets"),
        ({"a": {**ONE, "shape": [-2]}}, "a: no shape, or no offsets"),
        ({"a": {**ONE, "shape": [2.0]}}, "a: no shape, or no offsets"),
        ({"a": {**ONE, "shape": [True, 2]}}, "a: no shape, or no offsets"),
        ({"a": {**ONE, "data_offsets": [0]}}, "a: no shape, or no offsets"),
        ({"a": {**ONE, "data_offsets": [8, 0]}}, "a: -8 bytes do not fit the shape"),
        ({"a": {**ONE, "shape": [3]}}, "a: 8 bytes do not fit the shape"),
        ({"a": {**ONE, "shape": [2**80]}}, "a: 8 bytes do not fit the shape"),
        ({"a": {**ONE, "data_offsets": [4, 12]}}, "a: does not follow"),
        ({"a": ONE, "b": ONE}, "b: does not follow"),
        ({"a": {**ONE, "shape": [3], "data_offsets": [0, 12]}}, "a: does not follow"),
    ],
)
def test_refuses_hostile_headers(tmp_path: Path, header: object, message: str) -> None:
    path = written(tmp_path / "w.safetensors", header, bytes(8))
    with pytest.raises(ValueError, match=f"no safetensors file, or damaged .*{message}"):
        open_weights(path)


@pytest.mark.parametrize("length", [2**63, 100_000, 65])
def test_refuses_a_header_longer_than_the_file(tmp_path: Path, length: int) -> None:
    path = written(tmp_path / "w.safetensors", {"a": ONE}, bytes(8), length)
    with pytest.raises(ValueError, match="no safetensors file, or damaged"):
        open_weights(path)


def test_refuses_every_file_that_is_cut_short(tmp_path: Path) -> None:
    path = written(tmp_path / "w.safetensors", {"a": ONE}, bytes(8))
    raw = path.read_bytes()
    assert read(path)["a"].tolist() == [0.0, 0.0]
    for length in range(len(raw)):
        path.write_bytes(raw[:length])
        with pytest.raises(ValueError, match="no safetensors file, or damaged"):
            open_weights(path)


@given(data=st.data())
def test_any_damage_is_either_noticed_or_harmless(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = written(tmp_path_factory.mktemp("w") / "w.safetensors", {"a": ONE, "b": TWO}, bytes(12))
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    try:
        found = read(path)
    except ValueError as error:
        assert str(path) in str(error)  # noqa: PT017
    else:
        assert sum(tensor.nbytes for tensor in found.values()) <= len(raw)


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    path = save(tmp_path / "w.safetensors", STATE)
    file = open_weights(path)
    os.truncate(path, path.stat().st_size - 100)
    (piece,) = pieces(file.specs)
    views = [bytes_of(torch.zeros(part.stop - part.start, dtype=torch.uint8)) for part in piece]
    with pytest.raises(ValueError, match="cut short while it was read"):
        file.read(piece, views)
    file.close()


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    path = written(tmp_path / "w.safetensors", {"a": 3})
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with pytest.raises(ValueError, match="damaged"):
            open_weights(path)
    assert len(os.listdir("/proc/self/fd")) == before
