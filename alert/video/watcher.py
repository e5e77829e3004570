"""The watcher: chooses a branch for every group of frames, and yields the boxes of each frame."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

import numpy as np

from alert import _arguments
from alert._arguments import Floats
from alert._closing import Closing
from alert._core import Decision
from alert.goal import Goal
from alert.power.device import Device, put_cap
from alert.power.opening import open_device
from alert.profile import Profile
from alert.running.fitting import fitted
from alert.running.metering import Meter
from alert.running.models import inference_mode
from alert.scheduler import HISTORY, Scheduler
from alert.video import frames as checking
from alert.video.branch import Branch, Frame, Shown
from alert.video.content import Content
from alert.video.crowd import Crowd
from alert.video.identities import Identities
from alert.video.report import VideoReport
from alert.video.tally import Tally


class Watcher(Closing):
    """Finds boxes in frames with the branch, and under the power cap, that the scheduler chooses.

    Parameters
    ----------
    branches : sequence of Branch
        Those of the profile, in any order.
    profile : Profile
        Of `alert.video.measure`.
    goal : Goal
        For each frame: the deadline is the time from one frame to the next, the accuracy an F1, the
        energy joules a frame. A late group is worth what the profile says of boxes that are held,
        or `q_fail` of the goal if that is more.
    power : str or device, default "auto"
        See `alert.Runner`.
    content : bool, default True
        Expect of each branch what the height, the motion and the number of the objects say. False
        expects the F1 and the latency of the profile always.
    method, constants, history
        See `alert.Scheduler`.
    clock : callable, default time.perf_counter
        Monotonic seconds. Another clock is for simulations.

    Examples
    --------
    >>> with video.Watcher(branches, profile, goal) as watch:  # doctest: +SKIP
    ...     for frame, boxes in watch(camera):
    ...         show(frame, boxes)
    ...     print(watch.report())

    Notes
    -----
    One branch serves a group of frames. Its boxes are yielded as they come, and its seconds and
    joules are averaged over the group. Only work counts: the time in which a camera is waited for,
    or in which the caller looks at the boxes, does not. Where a group has used up the time of all
    its frames, the boxes of its remaining frames are held.
    """

    def __init__(
        self,
        branches: Sequence[Branch],
        profile: Profile,
        goal: Goal,
        power: str | Device = "auto",
        *,
        content: bool = True,
        method: str = "calibrated",
        constants: Mapping[str, float] | None = None,
        history: int = HISTORY,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        _arguments.instance("profile", profile, Profile, "a Profile")
        _arguments.instance("goal", goal, Goal, "a Goal")
        video = _video_of(profile)
        self._branches = _in_order(branches, profile)
        try:
            self._group = int(video["group"])
            self._shares = [video["shares"][branch.name] for branch in self._branches]
            self._content = Content.of(video) if content else None
            self._crowd = Crowd.of(video) if content and "boxes" in video else None
            _expect_numbers(self._foresee(), len(self._branches))
            worth = max(goal.q_fail, video["held"])
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            told = f"{type(error).__name__}: {error}"
            raise ValueError(f"profile: its origin['video'] is damaged ({told})") from None
        self._clock = clock
        self._identities = Identities()
        self._cap: float | None = math.nan  # as last set; NaN while unknown
        self._report = VideoReport.start()
        self._closed = self._serving = False
        self._device = open_device(power)
        self._opened = isinstance(power, str)
        try:
            profile = fitted(profile, self._device, self._opened)
            self._scheduler = Scheduler(
                profile,
                dataclasses.replace(goal, q_fail=worth),
                method=method,
                constants=constants,
                history=history,
            )
            self._meter = Meter(self._device, profile, math.inf, clock)
        except BaseException:
            self.close()
            raise

    def __call__(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame, Floats]]:
        """Yield every frame with its boxes.

        Parameters
        ----------
        frames : iterable of arrays of height x width x 3, uint8
            A camera, a file, a list: all of one size.

        Yields
        ------
        frame : array
            As it came.
        boxes : array of n x 6
            Left, top, right, bottom in pixels, the score of the detection, and a number that an
            object keeps as long as it is followed.

        Raises
        ------
        RuntimeError
            The watcher is closed, or is in the middle of other frames.
        ValueError, TypeError
            A frame has another size or type than the first, or a detector gave no boxes.
        Exception
            What `frames` or a detector raised. Nothing is learnt of a group whose detector failed;
            the watcher can be called again.
        """
        source = checking.checked(frames)
        for first in source:
            group = _Group(first, source, self._group)
            with self._alone(), closing(self._serve(group)) as served:
                yield from served

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Serve one group at a time, for what is learnt belongs to the last decision."""
        self._check_open()
        if self._serving:
            raise RuntimeError(
                "this Watcher is in the middle of other frames: end that loop first, or use a "
                "Watcher for each camera"
            )
        self._serving = True
        try:
            yield
        finally:
            self._serving = False

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("this Watcher is closed")

    def _serve(self, group: _Group) -> Generator[tuple[Frame, Floats]]:
        """Yield the frames of a group with their boxes, and learn from them at its end."""
        tally = Tally(self._decide())
        found = self._branches[tally.decision.model](group)
        allowed = self._scheduler.goal.deadline * self._group
        shown: Shown | None = None
        try:
            while group.fetch():
                self._check_open()
                if shown is not None and tally.busy >= allowed:
                    shown = Shown(shown.boxes, np.arange(len(shown.boxes)), math.nan)
                    tally.held += 1
                else:
                    shown = self._look(found, tally)
                yield group.frame, np.column_stack([shown.boxes, self._identities.of(shown)])
        finally:  # the camera may have failed, or the caller have seen enough
            if tally.frames:
                self._learn(tally)

    def _foresee(self) -> tuple[Floats | None, Floats | None]:
        """Return the F1 to expect of each branch, and how much longer it takes than profiled."""
        return (
            None if self._content is None else self._content.accuracies(self._branches),
            None if self._crowd is None else self._crowd.factors(),
        )

    def _decide(self) -> Decision:
        """Choose the branch of the next group, and set its cap."""
        decision = self._scheduler.decision
        accuracy, latency = self._foresee()
        if accuracy is not None:
            decision = self._scheduler.expect(accuracy=accuracy, latency=latency)
        if decision.power_cap != self._cap:
            self._cap = math.nan  # until the device has taken it
            put_cap(self._device, decision.power_cap)
            self._cap = decision.power_cap
        return decision

    def _look(self, found: Iterator[Shown], tally: Tally) -> Shown:
        """Have the branch look at one frame; count its seconds and joules."""
        clock, meter, decision = self._clock, self._meter, tally.decision
        try:
            with inference_mode(True):
                meter.begin(decision.latency)
                self._device.begin()
                start = clock()
                shown = next(found)
                self._device.pace()
                done = clock()
                energy, _, _ = meter.end(decision.model, decision.power_cap, start, done)
        except BaseException:
            tally.frames = 0  # nothing is learnt of this group
            if self._content is not None:
                self._content.forget()
            meter.fail()
            self._device.pace()  # accounts for the work so far
            raise
        tally.count(done - start, energy, len(shown.boxes))
        if self._content is not None:
            self._content.see(shown)
        return shown

    def _learn(self, tally: Tally) -> None:
        """Step the scheduler with the seconds and joules of a frame, averaged over the group.

        Where the group was cut short, its work counts as the share that the profile says.
        """
        model = tally.decision.model
        frames = self._shares[model][tally.frames - 1] * self._group
        energy = None if tally.joules is None else tally.joules / frames
        self._scheduler.step(tally.busy / frames, energy)
        if self._content is not None:
            self._content.learn(self._branches[model])
        if self._crowd is not None:
            self._crowd.take(tally.boxes / tally.frames)
        late = tally.busy > self._scheduler.goal.deadline * (tally.frames + tally.held)
        self._report.count(self._branches[model].name, tally, late)

    @property
    def scheduler(self) -> Scheduler:
        """What chooses the branches."""
        return self._scheduler

    @property
    def content(self) -> Content | None:
        """What is known of the objects: their height and motion; None with ``content=False``."""
        return self._content

    def report(self) -> VideoReport:
        """Sum up the frames so far."""
        return dataclasses.replace(
            self._report,
            choices=dict(self._report.choices),
            emulated=self._device.emulated,
            power=self._device.kind,
            unit=self._device.unit,
            goal=self._scheduler.goal,
        )

    def close(self) -> None:
        """Close the device if this watcher opened it. Calling again is fine."""
        if not self._closed:
            self._closed = True
            if self._opened:
                self._device.close()


class _Group:
    """The next frames of a source, as an iterable that hands out the frame fetched last."""

    def __init__(self, first: Frame, source: Iterator[Frame], length: int) -> None:
        self.frame = first
        self._source = source
        self._left = length
        self._is_first = True

    def fetch(self) -> bool:
        """Wait for the next frame; False at the end of the group or of the source."""
        if self._left == 0:
            return False
        self._left -= 1
        if not self._is_first:
            following = next(self._source, None)
            if following is None:
                return False
            self.frame = following
        self._is_first = False
        return True

    def __iter__(self) -> Iterator[Frame]:
        while True:
            yield self.frame


def _video_of(profile: Profile) -> dict[str, Any]:
    video: Any = profile.origin.get("video")
    if not isinstance(video, Mapping):
        raise ValueError("profile: expected one that alert.video.measure made")
    return dict(video)


def _expect_numbers(foreseen: Iterable[Floats | None], branches: int) -> None:
    """Raise ValueError unless there is a number for each branch."""
    for values in foreseen:
        if values is not None and (values.shape != (branches,) or not np.isfinite(values).all()):
            raise ValueError(f"expected a number for each of {branches} branches, got {values}")


def _in_order(branches: Sequence[Branch], profile: Profile) -> list[Branch]:
    """Return the branches in the order of the profile."""
    known = {branch.name: branch for branch in branches}
    missing = [name for name in profile.models if name not in known]
    if missing:
        raise ValueError(f"branches: expected those of the profile, got none named {missing[0]!r}")
    return [known[name] for name in profile.models]
