"""Draw the pictures of the concept pages: `python docs/pictures/draw.py`.

Numbers come from the recorded traces in benchmarks/traces; nothing is made up. Series differ by
colour and by marker or line style, so that the pictures can be read in print and by the
colour-blind.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

import alert

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HERE = Path(__file__).parent
TRACES = HERE.parents[1] / "benchmarks" / "traces"

# Okabe and Ito's palette.
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#777777"
MARKERS = "osD^v"

STYLE: Any = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "legend.frameon": False,
    "svg.hashsalt": "alert",  # the same ids, and so the same file, at every run
}


def main() -> None:
    """Draw them all."""
    with mpl.rc_context(STYLE):
        for draw in (loop, slowdown, probability, goals, anytime, caps, give_back, strata):
            figure = draw()
            figure.savefig(HERE / f"{draw.__name__}.svg", metadata={"Date": None})
            plt.close(figure)


def load(name: str) -> alert.Trace:
    """Load one of the recorded traces."""
    return alert.Trace.load(TRACES / f"{name}.npz")


# ---------------------------------------------------------------------------------------- diagrams


def box(axes: Axes, x: float, y: float, text: str, colour: str = "white", width: float = 2) -> None:
    """Draw a box with its centre at (x, y)."""
    edges: dict[str, Any] = {
        "boxstyle": "round,pad=0.08",
        "facecolor": colour,
        "edgecolor": "black",
    }
    axes.add_patch(FancyBboxPatch((x - width / 2, y - 0.4), width, 0.8, **edges))
    axes.text(x, y, text, ha="center", va="center")


def arrow(
    axes: Axes,
    tail: tuple[float, float],
    head: tuple[float, float],
    text: str = "",
    place: tuple[float, float] = (0, 0.12),
    bend: float = 0.0,
) -> None:
    """Draw an arrow, and text `place` away from its middle."""
    axes.add_patch(
        FancyArrowPatch(
            tail,
            head,
            arrowstyle="-|>",
            mutation_scale=14,
            color="black",
            connectionstyle=f"arc3,rad={bend}",
        )
    )
    x, y = (tail[0] + head[0]) / 2 + place[0], (tail[1] + head[1]) / 2 + place[1]
    axes.text(x, y, text, ha="center", va="bottom")


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """Make an empty figure whose units are those of `box`."""
    figure, axes = plt.subplots(figsize=(width * 0.8, height * 0.8))
    axes.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    axes.axis("off")
    return figure, axes


def loop() -> Figure:
    """One input: the scheduler chooses, the machine runs, the measurement comes back."""
    figure, axes = canvas(10, 4.4)
    box(axes, 1.3, 3.4, "profile, goal", "#eeeeee")
    box(axes, 1.3, 1, "input", "#eeeeee")
    box(axes, 5, 3.4, "scheduler", "#cfe5f3")
    box(axes, 5, 1, "chosen model\nunder chosen cap", "#f9e6bf", 2.6)
    box(axes, 8.7, 1, "output", "#eeeeee")
    arrow(axes, (2.4, 3.4), (3.9, 3.4))
    arrow(axes, (2.4, 1), (3.6, 1))
    arrow(axes, (6.4, 1), (7.6, 1))
    arrow(axes, (4.6, 2.9), (4.6, 1.5), "model,\npower cap", (-0.75, -0.3), 0.2)
    arrow(axes, (5.4, 1.5), (5.4, 2.9), "latency,\nenergy", (0.75, -0.3), 0.2)
    return figure


def give_back() -> Figure:
    """Who gives the limits back, by how the process ends."""
    figure, axes = canvas(10, 4.2)
    box(axes, 1.5, 2.1, "your process\nhas set a cap", "#f9e6bf", 2.4)
    ends = ("close(), or\ninterpreter exits", "process is killed", "process and\nwatchdog killed")
    givers = (
        "the process itself",
        "the watchdog",
        "alert restore, or the\nnext start, by the journal",
    )
    for y, end, giver in zip((3.6, 2.1, 0.6), ends, givers, strict=True):
        arrow(axes, (2.8, 2.1 + (y - 2.1) * 0.25), (4.0, y))
        box(axes, 5.2, y, end, "#eeeeee", 2.2)
        arrow(axes, (6.4, y), (7.2, y))
        box(axes, 8.6, y, giver, "#cfe5f3", 2.6)
    return figure


def strata() -> Figure:
    """Rooms of the code: each knows only those below it."""
    figure, axes = canvas(12, 10.6)
    python = (
        "alert.cli    demo    workloads    evaluation",
        "variants    video    measuring    integrations",
        "serving    running    live",
        "session    store    learning    plots",
        "Scheduler    Trace    Profile    Goal    Feedback",
    )
    axes.text(4, 10.1, "Python: alert", ha="center", weight="bold")
    for i, name in enumerate(python):
        strip(axes, 4, 9.7 - 0.55 * i, name, "#eeeeee", 7.4)
    strip(axes, 10, 9.7 - 0.55 * 3, "alert.power", "#f9e6bf", 3.4)
    box(axes, 6, 6.65, "csrc/python: the binding, alert._core", "#dddddd", 11.4)
    core = (
        "state, replay",
        "expect, rating, tenant, listing",
        "scheduler, deciding, pending, costs",
        "method, learnt, offsets",
        "choose",
        "learning",
        "estimate",
        "profile, goal, constants, machine, outlook",
        "ranges, window",
    )
    axes.text(4, 5.6, "csrc/core, behind alert.h", ha="center", weight="bold")
    for i, name in enumerate(core):
        strip(axes, 4, 5.2 - 0.55 * i, name, "#cfe5f3", 7.4)
    power = ("open, restore", "rapl, nvml, cpufreq, …", "parts", "give_back")
    axes.text(10, 5.6, "csrc/power, behind alert_power.h", ha="center", weight="bold")
    for i, name in enumerate(power):
        strip(axes, 10, 5.2 - 0.55 * i, name, "#f9e6bf", 3.4)
    strip(axes, 10, 5.2 - 0.55 * 5, "watchdog.c: a program", "#f9e6bf", 3.4)
    axes.text(
        10, 5.6 - 0.55 * 7, "csrc/weights, behind alert_weights.h", ha="center", weight="bold"
    )
    strip(axes, 10, 5.2 - 0.55 * 7, "unpack, layout", "#d9ead3", 3.4)
    return figure


def strip(axes: Axes, x: float, y: float, text: str, colour: str, width: float) -> None:
    """Draw a flat box."""
    patch = Rectangle((x - width / 2, y - 0.25), width, 0.5, facecolor=colour, edgecolor="black")
    axes.add_patch(patch)
    axes.text(x, y, text, ha="center", va="center")


# ------------------------------------------------------------------------------------------- plots


def slowdown() -> Figure:
    """Slowdown of every input, and what the scheduler expected of it."""
    trace = load("images-memory")
    goal = alert.Goal.min_energy(deadline=1.3 * float(trace.profile.latency[1, -1]), accuracy=0.74)
    scheduler = alert.Scheduler(trace.profile, goal)
    column = {cap: j for j, cap in enumerate(trace.profile.power_caps.tolist())}
    measured, mean, spread = np.empty((3, len(trace.latency)))
    for i in range(len(trace.latency)):
        mean[i], spread[i] = scheduler.slowdown
        chosen = scheduler.decision
        model, cap = chosen.model, column[chosen.power_cap]
        seconds, joules = trace.latency[i, model, cap], trace.energy[i, model, cap]
        if chosen.exit is not None:
            early = trace.exits[model][i, cap, chosen.exit]
            seconds, joules = early, joules * early / seconds
            measured[i] = early / (
                trace.profile.latency[model, cap] * trace.profile.exits[model][chosen.exit][0]
            )
        else:
            measured[i] = seconds / trace.profile.latency[model, cap]
        scheduler.step(seconds, joules)
    inputs = np.arange(len(measured))
    figure, axes = plt.subplots(figsize=(7.5, 3.2))
    axes.fill_between(
        *(inputs, 0, 1, trace.phase > 0),
        transform=axes.get_xaxis_transform(),
        color="#eeeeee",
        step="mid",
        label="memory loops run beside it",
    )
    axes.plot(inputs, measured, ".", color=BLUE, label="measured / profiled latency")
    axes.plot(inputs, mean, color=RED, label="mean expected")
    band: dict[str, Any] = {"color": ORANGE, "alpha": 0.4, "linewidth": 0}
    axes.fill_between(inputs, mean - spread, mean + spread, label="± standard deviation", **band)
    axes.set(xlabel="input", ylabel="slowdown", ylim=(0.5, 4), xlim=(0, len(measured)))
    axes.legend(loc="upper left", ncols=2)
    return figure


def probability() -> Figure:
    """Share of inputs in time, for two networks on a quiet and on a busy machine."""
    trace = load("images-memory")
    deadline = 0.07
    figure, all_axes = plt.subplots(1, 2, figsize=(7.5, 2.8), sharex=True, sharey=True)
    bins = np.linspace(0.02, 0.16, 36)
    for axes, model, name in zip(all_axes, (0, 2), ("small network", "large network"), strict=True):
        for phase, colour, line, label in ((0, BLUE, "-", "quiet"), (1, RED, "--", "contended")):
            took = trace.latency[trace.phase == phase, model, -1]
            early = (took <= deadline).mean()
            weights = np.full(took.size, 1 / took.size)
            axes.hist(
                np.minimum(took, bins[-1]),
                *(bins,),
                weights=weights,
                histtype="step",
                color=colour,
                linestyle=line,
                linewidth=1.5,
                label=f"{label}: {100 * early:.0f} % in time",
            )
        axes.axvline(deadline, color="black", linestyle=":")
        axes.set(title=name, xlabel="latency, seconds")
        axes.legend(loc="upper right")
    all_axes[0].set_ylabel("share of inputs")
    all_axes[0].text(deadline + 0.002, 0.35, "deadline")
    return figure


def goals() -> Figure:
    """Accuracy and energy of every configuration, and the line of the best mixtures."""
    profile = load("patches-quiet").profile
    deadline, bound = 0.012, 0.82
    took, drawn = profile.latency[:4], profile.power[:4]
    joules = drawn * took + profile.idle_power * (deadline - took)
    accuracy = np.broadcast_to(profile.accuracy[:4, None], joules.shape)
    figure, axes = plt.subplots(figsize=(7.5, 3.4))
    for i, name in enumerate(profile.models[:4]):
        colour = (BLUE, ORANGE, GREEN, RED)[i]
        axes.plot(accuracy[i], 1e3 * joules[i], MARKERS[i], color=colour, label=name)
    x, y = profile.accuracy[:4], 1e3 * joules.min(1)
    hull = lower_hull(x, y)
    axes.plot(x[hull], y[hull], color="black", linewidth=1, label="best mixtures")
    axes.axvline(bound, color=GREY, linestyle=":")
    axes.text(bound - 0.002, 1e3 * joules.max(), "accuracy\nasked for", ha="right", va="top")
    mixed = float(np.interp(bound, x[hull], y[hull]))
    single = float(y[x >= bound].min())
    note: dict[str, Any] = {"arrowprops": {"arrowstyle": "->"}, "va": "center"}
    axes.annotate("mixture:\non average over the run", (bound, mixed), (0.745, mixed + 30), **note)
    at = float(x[x >= bound].min())
    axes.annotate("one configuration:\nfor each input", (at, single), (0.825, single - 18), **note)
    axes.set(xlabel="accuracy", ylabel="energy per input, mJ (emulated)", ylim=(42, None))
    axes.legend(loc="upper left")
    return figure


def lower_hull(x: np.ndarray, y: np.ndarray) -> list[int]:
    """Return the indices of the lower convex hull of points with ascending `x`."""
    hull: list[int] = []
    for i in range(len(x)):
        while len(hull) > 1:
            a, b = hull[-2:]
            if (y[b] - y[a]) * (x[i] - x[a]) < (y[i] - y[a]) * (x[b] - x[a]):
                break
            hull.pop()
        hull.append(i)
    return hull


def anytime() -> Figure:
    """Accuracy of what is there, over the time an input has run."""
    profile = load("patches-quiet").profile
    figure, axes = plt.subplots(figsize=(7.5, 3.2))
    nested = profile.models.index("nested")
    fraction, accuracy = zip(*profile.exits[nested], strict=True)
    took = 1e3 * float(profile.latency[nested, -1])
    times = [0.0, *(took * f for f in fraction), 1.25 * took]
    levels = [0.0, *accuracy, accuracy[-1]]
    axes.step(times, levels, where="post", color=BLUE, label="anytime model, 4 exits")
    axes.plot(times[1:-1], accuracy, "o", color=BLUE)
    for i in range(4):
        at = 1e3 * float(profile.latency[i, -1])
        label = "traditional models" if i == 0 else None
        axes.plot(at, profile.accuracy[i], "D", color=RED, label=label)
    axes.axvline(2.2, color="black", linestyle=":")
    axes.text(2.3, 0.2, "deadline:\nthe anytime model\nhas an output")
    axes.set(xlabel="milliseconds since the start", ylabel="accuracy of the output", ylim=(0, 1))
    axes.set_xlim(0, 1.25 * took)
    axes.legend(loc="lower right")
    return figure


def caps() -> Figure:
    """Latency and energy of one network over the power cap."""
    profile = load("images-quiet").profile
    deadline = 0.12
    watts, took = profile.power_caps, profile.latency[1]
    active = profile.power[1] * took
    idle = profile.idle_power * (deadline - took)
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.5, 2.8))
    left.plot(watts, 1e3 * took, "o-", color=BLUE)
    left.set(xlabel="power cap, W", ylabel="latency, ms", ylim=(0, None))
    places, names = np.arange(len(watts)), [f"{cap:g}" for cap in watts]
    right.bar(places, active, color=ORANGE, label="while the model runs")
    waiting: dict[str, Any] = {"color": "white", "edgecolor": GREY, "hatch": "//"}
    right.bar(places, idle, bottom=active, label="idle until the deadline", **waiting)
    right.set(xlabel="power cap, W", ylabel="J per input (emulated)", ylim=(0, 1.6))
    right.set_xticks(places, names)
    right.legend(loc="upper left")
    return figure


if __name__ == "__main__":
    main()
