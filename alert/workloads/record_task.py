"""Records the tasks of the evaluation beside contention."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module

from alert._arguments import integer
from alert.trace import Trace
from alert.workloads.contention import Contention, Environment
from alert.workloads.contention import schedule as draw_schedule
from alert.workloads.task import Task

# Power caps (W) of a recording on the emulated package. The pretrained networks are the slowest, so
# four caps keep a recording of hundreds of inputs to minutes.
_CAPS: dict[str, tuple[float, ...]] = {
    "images": (8.0, 12.0, 17.0, 25.0),
    "patches": (8.0, 11.0, 15.0, 20.0, 25.0),
    "words": (8.0, 11.0, 15.0, 20.0, 25.0),
    "prose": (8.0, 11.0, 15.0, 20.0, 25.0),
    "video": (8.0, 14.0, 25.0),
}

# Least and largest number of inputs in a phase.
_PHASE = (10, 40)

TASKS = ("images", "patches", "words", "prose")
"""What can be recorded without a clip and a detector."""


def load_task(name: str, *, progress: bool = True) -> Task:
    """Load the models of a task, and train them at first use.

    Raises
    ------
    ValueError
        There is no such task.
    """
    if name not in TASKS:
        raise ValueError(f"task: expected one of {TASKS}, got {name!r}")
    load: Callable[..., Task] = import_module(f"alert.workloads.{name}").load
    return load(progress=progress)


def record(
    task: str | Task,
    environment: Environment,
    inputs: int,
    seed: int,
    *,
    power: str = "auto",
    power_caps: Sequence[float] | None = None,
    threads: int | None = 1,
    after: Trace | None = None,
    progress: bool = True,
) -> Trace:
    """Record one task in one environment.

    Parameters
    ----------
    task : str or Task
        One of `TASKS`, or a task of your own.
    environment : str
        "quiet", or the contention beside the task: "memory" or "compute".
    inputs : int
        How many.
    seed : int
        Draws the inputs, the phases and the order of the configurations.
    power : str, default "auto"
        What `alert.power.open` takes; but "auto" is RAPL where it can be capped and read, else the
        emulated package.
    power_caps : sequence of float, optional
        Watts. The default is four or five caps between 8 and 25 W on the emulated package, and five
        over the range of a real one.
    threads : int, default 1
        Threads that torch uses for one operator; None leaves them as they are.
    after : Trace, optional
        A trace to go on with; see `alert.Trace.record`.
    progress : bool, default True
        Show bars, where somebody watches and tqdm is installed.
    """
    from alert.power.opening import open_or_emulate

    integer("inputs", inputs, 1)  # before networks are trained
    integer("seed", seed, 0)
    if threads is not None:
        integer("threads", threads, 1)
    if isinstance(task, str):
        task = load_task(task, progress=progress)
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    drawn, group = task.inputs(inputs, seed)
    contended = () if environment == "quiet" else (environment,)
    with open_or_emulate(power) as device, Contention() as contention:  # type: ignore[arg-type]
        if power_caps is None and device.emulated:
            power_caps = _CAPS.get(task.name)
        return Trace.record(
            task.models,
            drawn,
            accuracy=task.accuracy,
            power=device,
            power_caps=power_caps,
            schedule=draw_schedule(inputs, seed, *_PHASE, contended=contended),
            switch=contention.switch,
            group=group,
            after=after,
            task=task.name,
            environment=environment,
            seed=seed,
            progress=progress,
        )
