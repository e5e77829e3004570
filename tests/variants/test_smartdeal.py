"""The kind "smartdeal": small networks decomposed, calibrated, trained, and read back."""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

import alert
from alert.store.building import Building
from alert.store.opening import open_weights
from alert.store.place import CpuMemory
from alert.store.weights import pieces
from alert.variants import smartdeal
from alert.variants.kind import Context
from alert.variants.smartdeal import decompose


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, groups=8),
        nn.Conv2d(8, 16, 3, stride=2),
        nn.ReLU(),
        nn.Conv2d(16, 12, 1, groups=2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(12, 5),
    ).eval()


class TwoExits(nn.Module):
    """Yields the outputs of two exits, of which the second reads what the first computed."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(8, 16), nn.Linear(16, 16)
        self.exits = nn.ModuleList(nn.Linear(16, 3) for _ in range(2))

    def forward(self, x: torch.Tensor) -> Iterator[torch.Tensor]:
        x = self.first(x).relu()
        yield self.exits[0](x)
        yield self.exits[1](self.second(x).relu())


def pictures(count: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.rand(2, 3, 12, 12, generator=generator) for _ in range(count)]


def loaded(path: Path, like: nn.Module) -> nn.Module:
    """Read a file into a module built on "meta", as a store does."""
    building = Building("net", lambda: copy.deepcopy(like), open_weights(path), CpuMemory())
    for piece in pieces(building.weights.specs):
        CpuMemory().read(building.weights, piece, building.tensors)
    return building.complete()


def error(model: nn.Module, other: nn.Module, inputs: list[torch.Tensor]) -> float:
    with torch.no_grad():
        return sum(float((model(x) - other(x)).square().sum()) for x in inputs)


@pytest.mark.parametrize("keep", [1.0, 0.4])
def test_a_file_holds_what_was_counted_and_the_very_same_network(
    keep: float, tmp_path: Path
) -> None:
    net = network()
    before = copy.deepcopy(net.state_dict())
    done = decompose(net, keep=keep)
    done.save(tmp_path / "net.sdw")
    assert (tmp_path / "net.sdw").stat().st_size == done.accounting.total
    found = loaded(tmp_path / "net.sdw", network()).state_dict()
    for name, tensor in done.model.state_dict().items():
        assert torch.equal(found[name], tensor), name
    for name, tensor in net.state_dict().items():
        assert torch.equal(before[name], tensor), name
    forms = {name: packed.tensor.form for name, packed in done.tensors.items()}
    assert forms["0.weight"] == forms["3.weight"] == "int8"  # of pictures, and depthwise
    assert forms["4.weight"] == forms["6.weight"] == forms["9.weight"] == "basis"
    assert forms["9.bias"] == "half"
    assert forms["1.num_batches_tracked"] == "raw"


def test_bytes_are_counted_part_by_part() -> None:
    net = nn.Sequential(nn.Linear(48, 96, bias=False))
    counted = decompose(net, keep=0.5, bits=3, basis_bits=6).accounting
    rows, blocks = 96 * 16, 8
    assert counted.coefficients == rows // 2 * 3 * 3 / 8
    assert counted.bases == blocks * 9 * 6 / 8
    assert counted.scales == blocks * 3 * 2
    assert counted.bitmap == rows / 8
    assert counted.int8 == counted.half == counted.raw == 0
    assert counted.original == 4 * 48 * 96
    assert counted.total == sum(counted[:-1])
    assert f"{counted.ratio:.1f} times smaller: coefficients 864 B" in str(counted)


def test_calibration_takes_inputs_with_several_arguments() -> None:
    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Linear(8, 8), nn.Linear(8, 8)

        def forward(self, x: torch.Tensor, *, y: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.two(self.one(x) + y)
            return found

    torch.manual_seed(0)
    net = Sum().eval()
    calls = [alert.Call(torch.randn(4, 8), y=torch.randn(4, 8)) for _ in range(4)]
    made = decompose(net, keep=0.5, calibration=calls).model.state_dict()
    without = decompose(net, keep=0.5).model.state_dict()
    assert not torch.equal(made["two.weight"], without["two.weight"])


def test_calibration_brings_outputs_nearer() -> None:
    net, inputs = network(), pictures(12)
    plain = decompose(net).model
    calibrated = decompose(net, calibration=inputs[:8]).model
    assert error(calibrated, net, inputs[8:]) < 0.5 * error(plain, net, inputs[8:])


def fit(model: nn.Module) -> None:
    """Teach a network to tell which half of 8 numbers is larger."""
    generator = torch.Generator().manual_seed(2)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    model.train()
    for _ in range(150):
        x = torch.randn(64, 8, generator=generator)
        loss = nn.functional.cross_entropy(model(x), (x[:, :4].sum(1) > x[:, 4:].sum(1)).long())
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()


def hits(model: nn.Module) -> float:
    x = torch.randn(2000, 8, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        right = model(x).argmax(1) == (x[:, :4].sum(1) > x[:, 4:].sum(1))
    return float(right.float().mean())


def test_training_finds_weights_that_are_few_and_rounded() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 48), nn.ReLU(), nn.Linear(48, 2))
    fit(net)
    plain = decompose(net, keep=0.2)
    trained = decompose(net, keep=0.2, train=fit)
    assert hits(trained.model) > hits(plain.model) + 0.1
    assert hits(trained.model) > 0.9
    assert not trained.model.training
    assert trained.accounting.coefficients == plain.accounting.coefficients
    assert {type(layer) for layer in trained.model.children()} == {nn.Linear, nn.ReLU}
    assert list(trained.model.state_dict()) == list(net.state_dict())


def test_the_authors_way_gives_each_filter_a_basis() -> None:
    net = nn.Linear(48, 96, bias=False)
    ours, theirs = decompose(net), decompose(net, method="authors")
    assert theirs.accounting.bases == 12 * ours.accounting.bases
    assert theirs.accounting.coefficients == ours.accounting.coefficients
    off = theirs.model.get_parameter("weight") - net.weight
    assert off.norm() < 0.2 * net.weight.norm()


def test_a_network_with_several_exits_is_decomposed(tmp_path: Path) -> None:
    net = TwoExits()
    inputs = list(torch.randn(20, 4, 8))
    done = decompose(net, calibration=inputs)
    done.save(tmp_path / "net.sdw")
    found = loaded(tmp_path / "net.sdw", TwoExits())
    forms = [done.tensors[f"{name}.weight"].tensor.form for name in ("second", "exits.1")]
    assert forms == ["basis", "basis"]
    for one, other, original in zip(*(m(inputs[0]) for m in (found, done.model, net)), strict=True):
        assert torch.equal(one, other)
        assert (one - original).norm() < 0.3 * original.norm()


def test_a_store_brings_a_packed_network(tmp_path: Path) -> None:
    done = decompose(network())
    done.save(tmp_path / "net.sdw")
    x = pictures(1)[0]
    with alert.Store({"net": (network, tmp_path / "net.sdw")}, "1 MB") as store:
        assert torch.equal(store["net"](x), done.model(x))


def test_it_is_a_kind() -> None:
    context = Context(pictures(1)[0], pictures(3), None)
    smartdeal.check("0.5", context)
    made = smartdeal.make(network(), "0.5", context)
    assert made.suffix == ".sdw"
    assert made.write is not None
    file = io.BytesIO()
    made.write(file)
    same = decompose(network(), keep=0.5, calibration=context.calibration)
    assert len(file.getvalue()) == same.accounting.total
    net = network()
    assert smartdeal.shape(net, made.record) is net
    with pytest.raises(ValueError, match=r"^kinds: smartdeal: expected a number between 0 and 1"):
        smartdeal.check("1.5", context)


# ----------------------------------------------------------------------------------------- refused


def with_weight(value: torch.Tensor) -> nn.Module:
    net = nn.Linear(8, 2)
    net.weight = nn.Parameter(value)
    return net


def tied() -> nn.Module:
    net = nn.ModuleDict({"embed": nn.Embedding(9, 8), "head": nn.Linear(8, 9)})
    net["head"].weight = net["embed"].weight
    return net


def not_finite() -> torch.Tensor:
    weight = torch.ones(2, 8)
    weight[1, 3] = torch.nan
    return weight


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (nn.Sequential(nn.ReLU()), "model: expected weights, got a network without any"),
        (nn.Conv2d(3, 8, 3), "model: no weights to decompose"),
        (
            with_weight(not_finite()),
            "model: expected finite weights, got NaN or",
        ),
        (
            with_weight(torch.ones(2, 8) * 1j),
            "model: expected real weights, got weight",
        ),
        (tied(), "smartdeal cannot change tied parameters: embed.weight, head.weight"),
        (nn.LazyLinear(3), "model: expected weights, got weight without a shape"),
        (
            nn.Linear(8, 3, device="meta"),
            "model: expected weights, got weight on the .meta",
        ),
        (
            nn.utils.parametrizations.weight_norm(nn.Linear(8, 3)),
            "model: weight: a weight that is computed cannot be decomposed",
        ),
    ],
)
def test_what_cannot_be_decomposed_is_said(model: nn.Module, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}"):
        decompose(model)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"keep": 0.0}, "keep: expected a number above 0, up to 1, got 0.0"),
        ({"keep": 1.1}, "keep: expected a number above 0, up to 1, got 1.1"),
        ({"bits": 7}, "bits: expected an integer from 2 to 6, got 7"),
        ({"bits": 1}, "bits: expected an integer >= 2, got 1"),
        ({"basis_bits": 9}, "basis_bits: expected an integer from 4 to 8, got 9"),
        ({"method": "svd"}, "method: expected one of feedback, authors, got 'svd'"),
    ],
)
def test_arguments_out_of_range_are_named(options: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}"):
        decompose(network(), **options)  # type: ignore[arg-type]


def test_training_that_leaves_no_numbers_is_said() -> None:
    def train(model: nn.Module) -> None:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.fill_(torch.nan)

    with pytest.raises(ValueError, match=r"^train: expected finite weights after it"):
        decompose(network(), train=train)


def test_extra_state_is_refused() -> None:
    class Extra(nn.Linear):
        def get_extra_state(self) -> object:
            return {"calls": 3}

        def set_extra_state(self, state: object) -> None: ...

    with pytest.raises(ValueError, match=r"^model: expected tensors in its state dict, got _extra"):
        decompose(Extra(8, 2))
