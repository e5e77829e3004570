"""Variants are made, measured, and left out where others beat them."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import small_networks as small
import torch
from torch import nn

import alert
from alert.variants import Family, Variant
from alert.variants.frontier import judged
from alert.variants.kind import Context
from alert.variants.kinds import usual
from alert.variants.lowres import LowRes

pytestmark = [
    pytest.mark.needs("safetensors", "onnx", "onnxruntime", "onnxscript", "torch_pruning")
]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> small.Clock:
    clock = small.Clock()
    monkeypatch.setattr("alert.variants.measuring.latencies", clock)
    return clock


def make(**options: Any) -> Family:
    return alert.variants.family(
        **{
            "model": small.network(),
            "example": small.pictures(1)[0],
            "calibration": small.pictures(8),
            **options,
        }
    )


def variant(name: str, size: float, latency: float, accuracy: float) -> Variant:
    return Variant(name, abs, size, latency, 1.0, accuracy, [], "", None)


# ------------------------------------------------------------------------------------- the frontier


def test_a_variant_that_another_one_beats_is_left_out_and_the_reason_said() -> None:
    found = judged(
        [
            variant("large", 100, 10, 0.80),
            variant("fast", 100, 5, 0.80),
            variant("small", 50, 10, 0.80),
            variant("worse", 60, 10, 0.79),
        ]
    )
    assert {v.name: v.why for v in found} == {
        "large": "fast is no slower, no larger and no less accurate",
        "fast": "",
        "small": "",
        "worse": "small is no slower, no larger and no less accurate",
    }
    assert [v.model for v in found] == [None, abs, abs, None]


def test_of_two_that_are_alike_the_first_one_stays() -> None:
    found = judged([variant("a", 100, 10, 0.8), variant("b", 101, 9.9, 0.799)])
    assert [v.name for v in found if not v.why] == ["a"]


def test_what_cannot_be_stored_neither_beats_nor_is_beaten() -> None:
    found = judged([variant("a", float("nan"), 1, 0.9), variant("b", 10, 2, 0.5)])
    assert not any(v.why for v in found)


# ----------------------------------------------------------------------------------------- the made


def test_a_family_is_a_mapping_of_variants_worth_having(family: Family) -> None:
    assert list(family) == [v.name for v in family.variants if not v.why]
    assert "pruned:0.5+int8" in family  # the fastest one
    assert len(family) == len(list(family)) < len(family.variants)
    for name in family:
        assert family[name](small.pictures(3)[0]).shape == (1, 4)


def test_estimated_accuracies_say_so(family: Family) -> None:
    assert family.estimated
    assert family.compared == 20
    kept = {v.name: v for v in family.variants}
    assert kept["original"].agreement == 1.0
    assert kept["original"].accuracy == 0.8
    assert kept["pruned:0.5"].accuracy == pytest.approx(0.8 * kept["pruned:0.5"].agreement)
    assert "estimated" in str(family)
    assert "20 inputs" in str(family)


def test_every_line_of_the_table_fits(family: Family, clock: small.Clock) -> None:
    names = ["x" * 100, "lowres:0.5+lowres:0.5+lowres:0.5"]

    def long(module: nn.Module) -> nn.Module:
        return module

    long.__name__ = names[0]
    with pytest.warns(UserWarning, match="could not be made"):
        other = make(kinds=[long, names[1], _fails])
    for made in (family, other):
        assert max(map(len, str(made).splitlines())) <= 80


def test_measured_accuracies_are_those_of_evaluate() -> None:
    clock_of = iter([0.9, 0.7])
    found = make(evaluate=lambda model: next(clock_of), kinds=["lowres:0.5"])
    assert not found.estimated
    assert {v.name: v.accuracy for v in found.variants} == {"original": 0.9, "lowres:0.5": 0.7}


def test_a_metric_of_the_user_compares_outputs() -> None:
    found = make(metric=lambda output, expected: [0.25, 0.75], kinds=["lowres:0.5"])
    assert [v.agreement for v in found.variants] == [0.5, 0.5]


def test_calibration_inputs_are_not_those_that_outputs_are_compared_on() -> None:
    seen: list[Any] = []

    def count(output: Any, expected: Any) -> list[float]:
        seen.append(output)
        return [1.0]

    assert make(metric=count, kinds=["lowres:0.5"]).compared == 4
    assert len(seen) == 8


def test_lowres_runs_the_network_on_smaller_pictures() -> None:
    seen: list[torch.Size] = []

    class Sees(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x.shape)
            return x

    LowRes(Sees(), 0.5)(torch.zeros(2, 3, 8, 6, dtype=torch.uint8))
    assert seen == [(2, 3, 4, 3)]


def test_the_model_stays_as_it_is() -> None:
    model = small.network().train()
    before = copy.deepcopy(model.state_dict())

    def spoil(module: nn.Module) -> nn.Module:
        nn.init.zeros_(module[0].weight)  # type: ignore[index]
        return module

    make(model=model, kinds=[spoil, "pruned:0.5"], train=small.nothing)
    assert model.training
    assert all(torch.equal(x, before[name]) for name, x in model.state_dict().items())


def test_pruning_halves_the_channels_but_not_the_outputs() -> None:
    seen: list[nn.Module] = []
    found = make(train=seen.append, kinds=["pruned:0.5"])
    [pruned] = seen
    assert [m.out_channels for m in pruned.modules() if isinstance(m, nn.Conv2d)] == [8, 8]
    assert pruned(small.pictures(1)[0]).shape == (1, 4)
    assert "pruned:0.5" in {v.name for v in found.variants}


def test_pruning_spares_the_layers_of_the_outputs() -> None:
    seen: list[nn.Module] = []
    head = nn.Linear(16, 32)  # wide enough to be cut
    make(
        model=nn.Sequential(*list(small.network().children())[:-1], head),
        train=seen.append,
        kinds=["pruned:0.5"],
    )
    assert seen[0](small.pictures(1)[0]).shape == (1, 32)


def test_training_may_use_gradients() -> None:
    def train(module: nn.Module) -> None:
        optimiser = torch.optim.SGD(module.parameters(), 0.1)
        module(small.pictures(1)[0]).sum().backward()
        optimiser.step()

    with torch.inference_mode():
        found = make(train=train, kinds=["pruned:0.5"])
    assert not found.failed


# ------------------------------------------------------------------------------------ usual kinds


def test_usual_kinds_are_those_that_the_arguments_allow() -> None:
    picture, other = torch.zeros(1, 3, 8, 8), torch.zeros(1, 8)
    assert usual(Context(other)) == ["onnx"]
    assert usual(Context(other, [other])) == ["onnx", "int8"]
    assert usual(Context(picture))[1:] == ["lowres:0.75+onnx", "lowres:0.5+onnx"]
    assert usual(Context(picture, [picture]))[2:] == ["lowres:0.75+int8", "lowres:0.5+int8"]
    trained = usual(Context(other, [other], small.nothing))
    assert trained[2:] == ["pruned:0.25+int8", "pruned:0.5+int8", "pruned:0.75+int8"]
    assert usual(Context(picture, [picture], small.nothing))[2:] == [
        *("pruned:0.25+int8", "pruned:0.5+int8"),
        *("lowres:0.75+pruned:0.5+int8", "lowres:0.5+pruned:0.5+int8"),
    ]


def test_usual_kinds_are_made(recwarn: pytest.WarningsRecorder) -> None:
    found = make(train=small.nothing, calibration=small.pictures(4))
    assert not found.failed
    wanted = usual(Context(small.pictures(1)[0], [0], small.nothing))
    assert [v.name for v in found.variants] == ["original", *wanted]


# ---------------------------------------------------------------------------------- what goes wrong


def _fails(module: nn.Module) -> nn.Module:
    raise RuntimeError("a bug of the user, of which there is a long story to tell " + 60 * "x")


def test_a_variant_that_cannot_be_made_is_named_and_the_others_stay() -> None:
    with pytest.warns(
        UserWarning, match="the variant _fails: could not be made .RuntimeError: a b"
    ):
        found = make(kinds=[_fails, "lowres:0.5"])
    assert [v.name for v in found.variants] == ["original", "lowres:0.5"]
    assert "_fails: could not be made" in str(found)


def _for_small_pictures(module: nn.Module) -> nn.Module:
    """Return a variant that does not take the example."""

    class Small(nn.Module):
        def forward(self, x: torch.Tensor) -> Any:
            if x.shape[-1] > 6:
                raise ValueError("too large")
            return module(x)

    return Small()


def test_a_variant_that_does_not_run_on_the_example_is_left_out() -> None:
    with pytest.warns(UserWarning, match="_for_small_pictures: could not be made .*too large"):
        found = make(
            kinds=[_for_small_pictures, "lowres:0.5"],
            calibration=[x[..., :6, :6] for x in small.pictures(4)],
        )
    assert [v.name for v in found.variants] == ["original", "lowres:0.5"]


def test_what_was_made_before_an_end_is_not_lost(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupted(models: Any, example: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("alert.variants.measuring.latencies", interrupted)
    with pytest.raises(KeyboardInterrupt) as raised:
        make(kinds=["lowres:0.5", "lowres:0.75"])
    kept = raised.value.family  # type: ignore[attr-defined]
    assert list(kept) == ["original", "lowres:0.5", "lowres:0.75"]
    assert "unknown" in str(kept)
    kept.save(tmp_path / "f")
    assert str(alert.variants.load(tmp_path / "f", small.network())) == str(kept)


def test_what_was_made_before_training_ended_is_not_lost() -> None:
    def train(module: nn.Module) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as raised:
        make(kinds=["lowres:0.5", "pruned:0.5"], train=train)
    assert list(raised.value.family) == ["original", "lowres:0.5"]  # type: ignore[attr-defined]
    if hasattr(raised.value, "__notes__"):
        assert "1 of 2 variants had been made" in raised.value.__notes__[0]


class _Sum(nn.Module):
    def __init__(self, one: nn.Module, two: nn.Module) -> None:
        super().__init__()
        self.one, self.two = one, two

    def forward(self, x: torch.Tensor) -> Any:
        return self.one(x) + self.two(x)


def test_pruning_refuses_tied_parameters() -> None:
    one, two = nn.Conv2d(1, 16, 3), nn.Conv2d(1, 16, 3)
    two.weight = one.weight
    said = "pruned cannot change tied parameters: 0.one.weight, 0.two.weight"
    with pytest.warns(UserWarning, match=said):
        make(
            model=nn.Sequential(_Sum(one, two), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            train=small.nothing,
            kinds=["pruned:0.5"],
        )


def test_a_network_that_yields_its_outputs() -> None:
    class Yields(nn.Linear):
        def forward(self, x: torch.Tensor) -> Any:
            yield super().forward(x)

    with pytest.raises(TypeError, match="model: expected an output, got generator"):
        make(model=Yields(12, 12))


def test_a_network_without_channels_to_spare() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.warns(UserWarning, match="no layer has channels to spare"):
        make(model=model, train=small.nothing, kinds=["pruned:0.5"])


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        ("int8", "kinds: expected a list of names and functions, got 'int8'"),
        (["int9"], "kinds: expected one of int8, lowres, onnx, pruned"),
        (["lowres:2"], "kinds: lowres: expected a number between 0 and 1, got '2'"),
        (["lowres:x"], "kinds: lowres: expected a number between 0 and 1, got 'x'"),
        (["pruned:nan"], "kinds: pruned: expected a number between 0 and 1, got 'nan'"),
        (["pruned:0.5"], "kinds: pruned: expected a function that trains, got none"),
        (["int8:4"], "kinds: int8: expected no parameter, got '4'"),
        (["lowres:0.5", "lowres:0.5"], "kinds: expected names that differ, got 'lowres:0.5' twice"),
        ([7], "kinds: expected names and functions, got int"),
    ],
)
def test_wrong_kinds_are_refused_before_anything_is_made(kinds: Any, message: str) -> None:
    def evaluate(model: Any) -> float:
        raise AssertionError

    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        make(kinds=kinds, evaluate=evaluate)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"accuracy": 87}, "accuracy: expected a number from 0 to 1, got 87.0"),
        ({"evaluate": lambda model: 87.0}, "evaluate: expected a number from 0 to 1, got 87.0"),
        ({"calibration": None}, "calibration: expected inputs, got NoneType"),
        ({"example": torch.zeros(1, 5, 5)}, "example: the model does not take it (ValueError: exp"),
        (
            {"calibration": [(x, 1) for x in small.pictures(2)]},  # with answers, as a loader gives
            "calibration: the model does not take it (TypeError: conv2d() rec",
        ),
    ],
)
def test_arguments_that_are_refused_are_named(options: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        make(kinds=["lowres:0.5"], **options)


def test_weights_that_training_has_spoilt_are_refused() -> None:
    def spoil(module: nn.Module) -> None:
        module[0].weight.data.fill_(float("nan"))  # type: ignore[index]

    said = "train: expected finite weights after it, got others in 0.weight"
    with pytest.warns(UserWarning, match=said):
        found = make(kinds=["pruned:0.5", "lowres:0.5"], train=spoil)
    assert [v.name for v in found.variants] == ["original", "lowres:0.5"]


def test_outputs_that_are_no_numbers_agree_with_nothing() -> None:
    def spoilt(module: nn.Module) -> Any:
        return lambda x: module(x) * float("nan")

    found = make(kinds=[spoilt])
    assert [v.agreement for v in found.variants] == [1.0, 0.0]


def test_int8_needs_calibration() -> None:
    with pytest.raises(ValueError, match="kinds: int8: expected calibration inputs, got none"):
        make(kinds=["int8"], calibration=(), evaluate=lambda model: 1.0)
    with pytest.raises(ValueError, match="calibration: expected inputs to compare outputs on"):
        make(kinds=["lowres:0.5"], calibration=())


def _nan() -> nn.Module:
    model = small.network()
    model[0].weight.data[0, 0, 0, 0] = float("nan")  # type: ignore[index]
    return model


class _Extra(nn.Linear):
    def get_extra_state(self) -> Any:
        return {"a": 1}


def _bytes() -> nn.Module:
    model = nn.Linear(2, 2)
    model.weight = nn.Parameter(torch.ones(2, 2, dtype=torch.int8), requires_grad=False)
    return model


def _meta() -> nn.Module:
    return nn.Linear(2, 2, device="meta")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (abs, "model: expected a torch.nn.Module, got builtin_function_or_method"),
        (nn.ReLU(), "model: expected weights, got a network without any"),
        (_nan(), "model: expected finite weights, got NaN or infinity in 0.weight"),
        (nn.Linear(2, 2, dtype=torch.complex64), "model: expected real weights, got weight of"),
        (nn.LazyLinear(2), "model: expected weights, got weight without a shape"),
        (_Extra(2, 2), "model: expected tensors in its state dict, got _extra_state, dict"),
        (_bytes(), "model: expected weights as trained, got weight of torch.int8"),
        (_meta(), "model: expected weights, got weight on the 'meta' device"),
    ],
)
@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_networks_of_which_no_family_can_be_made(model: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        make(model=model)


@pytest.mark.filterwarnings("ignore")  # that the old way of quantising is old
def test_a_network_that_is_quantised_already() -> None:
    model = torch.ao.quantization.quantize_dynamic(  # type: ignore[no-untyped-call]
        nn.Sequential(nn.Linear(4, 4))
    )
    with pytest.raises(ValueError, match="model: expected an ordinary network, got 0"):
        make(model=model)


@pytest.mark.parametrize("found", [1.5, -0.1, float("nan")])
def test_an_accuracy_that_is_none(found: float) -> None:
    with pytest.raises(ValueError, match="evaluate: expected a number from 0 to 1"):
        make(evaluate=lambda model: found, kinds=["lowres:0.5"])


# ------------------------------------------------------------------------------ straight on with it


def test_goes_into_a_profile(family: Family) -> None:
    profile = alert.Profile.measure(
        family,
        small.pictures(1)[0],
        power="emulated",
        power_caps=[10],
        precision=1e9,
        idle_seconds=0.001,
        settle=0.0,
    )
    assert profile.models == tuple(family)
    assert profile.accuracy.tolist() == list(family.accuracy.values())
    assert profile.origin["accuracy"] == "estimated"


def test_other_models_do_not_know_their_accuracies() -> None:
    with pytest.raises(TypeError, match="accuracy: expected a sequence or a dict, one for each"):
        alert.Profile.measure([abs], 1, power="none")


def test_draws_all_variants(family: Family, tmp_path: Path) -> None:
    from needs import require

    require("matplotlib")
    from alert.variants import plots

    picture = plots.draw(family)
    labels = [text.get_text().replace("\n", "") for text in picture.axes[0].texts]
    assert labels == [v.name for v in family.variants]
    assert picture.axes[0].get_ylabel() == "accuracy, estimated"
