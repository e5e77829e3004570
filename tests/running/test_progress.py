"""Progress bars are for somebody who watches: a log gets none of them."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
import synthetic
from programs import PACKAGES

from alert import _progress

BARS = """
from alert import _progress

with _progress.bar(3, "input", "counting") as bar:
    for _ in range(3):
        bar.update()
"""

OFFER = """
def offer():
    model = lambda x: sum(range(1000))
    return {"models": {"one": model}, "example": 0, "accuracy": {"one": 0.5}}
"""


def seen(*command: str, terminal: bool, folder: Path) -> str:
    """Run Python with standard error as a terminal, or as a file; return what came there."""
    ours, theirs = pty.openpty() if terminal else os.pipe()
    if terminal:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    try:
        environment = {**os.environ, "PYTHONPATH": f"{PACKAGES}:{folder}"}
        with subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=theirs,
        ) as process:
            assert process.wait(60) == 0
        os.write(theirs, b"end")
        return os.read(ours, 1_000_000).decode().removesuffix("end")
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.needs("tqdm")
def test_bars_are_shown_in_a_terminal_only(tmp_path: Path) -> None:
    assert "counting" in seen("-c", BARS, terminal=True, folder=tmp_path)
    assert seen("-c", BARS, terminal=False, folder=tmp_path) == ""


@pytest.mark.needs("ipykernel")
def test_a_notebook_sees_a_bar_that_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures: list[dict[str, str]] = []

    class Output:
        def update(self, data: dict[str, str], raw: bool) -> None:
            assert raw
            pictures.append(data)

    def display(data: dict[str, str], raw: bool, display_id: bool) -> Output:
        output = Output()
        output.update(data, raw and display_id)
        return output

    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr(_progress, "_is_notebook", lambda: True)
    monkeypatch.setattr(_progress, "_PERIOD", 0.0)
    with _progress.bar(3, "input", "start") as bar:
        bar.update()
        bar.set_description("<large>")
    first, one, named, last = pictures
    assert not any(first.values())
    assert not any(last.values())
    assert one["text/plain"] == "input 1 of 3: start"
    assert named["text/html"] == "<progress max=3 value=1></progress> input 1 of 3: &lt;large&gt;"
    with _progress.bar(None, "batch") as bar:
        bar.update()
    assert pictures[-2]["text/html"] == "batch 1"
    monkeypatch.setattr(_progress, "_PERIOD", 60.0)
    del pictures[:]
    with _progress.bar(3, "input", shown=False), _progress.bar(3, "input") as bar:
        bar.update()
    assert len(pictures) == 2  # before and after: one more would come too soon


@pytest.mark.needs("tqdm", "rich")
@pytest.mark.parametrize("command", ["profile", "evaluate"])
def test_commands_have_an_option_for_none(command: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OFFER)
    synthetic.trace(20, 3).save(tmp_path / "t.npz")
    words = {
        "profile": ["mine:offer", "--caps=10,20", "--max-seconds=0.01", "--power=emulated"],
        "evaluate": ["--traces=.", "--schemes=paper", "--jobs=1"],
    }[command]
    found = seen("-m", "alert", command, *words, terminal=True, folder=tmp_path)
    assert "%|" in found
    found = seen("-m", "alert", command, *words, "--quiet", terminal=True, folder=tmp_path)
    assert "%|" not in found
