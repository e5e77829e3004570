"""What a type checker sees of the public names. mypy checks this file; nothing runs it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from typing_extensions import assert_type

import alert

profile = alert.Profile([[0.1]], np.ones((1, 1)), (0.5,), [20], 5.0, models=["a"])
assert_type(profile.latency, NDArray[np.float64])
assert_type(profile.models, tuple[str, ...])
assert_type(alert.Profile.load("p.json"), alert.Profile)

goal = alert.Goal.min_energy(0.1, 0.5, priority=("energy", "latency", "accuracy"), window=10)
assert_type(goal, alert.Goal)
assert_type(goal.bound, float)
alert.Goal.min_energy(0.1, 0.5, priority=("speed", "latency", "accuracy"))  # type: ignore[arg-type]
alert.Goal.max_accuracy()  # type: ignore[call-arg]

scheduler = alert.Scheduler(profile, goal, overhead=0.001)
decision = scheduler.step(0.1, None, deadline=0.2)
assert_type(decision, alert.Decision)
model, power_cap = decision
assert_type(model, int)
assert_type(power_cap, float | Any)
assert_type(decision.exit, int | None)
assert_type(decision.feasible, bool)
assert_type(scheduler.decide(0.2, size=6), alert.Decision)
assert_type(scheduler.expect(accuracy=[0.5], delay=[0.1]), alert.Decision)
assert_type(scheduler.machine_price, float | None)
assert_type(scheduler.missed(), alert.Decision)
assert_type(scheduler.options(0.1), NDArray[np.void])
assert_type(profile.fixed_share, NDArray[np.float64] | None)
assert_type(scheduler.slowdown, tuple[float, float])
assert_type(scheduler.history, NDArray[np.void])
scheduler.goal = goal
scheduler.profile = profile  # type: ignore[misc]
scheduler.step("0.1", 1.0)  # type: ignore[arg-type]

assert_type(alert.init(profile, goal), alert.Scheduler)
assert_type(alert.step(0.1, 1.0), alert.Decision)
assert_type(alert.step_many([scheduler], [0.1], None), NDArray[np.void])
assert_type(alert.constants("paper"), dict[str, float])

with alert.power.open("emulated") as device:
    assert_type(device.energy(), float | None)
    assert_type(device.cap_range, tuple[float, float])
    assert_type(device.unit, str)
    assert_type(alert.power.combine(device, alert.power.open("zeus")), alert.power.Combined)
assert_type(alert.Profile([[0.1]], None, [0.5], [2], 0.0, unit="threads").unit, str)
runner = alert.Runner([len], profile, goal, power="emulated")
assert_type(runner("x"), Any)

assert_type(alert.Profile.measure([len], "x", accuracy=[0.5], precision=0.1), alert.Profile)
alert.Profile.measure([len], "x", accuracy=[0.5], precise=0.1)  # type: ignore[call-arg]
trace = alert.Trace.record([len], ["x"], accuracy={"a": [0.5, 0.6]}, schedule=["quiet"])
assert_type(trace, alert.Trace)
alert.Trace.record([len], ["x"], accuracy=[0.5], sched=["quiet"])  # type: ignore[call-arg]
alert.Runner([len], profile, goal, method="paper", constants={"alpha": 0.3}, history=10)
alert.Runner([len], profile, goal, hold_inputs=3)  # type: ignore[call-arg]
alert.init(profile, goal, hold_inputs=3, history=10)
alert.init(profile, goal, capacity=10)  # type: ignore[call-arg]
assert_type(runner.history, NDArray[np.void])
store = alert.Store({"a": (torch.nn.ReLU, "a.safetensors")}, budget="2 GB", device="cuda")
assert_type(store.delay("a"), float)
assert_type(store.prefetch("a"), bool)
assert_type(store["a"](1.0), Any)
alert.Store({"a": torch.nn.ReLU()}, budget=1)  # type: ignore[dict-item]
alert.Runner(store, profile, goal)
assert_type(scheduler.hold_inputs, int)

leaving: alert.Profile = profile.with_stop([len], ["a"], alert.sure(0.9))
server = alert.Server([len], profile, power="emulated", policy="price", stop=alert.sure(0.9))
tenant = server.tenant("camera", max_latency=0.1, optimise="accuracy")
assert_type(tenant.submit("x", max_latency=0.05).decision, alert.Decision | None)
server.tenant("archive", optimise="speed")  # type: ignore[arg-type]
server.tenant("archive", latency=0.1)  # type: ignore[call-arg]
assert_type(server.report().tenants[0].late, int)
