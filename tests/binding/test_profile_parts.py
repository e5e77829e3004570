"""Profiles made of profiles: some models, some caps, one model more, two profiles in one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import alert

EXITS = {"b": [(0.5, 0.6), (1.0, 0.7)]}


def profile(names: str = "abc", caps: tuple[float, ...] = (10.0, 20.0), **changed: Any) -> Any:
    """Give every configuration numbers of its own: by name and cap."""
    rows = np.array([ord(name) - ord("a") + 1 for name in names], float)
    grid = rows[:, None] + np.array(caps) / 100
    exits = {name: pairs for name, pairs in EXITS.items() if name in names}
    arguments = {
        "latency": grid,
        "power": 10 * grid,
        "accuracy": (rows + 5) / 10,
        "power_caps": caps,
        "idle_power": 3.0,
        "models": list(names),
        "exits": exits,
        "origin": {"power": "rapl", "machine": {"cpu": "x"}},
        **changed,
    }
    return alert.Profile(**arguments)


# ------------------------------------------------------------------------------------- subset


def test_a_subset_has_the_models_and_caps_asked_for_in_that_order() -> None:
    whole = profile(caps=(10.0, 20.0, 30.0))
    assert whole.subset() == whole
    assert whole.subset(["c", "b"], [10.0, 30.0]) == profile("cb", (10.0, 30.0))
    assert whole.subset([2, "b"]) == profile("cb", (10.0, 20.0, 30.0))
    assert whole.subset(power_caps=20.0) == profile(caps=(20.0,))
    assert whole.subset(range(1)).origin == whole.origin
    assert whole.subset(power_caps=[20.0 * (1 + 1e-12)]) == profile(caps=(20.0,))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((["d"],), ValueError, r"models: expected some of \('a', 'b', 'c'\), got 'd'"),
        (([3],), ValueError, "models: expected some of .* got 3"),
        (([-1],), ValueError, "models: expected an integer >= 0, got -1"),
        (("ab",), TypeError, "models: expected indices or names, got 'ab'"),
        ((3,), TypeError, "models: expected indices or names, got 3"),
        (([1.5],), TypeError, "models: expected an integer, got 1.5"),
        ((["a", "a"],), ValueError, "models: expected distinct names"),
        (([],), ValueError, "expected at least one"),
        ((None, [15.0]), ValueError, r"power_caps: expected some of \[10.0, 20.0\], got 15.0"),
        ((None, [20.0, 10.0]), ValueError, r"power_caps\[1\]: expected strictly ascending"),
        ((None, ["10"]), TypeError, "power_caps: expected numbers, got text"),
    ],
)
def test_a_subset_refuses(arguments: tuple[Any, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        profile().subset(*arguments)


# ---------------------------------------------------------------------------------------- add


def test_adds_a_model_after_the_others() -> None:
    more = profile("ac").add("b", [2.1, 2.2], [21.0, 22.0], 0.7, EXITS["b"])
    assert more == profile("acb")
    assert more.origin == profile().origin
    plain = profile("a").add("c", [3.1, 3.2], [31.0, 32.0], 0.8)
    assert plain == profile("ac")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("a", [1, 1], [1, 1], 0.5), ValueError, "models: expected distinct names"),
        ((5, [1, 1], [1, 1], 0.5), TypeError, "models: expected a sequence of names, got 5"),
        (("d", [1], [1, 1], 0.5), ValueError, r"latency: expected the shape \(2\)"),
        (("d", [1, 1], [[1, 1]], 0.5), ValueError, r"power: expected the shape \(2\)"),
        (("d", [1, 1], [1, 1], "0.5"), TypeError, "accuracy: expected a number, got str"),
        (("d", [1, -1], [1, 1], 0.5), ValueError, r"latency\[3, 1\]"),
        (("d", [1, 1], [1, 1], 0.5, [(0.5, 0.5)]), ValueError, r"exits\[3, 0\]: expected the frac"),
    ],
)
def test_adding_refuses(arguments: tuple[Any, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        profile().add(*arguments)


# -------------------------------------------------------------------------------------- merge


def test_merges_models_under_the_same_caps() -> None:
    assert profile("ac").merge(profile("b")) == profile("acb")
    newer = profile("bd", idle_power=4.0, latency=[[7.0, 8.0], [4.1, 4.2]])
    merged = profile("ab").merge(newer)
    assert merged.models == ("a", "b", "d")
    assert merged.latency.tolist() == [[1.1, 1.2], [7.0, 8.0], [4.1, 4.2]]
    assert merged.idle_power == 4.0
    assert merged.exits == profile("abd").exits


def test_merges_caps_of_the_same_models() -> None:
    assert profile(caps=(10.0, 30.0)).merge(profile(caps=(20.0,))) == profile(
        caps=(10.0, 20.0, 30.0)
    )
    assert profile("cab", (10.0,)).merge(profile("abc", (20.0,))) == profile("cab")
    assert profile().merge(profile()) == profile()


@pytest.mark.parametrize(
    ("other", "error", "message"),
    [
        (5, TypeError, "other: expected a Profile, got int"),
        (profile("ad", (10.0,)), ValueError, "other: expected the models or the power caps of"),
        (profile("d", origin={"power": "nvml"}), ValueError, "other: expected power 'rapl'"),
        (
            profile("d", origin={"machine": {"cpu": "y"}}),
            ValueError,
            r"other: expected machine \{'cpu': 'x'\} as here, got \{'cpu': 'y'\}",
        ),
    ],
)
def test_merging_refuses(other: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        profile().merge(other)


def test_profiles_of_unknown_origin_merge() -> None:
    assert profile().merge(profile("d", origin={})).origin == profile().origin


# ------------------------------------------------------------------------------ never changes


def test_nothing_that_a_profile_gives_changes_it() -> None:
    given = {"power": "rapl", "machine": {"cpu": "x"}}
    found = profile(origin=given)
    given["power"] = "y"
    given["machine"]["cpu"] = "y"  # type: ignore[index]
    found.origin["power"] = "y"
    found.origin["machine"]["cpu"] = "y"
    assert found.origin == {"power": "rapl", "machine": {"cpu": "x"}}
    with pytest.raises(TypeError):
        found.exits[0] = ()
    with pytest.raises(AttributeError):
        found.origin = {}


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"exits": 5}, TypeError, "exits: expected a mapping, got int"),
        ({"exits": {"b": 5}}, TypeError, r"exits\['b'\]: expected pairs"),
        ({"exits": {"b": [(10**400, 1)]}}, TypeError, r"exits\['b'\]: expected pairs"),
        ({"exits": {(1, 2): [(1.0, 0.6)]}}, ValueError, r"exits\[\(1, 2\)\]: expected the index"),
        ({"origin": 5}, TypeError, "origin: expected a mapping, got int"),
        ({"models": 5}, TypeError, "models: expected a sequence of names, got 5"),
        ({"models": ["a", "b", "\x1b[31m"]}, ValueError, r"models\[2\]: .*that print, got '\\x1b"),
        ({"models": ["a", "b", "x" * 9999]}, ValueError, r"models\[2\]: expected up to 1000"),
        ({"idle_power": 10**400}, ValueError, "idle_power: expected a number within"),
        ({"latency": [[10**400] * 2] * 3}, ValueError, "latency: expected numbers within"),
        ({"latency": np.ma.masked_less(np.ones((3, 2)), 2)}, ValueError, "latency: .*masked"),
        ({"accuracy": ["0.5"] * 3}, TypeError, "accuracy: expected numbers, got text"),
    ],
)
def test_arguments_of_the_wrong_kind_are_named(
    changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        profile(**changed)
    assert len(str(caught.value)) < 1000


def test_a_goal_with_a_number_beyond_floats() -> None:
    with pytest.raises(ValueError, match="deadline: expected a number within"):
        alert.Goal.min_energy(deadline=10**400, accuracy=0.5)
