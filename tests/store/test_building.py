"""Modules around weights of a file: always right, and where possible without other memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from stores import save
from torch import nn

from alert.store.building import Building
from alert.store.opening import open_weights
from alert.store.place import CpuMemory
from alert.store.weights import pieces


def built(path: Path, build: Callable[[], nn.Module]) -> Building:
    building = Building("net", build, open_weights(path), CpuMemory())
    for piece in pieces(building.weights.specs):
        CpuMemory().read(building.weights, piece, building.tensors)
    return building


def complete(path: Path, build: Callable[[], nn.Module]) -> nn.Module:
    return built(path, build).complete()


@pytest.fixture
def no_initialisation(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note weights that are initialised in memory."""
    initialised = []
    uniform = nn.init.kaiming_uniform_

    def note(tensor: torch.Tensor, *arguments: object, **options: object) -> torch.Tensor:
        if not tensor.is_meta:
            initialised.append("weight")
        return uniform(tensor, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(nn.init, "kaiming_uniform_", note)
    return initialised


def test_weights_are_not_initialised(tmp_path: Path, no_initialisation: list[str]) -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    path = save(tmp_path / "w.safetensors", net.state_dict())
    no_initialisation.clear()
    building = built(path, lambda: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)))
    assert no_initialisation == []
    assert building.size == sum(t.nbytes for t in net.state_dict().values())
    module = building.complete()
    x = torch.randn(2, 3)
    assert torch.equal(module(x), net.eval()(x))
    assert not module.training


class Table(nn.Module):
    """Has a table that no file has."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        table = torch.arange(4.0)
        if where == "buffer":
            self.register_buffer("table", table, persistent=False)
        elif where == "list":
            self.tables = [{"table": (table,)}]
        else:
            self.table = table

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        table = self.tables[0]["table"][0] if hasattr(self, "tables") else self.table
        result: torch.Tensor = self.linear(x) + table
        return result


@pytest.mark.parametrize("where", ["buffer", "attribute", "list"])
def test_tables_that_no_file_has(tmp_path: Path, where: str) -> None:
    net = Table(where).eval()
    path = save(tmp_path / "w.safetensors", net.state_dict())
    building = built(path, lambda: Table(where))
    assert building.size == 80 + (16 if where == "buffer" else 0)
    x = torch.randn(2, 4)
    assert torch.equal(building.complete()(x), net(x))


class Computes(nn.Linear):
    """Cannot be built without memory."""

    def __init__(self) -> None:
        super().__init__(4, 4)
        self.scale = float(self.weight.detach().abs().sum() * 0 + 2)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return self.scale * super().forward(input)


def test_constructors_that_compute_with_their_weights(tmp_path: Path) -> None:
    net = Computes().eval()
    path = save(tmp_path / "w.safetensors", net.state_dict())
    building = built(path, Computes)
    module = building.complete()
    x = torch.randn(2, 4)
    assert torch.equal(module(x), net(x))


def test_a_module_built_as_usual_is_read_into_its_own_memory(tmp_path: Path) -> None:
    path = save(tmp_path / "w.safetensors", Computes().state_dict())
    modules: list[Computes] = []

    def build() -> nn.Module:
        modules.append(Computes())
        return modules[-1]

    building = Building("net", build, open_weights(path), CpuMemory())
    assert building.tensors["weight"].data_ptr() == modules[-1].weight.data_ptr()


def test_a_constructor_that_fails_says_why(tmp_path: Path) -> None:
    def build() -> nn.Module:
        raise OverflowError("mine")

    path = save(tmp_path / "w.safetensors", nn.Linear(2, 2).state_dict())
    with pytest.raises(OverflowError, match="mine"):
        complete(path, build)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(5, 4)
        self.out = nn.Linear(4, 5, bias=False)
        self.out.weight = self.embedding.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.out(self.embedding(x))
        return result


@pytest.mark.parametrize("kind", ["both of torch", "the first", "the last"])
def test_tied_weights_stay_tied(tmp_path: Path, kind: str) -> None:
    net = Tied().eval()
    state = net.state_dict()
    path = tmp_path / ("w.pt" if kind == "both of torch" else "w.safetensors")
    if kind == "both of torch":
        torch.save(state, path)
    else:
        del state["out.weight" if kind == "the first" else "embedding.weight"]
        save(path, state)
    building = built(path, Tied)
    assert building.size == 80
    module = building.complete()
    assert isinstance(module, Tied)
    x = torch.tensor([0, 3])
    assert torch.equal(module(x), net(x))
    assert module.out.weight.data_ptr() == module.embedding.weight.data_ptr()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: nn.Linear(5, 4), "size mismatch for weight"),
        (lambda: nn.Linear(4, 4, bias=False), r"Unexpected key.*bias"),
        (lambda: nn.Sequential(nn.Linear(4, 4)), r"Missing key.*0\.weight"),
        (lambda: nn.BatchNorm1d(4), r"Missing key.*running_mean"),
    ],
)
def test_files_of_other_modules_are_refused(
    tmp_path: Path, build: Callable[[], nn.Module], message: str
) -> None:
    path = save(tmp_path / "w.safetensors", nn.Linear(4, 4).state_dict())
    with pytest.raises(RuntimeError, match=rf"(?s)w\.safetensors: .*{message}"):
        complete(path, build)


def test_a_file_says_the_precision(tmp_path: Path) -> None:
    path = save(tmp_path / "w.safetensors", nn.Linear(4, 4).half().state_dict())
    module = complete(path, lambda: nn.Linear(4, 4))
    assert {p.dtype for p in module.parameters()} == {torch.float16}


def test_modules_without_weights(tmp_path: Path) -> None:
    path = save(tmp_path / "w.safetensors", {})
    assert complete(path, nn.ReLU)(torch.tensor([-1.0])).item() == 0.0
