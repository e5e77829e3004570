"""Replays of recorded traces under many schemes, and comparisons of them.

`alert.evaluation.grid.run(traces)` runs all schemes in all settings.
"""

from __future__ import annotations

from typing import Any

from alert._deprecated import warn_renamed
from alert.evaluation.output_trace import OutputTrace
from alert.evaluation.result import Replay
from alert.evaluation.schemes import SCHEMES, run

__all__ = ["SCHEMES", "OutputTrace", "Replay", "run"]


def __getattr__(name: str) -> Any:
    if name == "Recording":
        warn_renamed("alert.evaluation.Recording", "alert.evaluation.OutputTrace")
        return OutputTrace
    raise AttributeError(f"module 'alert.evaluation' has no attribute {name!r}")
