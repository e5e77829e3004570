"""The result of a replay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alert import _frames, _html
from alert._arguments import Floats
from alert.goal import Goal
from alert.running.hindsight import MISSES_ALLOWED

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

# Sums over a trace may miss a goal by this share, for rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Replay:
    """Holds the run of one scheme over a trace of n inputs.

    Attributes
    ----------
    scheme : str
    goal : Goal
    energy : ndarray, shape (n,)
        Joules of each input, idle time up to its deadline included. Inputs that share a deadline
        follow each other, and only the last is followed by idle time.
    accuracy : ndarray, shape (n,)
        Credited accuracy: of the last output in time, or the goal's q_fail.
    missed : ndarray, shape (n,)
        1 where no output was in time, 0 elsewhere. A scheme that mixes configurations
        ("clairvoyant", "informed") has values in between.
    inputs : structured ndarray, shape (n,), or None
        Columns: model, cap (its index), exit (chosen), stopped (exit reached), deadline, latency,
        energy, accuracy, probability (predicted; NaN from oracles), feasible, met, done (the chosen
        output was in time, or would have been). None for a scheme that mixes configurations.
    """

    scheme: str
    goal: Goal
    energy: Floats
    accuracy: Floats
    missed: Floats
    inputs: NDArray[np.void] | None = None

    @classmethod
    def of(cls, scheme: str, goal: Goal, inputs: NDArray[np.void]) -> Replay:
        """Make a replay from the outcomes of its inputs."""
        missed = 1.0 - inputs["met"]
        return cls(scheme, goal, inputs["energy"], inputs["accuracy"], missed, inputs)

    @property
    def predicts(self) -> bool:
        """Whether the scheme predicts a probability to be in time."""
        return self.inputs is not None and not np.isnan(self.inputs["probability"]).any()

    @property
    def mean_energy(self) -> float:
        """Mean joules per input."""
        return float(self.energy.mean())

    @property
    def mean_accuracy(self) -> float:
        """Mean accuracy, 0 to 1."""
        return float(self.accuracy.mean())

    @property
    def error(self) -> float:
        """1 less the mean accuracy."""
        return 1.0 - self.mean_accuracy

    @property
    def miss_rate(self) -> float:
        """Share of the inputs whose deadline was missed."""
        return float(self.missed.mean())

    @property
    def violated(self) -> bool:
        """Whether more than one deadline in ten was missed, or the goal was missed on average."""
        if self.miss_rate > MISSES_ALLOWED + _ROUNDING:
            return True
        goal = self.goal
        if goal.accuracy is not None and self.mean_accuracy < goal.accuracy - _ROUNDING:
            return True
        return goal.energy is not None and self.mean_energy > goal.energy * (1.0 + _ROUNDING)

    def frame(self) -> pandas.DataFrame:
        """Return a data frame with a row for each input. Needs pandas.

        Its columns are those of `inputs`; energy, accuracy and missed of a scheme that mixes.
        """
        if self.inputs is not None:
            return _frames.frame(self.inputs)
        return _frames.frame(
            {"energy": self.energy, "accuracy": self.accuracy, "missed": self.missed}
        )

    def plot(self) -> Figure:
        """Draw energy and accuracy of each input, and their means so far. Needs matplotlib.

        Returns
        -------
        matplotlib.figure.Figure
            A notebook shows it; its method ``savefig`` writes it to a file.
        """
        from alert.plots import replay

        return replay.draw(self.scheme, self.goal, self.energy, self.accuracy, self.missed)

    def __repr__(self) -> str:
        return (
            f"<alert.evaluation.Replay {self.scheme!r}: {self.mean_energy:.4g} J, accuracy "
            f"{self.mean_accuracy:.4f}, {100 * self.miss_rate:.1f} % late"
            f"{', violated' if self.violated else ''}>"
        )

    def _repr_html_(self) -> str:
        rows = [
            ("goal", self.goal._short()),
            ("energy", f"{self.mean_energy:.3g} J per input"),
            ("accuracy", f"{self.mean_accuracy:.4f}"),
            ("late", f"{100 * self.miss_rate:.1f} %"),
            ("goal kept", "no" if self.violated else "yes"),
        ]
        return _html.table((f"Replay, {self.scheme}", f"{len(self.energy)} inputs"), rows)
