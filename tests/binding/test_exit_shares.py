"""Shares of the inputs that leave at each exit, in profiles."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import alert

SHARES = {"net": (0.5, 0.2, 0.3)}


def profile(shares: Any = SHARES) -> alert.Profile:
    return alert.Profile(
        [[0.1, 0.05], [0.4, 0.2]],
        [[10.0, 20.0], [10.0, 20.0]],
        [0.6, 0.8],
        [10.0, 20.0],
        2.0,
        ["small", "net"],
        {"net": [(0.25, 0.5), (0.5, 0.7), (1.0, 0.8)]},
        exit_shares=shares,
    )


def test_shares_are_kept_wherever_a_profile_goes(tmp_path: Path) -> None:
    one = profile()
    assert dict(one.exit_shares) == {1: SHARES["net"]}
    assert profile({1: [0.5, 0.2, 0.3]}) == one != profile(None)
    one.save(tmp_path / "p.json")
    assert alert.Profile.load(tmp_path / "p.json") == one
    assert pickle.loads(pickle.dumps(one)) == one
    assert dict(one.subset(["net"]).exit_shares) == {0: SHARES["net"]}
    assert dict(one.subset(["small"]).exit_shares) == {}
    assert one.without_caps().exit_shares == one.exit_shares
    more = one.add("more", [0.1, 0.1], [10.0, 20.0], 0.9)
    assert more.exit_shares == one.exit_shares
    assert dict(one.subset(["small"]).merge(one.subset(["net"])).exit_shares) == {1: SHARES["net"]}


def test_a_file_from_before_has_no_shares(tmp_path: Path) -> None:
    profile().save(tmp_path / "p.json")
    document = json.loads((tmp_path / "p.json").read_text())
    del document["exit_shares"]
    (tmp_path / "p.json").write_text(json.dumps(document))
    assert dict(alert.Profile.load(tmp_path / "p.json").exit_shares) == {}


def test_a_profile_without_shares_decides_as_if_nobody_left() -> None:
    goal = alert.Goal.min_energy(1.0, accuracy=0.75)
    plain, none = (alert.Scheduler(profile(s), goal) for s in (None, {"net": [0.0, 0.0, 1.0]}))
    for n in range(50):
        assert plain.decision == none.decision
        for s in (plain, none):
            s.step(s.decision.latency * (1.0 + 0.01 * (n % 7)), None)


@pytest.mark.parametrize(
    ("shares", "error", "message"),
    [
        ([0.5], TypeError, "exit_shares: expected a mapping"),
        ({"small": [1.0]}, ValueError, "exit_shares.'small'.: .* of a model with exits"),
        ({"none": [1.0]}, ValueError, "exit_shares.'none'.: .* of a model with exits"),
        ({"net": [0.5, 0.5]}, ValueError, "exit_shares.'net'.: expected 3, one for each exit"),
        ({"net": [0.5, 0.5, 0.5]}, ValueError, r"exit_shares\[1\]: .* sum to 1, got 1.5"),
        ({"net": [1.5, -0.5, 0.0]}, ValueError, r"exit_shares\[1, 0\]: .* from 0 to 1, got 1.5"),
        ({"net": [math.nan, 0.5, 0.5]}, ValueError, r"exit_shares\[1, 0\]: .* got nan"),
        ({"net": ["a", "b", "c"]}, TypeError, "exit_shares.'net'.: expected numbers"),
    ],
)
def test_bad_shares_are_refused(shares: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        profile(shares)


# ------------------------------------------------------------------------------------- measured


def net(x: float) -> Iterator[float]:
    """Become surer exit by exit: of 0.5 at once, of 0.2 at the second exit."""
    for n in range(1, 4):
        yield n * x


def test_shares_are_measured() -> None:
    models = {"net": net, "small": lambda x: x}
    found = profile(None).with_stop(models, [0.5, 0.2, 0.01, 0.5], lambda y: y >= 0.4)
    assert dict(found.exit_shares) == {1: (0.5, 0.25, 0.25)}
    assert found != profile(None)


def test_what_cannot_be_measured_is_refused() -> None:
    models = {"net": net, "small": lambda x: x}

    def short(x: float) -> Iterator[float]:
        yield x

    one = profile(None)
    with pytest.raises(ValueError, match="inputs: expected at least one input, got none"):
        one.with_stop(models, [], bool)
    with pytest.raises(TypeError, match="stop: expected a callable"):
        one.with_stop(models, [1.0], 0.9)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="net: expected at least 3 exits, got 1"):
        one.with_stop({**models, "net": short}, [1.0], lambda y: False)
    with pytest.raises(ValueError, match="profile: expected anytime models"):
        one.subset(["small"]).with_stop({"small": net}, [1.0], bool)


def test_accuracies_with_stops() -> None:
    """A sure output counts for later exits, too."""
    pairs = [(0.5, 0), (0.2, 0), (0.01, 0)]
    found = alert.accuracy(
        {"net": net}, pairs, lambda y, _: float(y >= 1.0), stop=lambda y: y >= 0.4
    )
    assert found == {"net": [0.0, 0.0, 0.0]}
    whole = alert.accuracy({"net": net}, pairs, lambda y, _: float(y >= 1.0))
    assert whole["net"] == pytest.approx([0.0, 1 / 3, 1 / 3])
