"""A family is saved whole or not at all, and read with care."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
import small_networks as small
import torch
from torch import nn

import alert
from alert import files, variants
from alert.store.opening import size_in_memory
from alert.variants import Family
from alert.variants.measuring import outputs

pytestmark = [
    pytest.mark.needs("safetensors", "onnx", "onnxruntime", "onnxscript", "torch_pruning")
]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alert.variants.measuring.latencies", small.Clock())


def halved(module: nn.Module) -> nn.Module:
    """Cut channels as no kind does."""
    module[0] = nn.Conv2d(1, 8, 3, padding=1, bias=False)  # type: ignore[operator]
    module[1] = nn.BatchNorm2d(8)  # type: ignore[operator]
    module[3] = nn.Conv2d(8, 16, 3, padding=1, bias=False)  # type: ignore[operator]
    return module


def other(module: nn.Module) -> nn.Module:
    return nn.Sequential(module, nn.Softmax(-1))


def steeper(module: nn.Module) -> nn.Module:
    dict(module.named_modules())["1"].eps = 1.0
    return module


def make(*kinds: Any) -> Family:
    return variants.family(
        small.network(),
        small.pictures(1)[0],
        calibration=small.pictures(4),
        train=small.nothing,
        kinds=kinds,
        # Every variant is the best at something, so that all of them are stored.
        evaluate=lambda model: 0.5 + sum(p.numel() for p in model.parameters()) / 1e5,  # type: ignore[attr-defined]
    )


def same(one: Family, two: Family) -> bool:
    inputs = small.pictures(3)
    return list(one) == list(two) and all(
        torch.equal(x, y)
        for name in one
        for x, y in zip(outputs(one[name], inputs), outputs(two[name], inputs), strict=True)
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    make("pruned:0.5", "lowres:0.5", "pruned:0.4+lowres:0.5", halved).save(tmp_path / "f")
    return tmp_path / "f"


# ----------------------------------------------------------------------------------- there and back


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    chains = ["pruned:0.5", "lowres:0.5", "pruned:0.4+lowres:0.5", "pruned:0.4+smartdeal"]
    family = make(*chains, halved)
    assert {"halved", "pruned:0.4+smartdeal"} < set(family)
    family.save(tmp_path / "f")
    found = variants.load(tmp_path / "f", small.network(seed=7))  # its weights do not count
    assert same(family, found)
    assert str(found) == str(family)
    found.save(tmp_path / "g")
    assert same(family, variants.load(tmp_path / "g", small.network()))


def test_onnx_runs_without_the_network(family: Family, tmp_path: Path) -> None:
    family.save(tmp_path / "f")
    index = tmp_path / "f" / "family.json"
    document = json.loads(index.read_text())
    document["variants"] = [r for r in document["variants"] if (r["file"] or "").endswith("onnx")]
    index.write_text(json.dumps(document))
    found = variants.load(tmp_path / "f")
    assert list(found) == [n for n in family if n.endswith(("onnx", "int8"))]
    x = small.pictures(1)
    for name in found:
        assert torch.equal(outputs(found[name], x)[0], outputs(family[name], x)[0])


def test_a_store_takes_a_family(family: Family, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the family has no files yet: call its method save"):
        alert.Store(Family(None, family.variants, [], True, 1), "1 MB")
    family.save(tmp_path / "f")
    largest = max(size_in_memory(path) for _, path in family.stored().values())
    with alert.Store(family, largest) as store:
        for name in [*family, *family]:
            x = small.pictures(1)
            assert torch.equal(outputs(store[name], x)[0], outputs(family[name], x)[0])
        assert len(store.resident) < len(family)


def test_a_family_replaces_a_family_and_leaves_nothing_else(saved: Path) -> None:
    before = set(saved.iterdir())
    make("pruned:0.5").save(saved)
    assert list(variants.load(saved, small.network())) == ["original", "pruned:0.5"]
    assert len(list(saved.iterdir())) == 3 < len(before)
    assert [path.name for path in saved.parent.iterdir()] == ["f"]


def test_a_directory_with_something_else_stays(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "thesis.tex").write_text("dear")
    with pytest.raises(FileExistsError, match="there is a directory already, and no family in it"):
        make("lowres:0.5").save(tmp_path / "f")
    assert [path.name for path in tmp_path.rglob("*.*")] == ["thesis.tex"]


# ---------------------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_full_disk_loses_nothing(saved: Path, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    content = {path.name: path.read_bytes() for path in saved.iterdir()}
    family = variants.load(saved, small.network())
    written = iter(range(99))
    replace = files.replace

    def full(path: Path, write: Callable[[IO[bytes]], object]) -> None:
        if next(written) == at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(path, write)

    monkeypatch.setattr(files, "replace", full)
    with pytest.raises(OSError, match=r"No space left on device: '[^']*/f'$"):
        family.save(saved)
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == content
    assert [path.name for path in saved.parent.iterdir()] == ["f"]


def test_a_failed_move_puts_the_old_family_back(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = variants.load(saved, small.network())
    moved, rename = iter(range(99)), os.rename

    def fails(one: Path, two: Path) -> None:
        if next(moved) == 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rename(one, two)

    monkeypatch.setattr(os, "rename", fails)
    with pytest.raises(OSError, match="Input/output error"):
        family.save(saved)
    assert same(family, variants.load(saved, small.network()))
    assert [path.name for path in saved.parent.iterdir()] == ["f"]


def test_what_has_other_settings_cannot_be_stored(tmp_path: Path) -> None:
    """Read back without them, it would be another variant."""
    family = make(steeper)
    assert "steeper" in family
    with pytest.raises(ValueError, match="steeper cannot be stored: a function made it"):
        family.save(tmp_path / "f")


def test_what_has_other_modules_cannot_be_stored(tmp_path: Path) -> None:
    family = make(other)
    assert family["other"](small.pictures(1)[0]).sum().item() == pytest.approx(1.0)
    with pytest.raises(ValueError, match="other cannot be stored: a function made it"):
        family.save(tmp_path / "f")
    assert list(tmp_path.iterdir()) == []


def test_a_truncated_file_is_named(saved: Path) -> None:
    path = next(saved.glob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=rf"{path.name}: expected \d+ bytes, got \d+"):
        variants.load(saved, small.network())


def test_another_network_does_not_fit(saved: Path) -> None:
    with pytest.raises(ValueError, match="safetensors: does not fit the model"):
        variants.load(saved, nn.Linear(2, 2))
    with pytest.raises(ValueError, match="expected the network that the family was made of"):
        variants.load(saved)
    with pytest.raises(TypeError, match=r"model: expected a torch.nn.Module, got type"):
        variants.load(saved, nn.Linear)  # type: ignore[arg-type]


def _spoiled(path: list[Any], value: Any) -> Callable[[Any], None]:
    def spoil(document: Any) -> None:
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = value

    return spoil


PRUNED = ["variants", 1]
RECORD = [*PRUNED, "steps", 0, "record"]


@pytest.mark.parametrize(
    "spoil",
    [
        _spoiled(["variants"], {}),
        _spoiled(["variants"], []),
        _spoiled(["variants"], [3]),
        _spoiled(["compared"], "many"),
        _spoiled([*PRUNED, "file"], "../f/0-original.safetensors"),
        _spoiled([*PRUNED, "file"], "/etc/passwd"),
        _spoiled([*PRUNED, "file"], "a\0b"),
        _spoiled([*PRUNED, "size"], -1),
        _spoiled([*PRUNED, "accuracy"], 2.0),
        _spoiled([*PRUNED, "file"], None),
        _spoiled([*PRUNED, "why"], "left out, but with a file"),
        _spoiled([*PRUNED, "name"], "original"),
        _spoiled([*PRUNED, "steps"], [3]),
        _spoiled([*PRUNED, "steps", 0, "kind"], "eval"),
        _spoiled([*PRUNED, "steps", 0, "kind"], ["pruned"]),
        _spoiled([*PRUNED, "steps", 0, "kind"], "onnx"),
        _spoiled(RECORD, []),
        _spoiled(RECORD, {}),
        _spoiled([*RECORD, "numbers", "0"], {"forward": 3}),
        _spoiled([*RECORD, "numbers", "0"], {"out_channels": "8"}),
        _spoiled([*RECORD, "numbers", "nowhere"], {"out_channels": 8}),
        _spoiled([*RECORD, "shapes", "0.weight"], [8, 1, 3, -3]),
        _spoiled([*RECORD, "shapes", "0.weight"], [2**62, 2**62]),
        _spoiled([*RECORD, "shapes", "0.weight"], [9, 1, 3, 3]),
        _spoiled([*RECORD, "shapes", "__class__"], [8]),
    ],
)
def test_an_index_that_lies_is_refused(saved: Path, spoil: Callable[[Any], None]) -> None:
    index = saved / "family.json"
    document = json.loads(index.read_text())
    spoil(document)
    index.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=str(saved)):
        variants.load(saved, small.network())


def test_names_of_an_index_do_not_steer_a_terminal(saved: Path) -> None:
    index = saved / "family.json"
    document = json.loads(index.read_text())
    document["variants"][1]["name"] = "\x1b[2Jgone"
    document["failed"] = ["\x1b[2Jgone: could not be made"]
    index.write_text(json.dumps(document))
    said = str(variants.load(saved, small.network()))
    assert "\x1b" not in said
    assert said.count("x1b[2Jgone") == 2


def test_an_index_that_is_cut_short(saved: Path) -> None:
    index = saved / "family.json"
    index.write_bytes(index.read_bytes()[:-5])
    with pytest.raises(ValueError, match=r"family.json: not JSON, or cut short"):
        variants.load(saved, small.network())


def _onnx_only(family: Family, place: Path, content: bytes) -> Path:
    """Save a family whose only variant is a file of this content."""
    family.save(place)
    index = place / "family.json"
    document = json.loads(index.read_text())
    [row] = [row for row in document["variants"] if row["name"] == "pruned:0.5+int8"]
    (place / row["file"]).write_bytes(content)
    row["size"] = row["steps"][-1]["record"]["bytes"] = len(content)
    document["variants"] = [row]
    index.write_text(json.dumps(document))
    return place


def test_an_onnx_file_that_is_damaged(family: Family, tmp_path: Path) -> None:
    place = _onnx_only(family, tmp_path / "f", b"\x08\x07" + bytes(100))
    with pytest.raises(ValueError, match=r"int8.onnx: does not fit .*no ONNX network, or damaged"):
        variants.load(place)


def test_an_onnx_file_that_would_read_other_files(family: Family, tmp_path: Path) -> None:
    import onnx

    family.save(tmp_path / "g")
    network = onnx.load(next((tmp_path / "g").glob("*int8.onnx")))
    tensor = network.graph.initializer[0]
    onnx.external_data_helper.set_external_data(tensor, "/etc/passwd", length=8)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    place = _onnx_only(family, tmp_path / "f", network.SerializeToString())
    with pytest.raises(ValueError, match=r"weights in other files"):
        variants.load(place)


def test_an_onnx_file_that_hides_other_files_in_a_graph_within_its_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnx
    from onnx import helper, numpy_helper

    from alert.variants.onnx_model import session

    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_bytes(np.arange(4, dtype=np.float32).tobytes())
    x, y, t, e = (
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [4]) for name in "xyte"
    )

    def branch(output: Any, location: str | None) -> Any:
        tensor = numpy_helper.from_array(np.zeros(4, np.float32), f"w{output.name}")
        if location is not None:
            onnx.external_data_helper.set_external_data(tensor, location, length=16)
            tensor.ClearField("raw_data")
            tensor.data_location = onnx.TensorProto.EXTERNAL
        node = helper.make_node("Identity", [tensor.name], [output.name])
        return helper.make_graph([node], "branch", [], [output], initializer=[tensor])

    def network(location: str | None) -> bytes:
        always = numpy_helper.from_array(np.array(True), "always")
        branches = {"then_branch": branch(t, location), "else_branch": branch(e, None)}
        nodes = [
            helper.make_node("If", ["always"], ["z"], **branches),
            helper.make_node("Add", ["x", "z"], ["y"]),
        ]
        graph = helper.make_graph(nodes, "graph", [x], [y], initializer=[always])
        opset = helper.make_opsetid("", 17)
        made = helper.make_model(graph, opset_imports=[opset], ir_version=8)
        content: bytes = made.SerializeToString()
        return content

    session(network(None))
    with pytest.raises(ValueError, match="weights in other files"):
        session(network("secret"))


def test_nothing_that_runs_code_is_read(saved: Path) -> None:
    import pickle

    class Evil:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(saved / "evil"),)

    for path in saved.glob("*.safetensors"):
        path.write_bytes(pickle.dumps(Evil()).ljust(path.stat().st_size, b"."))
    with pytest.raises(ValueError, match="no safetensors file, or damaged"):
        variants.load(saved, small.network())
    assert not (saved / "evil").exists()
    shutil.rmtree(saved)
