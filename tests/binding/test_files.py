"""Profiles in files: written whole or not at all, read with suspicion."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

import alert
from alert import files

PROFILE = alert.Profile(
    latency=[[0.1 + 0.2, 1e-9], [1 / 3, 1e9]],
    power=[[10.0, 20.0], [11.0, 21.0]],
    accuracy=[0.6, 0.8],
    power_caps=[10.0, 20.0],
    idle_power=5.0,
    models=["größer", "large"],
    exits={"large": [(0.5, 0.7), (1.0, 0.8)]},
    origin={"power": "emulated", "note": {"a": [1, 2]}},
)


def test_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    PROFILE.save(path)
    again = alert.Profile.load(path)
    assert again == PROFILE
    assert again.origin == PROFILE.origin
    assert alert.Profile.load(str(path)) == PROFILE


def test_is_json_that_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    PROFILE.save(path)
    document = json.loads(path.read_text("utf-8"))
    assert document["schema"] == "alert.profile"
    assert document["version"] == 1
    assert document["exits"] == {"large": [[0.5, 0.7], [1.0, 0.8]]}


def test_the_file_has_the_usual_permissions(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        PROFILE.save(tmp_path / "p.json")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "p.json").stat().st_mode) == 0o640


def test_a_failed_save_leaves_the_file_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "p.json"
    PROFILE.save(path)
    before = path.read_bytes()
    with monkeypatch.context() as patch:

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            alert.Profile([[1]], [[1]], [1], [1], 0).save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["p.json"]


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        PROFILE.save(tmp_path / "nowhere" / "p.json")


def saved(tmp_path: Path, change: dict[str, Any]) -> Path:
    """A profile's file with some fields changed; those that are None are left out."""
    path = tmp_path / "p.json"
    PROFILE.save(path)
    document = {**json.loads(path.read_text("utf-8")), **change}
    document = {name: value for name, value in document.items() if value is not None}
    path.write_text(json.dumps(document), "utf-8")
    return path


FIELDS = ["latency", "power", "accuracy", "power_caps", "idle_power", "models", "exits", "origin"]


@pytest.mark.parametrize("field", [*FIELDS, "version"])
def test_a_missing_field(field: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"p\.json: {field}: missing"):
        alert.Profile.load(saved(tmp_path, {field: None}))


@pytest.mark.parametrize("field", [*FIELDS, "version"])
def test_a_field_of_the_wrong_kind(field: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"p\.json: {field}: unexpected bool"):
        alert.Profile.load(saved(tmp_path, {field: True}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": None}, r"p\.json: schema: expected 'alert\.profile'"),
        ({"schema": "alert.trace"}, r"p\.json: schema: expected 'alert\.profile'"),
        ({"version": 2}, r"p\.json: version: this release reads 1 to 1, got 2"),
        ({"version": 0}, r"p\.json: version: .*got 0"),
        ({"version": 1.0}, r"p\.json: version: unexpected float"),
        ({"latency": [[0.1, -0.2], [0.1, 0.2]]}, r"p\.json: latency\[0, 1\]: .*got -0\.2"),
        ({"latency": [[0.1], [0.1, 0.2]]}, r"p\.json: latency: expected rows of one length"),
        (
            {"latency": [["0.1", "0.2"]] * 2},
            r"p\.json: latency: expected numbers, got text \('0.1'",
        ),
        ({"latency": [[{}, 0.2]] * 2}, r"p\.json: latency: expected numbers, got dict$"),
        ({"latency": []}, r"p\.json: "),
        ({"power": [[10.0, 0.0], [10.0, 20.0]]}, r"p\.json: power\[0, 1\]: .*got 0$"),
        ({"power": [[10.0, 20.0]]}, r"p\.json: power: expected 2 models"),
        ({"accuracy": [0.6, 1.8]}, r"p\.json: accuracy\[1\]: .*got 1\.8"),
        ({"power_caps": [20.0, 10.0]}, r"p\.json: power_caps\[1\]: expected strictly ascending"),
        ({"idle_power": -1}, r"p\.json: idle_power: .*got -1"),
        ({"models": ["a"]}, r"p\.json: models: expected 2 names"),
        ({"models": [1, 2]}, r"p\.json: models: expected a sequence of names"),
        ({"exits": {"b": [[1.0, 0.8]]}}, r"p\.json: exits\['b'\]: expected the index or name"),
        ({"exits": {"large": [[0.5, 0.8]]}}, r"p\.json: exits\[1, 0\]: expected the fraction 1"),
        ({"exits": {"large": [0.5]}}, r"p\.json: exits\['large'\]: expected pairs"),
    ],
)
def test_bad_contents(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        alert.Profile.load(saved(tmp_path, change))


def test_cut_short_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    PROFILE.save(path)
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, 37):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"p\.json: not JSON, or cut short"):
            alert.Profile.load(path)


@pytest.mark.parametrize(
    "content",
    [
        b"\x00\xff\xfe",
        b"hello",
        b"[1, 2]",
        b"null",
        b"[" * 100_000,
        b'{"schema": NaN}',
        b"\xef\xbb",
    ],
)
def test_something_else(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"p\.json: "):
        alert.Profile.load(path)


def test_nan_is_no_json_number(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    PROFILE.save(path)
    path.write_text(path.read_text("utf-8").replace("5.0", "NaN"), "utf-8")
    with pytest.raises(ValueError, match=r"p\.json: .*NaN is no JSON number"):
        alert.Profile.load(path)


def test_a_file_that_is_missing_or_a_directory(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="none\\.json"):
        alert.Profile.load(tmp_path / "none.json")
    with pytest.raises(IsADirectoryError):
        alert.Profile.load(tmp_path)


def test_an_enormous_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST_DOCUMENT", 100)
    path = tmp_path / "p.json"
    PROFILE.save(path)
    with pytest.raises(ValueError, match=r"p\.json: more than 100 bytes"):
        alert.Profile.load(path)
