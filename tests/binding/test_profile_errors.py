"""Bad profiles: the message names the argument, place, what was expected and what came."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from bad_input import BAD_SECONDS, GOOD, got

import alert


def grid(value: float) -> list[list[float]]:
    return [[0.04, 0.02], [0.08, value]]


BAD_PROFILES: list[tuple[dict[str, Any], str]] = [
    *(
        (
            {"latency": grid(bad)},
            rf"latency\[1, 1\]: expected a finite number of seconds > 0.*{got(bad)}",
        )
        for bad in BAD_SECONDS
    ),
    *(
        (
            {"power": grid(bad)},
            rf"power\[1, 1\]: expected a finite number of watts.*{got(bad)}",
        )
        for bad in (math.nan, math.inf, 0.0, -1.0)
    ),
    *(
        (
            {"accuracy": [bad, 0.8]},
            rf"accuracy\[0\]: expected a number from 0 to 1, {got(bad)}",
        )
        for bad in (math.nan, -0.1, 1.1, math.inf)
    ),
    *(
        (
            {"power_caps": [10.0, bad]},
            rf"power_caps\[1\]: expected a finite number > 0.*{got(bad)}",
        )
        for bad in (math.nan, -math.inf, 0.0, -1.0)
    ),
    (
        {"power_caps": [20.0, 10.0]},
        r"power_caps\[1\]: expected strictly ascending numbers, got 10$",
    ),
    (
        {"power_caps": [20.0, 20.0]},
        r"power_caps\[1\]: expected strictly ascending numbers, got 20$",
    ),
    *(
        (
            {"idle_power": bad},
            rf"idle_power: expected a finite number of watts >= 0.*{got(bad)}",
        )
        for bad in (math.nan, math.inf, -1.0)
    ),
    ({"latency": [0.04, 0.02]}, "latency: expected 2 dimensions, got 1"),
    ({"latency": 0.04, "models": None, "exits": None}, "latency: expected 2 dimensions, got 0"),
    ({"latency": [[0.04, 0.02], [0.08]]}, "latency: expected rows of one length"),
    ({"latency": [[0.04], [0.08]]}, "latency: expected 2 power caps along axis 1, got 1"),
    ({"power": [[10.0, 20.0]]}, "power: expected 2 models along axis 0, got 1"),
    ({"power": [[10.0], [20.0]]}, "power: expected 2 power caps along axis 1, got 1"),
    ({"accuracy": [0.6]}, "accuracy: expected 2 models along axis 0, got 1"),
    ({"accuracy": [[0.6, 0.8]]}, "accuracy: expected 1 dimension, got 2"),
    ({"power_caps": [[10.0, 20.0]]}, "power_caps: expected 1 dimension, got 2"),
    (
        {
            "latency": np.empty((0, 2)),
            "power": np.empty((0, 2)),
            "accuracy": [],
            "models": None,
            "exits": None,
        },
        "latency: expected at least one model, got 0",
    ),
    (
        {"latency": np.empty((2, 0)), "power": np.empty((2, 0)), "power_caps": []},
        "power_caps: expected at least one power cap, got 0",
    ),
    ({"models": ["small"]}, "models: expected 2 names, as latency has rows, got 1"),
    ({"models": ["small", "small"]}, "models: expected distinct names"),
    ({"exits": {"huge": [(1.0, 0.8)]}}, r"exits\['huge'\]: expected the index or name of a model"),
    ({"exits": {2: [(1.0, 0.8)]}}, r"exits\[2\]: expected the index or name of a model"),
    ({"exits": {1: [(1, 0.8)], "large": [(1, 0.8)]}}, r"exits\['large'\]: .*each once"),
    ({"exits": {1: []}}, r"exits\[1\]: expected at least one exit"),
    ({"exits": {1: [(0.5, 0.7), (0.5, 0.8)]}}, r"exits\[1, 1\]: .*strictly ascending.*got 0\.5"),
    ({"exits": {1: [(0.6, 0.7), (0.5, 0.8)]}}, r"exits\[1, 1\]: .*strictly ascending.*got 0\.5"),
    ({"exits": {1: [(0.0, 0.7), (1.0, 0.8)]}}, r"exits\[1, 0\]: .*\(0, 1\], got 0$"),
    ({"exits": {1: [(math.nan, 0.7), (1.0, 0.8)]}}, r"exits\[1, 0\]: .*got nan"),
    ({"exits": {1: [(0.5, 0.7), (1.5, 0.8)]}}, r"exits\[1, 1\]: .*\(0, 1\], got 1\.5"),
    ({"exits": {1: [(0.5, 0.7), (0.9, 0.8)]}}, r"exits\[1, 1\]: expected the fraction 1.*got 0\.9"),
    ({"exits": {1: [(0.5, 1.7), (1.0, 0.8)]}}, r"exits\[1, 0\]: expected an accuracy.*got 1\.7"),
    (
        {"exits": {1: [(0.5, 0.7), (1.0, 0.7)]}},
        r"exits\[1, 1\]: expected the model's accuracy for the last exit, got 0\.7",
    ),
]


@pytest.mark.parametrize(("change", "message"), BAD_PROFILES)
def test_bad_profiles(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        alert.Profile(**{**GOOD, **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"latency": [["0.04", "0.02"], ["0.08", "0.05"]]},
            r"latency: expected numbers, got text \('0.04'\)$",
        ),
        ({"power": "much"}, r"power: expected numbers, got text \('much'\)$"),
        ({"accuracy": [0.6, "high"]}, r"accuracy: expected numbers, got text \('high'\)$"),
        ({"accuracy": [0.6, 1j]}, "accuracy: expected numbers, got complex$"),
        ({"power_caps": {"a": 1}}, "power_caps: expected numbers, got dict$"),
        ({"idle_power": "5"}, "idle_power: expected a number, got str$"),
        ({"idle_power": None}, "idle_power: expected a number, got NoneType$"),
        ({"idle_power": [5.0]}, "idle_power: expected a number, got list"),
        ({"models": "ab"}, "models: expected a sequence of names, got 'ab'"),
        ({"models": [1, 2]}, "models: expected a sequence of names"),
        ({"exits": {1: 0.5}}, r"exits\[1\]: expected pairs"),
        ({"exits": {1: [0.5]}}, r"exits\[1\]: expected pairs"),
    ],
)
def test_profiles_of_the_wrong_kind(change: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        alert.Profile(**{**GOOD, **change})
