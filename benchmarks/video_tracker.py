"""Compare our tracker with Lucas-Kanade flow of OpenCV: F1 of boxes that are followed.

    pip install opencv-python-headless
    python benchmarks/video_tracker.py vtest.avi frozen_inference_graph.pb

The detector at full size finds boxes on every n-th frame; both trackers follow them between. F1 is
against the detector on every frame. The flow of a box is the median over a grid of points in it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from itertools import islice
from typing import Any

import cv2
import numpy as np

from alert._arguments import Floats
from alert.video import Follower, branches, clip
from alert.video.detections import Detections
from alert.video.rating import Film
from alert.workloads.persons import Persons

FRAMES = 240
EVERY = (2, 4, 8, 16)
GRID = 6  # points along each side of a box


class Flow:
    """Follows boxes by OpenCV's pyramidal Lucas-Kanade flow."""

    def __init__(self, frame: Any, boxes: Floats) -> None:
        self._grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        self._boxes = boxes
        self.kept = np.arange(len(boxes))
        self.motion = 0.0

    def __call__(self, frame: Any) -> Floats:
        """Return the boxes of the next frame."""
        grey, boxes = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), self._boxes.copy()
        if len(boxes):
            points = np.concatenate([_grid(box) for box in boxes])
            moved, found, _ = cv2.calcOpticalFlowPyrLK(self._grey, grey, points, None)
            shifts = (moved - points).reshape(len(boxes), -1, 2)
            good = found.reshape(len(boxes), -1).astype(bool)
            for box, shift, there in zip(boxes, shifts, good, strict=True):
                if there.any():
                    box[:4] += np.tile(np.median(shift[there], axis=0), 2)
        height, width = frame.shape[:2]
        across, down = boxes[:, [0, 2]].mean(axis=1), boxes[:, [1, 3]].mean(axis=1)
        there = (across > 0) & (across < width) & (down > 0) & (down < height)
        self.kept = np.flatnonzero(there)
        self._grey, self._boxes = grey, boxes[there]
        return self._boxes


def _grid(box: Floats) -> Any:
    across = np.linspace(box[0], box[2], GRID + 2)[1:-1]
    down = np.linspace(box[1], box[3], GRID + 2)[1:-1]
    return np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2).astype(np.float32)


def scored(film: Film, detect: Callable[..., Any], every: int, track: Any) -> tuple[float, float]:
    """Return mean F1, and CPU milliseconds a frame without the detections."""
    [branch] = branches(detect, (1.0,), (every,), track=track)
    found: list[float] = []
    start = time.thread_time()
    for first in range(0, len(film.frames), every):
        found += film.f1(film.served(branch, first, every), first)
    return float(np.mean(found)), 1e3 * (time.thread_time() - start) / len(found)


def main(path: str, weights: str) -> None:
    cv2.setNumThreads(1)
    detect = Persons(weights)
    [full] = branches(detect, (1.0,), (1,))
    frames, detections = list(islice(clip.frames(path), FRAMES)), Detections()
    true = [detections.of(full, number, frame) for number, frame in enumerate(frames)]
    film = Film(frames, true, detections)
    print(f"{'every':>5} {'ours':>13} {'OpenCV':>13}   F1 (ms a frame)")
    for every in EVERY:
        ours, theirs = (scored(film, detect, every, track) for track in (Follower, Flow))
        print(f"{every:5} " + " ".join(f"{f1:.3f} ({ms:4.1f})" for f1, ms in (ours, theirs)))


if __name__ == "__main__":
    main(*sys.argv[1:])
