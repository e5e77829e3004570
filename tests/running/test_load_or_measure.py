"""A profile that is measured once, and again only where its file does not fit."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import alert
from alert import power

RUNS: list[int] = []


def model(x: Any) -> Any:
    RUNS.append(x)
    return x


def load_or_measure(path: Path, **options: Any) -> alert.Profile:
    RUNS.clear()
    arguments = {
        "models": {"a": model, "b": model},
        "accuracy": {"a": 0.6, "b": 0.8},
        "power": "emulated",
        "power_caps": [10.0, 20.0],
        "precision": 1e9,
        "idle_seconds": 0.001,
        "progress": False,
        **options,
    }
    return alert.Profile.load_or_measure(path, arguments.pop("models"), 1, **arguments)


def test_measures_once_and_loads_from_then_on(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    first = load_or_measure(path)
    assert len(RUNS) > 0
    assert alert.Profile.load(path) == first
    before = path.read_bytes()
    for options in ({}, {"power_caps": None}, {"models": {"a": model, "b": len}}):
        assert load_or_measure(path, **options) == first
        assert RUNS == []
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"models": {"a": model, "c": model}, "accuracy": {"a": 0.6, "c": 0.8}}, "other names or"),
        ({"accuracy": {"a": 0.6, "b": 0.9}}, "other names or accuracies"),
        ({"power_caps": [10.0, 20.0, 25.0]}, "its power caps are 10 W, 20 W"),
        ({"power_caps": [10.0, 21.0]}, "its power caps are 10 W, 20 W"),
    ],
)
def test_measures_again_where_the_file_does_not_fit(
    options: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "p.json"
    load_or_measure(path)
    with pytest.warns(UserWarning, match=f"p.json does not fit and is measured again: .*{reason}"):
        second = load_or_measure(path, **options)
    assert len(RUNS) > 0
    assert load_or_measure(path, **options) == second
    assert RUNS == []


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"sizes": {2: 2}}, "it does not know how latency grows with the size, and sizes= asks"),
        ({"size": 2}, "its latencies hold for inputs of size 1"),
    ],
)
@pytest.mark.filterwarnings("ignore:latency does not grow")
def test_measures_again_where_sizes_are_asked_for(
    options: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "p.json"
    load_or_measure(path)
    with pytest.warns(UserWarning, match=reason):
        second = load_or_measure(path, **options)
    assert (second.fixed_share is not None) == ("sizes" in options)
    assert load_or_measure(path, **options) == second
    assert RUNS == []


@pytest.mark.parametrize(
    ("origin", "reason"),
    [
        ({"power": "rapl"}, "its power device is 'rapl', here 'emulated'"),
        ({"machine": {"cpu": "abacus"}}, "cpu: abacus, here"),
    ],
)
def test_measures_again_on_another_machine(
    origin: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "p.json"
    load_or_measure(path)
    document = json.loads(path.read_text("utf-8"))
    document["origin"].update(origin)
    path.write_text(json.dumps(document), "utf-8")
    with pytest.warns(UserWarning, match=reason) as caught:
        load_or_measure(path)
    assert [warning.filename for warning in caught] == [__file__]
    assert len(RUNS) > 0


def test_leaves_a_device_open_that_was_open(tmp_path: Path) -> None:
    with power.open("emulated") as device:
        found = device.cap
        load_or_measure(tmp_path / "p.json", power=device)
        assert device.cap == found
        load_or_measure(tmp_path / "p.json", power=device)
        assert not device.closed


def test_what_is_no_profile_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text("my notes")
    with pytest.raises(ValueError, match=r"p.json: not JSON"):
        load_or_measure(path)
    assert path.read_text() == "my notes"
    assert RUNS == []


def test_a_place_that_cannot_be_written_to_is_told_before_the_first_run(tmp_path: Path) -> None:
    for path in (tmp_path / "none" / "p.json", Path("/proc/p.json"), Path("/dev/null/p.json")):
        with pytest.raises(OSError, match=r"p\.json"):
            load_or_measure(path)
        assert RUNS == []
    with pytest.raises(ValueError, match="path: expected no NUL in it"):
        load_or_measure(tmp_path / "a\0b")
    assert os.listdir(tmp_path) == []
