"""Profiles that know how latency grows with the size of the input."""

from __future__ import annotations

import copy
import json
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import alert


def profile(names: str = "ab", shares: Any = (0.25, 0.5), **changed: Any) -> alert.Profile:
    """Two models by default, at size 8."""
    count = len(names)
    arguments: dict[str, Any] = {
        "latency": np.arange(1.0, count + 1)[:, None] * [0.02, 0.01],
        "power": np.full((count, 2), 10.0),
        "accuracy": np.linspace(0.6, 0.8, count),
        "power_caps": [10.0, 20.0],
        "idle_power": 5.0,
        "models": list(names),
        "fixed_share": shares,
        "size": 8,
        **changed,
    }
    return alert.Profile(**arguments)


def shares(found: alert.Profile) -> list[float]:
    assert found.fixed_share is not None
    return [float(share) for share in found.fixed_share]


def test_the_size_is_one_and_unknown_by_default() -> None:
    plain = alert.Profile([[0.1]], [[10.0]], [0.5], [20.0], 1.0)
    assert (plain.fixed_share, plain.size) == (None, 1.0)


def test_files_and_copies_keep_it(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    for found in (profile(), profile(shares=None, size=1.0)):
        found.save(path)
        for other in (
            alert.Profile.load(path),
            copy.copy(found),
            pickle.loads(pickle.dumps(found)),
        ):
            assert other == found
            assert other.size == found.size
    assert profile() != profile(shares=(0.25, 0.75))
    assert profile() != profile(size=4)
    assert profile() != profile(shares=None)


def test_an_older_file_knows_no_sizes(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    document = profile(shares=None, size=1.0).document()
    del document["fixed_share"], document["size"]
    path.write_text(json.dumps(document), "utf-8")
    assert alert.Profile.load(path).fixed_share is None
    document["fixed_share"] = [0.5, 2.0]
    path.write_text(json.dumps(document), "utf-8")
    with pytest.raises(
        ValueError, match=r"p\.json: fixed_share\[1\]: expected a number from 0 to 1"
    ):
        alert.Profile.load(path)


def test_parts_and_wholes_keep_it() -> None:
    whole = profile("abc", (0.1, 0.2, 0.3))
    assert shares(whole.subset(["c", "a"])) == [0.3, 0.1]
    assert whole.subset(power_caps=[20.0]).size == 8.0
    more = profile().add("c", [0.06, 0.03], [10.0, 10.0], 0.9, fixed_share=1.0)
    assert shares(more) == [0.25, 0.5, 1.0]
    both = whole.merge(profile("cd", (0.7, 0.8)))
    assert dict(zip(both.models, shares(both), strict=True)) == {
        "a": 0.1,
        "b": 0.2,
        "c": 0.7,
        "d": 0.8,
    }
    assert both.size == 8.0


def test_parts_that_do_not_fit_are_refused() -> None:
    row = ([0.06, 0.03], [10.0, 10.0], 0.9)
    with pytest.raises(
        ValueError, match=r"^fixed_share: expected a share, as the other models have"
    ):
        profile().add("c", *row)
    with pytest.raises(ValueError, match=r"^fixed_share: expected None, got 0\.5"):
        profile(shares=None).add("c", *row, fixed_share=0.5)
    with pytest.raises(
        ValueError, match=r"^other: expected sizes as here, latencies at 8, got none$"
    ):
        profile().merge(profile("cd", None, size=1.0))
    with pytest.raises(ValueError, match=r"^other: expected sizes as here, .* got latencies at 4$"):
        profile().merge(profile("cd", size=4))


@pytest.mark.parametrize(
    ("changed", "kind", "message"),
    [
        ({"fixed_share": [0.5]}, ValueError, "fixed_share: expected 2 models along axis 0, got 1"),
        (
            {"fixed_share": [0.5, 1.1]},
            ValueError,
            r"fixed_share\[1\]: expected a number from 0 to 1",
        ),
        ({"fixed_share": [math.nan, 0]}, ValueError, r"fixed_share\[0\]: .* got nan"),
        ({"fixed_share": 0.5}, ValueError, "fixed_share: expected 1 dimension, got 0"),
        ({"fixed_share": ["a", "b"]}, TypeError, "fixed_share: expected numbers"),
        ({"size": 0}, ValueError, "size: expected a number > 0, from 1e-9 to 1e9, got 0"),
        ({"size": math.inf}, ValueError, "size: expected a number > 0, from 1e-9 to 1e9, got inf"),
        ({"size": "8"}, TypeError, "size: expected a number"),
    ],
)
def test_bad_sizes(changed: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=f"^{message}"):
        profile(**changed)
