"""The two filters, against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import reference

import alert

ONE_SECOND = {"latency": [[1.0]], "power": [[20.0]], "accuracy": [0.8], "power_caps": [20.0]}
GOAL = alert.Goal.min_energy(deadline=4.0, accuracy=0.5)

# Slowdown filter, alpha = 0.3, Q0 = 0.1, R = 0.001; first K = 0.5, mu = 1, s2 = 0.1, y_prev = 0.
#
# 1.5 s measured:  y  = 1.5 - 1                                      = 0.5
#                  Q  = max(0.1, 0.3 x 0.1 + 0.7 x (0.5 x 0)^2)      = 0.1
#                  s2 = (1 - 0.5) x 0.1 + 0.1                        = 0.15
#                  K  = 0.15 / 0.151                                 = 0.993377483443709
#                  mu = 1 + K x 0.5                                  = 1.496688741721854
# 2.5 s measured:  y  = 2.5 - mu                                     = 1.003311258278146
#                  Q  = max(0.1, 0.03 + 0.7 x (0.993377 x 0.5)^2)    = 0.202689794307267
#                  s2 = (1 - 0.993377483443709) x 0.15 + Q           = 0.203683171790711
#                  K  = s2 / (s2 + 0.001)                            = 0.995114400508594
#                  mu = 1.496688741721854 + K y                      = 2.495098223026835
# 1.0 s measured:  y  = 1 - mu                                       = -1.495098223026835
#                  Q  = 0.3 x 0.202689794 + 0.7 x (0.995114 x 1.003311)^2 = 0.758581982943956
#                  s2 = (1 - 0.995114400508594) x 0.203683171790711 + Q   = 0.759577097344465
#                  K  = s2 / (s2 + 0.001)                            = 0.998685208897965
#                  mu = 2.495098223026835 + K y                      = 1.001965741840304
MEASURED = (1.5, 2.5, 1.0)
MEAN = (1.496688741721854, 2.495098223026835, 1.001965741840304)
VARIANCE = (0.15, 0.203683171790711, 0.759577097344465)

# Idle filter, M = 0.01, S = 1e-4, V = 1e-3; the profile says 5 W idle, 20 W active: phi = 0.25.
#
# 6 W measured, 0.30:  W = 0.0101 / 0.0111                      = 0.909909909909910
#                      M = (1 - W) x 0.0101                     = 0.000909909909910
#                      phi = 0.25 + W x (0.30 - 0.25)           = 0.295495495495495
# 4 W measured, 0.20:  W = 0.00100990990991 / 0.00200990990991  = 0.502465262214254
#                      M = (1 - W) x 0.00100990990991           = 0.000502465262214
#                      phi = 0.295495495495495 - W x 0.095495495 = 0.247512326311071
# 4 W measured, 0.20:  W = 0.000602465262214 / 0.001602465262214 = 0.375961511566110
#                      phi = 0.247512326311071 - W x 0.047512326 = 0.229649520293139
IDLE_MEASURED = (6.0, 4.0, 4.0)
PHI = (0.295495495495495, 0.247512326311071, 0.229649520293139)


def one_second_model(**more: float) -> alert.Scheduler:
    profile = alert.Profile(**ONE_SECOND, idle_power=5.0)  # type: ignore[arg-type]
    return alert.Scheduler(profile, GOAL, constants=more, method="paper")


# ----------------------------------------------------------------------------------------- slowdown


def test_first_steps_of_the_slowdown_filter_by_hand() -> None:
    scheduler, twin = one_second_model(), reference.SlowdownFilter()
    assert scheduler.slowdown == pytest.approx((1.0, math.sqrt(0.1)), abs=1e-15)
    for measured, mean, variance in zip(MEASURED, MEAN, VARIANCE, strict=True):
        scheduler.step(measured, None)
        twin.update(measured)
        assert scheduler.slowdown == pytest.approx((mean, math.sqrt(variance)), abs=1e-14)
        assert (twin.mean, twin.s2) == pytest.approx((mean, variance), abs=1e-14)


def test_the_ratio_is_to_the_configuration_that_ran() -> None:
    profile = alert.Profile([[0.5, 0.2]], [[10, 30]], [0.8], [10, 20], 0)
    scheduler = alert.Scheduler(
        profile, alert.Goal.max_accuracy(deadline=9, energy=99), method="paper"
    )
    assert scheduler.decision == (0, 10.0)  # as accurate, and cheaper
    scheduler.step(0.75, None)
    assert scheduler.history["slowdown"][0] == 1.5
    assert scheduler.slowdown[0] == pytest.approx(MEAN[0], abs=1e-14)


def test_the_steady_gain_of_these_constants() -> None:
    """Q = Q0: s2 = (1 - K) s2 + 0.1 with K = s2 / (s2 + 0.001) gives K = 0.99 and s = 0.318."""
    scheduler = one_second_model()
    for _ in range(50):
        scheduler.step(1.0, None)
    mean, std = scheduler.slowdown
    assert mean == pytest.approx(1.0, abs=1e-12)
    assert std**2 == pytest.approx(0.1 + 0.001 * std**2 / (std**2 + 0.001), rel=1e-9)
    assert std == pytest.approx(0.3178, abs=1e-4)
    scheduler.step(2.0, None)
    assert scheduler.slowdown[0] == pytest.approx(1.9902, abs=1e-4)


def test_every_constant_of_the_slowdown_filter_counts() -> None:
    constants = {"alpha": 0.5, "q0": 0.01, "k0": 0.2, "mu0": 1.3, "r": 0.05, "s2_0": 0.4}
    scheduler = one_second_model(**constants)
    twin = reference.SlowdownFilter(alpha=0.5, q0=0.01, gain=0.2, mean=1.3, r=0.05, s2=0.4)
    for measured in (1.0, 2.0, 3.0, 0.5, 0.6):
        assert scheduler.slowdown == pytest.approx((twin.mean, math.sqrt(twin.s2)), rel=1e-12)
        scheduler.step(measured, None)
        twin.update(measured)


@pytest.mark.parametrize("name", ["alpha", "q0", "k0", "mu0", "r", "s2_0"])
def test_each_constant_of_the_slowdown_filter_alone_makes_a_difference(name: str) -> None:
    usual, other = one_second_model(), one_second_model(**{name: 0.25})
    for measured in MEASURED:
        usual.step(measured, None)
        other.step(measured, None)
    assert usual.slowdown != other.slowdown


def test_no_measurement_drives_the_filter_to_infinity() -> None:
    scheduler = one_second_model()
    for measured in (0.0, 1e9, 0.0, 1e9, 1e9, 0.0):
        scheduler.step(measured, None)
        mean, std = scheduler.slowdown
        assert 0.0 <= mean <= 1e6
        assert 0.0 < std < math.inf
    for _ in range(60):  # and it finds its way back
        scheduler.step(1.0, None)
    assert scheduler.slowdown == pytest.approx((1.0, 0.3178), rel=1e-3)


# --------------------------------------------------------------------------------------------- idle


def expected_energy(phi: float, mean: float) -> float:
    """20 W for `mean` seconds, and phi x 20 W for what is left of the 4 s."""
    return 20.0 * mean + phi * 20.0 * (4.0 - mean)


def test_first_steps_of_the_idle_filter_by_hand() -> None:
    scheduler, twin = one_second_model(), reference.IdleFilter()
    assert scheduler.decision.energy == pytest.approx(expected_energy(0.25, 1.0), rel=1e-14)
    for measured, phi in zip(IDLE_MEASURED, PHI, strict=True):
        scheduler.step(1.0, None, idle_power=measured)
        twin.update(measured / 20.0, 5.0 / 20.0)
        assert twin.phi == pytest.approx(phi, abs=1e-14)
        mean, _ = scheduler.slowdown
        assert scheduler.decision.energy == pytest.approx(expected_energy(phi, mean), rel=1e-13)


def test_an_input_without_idle_power_leaves_the_idle_filter_alone() -> None:
    scheduler = one_second_model()
    scheduler.step(1.0, None, idle_power=6.0)
    for _ in range(5):
        scheduler.step(1.0, None)
        mean, _ = scheduler.slowdown
        assert scheduler.decision.energy == pytest.approx(expected_energy(PHI[0], mean), rel=1e-13)


def test_until_an_idle_power_is_reported_every_configuration_idles_as_profiled() -> None:
    """Afterwards each idles in proportion to its own power."""
    profile = alert.Profile([[1.0, 1.0]], [[10, 30]], [0.8], [10, 30], 5)
    cheap = alert.Scheduler(
        profile, alert.Goal.min_energy(deadline=4, accuracy=0.1), method="paper"
    )
    assert cheap.decision == (0, 10.0)
    assert cheap.decision.energy == pytest.approx(10 + 5 * 3)
    cheap.step(1.0, None, idle_power=2.0)  # 2 / 10 measured, 5 / 10 profiled
    phi = 0.5 + 0.0101 / 0.0111 * (0.2 - 0.5)
    assert cheap.decision.energy == pytest.approx(10 + phi * 10 * 3, rel=1e-12)


def test_every_constant_of_the_idle_filter_counts() -> None:
    scheduler = one_second_model(idle_m=0.02, idle_s=0.003, idle_v=0.01)
    twin = reference.IdleFilter(m=0.02, s=0.003, v=0.01)
    for measured in (6.0, 4.0, 0.0, 30.0):
        scheduler.step(1.0, None, idle_power=measured)
        twin.update(measured / 20, 5 / 20)
        mean, _ = scheduler.slowdown
        assert twin.phi is not None
        assert scheduler.decision.energy == pytest.approx(
            expected_energy(twin.phi, mean), rel=1e-12
        )


def test_defaults_are_the_ones_of_the_equations() -> None:
    found = alert.constants("paper")
    of_equations = {name: found[name] for name in found if not name.startswith("table_")}
    assert of_equations == {  # the others are of profiles that are learnt
        "alpha": 0.3,
        "q0": 0.1,
        "k0": 0.5,
        "mu0": 1.0,
        "r": 0.001,
        "s2_0": 0.1,
        "idle_m": 0.01,
        "idle_s": 1e-4,
        "idle_v": 1e-3,
    }
