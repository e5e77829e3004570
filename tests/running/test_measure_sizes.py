"""Measuring how latency grows with the size of an input."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from lab import Lab
from simulation import CAPS, Machine, Network, Staircase

import alert


class Batch:
    """Takes so many seconds, and so many more for each example."""

    def __init__(self, machine: Machine, fixed: float, each: float) -> None:
        self.machine, self.fixed, self.each = machine, fixed, each

    def __call__(self, x: list[int]) -> list[int]:
        self.machine.work(self.fixed + self.each * len(x) ** self.power)
        return x

    power = 1.0


def batch_lab() -> Lab:
    lab = Lab()
    lab.models = {
        "small": Batch(lab.machine, 0.002, 0.008),
        "large": Batch(lab.machine, 0.03, 0.03),
    }
    return lab


SIZES: dict[float, Any] = {4: [1] * 4, 16.0: [1] * 16}


def measure_sizes(lab: Lab, **options: Any) -> alert.Profile:
    arguments: dict[str, Any] = {"size": 2, "sizes": SIZES, "models": lab.models, **options}
    return alert.Profile.measure(
        arguments.pop("models"),
        [1, 1],
        accuracy=lab.accuracy,
        power=lab.package,
        power_caps=CAPS,
        progress=False,
        clock=lab.machine.clock,
        sleep=lab.machine.sleep,
        **arguments,
    )


def test_measures_how_latency_grows_with_the_size() -> None:
    found = measure_sizes(batch_lab())
    assert found.size == 2.0
    np.testing.assert_allclose(found.latency[:, -1], [0.018, 0.09], rtol=1e-9)
    assert found.fixed_share is not None
    np.testing.assert_allclose(found.fixed_share, [0.002 / 0.018, 0.03 / 0.09], rtol=1e-6)
    assert Lab().measure().fixed_share is None


def test_sizes_do_not_touch_the_exits() -> None:
    lab = Lab()

    class Exits(Staircase):
        def __call__(self, x: Any) -> Any:
            self.seconds = [0.01, 0.02 if len(x) == 2 else 0.05]
            return super().__call__(x)

    lab.models = {"small": Network(lab.machine, "small", 0.01), "large": Exits(lab.machine, [])}
    lab.accuracy = {"small": 0.6, "large": [0.5, 0.8]}
    found = measure_sizes(lab, sizes={4: "four"})
    np.testing.assert_allclose(found.exits[1], [(1 / 3, 0.5), (1.0, 0.8)])
    assert found.fixed_share is not None
    np.testing.assert_allclose(found.fixed_share, [1.0, 0.0])  # 0.03 s for two, 0.06 s for four


def test_warns_where_latency_grows_otherwise() -> None:
    lab = batch_lab()
    lab.models["small"].power = 2.0
    with pytest.warns(UserWarning, match=r"^latency does not grow as a fixed part .* of small at"):
        found = measure_sizes(lab)
    assert found.fixed_share is not None
    assert found.fixed_share[0] == 0.0


def test_an_interrupt_leaves_no_half_of_a_law() -> None:
    lab = batch_lab()
    run = lab.models["large"].__class__.__call__

    def stop(self: Batch, x: list[int]) -> Any:
        if self is lab.models["large"] and len(x) == 16:
            raise KeyboardInterrupt
        return run(self, x)

    lab.models = {
        name: type("B", (Batch,), {"__call__": stop})(lab.machine, 0.01, 0.01)
        for name in lab.models
    }
    with pytest.raises(KeyboardInterrupt) as caught:
        measure_sizes(lab)
    assert caught.value.profile.fixed_share is None  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"sizes": [1, 2]}, TypeError, "sizes: expected a mapping of sizes to examples, got"),
        ({"sizes": {}}, ValueError, "sizes: expected an example of another size than 2, got none"),
        ({"sizes": {2: [1, 1]}}, ValueError, "sizes: expected an example of another size than 2"),
        ({"sizes": {0: []}}, ValueError, "sizes: expected .* got 0"),
        ({"sizes": {math.nan: []}}, ValueError, "sizes: expected .* got nan"),
        ({"sizes": {math.inf: []}}, ValueError, "sizes: expected .* got inf"),
        ({"sizes": {"4": []}}, TypeError, "sizes: expected a number"),
        ({"sizes": {4: iter([1])}}, TypeError, r"sizes\[4\]"),
        ({"size": 0}, ValueError, "size: expected"),
        ({"size": "1"}, TypeError, "size: expected a number"),
    ],
)
def test_refuses_sizes_that_are_none(
    options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=f"^{message}"):
        measure_sizes(batch_lab(), **options)
