"""Films of textured objects on a still background, and a detector that sees them as they are.

Green is what trackers look at. Red says which object a pixel belongs to, so that a simulated
detector finds exact boxes at any size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH = 240, 320
_FIRST, _STEP = 100, 12  # red of the first object, and from one to the next


@dataclass
class Object:
    """A rectangle that moves at a constant speed.

    left, top, width, height in pixels; speed in pixels a frame.
    """

    left: float
    top: float
    width: int
    height: int
    speed: tuple[float, float] = (0.0, 0.0)

    def box(self, frame: int) -> tuple[float, float, float, float]:
        left = self.left + frame * self.speed[0]
        top = self.top + frame * self.speed[1]
        return left, top, left + self.width, top + self.height


def film(objects: list[Object], frames: int, seed: int = 0) -> list[NDArray[np.uint8]]:
    """Return frames in which the objects move by whole pixels."""
    random = np.random.default_rng(seed)
    ground = random.integers(0, 60, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    textures = [_texture(random, each) for each in objects]
    shot = []
    for number in range(frames):
        picture = ground.copy()
        for place, (each, texture) in enumerate(zip(objects, textures, strict=True)):
            left, top, right, low = (round(x) for x in each.box(number))
            rows = slice(max(top, 0), min(low, HEIGHT))
            columns = slice(max(left, 0), min(right, WIDTH))
            if rows.start < rows.stop and columns.start < columns.stop:
                seen = texture[rows.start - top : rows.stop - top]
                seen = seen[:, columns.start - left : columns.stop - left]
                picture[rows, columns, 0] = _FIRST + _STEP * place
                picture[rows, columns, 1] = seen
        shot.append(picture)
    return shot


def _texture(random: np.random.Generator, of: Object) -> NDArray[np.uint8]:
    """Return smooth noise: a tracker needs slopes that reach over some pixels."""
    coarse = random.uniform(60, 250, (of.height // 6 + 2, of.width // 6 + 2))
    rows = np.linspace(0, coarse.shape[0] - 1.001, of.height)
    columns = np.linspace(0, coarse.shape[1] - 1.001, of.width)
    i, j = rows.astype(int)[:, None], columns.astype(int)[None]
    a, b = rows[:, None] - i, columns[None] - j
    top = coarse[i, j] * (1 - b) + coarse[i, j + 1] * b
    low = coarse[i + 1, j] * (1 - b) + coarse[i + 1, j + 1] * b
    return np.asarray(top * (1 - a) + low * a, np.uint8)


def true_boxes(objects: list[Object], frame: int) -> NDArray[np.float64]:
    """Return the exact boxes of a frame, as far as the frame reaches."""
    boxes = np.array([(*each.box(frame), 1.0) for each in objects]).reshape(-1, 5)
    boxes[:, 0:4:2] = boxes[:, 0:4:2].clip(0, WIDTH)
    boxes[:, 1:4:2] = boxes[:, 1:4:2].clip(0, HEIGHT)
    return boxes[(boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])]


class Detector:
    """Finds every object that it sees at least `least` pixels high.

    A frame takes it `seconds` times the share of its pixels, on the clock that `work` moves.
    """

    def __init__(
        self,
        least: float = 0.0,
        work: Callable[[float], None] = lambda s: None,
        seconds: float = 0.0,
    ) -> None:
        self.least = least
        self.work = work
        self.seconds = seconds
        self.sizes: list[tuple[int, ...]] = []  # of the frames seen

    def __call__(self, frame: NDArray[np.uint8]) -> NDArray[np.float64]:
        self.sizes.append(frame.shape[:2])
        self.work(self.seconds * frame.shape[0] * frame.shape[1] / (HEIGHT * WIDTH))
        red = frame[..., 0].astype(int)
        boxes = []
        for code in range(_FIRST, 256, _STEP):
            rows, columns = np.nonzero(np.abs(red - code) <= 2)
            if len(rows) > 8 and np.ptp(rows) + 1 >= self.least:
                ends = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
                boxes.append((*ends, 0.9))
        return np.array(boxes, np.float64).reshape(-1, 5)
