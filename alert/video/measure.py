"""Measuring branches on a clip: seconds and joules a frame, and F1."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from alert import _arguments
from alert._arguments import Floats
from alert._progress import bar
from alert.profile import Profile
from alert.video import frames as checking
from alert.video.boxes import checked, f1
from alert.video.branch import Branch, Frame
from alert.video.quality import Detections, qualities

LEAST_FRAMES = 8


def measure(
    branches: Sequence[Branch],
    clip: Iterable[Frame],
    *,
    truth: Sequence[ArrayLike] | None = None,
    reference: str | None = None,
    group: int | None = None,
    zooms: Sequence[float] = (1.0, 2.0),
    progress: bool = True,
    **options: Any,
) -> Profile:
    """Measure branches on a clip.

    Parameters
    ----------
    branches : sequence of Branch
        See `alert.video.branches`.
    clip : iterable of arrays of height x width x 3, uint8
        At least 8 frames; some hundreds of the scenes to come are better.
    truth : sequence of array_like, optional
        The true boxes of each frame, n x 4 or n x 5. By default the boxes of `reference` on every
        frame count as true.
    reference : str, optional
        The name of a branch. By default the first one.
    group : int, optional
        Frames that one branch serves before the next decision; by default the longest interval.
    zooms : sequence of float, default (1, 2)
        Magnifications. Detectors also run on magnified frames, so that their F1 is known for
        objects larger than those of the clip.
    progress : bool, default True
        Show bars, where somebody watches and tqdm is installed.
    **options
        Of `Profile.measure`: `power`, `power_caps`, `precision`, ...

    Returns
    -------
    Profile
        Seconds and watts are per frame, over a group that begins with a detection. Accuracy is F1.
        `profile.origin["video"]` holds what `alert.video.Watcher` needs besides.

    Notes
    -----
    Detectors, at each scale, and trackers are timed by themselves. A branch of interval n takes

        (k D + k B + (G - k) T) / G,   k = ⌈G / n⌉

    seconds a frame. D is a detection, B the start of a tracker, T a step of it, G the frames of a
    group. B is zero where n is 1.
    """
    some = _branches(branches)
    frames = list(checking.checked(clip))
    if len(frames) < LEAST_FRAMES:
        raise ValueError(f"clip: expected at least {LEAST_FRAMES} frames, got {len(frames)}")
    length = max(branch.every for branch in some)
    if group is not None:
        length = _arguments.integer("group", group, 1)
    detections = Detections()
    true = _truth(truth, reference, some, frames, detections)
    accuracy = []
    with bar(len(some), "branch", "F1", shown=progress) as done:
        for branch in some:
            accuracy.append(_f1(branch, frames, true, length, detections))
            done.update()
    video = {
        "group": length,
        "held": _held(true, length),
        **qualities(some, frames, true, zooms, detections),
    }
    start = next(k for k, boxes in enumerate(true[:-1]) if len(boxes))
    costs = _costs(some, frames[start], frames[start + 1], true[start], progress, options)
    return _profile(some, length, accuracy, video, costs)


def _branches(branches: Sequence[Branch]) -> list[Branch]:
    some = list(branches)
    for branch in some:
        _arguments.instance("branches", branch, Branch, "branches")
    names = [branch.name for branch in some]
    if not some or len(set(names)) < len(names):
        raise ValueError(f"branches: expected branches, each name once, got {names}")
    return some


def _truth(
    truth: Sequence[ArrayLike] | None,
    reference: str | None,
    branches: list[Branch],
    frames: list[Frame],
    detections: Detections,
) -> list[Floats]:
    """Return the boxes that count as true, of each frame."""
    if truth is None:
        names = [branch.name for branch in branches]
        if reference is not None and reference not in names:
            raise ValueError(f"reference: expected one of {names}, got {reference!r}")
        best = branches[0 if reference is None else names.index(reference)]
        return [detections.of(best, number, frame) for number, frame in enumerate(frames)]
    if reference is not None:
        raise ValueError("reference: expected none beside truth")
    if len(truth) != len(frames):
        raise ValueError(f"truth: expected boxes of {len(frames)} frames, got {len(truth)}")
    height, width = frames[0].shape[:2]
    return [
        checked(f"truth[{number}]", _with_score(boxes), height, width)
        for number, boxes in enumerate(truth)
    ]


def _with_score(boxes: ArrayLike) -> ArrayLike:
    array = np.asarray(boxes)
    if array.ndim == 2 and array.shape[1] == 4:
        return np.column_stack([array, np.ones(len(array))])
    return boxes


def _f1(
    branch: Branch, frames: list[Frame], true: list[Floats], group: int, detections: Detections
) -> float:
    """Return the mean F1 of a branch over a clip, in groups that begin with a detection."""
    found = []
    for start in range(0, len(frames), group):
        numbered = range(start, min(start + group, len(frames)))
        remembered = detections.remembered(branch, numbered)
        shown = remembered(frames[number] for number in numbered)
        found += [f1(each.boxes, true[k]) for k, each in zip(numbered, shown, strict=True)]
    return float(np.mean(found))


def _held(true: list[Floats], group: int) -> float:
    """Return the F1 of boxes that are held from the start of a group to its end."""
    return float(np.mean([f1(true[k - k % group], boxes) for k, boxes in enumerate(true)]))


def _costs(
    branches: list[Branch],
    frame: Frame,
    after: Frame,
    boxes: Floats,
    progress: bool,
    options: dict[str, Any],
) -> Profile:
    """Measure a detection at each scale, the start of each tracker, and a step of it."""
    models: dict[str, Callable[[Frame], Any]] = {}
    for branch in branches:
        models[_detection(branch)] = branch.detected
        if branch.every > 1:
            begin, step = _tracking(branch)
            models[begin] = lambda frame, track=branch.track: track(frame, boxes)  # type: ignore[misc]
            models[step] = _step(branch, frame, after, boxes)
    accuracy = dict.fromkeys(models, 0.5)  # of parts, it means nothing
    return Profile.measure(models, frame, accuracy=accuracy, progress=progress, **options)


def _step(branch: Branch, frame: Frame, after: Frame, boxes: Floats) -> Callable[[Frame], Any]:
    """Return a function that follows boxes, forward and back again."""
    tracker, next_frame = branch.track(frame, boxes), [frame, after]

    def step(_: Frame) -> Floats:
        next_frame.reverse()
        return tracker(next_frame[0])

    return step


def _detection(branch: Branch) -> str:
    return f"detection{branch.detector and ' ' + branch.detector} x{branch.scale:g}"


def _tracking(branch: Branch) -> tuple[str, str]:
    name = f"{getattr(branch.track, '__name__', branch.track)} {id(branch.track)}"
    return f"start of {name}", f"step of {name}"


def _profile(
    branches: list[Branch],
    group: int,
    accuracy: list[float],
    video: dict[str, Any],
    costs: Profile,
) -> Profile:
    """Put the costs of branches together from those of their parts."""
    row = {name: i for i, name in enumerate(costs.models)}
    latency, energy, shares = [], [], {}
    for branch in branches:
        of_frames = [[row[name] for name in parts] for parts in _parts(branch, group)]
        seconds = np.array([costs.latency[rows].sum(axis=0) for rows in of_frames])
        joules = [(costs.latency[rows] * costs.power[rows]).sum(axis=0) for rows in of_frames]
        latency.append(seconds.mean(axis=0))
        energy.append(np.mean(joules, axis=0))
        share = np.cumsum(seconds[:, -1]) / seconds[:, -1].sum()
        shares[branch.name] = share.tolist()
    return Profile(
        latency=latency,
        power=None if np.isnan(costs.power).any() else np.array(energy) / np.array(latency),
        accuracy=accuracy,
        power_caps=costs.power_caps,
        idle_power=costs.idle_power,
        models=[branch.name for branch in branches],
        origin={**costs.origin, "video": {**video, "shares": shares}},
        unit=costs.unit,
    )


def _parts(branch: Branch, group: int) -> list[list[str]]:
    """Return what runs on each frame of a group."""
    begin, step = _tracking(branch)
    detecting = [_detection(branch), begin] if branch.every > 1 else [_detection(branch)]
    return [detecting if k % branch.every == 0 else [step] for k in range(group)]
