"""Make the traces of the evaluation in video out of a clip, and of the recordings of photographs.

    python benchmarks/video_traces.py vtest.avi frozen_inference_graph.pb
    python benchmarks/video_traces.py one-by-one-person-detection.mp4 frozen_inference_graph.pb

The scales, the scenes and what counts as true differ from clip to clip: see `CLIPS`.

F1, and the height, motion and number of boxes, are those of real branches on real groups of frames.
Seconds are made of two measurements, so that other work on the machine meanwhile does no harm: the
CPU time of every detection and step of the tracker, and how much slower than its profile a network
for photographs ran at each input of `traces/images-*.npz`, under each cap. Larger detections follow
larger networks. In the first clip scenes change before a camera of half the size, so that people
are small in the wide ones; what the detector finds at twice that size is true there.

`alert record video` makes traces of one piece on a machine that does nothing else.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import alert
from alert import video
from alert._arguments import Floats
from alert.video import clip
from alert.video.parts import Moment, Part
from alert.video.recording import Recording
from alert.video.resize import smaller
from alert.video.scenes import CHANGING, Scene
from alert.video.study import Study
from alert.workloads.persons import Persons

TRACES = Path(__file__).with_name("traces")
EVERY = (1, 2, 4, 8)
GROUPS = 360  # of changing scenes; there are as many groups else as photographs
DETECTIONS, STEPS = 25, 3  # runs of each

# The network of `images` whose slowdown a part has, by how many parts take longer.
NETWORK = (2, 1, 0)


def of_detections(recording: Recording) -> dict[str, float]:
    """Return the CPU seconds of each detection, undisturbed: it takes the same on every frame."""
    moment, found = recording.moments(1, 0)[0], recording.parts.items()
    return {
        name: min(timed(part, moment) for _ in range(DETECTIONS))
        for name, part in found
        if name.startswith("detection")
    }


def cpu_seconds(
    models: dict[str, Part], moments: Sequence[Moment], detections: dict[str, float]
) -> Floats:
    """Return the CPU seconds of every part in every group.

    A step of the tracker depends on the boxes: the least of some runs on each group counts.
    """
    found = np.zeros((len(moments), len(models)))
    for column, (name, model) in enumerate(models.items()):
        if name in detections:
            found[:, column] = detections[name]
        else:
            found[:, column] = [min(timed(model, m) for _ in range(STEPS)) for m in moments]
    return found


def timed(model: Part, moment: Moment) -> float:
    start = time.thread_time()
    model(moment)
    return time.thread_time() - start


def slowed(cpu: Floats, names: Sequence[str], images: alert.Trace) -> alert.Trace:
    """Return the trace of parts that are slowed down as the networks for photographs were."""
    p = images.profile
    longest_first = np.argsort(np.argsort(-cpu.mean(axis=0)))
    network = [NETWORK[min(rank, len(NETWORK) - 1)] for rank in longest_first]
    at_full_power = p.latency[network][:, -1:]
    inputs = np.arange(len(cpu)) % len(images)  # they come again
    latency = cpu[:, :, None] * images.latency[inputs][:, network] / at_full_power
    profile = alert.Profile(
        latency=np.median(cpu, axis=0)[:, None] * p.latency[network] / at_full_power,
        power=p.power[network],
        accuracy=[0.5] * len(names),  # of parts: no meaning
        power_caps=p.power_caps,
        idle_power=p.idle_power,
        models=names,
        origin={**p.origin, "made": "CPU seconds x slowdown of images"},
    )
    energy = latency * (images.energy / images.latency)[inputs][:, network]
    return alert.Trace(
        *(profile, latency, energy),
        phase=images.phase[inputs],
        phases=images.phases,
        task="video",
        environment=images.environment,
        seed=images.seed,
        origin=profile.origin,
    )


@dataclass(frozen=True)
class Clip:
    """How a clip is studied.

    Attributes
    ----------
    name : str
        Of its traces.
    scales : tuple of float
    scenes : tuple of Scene
    camera : float
        Scale of the frames in changing scenes. The detector sees them whole to say what is true.
    tallest : float
        Of `Persons`.
    reference : float
        The scale whose boxes are true, on every frame.
    """

    name: str
    scales: tuple[float, ...]
    scenes: tuple[Scene, ...]
    camera: float = 1.0
    tallest: float = 0.45
    reference: float = 1.0


CLIPS = {
    "vtest": Clip("vtest", (1.0, 0.75, 0.5, 0.375), CHANGING, camera=0.5),
    "one-by-one-person-detection": Clip(
        "one-by-one",
        (1.0, 0.5, 0.25, 0.125),
        (Scene("slow"), Scene("fast", stride=3)),
        tallest=1.0,
        reference=0.25,
    ),
}
"""By the name of the file."""


def main(path: str, weights: str, folder: Path = TRACES / "video") -> None:
    import torch

    torch.set_num_threads(1)
    studied = CLIPS[Path(path).stem]
    branches = video.branches(Persons(weights, tallest=studied.tallest), studied.scales, EVERY)
    reference = next(branch for branch in branches if branch.scale == studied.reference)
    frames = list(clip.frames(path))
    folder.mkdir(exist_ok=True)
    study = Study(branches, frames, reference=reference.name)
    filmed = Recording(study)
    detections = of_detections(filmed)
    for environment in ("quiet", "compute", "memory"):
        images = alert.Trace.load(TRACES / f"images-{environment}.npz")
        to = folder / f"{studied.name}-{environment}.npz"
        save(filmed, detections, images, len(images), to)
    closest = max(scene.zoom for scene in studied.scenes)
    changing = Recording(
        Study(
            branches,
            [smaller(frame, studied.camera) for frame in frames],
            truth=[boxes[:, :4] * studied.camera for boxes in study.film.true],
            scenes=studied.scenes,
            zooms=sorted({1.0, closest}),
        )
    )
    images = alert.Trace.load(TRACES / "images-quiet.npz")
    to = folder / f"{studied.name}-scenes.npz"
    save(changing, of_detections(changing), images, GROUPS, to)


def save(
    recording: Recording,
    detections: dict[str, float],
    images: alert.Trace,
    groups: int,
    path: Path,
) -> None:
    """Make one trace."""
    moments = recording.moments(groups, images.seed)
    cpu = cpu_seconds(recording.parts, moments, detections)
    trace = recording.trace(slowed(cpu, [*recording.parts], images))
    trace.save(path)
    print(trace)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
