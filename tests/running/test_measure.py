"""Measuring a profile, on a simulated machine where every number is known beforehand."""

from __future__ import annotations

import math
import pickle
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest
from lab import Lab
from scipy.stats import binom
from simulation import CAPS, Package, Staircase, profile

import alert
from alert.measuring import fingerprint
from alert.measuring.precision import relative_precision

# ---------------------------------------------------------------------------------- figures


def test_measures_latency_power_and_idle_power() -> None:
    found, expected = Lab().measure(), profile()
    np.testing.assert_allclose(found.latency, expected.latency, rtol=1e-9)
    np.testing.assert_allclose(found.power, expected.power, rtol=1e-9)
    assert found.idle_power == pytest.approx(Package.IDLE, rel=1e-9)
    assert found.accuracy.tolist() == [0.6, 0.8]
    assert found.power_caps.tolist() == CAPS
    assert found.models == ("small", "large")
    assert found.exits == {}


def test_notes_where_it_comes_from(tmp_path: Path) -> None:
    found = Lab().measure()
    assert found.origin == {
        "machine": fingerprint.machine(),
        "power": "simulated",
        "emulated": True,
        "energy_read": True,
        "precision": pytest.approx(0.0, abs=1e-9),
    }
    path = tmp_path / "p.json"
    found.save(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = alert.Profile.load(path)
    assert loaded == found
    assert loaded.origin == found.origin


def test_measures_the_exits_of_anytime_models() -> None:
    lab = Lab()
    lab.models["large"] = Staircase(lab.machine, [0.004, 0.006, 0.02])
    lab.accuracy["large"] = [0.5, 0.7, 0.8]
    found = lab.measure()
    assert list(found.exits) == [1]
    fractions, reached = zip(*found.exits[1], strict=True)
    assert fractions == pytest.approx((0.004 / 0.03, 0.01 / 0.03, 1.0), rel=1e-9)
    assert reached == (0.5, 0.7, 0.8)
    assert found.accuracy.tolist() == [0.6, 0.8]
    np.testing.assert_allclose(found.latency, profile().latency, rtol=1e-9)
    np.testing.assert_allclose(found.power, profile().power, rtol=1e-9)


def test_a_model_with_one_exit_may_be_anytime() -> None:
    lab = Lab()
    lab.models["large"] = Staircase(lab.machine, [0.03])
    lab.accuracy["large"] = (0.8,)
    assert lab.measure().exits == {1: ((1.0, 0.8),)}


def test_takes_the_median_of_the_runs_and_leaves_out_the_warm_up() -> None:
    lab = Lab()
    runs: list[float] = []
    plan = [9.0, 9.0, 9.0, 1.0, 2.0, 1.0, 7.0, 1.0, 1.0, 1.0, 2.0]

    def uneven(x: Any) -> None:
        runs.append(plan[len(runs) % len(plan)])
        lab.machine.work(0.01 * runs[-1])

    with pytest.warns(UserWarning, match="less precise than 0.02"):
        found = lab.measure(models=[uneven], accuracy=[0.5], power_caps=[40.0], max_repeats=8)
    assert len(runs) == 11
    assert found.latency[0, 0] == pytest.approx(0.01, rel=1e-9)
    assert found.models == ("model 0",)


# -------------------------------------------------------------------------------- precision


def test_the_interval_of_the_median_holds_95_percent() -> None:
    """Whatever the distribution, by the binomial one; and it is not wider than it has to be."""
    for n in range(1, 400):
        values = [1.0 + i for i in range(n)]
        width = 2 * relative_precision(values) * median(values)
        if math.isinf(width):
            assert 1 - 2 * binom.cdf(0, n, 0.5) < 0.95, n
            continue
        rank = (n + 1 - round(width)) // 2  # of the value the interval begins with
        assert width == pytest.approx(n + 1 - 2 * rank), n
        assert 1 - 2 * binom.cdf(rank - 1, n, 0.5) > 0.945, n
        assert rank + 1 > n / 2 or 1 - 2 * binom.cdf(rank + 1, n, 0.5) < 0.95, n


def test_precision_is_relative() -> None:
    values = sorted(random.Random(1).uniform(1, 2) for _ in range(50))
    assert relative_precision([1000 * v for v in values]) == pytest.approx(
        relative_precision(values)
    )
    assert relative_precision([3.0] * 6) == 0.0


def noisy(lab: Lab, spread: float, runs: list[float]) -> Callable[[Any], None]:
    rng = random.Random(7)

    def run(x: Any) -> None:
        runs.append(0.01 * rng.uniform(1.0 - spread, 1.0 + spread))
        lab.machine.work(runs[-1])

    return run


def test_repeats_until_the_median_is_precise() -> None:
    counts = []
    for precision in (0.1, 0.03, 0.01):
        lab, runs = Lab(), list[float]()
        found = lab.measure(
            models=[noisy(lab, 0.2, runs)],
            accuracy=[0.5],
            power_caps=[40.0],
            warmup=0,
            precision=precision,
            max_repeats=10_000,
            max_seconds=1e9,
        )
        assert found.latency[0, 0] == pytest.approx(median(runs), rel=1e-9)
        assert relative_precision(sorted(runs)) <= precision
        assert relative_precision(sorted(runs[:-1])) > precision
        assert found.origin["precision"] == pytest.approx(relative_precision(sorted(runs)))
        counts.append(len(runs))
    assert counts[0] < counts[1] < counts[2]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"max_repeats": 40}, 40),
        ({"max_seconds": 0.3}, 31),
        ({"max_repeats": 1}, 1),
        ({"max_seconds": 0.0}, 1),
    ],
)
def test_gives_up_and_says_so(options: dict[str, Any], expected: int) -> None:
    lab, runs = Lab(), list[float]()
    model = noisy(lab, 0.2, runs)
    with pytest.warns(UserWarning, match=r"1 of 1 medians are less precise than 0.001 .*model 0"):
        found = lab.measure(
            models=[model],
            accuracy=[0.5],
            power_caps=[40.0],
            warmup=0,
            **{"precision": 0.001, "max_repeats": 1000, "max_seconds": 1e9, **options},
        )
    assert abs(len(runs) - expected) <= 1  # the noise decides how many make 0.3 s
    assert (found.origin["precision"] is None) == (expected == 1)
    assert pickle.loads(pickle.dumps(found)) == found


def test_measures_long_enough_for_the_energy_counter() -> None:
    lab = Lab(tick=0.01)  # 2 % of half a second
    counts = {"small": 0, "large": 0}
    for name, model in lab.models.items():

        def counted(x: Any, name: str = name, model: Any = model) -> Any:
            counts[name] += 1
            return model(x)

        lab.models[name] = counted
    lab.measure(power_caps=[40.0], warmup=0)
    assert counts == {"small": 50, "large": 17}


# ------------------------------------------------------------------------------------- caps


def test_waits_for_a_new_cap_to_settle_with_a_model_running() -> None:
    lab = Lab()
    begun: list[tuple[float, float]] = []  # cap, and when the first model ran under it
    small = lab.models["small"]

    def noted(x: Any) -> Any:
        begun.append((lab.package.cap, lab.machine.now))
        return small(x)

    lab.models["small"] = noted
    lab.measure(settle=3.0, warmup=0, max_repeats=6)
    for cap in CAPS:
        times = [now for c, now in begun if c == cap]
        assert times[-6] - times[0] >= 3.0
        assert times[-7] - times[0] < 3.0

    begun.clear()
    lab.package.settle = 2.0  # what the device states, where nothing is asked for
    lab.measure(warmup=0, max_repeats=6)
    assert [len([c for c, _ in begun if c == cap]) for cap in CAPS] == [
        math.ceil(2.0 / (0.01 * Package.PEAK / cap) - 1e-6) + 6 for cap in CAPS
    ]


def test_sets_each_cap_once_from_the_highest_and_puts_back_what_it_found() -> None:
    lab = Lab()
    lab.package.set_cap(33.0)
    lab.measure()
    assert lab.package.caps_set == [33.0, 40.0, 20.0, 10.0, 33.0]
    assert not lab.package.closed


def test_takes_five_caps_over_the_range_where_none_are_given() -> None:
    found = Lab().measure(power_caps=None)
    assert found.power_caps.tolist() == [10.0, 17.5, 25.0, 32.5, 40.0]


def test_takes_one_cap_where_the_device_has_one() -> None:
    lab = Lab()
    lab.package.cap_range = (40.0, 40.0)
    assert lab.measure(power_caps=None).power_caps.tolist() == [40.0]


def test_a_device_that_cannot_be_capped_says_why_before_the_first_run() -> None:
    lab = Lab()
    lab.package.can_cap = False
    lab.package.cap_range = (math.nan, math.nan)
    lab.package.refuses = PermissionError("needs root")
    with pytest.raises(PermissionError, match="needs root"):
        lab.measure(power_caps=[20.0])


def test_closes_the_device_it_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab()
    monkeypatch.setattr("alert.power.opening.open", lambda kind: lab.package)
    lab.measure(power="auto")
    assert lab.package.closed

    lab = Lab()
    lab.models["large"].raises = RuntimeError("no")
    with pytest.raises(RuntimeError):
        lab.measure(power="auto")
    assert lab.package.closed
    assert not lab.package.working


def test_a_model_that_raises_leaves_a_borrowed_device_as_it_was() -> None:
    lab = Lab()
    lab.package.set_cap(33.0)
    lab.models["large"].raises = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        lab.measure()
    assert lab.package.cap == 33.0
    assert not lab.package.working


# ---------------------------------------------------------------------------------- energy


def test_takes_the_caps_where_energy_cannot_be_read() -> None:
    lab = Lab()
    lab.package.readable = False
    with pytest.warns(UserWarning, match=r"cannot be read: .*each power cap.*idle power of 0 W"):
        found = lab.measure()
    assert found.power.tolist() == [CAPS, CAPS]
    assert found.idle_power == 0.0
    assert found.origin["energy_read"] is False
    np.testing.assert_allclose(found.latency, profile().latency, rtol=1e-9)
    with pytest.warns(UserWarning, match="idle power of 6.5 W"):
        assert lab.measure(idle_power=6.5).idle_power == 6.5


def test_measures_no_idle_power_that_is_known() -> None:
    lab = Lab()
    start = lab.machine.now
    assert lab.measure(idle_power=6.5, power_caps=[40.0]).idle_power == 6.5
    assert lab.machine.now - start == pytest.approx(9 * (0.01 + 0.03))  # 3 to warm up, 6 that count
    start = lab.machine.now
    lab.measure(idle_seconds=12.0, power_caps=[40.0])
    assert lab.machine.now - start == pytest.approx(9 * (0.01 + 0.03) + 12.0)
