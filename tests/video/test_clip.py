"""Clips that are read and written, pictures, and the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from film import HEIGHT, WIDTH, Object, film

import alert
from alert import cli
from alert.video import clip, frontier, plots

WALKERS = [Object(20, 40, 40, 90, (2, 0)), Object(230, 110, 44, 90, (-2, 0))]


def write(path: Path, frames: list[np.ndarray], rate: int = 10) -> Path:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate = 8_000_000
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.mark.needs("av")
def test_a_clip_is_read_frame_by_frame(tmp_path: Path) -> None:
    frames = film(WALKERS, 12)
    path = write(tmp_path / "clip.mp4", frames)
    read = list(clip.frames(path))
    assert len(read) == 12
    for ours, theirs in zip(read, frames, strict=True):
        assert ours.shape == theirs.shape
        assert ours.dtype == np.uint8
        assert np.abs(ours.astype(float) - theirs).mean() < 25  # compressed
    assert len(list(clip.frames(path, 5))) == 5
    assert clip.rate(path) == 10


@pytest.mark.needs("av")
@pytest.mark.parametrize("content", [None, b"", b"no film at all" * 100])
def test_what_is_no_clip_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises((OSError, ValueError), match=r"clip\.mp4"):
        list(clip.frames(path))


def test_boxes_are_drawn_as_frames_of_boxes() -> None:
    frame = np.zeros((50, 80, 3), np.uint8)
    boxes = np.array([(10, 5, 30, 40, 0.9, 0), (60, 20, 120, 60, 0.8, 1)], float)
    drawn = clip.annotated(frame, boxes, thickness=1)
    assert not frame.any()
    lines = np.asarray(drawn.any(axis=2))
    assert lines[5, 10:30].all()
    assert lines[39, 10:30].all()
    assert lines[5:40, 10].all()
    assert lines[5:40, 29].all()
    assert not lines[6:39, 11:29].any()
    assert lines[20, 60:80].all()
    assert (drawn[5, 10] != drawn[20, 60]).any()
    assert not clip.annotated(frame, np.zeros((0, 6))).any()


@pytest.mark.needs("matplotlib")
def test_a_gif_repeats_its_frames(tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "shown.gif"
    clip.write_gif(path, film(WALKERS, 6), 10.0)
    with Image.open(path) as picture:
        assert getattr(picture, "n_frames") == 6  # noqa: B009
        assert picture.info["duration"] == 100
        assert picture.info["loop"] == 0


def profile() -> alert.Profile:
    return alert.Profile(
        latency=[[0.2], [0.1], [0.1], [0.05], [0.02]],
        power=[[10]] * 5,
        accuracy=[0.9, 0.8, 0.85, 0.7, 0.75],
        power_caps=[10],
        idle_power=1,
        models=["a", "b", "c", "d", "e"],
    )


def test_branches_that_are_beaten_are_not_on_the_frontier() -> None:
    assert frontier.undominated(profile()) == [4, 2, 0]


@pytest.mark.needs("matplotlib")
def test_the_picture_names_what_served(tmp_path: Path) -> None:
    figure = plots.draw(profile(), {"b": 3, "c": 9})
    axis = figure.axes[0]
    assert {text.get_text() for text in axis.texts} == {"a", "b", "c", "e"}
    figure.savefig(tmp_path / "branches.png")
    assert (tmp_path / "branches.png").stat().st_size > 5000


DETECTOR = """
import numpy as np

def detect(picture):
    near = (picture[..., 0].astype(int) > 85) & (picture[..., 1] > 40)
    boxes = []
    for half in (slice(0, near.shape[0] * 4 // 10), slice(near.shape[0] * 45 // 100, None)):
        rows, columns = np.nonzero(near[half])
        if len(rows) > 20:
            top = rows + (half.start or 0)
            boxes.append((columns.min(), top.min(), columns.max() + 1, top.max() + 1, 0.9))
    return boxes

number = 3
"""


@pytest.fixture
def filmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("finder.py").write_text(DETECTOR)
    return write(tmp_path / "clip.mp4", film([Object(20, 10, 40, 80, (1, 0)), *WALKERS[1:]], 70))


@pytest.mark.filterwarnings("ignore:.*less precise")  # on a busy machine
@pytest.mark.needs("av", "matplotlib", "rich")
def test_the_command_measures_watches_and_draws(
    filmed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--measure", "30", "--scales", "1,0.5", "--every", "1,4", "--fps", "2", "--quiet"]
    arguments = ["video", str(filmed), "--detector", "finder:detect", "--power", "none", *options]
    assert cli.main(arguments) == 0
    said = capsys.readouterr().out
    for part in ("x1", "x0.5, every 4", "F1", "40 frames", "with no cap"):
        assert part in said
    assert {path.name for path in Path("video").iterdir()} == {
        *("profile.json", "branches.png", "watched.gif")
    }
    assert len(alert.Profile.load("video/profile.json").models) == 4


@pytest.mark.needs("av", "matplotlib", "rich")
@pytest.mark.parametrize(
    ("detector", "message"),
    [
        ("finder:missing", "finder:missing: AttributeError"),
        ("nowhere:detect", "nowhere:detect: ModuleNotFoundError"),
        ("finder:number", "detect: expected a callable, got int"),
    ],
)
def test_a_detector_that_is_none_is_named(
    filmed: Path, capsys: pytest.CaptureFixture[str], detector: str, message: str
) -> None:
    assert cli.main(["video", str(filmed), "--detector", detector, "--quiet"]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--scales", "1,half"], ["--every", "1,2.5"]])
def test_lists_are_numbers(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["video", "clip.mp4", "--detector", "finder:detect", *option])
    assert "like 1," in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:something else ran meanwhile")  # on a busy machine
@pytest.mark.needs("av", "rich")
def test_branches_of_a_clip_are_recorded(filmed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--scales", "1,0.5", "--every", "1,4", "-n", "3", "--power", "emulated"]
    caps = ["--caps", "12,25", "--quiet"]
    what = ["record", "video", "--clip", str(filmed), "--detector", "finder:detect"]
    assert cli.main([*what, *options, *caps]) == 0
    assert "3 inputs, 4 models x 2 power caps, emulated" in capsys.readouterr().out
    trace = alert.Trace.load("video-quiet.npz")
    assert trace.accuracy is not None
    assert trace.accuracy.shape == (3, 4)
    assert set(trace.seen) == {"height", "motion", "boxes", "left"}


@pytest.mark.filterwarnings("ignore:something else ran meanwhile")  # on a busy machine
@pytest.mark.needs("av", "rich")
def test_scenes_that_never_came_have_no_slowdown(
    filmed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--scales", "1", "--every", "1", "-n", "3", "--power", "emulated", "--scenes"]
    caps = ["--caps", "12,25", "--quiet"]
    what = ["record", "video", "--clip", str(filmed), "--detector", "finder:detect"]
    assert cli.main([*what, *options, *caps]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if " x1 " in line)
    assert [cell.strip() for cell in row.split("│")[3:6]] == ["-", "-", "-"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([], "video: expected --clip"),
        (["--clip", "clip.mp4"], "video: expected --detector"),
        (["--clip", "c", "--detector", "a:b", "--append"], "--append: not allowed with video"),
        (["memory", "--clip", "c", "--detector", "a:b", "--scenes"], "--scenes: not allowed"),
    ],
)
def test_a_recording_of_a_clip_needs_what_it_is_made_of(
    wrong: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["record", "video", *wrong])
    assert message in capsys.readouterr().err
