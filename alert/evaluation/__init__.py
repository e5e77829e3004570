"""Schemes replayed over recorded traces, and how they compare.

`alert.evaluation.grid.run(traces)` runs them all in all settings.
"""

from alert.evaluation.recording import Recording
from alert.evaluation.result import Replay
from alert.evaluation.schemes import SCHEMES, run

__all__ = ["SCHEMES", "Recording", "Replay", "run"]
