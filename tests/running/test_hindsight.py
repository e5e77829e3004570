"""What a report says the run saved, and of its times."""

from __future__ import annotations

import numpy as np
import pytest
from simulation import ACCURACY, CAPS, SECONDS, AnytimeBench, Bench, Package, profile

import alert
from alert.running.hindsight import Hindsight

ACCURATE = alert.Goal.min_energy(deadline=0.2, accuracy=0.7)


def run(bench: Bench | AnytimeBench, contention: list[float]) -> alert.Report:
    for factor in contention:
        bench.machine.contention = factor
        bench.runner("x")
        bench.machine.now += 1.0
    return bench.runner.report()


def replayed(model: str, cap: float, deadline: float, contention: list[float]) -> tuple[float, int]:
    """Run one configuration for all inputs: mean joules up to the deadline, inputs late."""
    joules, late = [], 0
    for factor in contention:
        seconds = SECONDS[model] * Package.PEAK / cap * factor
        joules.append(cap * seconds + Package.IDLE * max(deadline - seconds, 0.0))
        late += seconds > deadline
    return float(np.mean(joules)), late


def test_compares_with_what_every_fixed_choice_would_have_taken() -> None:
    contention = [1.0, 1.2, 1.5, 1.5, 2.0, 2.6, 1.4, 1.0]
    seen = run(Bench(ACCURATE), contention).hindsight
    assert seen is not None
    wanted = {}
    for cap in CAPS:
        joules, late = replayed("large", cap, 0.2, contention)
        if (1 - late / len(contention)) * ACCURACY["large"] >= 0.7:
            wanted[f"large under {cap:g} W"] = joules, late
    name, (joules, late) = min(wanted.items(), key=lambda item: item[1])
    assert seen.best_fixed is not None
    assert seen.best_fixed.choice == name
    assert seen.best_fixed.energy == pytest.approx(joules)
    assert seen.best_fixed.misses == late
    assert seen.inputs == len(contention)


def test_compares_with_the_highest_cap() -> None:
    contention = [1.0, 1.2, 1.5, 1.1]
    bench = Bench(ACCURATE)
    report = run(bench, contention)
    seen = report.hindsight
    assert seen is not None
    joules, late = replayed("large", 40.0, 0.2, contention)
    assert {model for model, _ in report.choices} == {"large"}
    highest = seen.highest_cap
    assert (highest.choice, highest.misses) == ("these models under 40 W", late)
    assert (highest.energy, highest.accuracy) == pytest.approx((joules, 0.8))
    history = bench.runner.history
    rest = np.maximum(0.2 - history["latency"], 0.0)
    assert seen.energy == pytest.approx((history["energy"] + 4.0 * rest).mean())
    assert seen.saved(seen.highest_cap) == pytest.approx(1.0 - seen.energy / joules)


def test_counts_watts_as_they_were_measured() -> None:
    """All drew a quarter more than profiled: so would the others have."""
    bench = Bench(ACCURATE)
    run(bench, [1.0] * 4)
    history = bench.runner.history
    history["energy"] *= 1.25
    seen = Hindsight.of(profile(), ACCURATE, history, 0.0)
    assert seen is not None
    working = 40.0 * SECONDS["large"] * 1.25
    assert seen.highest_cap.energy == pytest.approx(working + 4.0 * (0.2 - SECONDS["large"]))


def test_a_model_that_is_off_its_profile_would_be_so_in_any_choice() -> None:
    """The large model takes 1.8 times its profile; the history has both kinds of slowdowns."""
    bench = Bench(ACCURATE)
    bench.runner("x")
    history = np.repeat(bench.runner.history, 4)
    contention = np.array([1.0, 1.0, 1.2, 1.5])
    history["model"], history["cap"], history["exit"] = 1, 2, -1
    history["latency"] = 1.8 * SECONDS["large"] * contention
    history["slowdown"] = [1.8, 1.8, 1.2, 1.5]  # from the third on, the offset was known
    history["energy"] = 40.0 * history["latency"]
    seen = Hindsight.of(profile(), ACCURATE, history, 0.0, np.array([1.0, 1.8]))
    ran, fixed = (replayed("large", cap, 0.2, (1.8 * contention).tolist()) for cap in (40.0, 20.0))
    assert seen is not None
    assert seen.best_fixed is not None
    assert seen.energy == pytest.approx(ran[0])
    assert seen.best_fixed.choice == "large under 20 W"  # it fits, and under 10 W it does not
    assert (seen.best_fixed.energy, seen.best_fixed.misses) == pytest.approx(fixed)


def test_goes_by_the_profile_where_nothing_is_measured() -> None:
    bench = Bench(ACCURATE)
    bench.package.readable = False
    seen = run(bench, [1.0] * 3).hindsight
    assert seen is not None
    assert seen.highest_cap.energy == pytest.approx(replayed("large", 40.0, 0.2, [1.0])[0])


def test_larger_inputs_take_each_model_longer_in_its_own_way() -> None:
    bench, plain = Bench(ACCURATE), profile()
    table = alert.Profile(
        *(plain.latency, plain.power, plain.accuracy, plain.power_caps, plain.idle_power),
        models=plain.models,
        fixed_share=[0.5, 0.2],
    )
    sizes, contention = np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.5, 1.2])
    ran = table.latency[0, 2] * (0.5 + 0.5 * sizes) * contention  # the small model
    bench.runner("x")
    history = np.repeat(bench.runner.history, 3)
    history["model"], history["cap"], history["exit"] = 0, 2, -1
    history["latency"], history["slowdown"], history["energy"] = ran, contention, 40.0 * ran
    seen = Hindsight.of(table, ACCURATE, history, 0.0)
    assert seen is not None
    assert seen.best_fixed is not None
    caps = {}
    for j, cap in enumerate(CAPS):
        large = table.latency[1, j] * (0.2 + 0.8 * sizes) * contention
        joules = (cap * large + 4.0 * np.maximum(0.2 - large, 0.0)).mean()
        if (large <= 0.2).all():
            caps[f"large under {cap:g} W"] = joules
    assert seen.best_fixed.choice == min(caps, key=caps.__getitem__)
    assert seen.best_fixed.energy == pytest.approx(min(caps.values()))


def test_says_so_where_no_fixed_choice_is_good_enough() -> None:
    bench = Bench(alert.Goal.min_energy(deadline=0.035, accuracy=0.7))
    report = run(bench, [2.0] * 4)
    assert report.hindsight is not None
    assert report.hindsight.best_fixed is None
    assert "compared    no choice for all inputs would have kept the accuracy" in repr(report)


def test_an_anytime_model_stops_at_its_last_exit_in_time() -> None:
    goal = alert.Goal.max_accuracy(deadline=0.1, energy=10.0)
    report = run(AnytimeBench(goal), [1.0, 4.0])  # exits at 10, 20, 30 ms; at 40, 80, 120 ms
    assert report.exits == {("large", 1): 1, ("large", 2): 1}
    assert report.delivered == pytest.approx((0.8 + 0.7) / 2)
    seen = report.hindsight
    assert seen is not None
    joules = (40 * 0.03 + 4 * 0.07 + 40 * 0.08 + 4 * 0.02) / 2
    for other in (seen.best_fixed, seen.highest_cap):
        assert other is not None
        assert (other.energy, other.accuracy, other.misses) == pytest.approx((joules, 0.75, 0))
    assert seen.best_fixed is not None
    assert seen.best_fixed.choice == "large under 40 W"
    assert "1 x exit 1 of large" in repr(report)


def test_knows_nothing_without_power_or_inputs() -> None:
    assert Bench().runner.report().hindsight is None
    bench = Bench()
    run(bench, [1.0])
    table = profile()
    blind = alert.Profile(table.latency, None, table.accuracy, table.power_caps, 0.0)
    assert Hindsight.of(blind, ACCURATE, bench.runner.history, 0.0) is None


def test_reports_times_and_watts() -> None:
    bench = Bench(ACCURATE)
    report = run(bench, np.linspace(1.0, 1.5, 101).tolist())
    slow = np.sort(bench.runner.history["response"])
    assert slow[50] < slow[95] < slow[99]
    assert report.response == pytest.approx((slow[50], slow[95], slow[99]))
    assert report.duration == pytest.approx(float(slow.sum()) + 100.0)  # a second between two
    assert report.energy is not None
    assert report.mean_power == pytest.approx(report.energy / report.duration)
    p50, p95, p99 = (f"{1e3 * seconds:.3g}" for seconds in slow[[50, 95, 99]])
    assert f"response    p50 {p50} ms, p95 {p95} ms, p99 {p99} ms" in repr(report)
    assert f"duration    1 min {report.duration - 60:.0f} s" in repr(report)
    assert f"{report.mean_power:.3g} W on average" in repr(report)
    empty = Bench().runner.report()
    assert np.isnan([empty.duration, empty.delivered, *empty.response]).all()
    assert empty.mean_power is None


def test_every_line_fits_a_terminal() -> None:
    text = repr(run(Bench(ACCURATE), [1.0, 2.0, 1.0]))
    assert max(map(len, text.splitlines())) <= 80
