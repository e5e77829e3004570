"""Traces: what they hold, what they refuse, and files that lie."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import synthetic

import alert

ARRAYS = ("latency", "energy", "phase", "group")


def test_comes_back_from_a_file_in_single_precision(tmp_path: Path) -> None:
    kept = synthetic.trace(50, seed=3, words=4)
    kept.save(tmp_path / "t.npz")
    found = alert.Trace.load(tmp_path / "t.npz")
    for name in ARRAYS:
        np.testing.assert_allclose(getattr(found, name), getattr(kept, name), rtol=1e-7)
    np.testing.assert_allclose(found.exits[2], kept.exits[2], rtol=1e-7)
    assert found.profile == kept.profile
    for name in ("phases", "task", "environment", "seed", "origin", "emulated"):
        assert getattr(found, name) == getattr(kept, name)
    assert repr(found) == (
        "<alert.Trace: synthetic compute, 50 inputs, 3 models x 3 power caps, emulated>"
    )
    assert list(tmp_path.iterdir()) == [tmp_path / "t.npz"]


def with_what_was_seen(trace: alert.Trace) -> alert.Trace:
    random = np.random.default_rng(0)
    height = random.uniform(10.0, 90.0, (len(trace), 3))
    height[1, 2] = np.nan
    return alert.Trace(
        *(trace.profile, trace.latency, trace.energy, trace.exits, trace.phase, trace.phases),
        accuracy=random.random((len(trace), 5)),
        seen={"height": height},
    )


def test_accuracy_and_what_was_seen_come_back_from_a_file(tmp_path: Path) -> None:
    kept = with_what_was_seen(synthetic.trace(20))
    kept.save(tmp_path / "t.npz")
    found = alert.Trace.load(tmp_path / "t.npz")
    assert found.accuracy is not None
    assert kept.accuracy is not None
    np.testing.assert_allclose(found.accuracy, kept.accuracy, rtol=1e-6)
    np.testing.assert_allclose(found.seen["height"], kept.seen["height"], rtol=1e-6)
    assert found.accuracy.shape == (20, 5)
    synthetic.trace(5).save(tmp_path / "plain.npz")
    plain = alert.Trace.load(tmp_path / "plain.npz")
    assert plain.accuracy is None
    assert plain.seen == {}


@pytest.mark.parametrize("number", [1e300, -1e300, 1e-300])
def test_what_was_seen_is_kept_where_single_precision_has_no_such_number(
    number: float, tmp_path: Path
) -> None:
    made = synthetic.trace(4)
    seen = {"area": np.full((4, 3), number)}
    profile, costs = made.profile, (made.latency, made.energy, made.exits)
    alert.Trace(profile, *costs, seen=seen).save(tmp_path / "t.npz")
    found = alert.Trace.load(tmp_path / "t.npz")
    np.testing.assert_array_equal(found.seen["area"], seen["area"])


def test_traces_with_accuracy_follow_each_other() -> None:
    one, other = (with_what_was_seen(synthetic.trace(n)) for n in (7, 4))
    both = one.followed_by(other)
    assert both.accuracy is not None
    np.testing.assert_array_equal(both.accuracy[7:], other.accuracy)
    np.testing.assert_array_equal(both.seen["height"][:7], one.seen["height"])
    with pytest.raises(
        ValueError, match=r"other: expected arrays \['accuracy', 'height'\], got \[\]"
    ):
        one.followed_by(synthetic.trace(4))


def test_does_not_change() -> None:
    trace = synthetic.trace(5)
    for array in (trace.latency, trace.energy, trace.phase, trace.group, trace.exits[2]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(AttributeError, match="does not change"):
        trace.seed = 2
    with pytest.raises(AttributeError, match="seed stays"):
        del trace.seed


def test_tells_the_slowdown() -> None:
    trace = synthetic.trace(5)
    assert trace.slowdown[3, 1, 2] == trace.latency[3, 1, 2] / trace.profile.latency[1, 2]


def bad(name: str, place: tuple[int, ...], value: float) -> dict[str, Any]:
    array = np.array(getattr(synthetic.trace(5), name))
    array[place] = value
    return {name: array}


EXIT_TIMES = np.array(synthetic.trace(5).exits[2])


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        (bad("latency", (1, 0, 2), 0.0), ValueError, r"latency\[1, 0, 2\]: expected > 0, got 0.0"),
        (bad("latency", (1, 0, 2), np.nan), ValueError, r"latency\[1, 0, 2\]: .*finite.*got nan"),
        (bad("energy", (4, 2, 0), -1.0), ValueError, r"energy\[4, 2, 0\]: expected >= 0, got -1.0"),
        (bad("energy", (4, 2, 0), np.inf), ValueError, r"energy\[4, 2, 0\]: .*finite.*got inf"),
        ({"latency": np.ones((5, 2, 3))}, ValueError, r"latency: .*shape \(n, 3, 3\), got"),
        ({"latency": np.ones((0, 3, 3))}, ValueError, "latency: expected at least one input"),
        ({"latency": "fast"}, TypeError, r"latency: expected numbers, got text \('fast'\)"),
        ({"energy": np.ones((4, 3, 3))}, ValueError, r"energy: expected the shape \(5, 3, 3\)"),
        (bad("phase", (2,), 2), ValueError, r"phase\[2\]: expected 0 to 1, got 2"),
        (bad("phase", (2,), -1), ValueError, r"phase\[2\]: expected 0 to 1, got -1"),
        ({"phase": np.zeros(5)}, TypeError, "phase: expected integers, got float64"),
        ({"phase": np.zeros(4, int)}, ValueError, r"phase: expected the shape \(5,\)"),
        ({"phases": ()}, TypeError, "phases: expected names"),
        ({"group": [0, 0, 1, 0, 2]}, ValueError, "group.*: expected ascending numbers"),
        ({"exits": {}}, ValueError, r"exits: .*anytime models \[2\], got \[\]"),
        ({"exits": {2: EXIT_TIMES[..., :2]}}, ValueError, r"exits\[2\]: expected the shape"),
        ({"exits": {2: EXIT_TIMES[..., ::-1]}}, ValueError, r"exits\[2\]\[0, 0, 1\]: .*ascending"),
        ({"exits": {2: EXIT_TIMES * 2}}, ValueError, r"exits\[2\]\[0, 0\]: .*latency of the last"),
        ({"exits": {2: EXIT_TIMES - 1}}, ValueError, r"exits\[2\]\[0, 0\]: expected > 0"),
        ({"accuracy": np.ones((5, 3))}, ValueError, r"accuracy: expected the shape \(5, 5\)"),
        ({"accuracy": np.full((5, 5), 1.1)}, ValueError, r"accuracy\[0, 0\]: expected 0 to 1"),
        ({"accuracy": np.full((5, 5), np.nan)}, ValueError, r"accuracy\[0, 0\]: .*finite"),
        ({"seen": {"h": np.ones((5, 2))}}, ValueError, r"seen\['h'\]: expected the shape \(5, 3\)"),
        ({"seen": {"h": np.full((5, 3), np.inf)}}, ValueError, r"seen\['h'\]\[0, 0\]: .* or NaN"),
        ({"seen": 3}, TypeError, "seen: expected a mapping"),
        ({"profile": 3}, TypeError, "profile: expected a Profile, got int"),
    ],
)
def test_refuses_bad_input(changed: dict[str, Any], error: type[Exception], message: str) -> None:
    trace = synthetic.trace(5)
    good = {name: getattr(trace, name) for name in (*ARRAYS, "profile", "exits", "phases")}
    with pytest.raises(error, match=message):
        alert.Trace(**{**good, **changed})


# ----------------------------------------------------------------------------- files that lie


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def npy(array: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array), **options)
    return file.getvalue()


def huge(shape: str) -> bytes:
    """Claim to be larger than it is."""
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + b"\0" * 64


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"latency.npy": None}, "latency: missing"),
        ({"header.npy": None}, "header: missing"),
        ({"exits_2.npy": None}, "exits: expected the times of the anytime models"),
        ({"header.npy": npy(np.frombuffer(b'{"schema": 3}', np.uint8))}, "schema: expected"),
        ({"header.npy": npy(np.frombuffer(b"{", np.uint8))}, "not JSON"),
        ({"latency.npy": npy(np.array([{}], object))}, "latency.npy: .*plain numbers"),
        ({"latency.npy": b"junk"}, "latency.npy: "),
        ({"latency.npy": npy(np.ones(3), version=(2, 0))}, "latency.npy: unexpected version"),
        ({"latency.npy": huge("(1099511627776, 3, 3)")}, "latency.npy: cannot reshape"),
        ({"latency.npy": huge("(-1, 4)")}, "latency: expected the shape"),
        ({"energy.npy": npy(np.full((5, 3, 3), np.nan, "f4"))}, r"energy\[0, 0, 0\]: .*finite"),
        ({"phase.npy": npy(np.full(5, 9))}, r"phase\[0\]: expected 0 to 1, got 9"),
    ],
)
def test_refuses_files_that_lie(
    tmp_path: Path, changed: dict[str, bytes | None], message: str
) -> None:
    path = tmp_path / "t.npz"
    synthetic.trace(5).save(path)
    with zipfile.ZipFile(path.with_name("lie.npz"), "w") as archive:
        for name, content in {**members(path), **changed}.items():
            if content is not None:
                archive.writestr(name, content)
    with pytest.raises(ValueError, match=rf"lie.npz: .*{message}"):
        alert.Trace.load(path.with_name("lie.npz"))


def load_or_refuse(path: Path) -> alert.Trace | None:
    try:
        return alert.Trace.load(path)
    except ValueError as error:
        if not str(error).startswith(str(path)):
            raise
        return None


def test_refuses_what_is_no_archive_or_damaged(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"t.npz: not a .npz, or damaged"):
        alert.Trace.load(path)
    synthetic.trace(20).save(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        refused += load_or_refuse(path) is None
    assert refused > 150  # others changed a flag or date that nobody reads
    for length in range(0, len(whole) - 1, 97):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"t.npz: "):
            alert.Trace.load(path)


def test_takes_no_more_memory_than_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alert.files.LARGEST_FILE", 10_000)
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, latency=np.zeros(100_000))
    assert path.stat().st_size < 10_000
    with pytest.raises(ValueError, match=r"bomb.npz: .*more than 10000 bytes when unpacked"):
        alert.Trace.load(path)
    np.savez(path, latency=np.zeros(100_000))
    with pytest.raises(ValueError, match=r"bomb.npz: larger than 10000 bytes"):
        alert.Trace.load(path)
