"""Networks that ONNX Runtime runs, and what quantising asks of the processor."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from needs import require

import alert
from alert.running.models import Call
from alert.store import whole_file
from alert.variants import int8
from alert.variants.exporting import exported
from alert.variants.onnx_model import OnnxModel, arrays

require("onnx", "onnxruntime")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402


def content(*outputs: str) -> bytes:
    """Return a network of two inputs: "sum" adds them up, "difference" subtracts them."""
    nodes = {"sum": "Add", "difference": "Sub"}
    graph = helper.make_graph(
        [helper.make_node(nodes[name], ["one", "two"], [name]) for name in outputs],
        "both",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in ("one", "two")],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in outputs],
    )
    opset = helper.make_opsetid("", 17)
    made: bytes = helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()
    return made


def test_takes_tensors_by_place_and_by_name() -> None:
    model = OnnxModel(content("sum"))
    one, two = torch.tensor([1.0, 2.0]), torch.tensor([10.0, 20.0], requires_grad=True)
    for found in (model(one, two), model(one, two=two), model(two=two, one=one)):
        assert torch.equal(found, torch.tensor([11.0, 22.0]))


def test_several_outputs_come_as_a_tuple() -> None:
    found = OnnxModel(content("sum", "difference"))(torch.ones(3), torch.ones(3))
    assert [x.tolist() for x in found] == [[2.0] * 3, [0.0] * 3]


def test_many_threads_start_one_session(monkeypatch: pytest.MonkeyPatch) -> None:
    model = OnnxModel(content("sum"))
    found = []
    threads = [threading.Thread(target=lambda: found.append(model.start())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(session) for session in found}) == 1
    assert model.content.numel() == 0  # the session has it


class _ByValue(torch.nn.Module):
    """Does one of two things, by the values of its input: no graph does."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x if bool(x.sum() > 0) else -x


def test_a_network_that_cannot_be_exported_says_why() -> None:
    require("onnxscript")
    with pytest.raises(Exception, match="data-dependent") as raised:
        exported(_ByValue(), torch.ones(1, 4))
    assert "\x1b" not in str(raised.value).partition("\n")[0]


def test_what_is_no_network() -> None:
    with pytest.raises(ValueError, match="no ONNX network, or damaged"):
        OnnxModel(b"no network").start()


def with_weights(count: int) -> bytes:
    """Return a network that adds so many weights, one row, to an input."""
    weights = numpy_helper.from_array(np.ones((1, count), np.float32), "weights")
    graph = helper.make_graph(
        [helper.make_node("Add", ["one", "weights"], ["sum"])],
        "adds",
        [helper.make_tensor_value_info("one", TensorProto.FLOAT, ["n", count])],
        [helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["n", count])],
        [weights],
    )
    opset = helper.make_opsetid("", 17)
    made: bytes = helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()
    return made


def test_a_store_counts_what_a_session_takes(tmp_path: Path) -> None:
    content = with_weights(100)
    (tmp_path / "n.onnx").write_bytes(content)
    models = {"n": ((lambda: OnnxModel(len(content))), tmp_path / "n.onnx")}
    with alert.Store(models, "1 MB") as store:
        store["n"](torch.ones(1, 100))
        assert store.used == whole_file.SESSION * len(content)
    with pytest.raises(ValueError, match=r"budget: expected at least .*, which 'n' alone takes"):
        alert.Store(models, 2 * len(content))


@pytest.mark.parametrize("threads", [1, 2])
def test_a_session_starts_with_the_load_unless_it_has_threads_of_low_priority(
    tmp_path: Path, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    content, made = with_weights(100), []
    (tmp_path / "n.onnx").write_bytes(content)

    def build() -> OnnxModel:
        made.append(OnnxModel(len(content)))
        return made[-1]

    with alert.Store({"n": (build, tmp_path / "n.onnx")}, "1 MB") as store:
        store.load("n")
        assert (made[-1]._session is not None) == (threads == 1)
        assert torch.equal(store["n"](torch.ones(1, 100)), torch.full((1, 100), 2.0))


def test_calls_become_arrays() -> None:
    found = arrays(["a", "b"], Call(torch.ones(2), c=np.zeros(1)))
    assert {name: value.tolist() for name, value in found.items()} == {"a": [1, 1], "c": [0]}


@pytest.mark.parametrize(
    ("machine", "flags", "exact"),
    [
        ("x86_64", "avx2 avx512_vnni", True),
        ("x86_64", "avx2 avx_vnni", True),
        ("x86_64", "avx2", False),
        ("aarch64", "asimd", True),
    ],
)
def test_weights_have_seven_bits_where_sums_saturate(
    machine: str, flags: str, exact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: f"flags: {flags}")
    assert int8._sums_are_exact() is exact
