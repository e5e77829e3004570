"""Detection in video: the branch that fits the scene, the load and the battery."""

from alert.video.boxes import f1
from alert.video.branch import Branch, Shown, Tracker, branches
from alert.video.content import Content
from alert.video.follow import Follower
from alert.video.measure import measure
from alert.video.report import VideoReport
from alert.video.scenes import Scene
from alert.video.watcher import Watcher

__all__ = [
    "Branch",
    "Content",
    "Follower",
    "Scene",
    "Shown",
    "Tracker",
    "VideoReport",
    "Watcher",
    "branches",
    "f1",
    "measure",
]
