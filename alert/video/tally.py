"""The work for one group of frames."""

from __future__ import annotations

from dataclasses import dataclass

from alert._core import Decision


@dataclass
class Tally:
    """The work for one group so far.

    Attributes
    ----------
    decision : Decision
    busy : float
        Seconds.
    joules : float or None
        None once those of a frame are not known.
    frames, held : int
        Frames looked at, and frames that showed the boxes of the frame before.
    boxes : int
        On the frames looked at, all together.
    """

    decision: Decision
    busy: float = 0.0
    joules: float | None = 0.0
    frames: int = 0
    held: int = 0
    boxes: int = 0

    def count(self, seconds: float, joules: float | None, boxes: int) -> None:
        """Count a frame that was looked at."""
        self.frames += 1
        self.boxes += boxes
        self.busy += seconds
        known = self.joules is not None and joules is not None
        self.joules = self.joules + joules if known else None  # type: ignore[operator]
