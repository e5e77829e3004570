"""Measuring branches on a clip: seconds and joules a frame, and F1."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from numpy.typing import ArrayLike

from alert.profile import Profile
from alert.video.branch import Branch, Frame
from alert.video.crowd import counted_steps, crowd_of
from alert.video.parts import Moment, parts, profile_of
from alert.video.scenes import AS_FILMED, Scene
from alert.video.study import Study

LEAST_FRAMES = 8


def measure(
    branches: Sequence[Branch],
    clip: Iterable[Frame],
    *,
    truth: Sequence[ArrayLike] | None = None,
    reference: str | None = None,
    group: int | None = None,
    zooms: Sequence[float] = (1.0, 2.0),
    scenes: Sequence[Scene] = AS_FILMED,
    progress: bool = True,
    **options: Any,
) -> Profile:
    """Measure branches on a clip.

    Parameters
    ----------
    branches : sequence of Branch
        See `alert.video.branches`.
    clip : iterable of arrays of height x width x 3, uint8
        At least 8 frames, and a whole group; some hundreds of the scenes to come are better.
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
    scenes : sequence of Scene, optional
        Made of the clip, where others are to come: see `alert.video.Scene`. F1 is measured in each,
        and the mean over them is that of the profile. By default the clip as it is.
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
    Detectors, at each scale, and trackers are timed by themselves; the costs of a branch are put
    together from these (`alert/video/parts.py` has the equation).
    """
    study = Study(
        branches,
        clip,
        truth=truth,
        reference=reference,
        group=group,
        zooms=zooms,
        scenes=scenes,
        progress=progress,
    )
    study.expect_frames(max(LEAST_FRAMES, study.group))
    film, some = study.film, study.branches
    accuracy, video = study.rated(film)
    moment = Moment.amid(some, film.frames, film.true)
    models = {**parts(some), **counted_steps(some, moment)}
    of_parts = dict.fromkeys(models, 0.5)  # accuracies that mean nothing
    costs = Profile.measure(models, moment, accuracy=of_parts, progress=progress, **options)
    video["boxes"] = crowd_of(some, study.group, costs, len(moment.boxes))
    return profile_of(some, study.group, accuracy, video, costs)
