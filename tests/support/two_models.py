"""A traditional and an anytime model under two power caps."""

from typing import Any

import numpy as np

import alert

PROFILE = alert.Profile(
    latency=[[0.040, 0.020], [0.080, 0.040]],
    power=[[10.0, 20.0], [11.0, 21.0]],
    accuracy=[0.70, 0.80],
    power_caps=[10.0, 20.0],
    idle_power=5.0,
    exits={1: [(0.5, 0.60), (1.0, 0.80)]},
)


def table_arrays() -> dict[str, Any]:
    """Return arguments of `_core.Profile`: the first of two models has two exits."""
    return {
        "latency": np.ones((2, 1)),
        "power": np.ones((2, 1)),
        "accuracy": np.ones(2),
        "power_caps": np.ones(1),
        "idle_power": 0.0,
        "exit_count": np.array([2, 0], np.uintp),
        "exit_fraction": np.array([0.5, 1.0]),
        "exit_accuracy": np.ones(2),
        "exit_share": None,
        "fixed_share": None,
        "size": 1.0,
    }
