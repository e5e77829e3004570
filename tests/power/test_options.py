"""What a device is opened with: each kind takes its own options, and says so."""

from __future__ import annotations

import inspect
from contextlib import nullcontext
from pathlib import Path
from typing import Any, get_args

import pytest
from rapl_tree import build, package

from alert import _core, power
from alert.power.kinds import KINDS

VALUES: dict[str, Any] = {
    "root": "/nowhere",
    "package": 0,
    "dram": True,
    "window": -5.0,
    "cap_range": (5, 1),
    "gpus": [0],
    "sources": ["gpu"],
    "switch_cost": 0.1,
    "settle": 0.1,
    "observe": True,
    "guard": False,
    "idle_power": 4.0,
    "peak_power": 30.0,
    "exponent": 2.0,
    "compute": 0.5,
    "min_frequency": 0.5,
}
FOREIGN = [(kind, name) for kind in KINDS for name in VALUES if name not in KINDS[kind][1]]


def test_every_kind_is_in_the_type_of_kinds() -> None:
    assert get_args(power.Kind) == ("auto", *KINDS)


def test_every_option_of_every_kind_is_in_the_signature() -> None:
    names = list(inspect.signature(power.open).parameters)
    assert names == ["kind", *VALUES]
    taken = {name for _, options, *_ in KINDS.values() for name in options}
    assert taken == set(VALUES) | {"directory", "watchdog"}  # which the package fills in
    assert all(name in (power.open.__doc__ or "") for name in VALUES)


@pytest.mark.parametrize(("kind", "name"), FOREIGN)
def test_an_option_that_a_kind_does_not_take_is_refused(kind: Any, name: str) -> None:
    kinds = " or ".join(repr(other) for other in KINDS if name in KINDS[other][1])
    with pytest.raises(ValueError, match=f"^{name}: only taken by kind {kinds}$"):
        power.open(kind, **{name: VALUES[name]})


@pytest.mark.parametrize("kind", ["emulated", "none", "auto"])
def test_a_usual_value_is_as_good_as_none(kind: Any) -> None:
    with pytest.warns(power.PowerWarning) if kind == "auto" else nullcontext():
        device = power.open(kind, dram=False, observe=False, guard=True, window=None, gpus=None)
    assert device.kind == ("none" if kind == "auto" else kind)
    device.close()


def test_auto_takes_the_options_of_rapl(tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [package()])
    with power.open("auto", root=root, window=0.0) as device:
        assert device.kind == "rapl"
    with pytest.raises(ValueError, match=r"peak_power: only taken by kind 'emulated'"):
        power.open("auto", root=tmp_path / "none", peak_power=33.0)
    with pytest.raises(ValueError, match=r"gpus: only taken by kind 'nvml'"):
        power.open("auto", root=root, gpus=[0])


def test_the_law_is_the_options_of_the_emulated_package() -> None:
    assert power.law() == {
        "idle_power": 5.0,
        "peak_power": 25.0,
        "exponent": 2.5,
        "compute": 0.7,
        "min_frequency": 0.3,
    }
    power.law()["exponent"] = 1.0
    assert power.law()["exponent"] == 2.5


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"package": 1.5}, TypeError, "package: expected a number >= 0, got float"),
        ({"package": -1}, ValueError, "package: expected a number >= 0, got -1"),
        ({"package": 2**40}, ValueError, "package: expected a number >= 0, got"),
        ({"package": -(10**400)}, ValueError, "package: expected a number >= 0, got -inf"),
        ({"cap_range": 5}, TypeError, "cap_range: expected a sequence of numbers, got int"),
        ({"cap_range": (5,)}, ValueError, "cap_range: expected two numbers of watts, got 1"),
        ({"cap_range": (1, 2, 3)}, ValueError, "cap_range: expected two numbers of watts, got 3"),
        ({"cap_range": ("a", 2)}, TypeError, "cap_range: expected two numbers of watts, got str"),
        ({"cap_range": range(999)}, ValueError, "cap_range: expected two numbers .*, got 999"),
        ({"root": "\0"}, ValueError, "root: expected a path, got a null character in it"),
        ({"root": 3}, TypeError, "root: expected a path, got int"),
        ({"dram": _core}, power.PowerError, "/nowhere"),
    ],
)
def test_values_of_another_type_are_named(
    options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        power.open("rapl", **{"root": "/nowhere", **options})


def test_below_python_options_are_a_dict_of_any_names() -> None:
    for options in ({"odd": 1}, {f"odd{i}": i for i in range(32)}):
        with pytest.raises(ValueError, match=r"odd.*: no kind takes such an option"):
            _core.open_power("rapl", options)
    with pytest.raises(ValueError, match="options: expected at most 32"):
        _core.open_power("rapl", {f"odd{i}": i for i in range(33)})
    with pytest.raises(TypeError):
        _core.open_power("rapl", {1: 1})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match=r"kind: expected one of 'rapl', .*, got 'auto'"):
        _core.open_power("auto", {})
    with pytest.raises(TypeError, match="directory: expected a path, got PosixPath"):
        _core.open_power("rapl", {"directory": Path("/")})
