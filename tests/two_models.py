"""A traditional and an anytime model under two power caps."""

import alert

PROFILE = alert.Profile(
    latency=[[0.040, 0.020], [0.080, 0.040]],
    power=[[10.0, 20.0], [11.0, 21.0]],
    accuracy=[0.70, 0.80],
    power_caps=[10.0, 20.0],
    idle_power=5.0,
    exits={1: [(0.5, 0.60), (1.0, 0.80)]},
)
