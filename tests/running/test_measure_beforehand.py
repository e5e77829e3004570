"""What can be checked is checked before the first run; what was measured is not lost."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from simulation import CAPS, Machine, Package, Staircase, profile

import alert


class Lab:
    """A simulated machine, and models that count their runs."""

    def __init__(self) -> None:
        self.machine = Machine()
        self.package = Package(self.machine)
        self.runs: list[str] = []
        self.fails: Callable[[str], None] = lambda name: None
        self.models: dict[Any, Any] = {"small": self.model("small", 0.01)}
        self.models["large"] = self.model("large", 0.03)

    def model(self, name: str, seconds: float) -> Callable[[Any], Any]:
        def run(x: Any) -> Any:
            self.runs.append(name)
            self.fails(name)
            self.machine.work(seconds)
            return x

        return run

    def measure(self, **options: Any) -> alert.Profile:
        return alert.Profile.measure(**self._arguments(example="x", options=options))

    def record(self, **options: Any) -> alert.Trace:
        return alert.Trace.record(
            **self._arguments(inputs=["x", "y", "z"], profiled=3, options=options)
        )

    def _arguments(self, *, options: dict[str, Any], **arguments: Any) -> dict[str, Any]:
        return {
            "models": self.models,
            "accuracy": {"small": 0.6, "large": 0.8},
            "power": self.package,
            "power_caps": CAPS,
            "progress": False,
            "clock": self.machine.clock,
            "sleep": self.machine.sleep,
            **arguments,
            **options,
        }


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"models": {18: str, 50: str}, "accuracy": {18: 0.6, 50: 0.8}}, TypeError, "names that are"),
    ({"models": {"a": str, 5: str}, "accuracy": {"a": 0.6, 5: 0.8}}, TypeError, "names that are"),
    (
        {"models": {"a\n": str, "b": str}, "accuracy": [0.6, 0.8]},
        ValueError,
        r"models\[0\]: .*print",
    ),
    ({"idle_power": -1.0}, ValueError, "idle_power: expected a finite number >= 0, got -1.0"),
    ({"idle_power": math.inf}, ValueError, "idle_power: expected a finite number >= 0, got inf"),
    ({"idle_power": "5"}, TypeError, "idle_power: expected a number, got str"),
    ({"settle": math.nan}, ValueError, "settle: expected a finite number of seconds >= 0, got nan"),
    ({"settle": -1}, ValueError, "settle: expected a finite number of seconds >= 0, got -1"),
    ({"settle": math.inf}, ValueError, "settle: expected a finite number of seconds >= 0, got inf"),
    ({"idle_seconds": "1"}, TypeError, "idle_seconds: expected a number, got str"),
    ({"precision": "x"}, TypeError, "precision: expected a number, got str"),
    ({"warmup": 2.5}, TypeError, "warmup: expected an integer, got 2.5"),
    ({"max_repeats": "9"}, TypeError, "max_repeats: expected an integer, got '9'"),
    ({"max_seconds": None}, TypeError, "max_seconds: expected a number, got NoneType"),
    ({"accuracy": 0.7}, TypeError, "accuracy: expected a sequence or a dict, .* got float"),
    ({"accuracy": "ab"}, TypeError, "accuracy: expected a sequence or a dict, .* got str"),
    ({"accuracy": {"small": 0.6, 5: 0.8}}, ValueError, "accuracy: expected one for each name"),
    ({"accuracy": ["0.6", 0.8]}, TypeError, r"accuracy\[0\]: expected numbers, got text"),
    ({"accuracy": [0.6, None]}, TypeError, r"accuracy\[1\]: expected numbers"),
    ({"accuracy": [0.6, [0.8, 0.7, math.nan]]}, ValueError, r"accuracy\[1\]: expected 0 to 1"),
    ({"power_caps": "10"}, TypeError, "power_caps: expected numbers, got text"),
    ({"power_caps": [[10.0, 20.0]]}, ValueError, r"power_caps: expected one row of numbers"),
    ({"power_caps": np.ma.masked_equal([10.0, 20.0], 20.0)}, ValueError, "power_caps: .* masked"),
    ({"clock": 5}, TypeError, "clock: expected a callable, got int"),
    ({"sleep": 5}, TypeError, "sleep: expected a callable, got int"),
    ({"power": None}, TypeError, "power: expected a kind of device or an open device"),
    ({"example": iter(["x"])}, TypeError, "example: .* got list_iterator, an iterator; pass one"),
    ({"example": alert.Call(1, x=iter([2]))}, TypeError, "example: expected an input that can be"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD)
def test_bad_arguments_are_told_before_the_first_run(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    lab = Lab()
    with pytest.raises(error, match=message):
        lab.measure(**options)
    assert lab.runs == []
    assert lab.package.caps_set in ([], [40.0])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"inputs": iter(["x"])}, TypeError, "inputs: expected a sequence, got list_iterator"),
        ({"inputs": ["x", iter("y")]}, TypeError, r"inputs\[1\]: expected an input that can be"),
        ({"inputs": []}, ValueError, "inputs: expected at least one, got none"),
        ({"schedule": "abc"}, TypeError, "schedule: expected a sequence of names, got 'abc'"),
        ({"schedule": [1, 2, 3]}, TypeError, "schedule: expected names that are str"),
        ({"group": [0, 0]}, ValueError, r"group: expected the shape \(3,\)"),
        ({"group": ["0", "0", "0"]}, TypeError, "group: expected integers"),
        ({"group": [1, 0, 0]}, ValueError, r"group\[1\]: expected ascending numbers, got 0"),
        ({"profiled": 0}, ValueError, "profiled: expected an integer >= 1, got 0"),
        ({"idle_seconds": math.nan}, ValueError, "idle_seconds: expected a finite number"),
        ({"after": 5}, TypeError, "after: expected a Trace, got int"),
        ({"switch": 5}, TypeError, "switch: expected a callable, got int"),
        ({"clock": 5}, TypeError, "clock: expected a callable, got int"),
        ({"seed": "x"}, TypeError, "seed: expected an integer, got 'x'"),
    ],
)
def test_bad_arguments_of_a_recording_are_told_before_the_first_run(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    lab = Lab()
    with pytest.raises(error, match=message):
        lab.record(**options)
    assert lab.runs == []


def test_every_model_runs_once_before_any_is_measured() -> None:
    lab = Lab()
    lab.measure()
    assert lab.runs[:2] == ["small", "large"]
    assert lab.runs.count("small") == lab.runs.count("large") == 3 * 9

    lab = Lab()
    lab.models["large"] = Staircase(lab.machine, [0.01, 0.02])
    with pytest.raises(ValueError, match=r"accuracy\['large'\]: expected one for each of 2 exits"):
        lab.measure(accuracy={"small": 0.6, "large": [0.5, 0.7, 0.8]})
    assert lab.runs == ["small"]


def test_accuracies_may_be_arrays() -> None:
    lab = Lab()
    lab.models["large"] = Staircase(lab.machine, [0.01, 0.02])
    for exits in (np.array([0.5, 0.8]), torch.tensor([0.5, 0.8], dtype=torch.float64)):
        found = lab.measure(accuracy={"small": np.float64(0.6), "large": exits})
        assert [reached for _, reached in found.exits[1]] == [0.5, 0.8]
    found = Lab().measure(accuracy=torch.tensor([0.5, 0.75]))
    assert found.accuracy.tolist() == [0.5, 0.75]


@pytest.mark.needs("tqdm")
@pytest.mark.usefixtures("watched")
def test_the_bar_says_that_a_compiled_model_compiles(capsys: pytest.CaptureFixture[str]) -> None:
    lab = Lab()
    net = lab.models["small"]

    class Compiled(SimpleNamespace):
        def __call__(self, x: Any) -> Any:
            return net(x)

    lab.models["small"] = Compiled(_torchdynamo_orig_callable=net)
    lab.measure(progress=True)
    shown = capsys.readouterr().err
    assert "small, first run, compiles" in shown
    assert "large, first run:" in shown


# --------------------------------------------------------------------- what only measuring shows


def test_exits_at_the_same_time_are_kept_apart() -> None:
    lab = Lab()
    lab.models["large"] = Staircase(lab.machine, [0.01, 0.0, 0.0, 0.02, 0.0])
    accuracy = {"small": 0.6, "large": [0.4, 0.5, 0.6, 0.7, 0.8]}
    fractions = [fraction for fraction, _ in lab.measure(accuracy=accuracy).exits[1]]
    assert fractions == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1, 1], abs=1e-7)
    assert fractions == sorted(set(fractions))
    recorded = lab.record(accuracy=accuracy).profile.exits[1]
    assert [fraction for fraction, _ in recorded] == pytest.approx(fractions, abs=1e-7)


def test_exits_that_cost_nothing_are_kept_apart() -> None:
    lab = Lab()
    lab.models["large"] = Staircase(lab.machine, [0.0, 0.0, 0.03])
    found = lab.measure(accuracy={"small": 0.6, "large": [0.4, 0.5, 0.8]}).exits[1]
    assert 0.0 < found[0][0] < found[1][0] < 1e-7


def test_a_power_of_zero_is_no_power() -> None:
    lab = Lab()
    stuck: list[bool] = []
    energy = lab.package.energy

    def counter() -> float | None:
        joules = energy()
        return 1.0 if stuck and stuck[-1] else joules

    def small(x: Any) -> None:
        stuck.append(lab.package.cap == 20.0)
        lab.machine.work(0.01)

    def large(x: Any) -> None:
        stuck.append(False)
        lab.machine.work(0.03)

    lab.package.energy = counter  # type: ignore[method-assign]
    with pytest.warns(UserWarning, match=r"no energy was counted for \d of 6 .*small under 20 W"):
        found = lab.measure(models={"small": small, "large": large})
    assert found.power[0, 1] == 20.0
    assert found.power[:, 2] == pytest.approx(40.0, rel=1e-9)
    assert found.origin["energy_read"] is False


# ---------------------------------------------------------------------------------- interruptions


def stopped(lab: Lab, error: BaseException, at: int, **options: Any) -> Any:
    """Measure until run number `at` fails; return the exception."""

    def fails(name: str) -> None:
        if len(lab.runs) == at:
            raise error

    lab.fails = fails
    with pytest.raises(type(error)) as caught:
        lab.measure(**options)
    assert lab.package.cap == Package.PEAK  # as it was found
    return caught.value


def notes(error: BaseException) -> str:
    return " ".join(getattr(error, "__notes__", ()))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("no")])
def test_an_exception_holds_the_caps_that_were_measured(error: BaseException) -> None:
    error = stopped(Lab(), error, 2 * 18 + 12)  # 18 runs a cap; in the last one
    kept = error.profile  # type: ignore[attr-defined]
    assert kept.power_caps.tolist() == [20.0, 40.0]
    np.testing.assert_allclose(kept.latency, profile().latency[:, 1:], rtol=1e-9)
    np.testing.assert_allclose(kept.power, profile().power[:, 1:], rtol=1e-9)
    assert kept.origin["power"] == "simulated"
    if hasattr(error, "add_note"):
        assert "5 of 6 configurations were measured" in notes(error)
        assert "holds 4 of them" in notes(error)
        assert ("does one of them change it?" in notes(error)) == isinstance(error, Exception)


def test_an_exception_holds_the_models_that_were_measured_under_one_cap() -> None:
    kept = stopped(Lab(), KeyboardInterrupt(), 14, power_caps=[40.0]).profile
    assert kept.models == ("small",)
    assert kept.power_caps.tolist() == [40.0]


def test_a_model_that_changes_the_example_is_asked_about() -> None:
    def pops(batch: Any) -> Any:
        return batch.pop("labels")

    with pytest.raises(KeyError) as caught:
        Lab().measure(models=[pops], accuracy=[0.5], example={"labels": 1})
    if hasattr(caught.value, "add_note"):
        assert "does one of them change it?" in notes(caught.value)


def test_an_exception_before_anything_was_measured_holds_nothing() -> None:
    assert not hasattr(stopped(Lab(), KeyboardInterrupt(), 2), "profile")


def test_an_exception_holds_the_inputs_that_were_recorded() -> None:
    lab = Lab()
    whole = lab.record()
    runs = len(lab.runs)
    lab = Lab()

    def fails(name: str) -> None:
        if len(lab.runs) == runs - 2:
            raise KeyboardInterrupt

    lab.fails = fails
    with pytest.raises(KeyboardInterrupt) as caught:
        lab.record()
    kept = caught.value.trace  # type: ignore[attr-defined]
    assert len(kept) == 2
    np.testing.assert_allclose(kept.latency, whole.latency[:2], rtol=1e-9)
    longer = Lab().record(after=kept)
    assert len(longer) == 5


# ------------------------------------------------------------------------------ several shapes


def test_a_compiled_model_is_warmed_up_with_every_shape() -> None:
    shapes: list[tuple[int, ...]] = []
    lab = Lab()

    def net(x: Any, *, mask: Any) -> Any:
        shapes.append(tuple(x.shape))
        lab.machine.work(0.01)

    class Compiled(SimpleNamespace):
        def __call__(self, x: Any, *, mask: Any) -> Any:
            return net(x, mask=mask)

    lengths = (1, 3, 1, 2, 3)
    inputs = [alert.Call(np.ones(n), mask={"m": [np.ones(n)]}) for n in lengths]
    options: dict[str, Any] = {"inputs": inputs, "profiled": 1, "accuracy": [0.5]}
    lab.record(models=[Compiled(_torchdynamo_orig_callable=net)], power_caps=[40.0], **options)
    assert shapes == [(1,)] * 3 + [(3,), (2,)] + [(1,)] + [(n,) for n in lengths]
    shapes.clear()
    lab.record(models=[net], power_caps=[40.0], **options)
    assert shapes == [(1,)] * 3 + [(1,)] + [(n,) for n in lengths]


def test_modes_of_torch_are_those_asked_for() -> None:
    lab = Lab()
    modes: list[bool] = []

    def net(x: Any) -> Iterator[Any]:
        modes.append(torch.is_inference_mode_enabled())
        lab.machine.work(0.01)
        yield x

    for mode in (True, False):
        modes.clear()
        lab.measure(models=[net], accuracy=[[0.5]], inference_mode=mode)
        lab.record(models=[net], accuracy=[[0.5]], inference_mode=mode)
        assert set(modes) == {mode}
