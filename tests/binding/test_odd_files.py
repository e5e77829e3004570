"""Files that are odd rather than cut: what they say is short, escaped and names the file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import synthetic

import alert
from alert import files
from alert._text import plain, shown

PROFILE = alert.Profile([[0.02, 0.01]], [[10, 20]], [0.7], [10, 20], 5.0, ["a"])
HUGE = 10**400
ESCAPE = "\x1b]0;owned\x07"


def saved(path: Path, **change: Any) -> Path:
    path.write_text(json.dumps({**PROFILE.document(), **change}), "utf-8")
    return path


def is_short_and_plain(text: str) -> bool:
    return len(text) < 2000 and text.isprintable()


# ------------------------------------------------------------------------------------- profiles


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"latency": [[HUGE, 1]]}, "latency"),
        ({"power": [[1, HUGE]]}, "power"),
        ({"power_caps": [1, HUGE]}, "power_caps"),
        ({"accuracy": [HUGE]}, "accuracy"),
        ({"idle_power": HUGE}, "idle_power"),
        ({"version": HUGE}, "version"),
        ({"exits": {"a": [[HUGE, 1]]}}, "exits"),
        ({"exits": {"x" * 10_000_000: [[1, 1]]}}, "exits"),
        ({"exits": {ESCAPE: [[1, 1]]}}, "exits"),
        ({"exits": {"a": ["x" * 10_000_000]}}, "exits"),
        ({"exits": {"a": [[0.5, 0.5]] * 1_000_000}}, "exits"),
        ({"models": ["x" * 10_000_000]}, "models"),
        ({"models": [ESCAPE]}, "models"),
        ({"models": [[1] * 1_000_000]}, "models"),
        ({"models": ["a"] * 100_000}, "models"),
        ({"latency": [["x" * 10_000_000, 1]]}, "latency"),
        ({"latency": [[1] * 300_000, [1]]}, "latency"),
    ],
)
def test_a_profile_is_refused_in_few_words(
    change: dict[str, Any], field: str, tmp_path: Path
) -> None:
    path = saved(tmp_path / "p.json", **change)
    with pytest.raises(ValueError, match=rf"p\.json: {field}") as caught:
        alert.Profile.load(path)
    assert is_short_and_plain(str(caught.value))


def test_a_warning_of_another_machine_is_short_and_plain(tmp_path: Path) -> None:
    machine = {"cpu": ESCAPE, "system": "x" * 10_000_000, "cores": [HUGE]}
    path = saved(tmp_path / "p.json", origin={"machine": machine, "power": ESCAPE})
    with pytest.warns(UserWarning, match=r"p\.json was measured on another machine") as caught:
        profile = alert.Profile.load(path)
    assert is_short_and_plain(str(caught[0].message))
    assert is_short_and_plain(repr(profile))


def test_finding_models_by_name_takes_linear_time() -> None:
    compared = [0]

    class Name(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            compared[0] += 1
            return str.__eq__(self, other)

    count = 300
    names = [Name(f"model {i}") for i in range(count)]
    again = [Name(name) for name in names]
    ones = [[1, 1]] * count
    exits: dict[int | str, Any] = {name: [(0.5, 0.4), (1, 0.5)] for name in again}
    profile = alert.Profile(ones, ones, [0.5] * count, [1, 2], 0, names, exits)
    assert profile.subset(again).merge(profile).models == profile.models
    assert compared[0] < 50 * count


# --------------------------------------------------------------------------------------- traces


def with_header(path: Path, header: bytes, name: str = "latency.npy") -> Path:
    """A trace with another .npy header for one of its arrays."""
    synthetic.trace(5).save(path)
    with zipfile.ZipFile(path) as source:
        members = {member: source.read(member) for member in source.namelist()}
    size = len(header).to_bytes(2, "little")
    members[name] = b"\x93NUMPY\x01\x00" + size + header + members[name][128:]
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return path


HEADERS = [
    *(b"", b"\n", b"{", b"[]", b"1", b"'", b"\xff" * 100, b"(" * 5000, b"{" * 1000, b"x = 1"),
    *(b"{'descr': '<f4'}", b"{'descr': 5, 'fortran_order': False, 'shape': (1,), }"),
    b"{'descr': [], 'fortran_order': False, 'shape': (1,), }",
    b"{'descr': [()], 'fortran_order': False, 'shape': (1,), }",
    b"{'descr': '<f4', 'fortran_order': 7, 'shape': (1,), }",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 2), }",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (True,), }",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (1" + b"0" * 400 + b",), }",
    b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
    b"{'descr': '" + b"x" * 9000 + b"', 'fortran_order': False, 'shape': (1,), }",
    b"{'descr': '\x1b[31m', 'fortran_order': False, 'shape': (1,), }",
]


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.filterwarnings("ignore")  # of the parser, which meets all kinds of text
def test_an_odd_header_of_an_array_is_refused(header: bytes, tmp_path: Path) -> None:
    path = with_header(tmp_path / "t.npz", header)
    with pytest.raises(ValueError, match=r"t\.npz: .*latency") as caught:
        alert.Trace.load(path)
    assert is_short_and_plain(str(caught.value))


def what_loading_says(path: Path) -> str:
    """Load a trace; return what the ValueError says, if there is one."""
    try:
        alert.Trace.load(path)
    except ValueError as error:
        return str(error)
    return ""


def test_a_damaged_archive_is_refused_whatever_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    synthetic.trace(5).save(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    said: list[str] = []
    for place in [*range(len(whole) - 120, len(whole)), *rng.integers(0, len(whole), 200)]:
        for value in (0x00, 0xFF, 0x80):
            content = bytearray(whole)
            content[place] = value
            path.write_bytes(content)
            said.append(what_loading_says(path))
    refused = [text for text in said if text]
    assert all("t.npz" in text and is_short_and_plain(text) for text in refused)
    assert len(refused) > 100


def test_numbers_beyond_single_precision_are_kept(tmp_path: Path) -> None:
    whole = synthetic.trace(5)
    for factor in (1e-46, 1e46):
        trace = alert.Trace(
            whole.profile,
            whole.latency * factor,
            whole.energy,
            {i: seconds * factor for i, seconds in whole.exits.items()},
        )
        trace.save(tmp_path / "t.npz")
        kept = alert.Trace.load(tmp_path / "t.npz")
        np.testing.assert_allclose(kept.latency, trace.latency, rtol=1e-12)
    whole.save(tmp_path / "t.npz")
    with np.load(tmp_path / "t.npz") as arrays:
        assert arrays["latency"].dtype == np.float32


def test_a_trace_shows_no_escapes_and_never_changes() -> None:
    whole = synthetic.trace(5)
    trace = alert.Trace(
        whole.profile, whole.latency, whole.energy, whole.exits, task=ESCAPE, origin={"a": {"b": 1}}
    )
    assert is_short_and_plain(repr(trace))
    trace.origin["a"]["b"] = 2
    assert trace.origin == {"a": {"b": 1}}


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"phases": "abc"}, TypeError, "phases: expected names, got 'abc'"),
        ({"phases": 5}, TypeError, "phases: expected names, got int"),
        ({"exits": 5}, TypeError, "exits: expected a mapping, got int"),
        ({"origin": 5}, TypeError, "origin: expected a mapping, got int"),
        ({"seed": "x"}, TypeError, "seed: expected an integer, got 'x'"),
        ({"group": np.ma.masked_equal([0, 1, 2, 3, 4], 2)}, ValueError, "group: .*masked"),
        ({"group": [0, 1, 2, 1, 4]}, ValueError, r"group\[3\]: expected ascending numbers, got 1"),
    ],
)
def test_arguments_of_a_trace_are_named(
    changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    whole = synthetic.trace(5)
    with pytest.raises(error, match=message):
        alert.Trace(whole.profile, whole.latency, whole.energy, **{"exits": whole.exits, **changed})


def test_what_a_trace_is_joined_with_or_replayed_against_is_named() -> None:
    whole: Any = synthetic.trace(5)
    with pytest.raises(TypeError, match="other: expected a Trace, got int"):
        whole.followed_by(5)
    with pytest.raises(TypeError, match="profile: expected a Profile, got int"):
        whole.replay(5, alert.Goal.min_energy(0.1, 0.5))


# --------------------------------------------------------------------------------- where to save


def test_a_device_or_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    PROFILE.save(pipe)
    reader.join(60)
    assert json.loads(read[0]) == json.loads(json.dumps(PROFILE.document()))
    assert pipe.is_fifo()
    link = tmp_path / "null"
    link.symlink_to("/dev/null")
    PROFILE.save(link)
    assert link.is_symlink()
    assert Path("/dev/null").is_char_device()
    assert sorted(os.listdir(tmp_path)) == ["null", "pipe"]


def test_saving_to_standard_output(tmp_path: Path) -> None:
    code = "import alert; alert.Profile([[1]], [[1]], [1], [1], 0).save('/dev/stdout')"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["models"] == ["model 0"]
    assert Path("/dev/stdout").is_symlink()


def test_the_file_behind_a_link_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    link, target = tmp_path / "p.json", tmp_path / "store" / "p.json"
    link.symlink_to(target)
    for _ in range(2):  # a link to nothing, and to a file
        PROFILE.save(link)
        assert link.is_symlink()
        assert alert.Profile.load(target) == PROFILE
    assert os.listdir(tmp_path / "store") == ["p.json"]


def test_a_path_with_a_nul_is_named() -> None:
    for act in (PROFILE.save, alert.Profile.load, synthetic.trace(5).save, alert.Trace.load):
        with pytest.raises(ValueError, match=r"path: expected no NUL in it, got 'a\\x00b'"):
            act("a\0b")


def test_whether_a_place_can_be_written_to_is_found_out_without_writing(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    files.check_writable(path)
    path.write_text("mine")
    files.check_writable(path)
    files.check_writable(Path("/dev/null"))
    assert path.read_text() == "mine"
    assert os.listdir(tmp_path) == ["p.json"]
    with pytest.raises(IsADirectoryError):
        files.check_writable(tmp_path)


# ----------------------------------------------------------------------------------------- texts


def test_texts_of_messages() -> None:
    assert shown("a") == "'a'"
    assert shown(["x"] * 100).endswith("...]")
    assert len(shown(HUGE)) < 60
    assert plain("Größe µ") == "Größe µ"
    assert plain("a\nb\x1b[0m") == r"a\nb\x1b[0m"
    assert len(plain("x" * 10_000)) < 1000
