"""The coefficients of the normal distribution are those of their fit, and precise enough."""

from __future__ import annotations

import re
from decimal import Decimal

import fit_normal
import pytest
from programs import ROOT

SOURCE = (ROOT / "csrc/core/estimate/normal.c").read_text()


def coefficients(name: str) -> list[str]:
    """Read those of alert_normal_cdf(), which come first in the file."""
    found = re.search(rf"double {name}\[\d\] = {{([^}}]*)}}", SOURCE)
    assert found
    return re.findall(r"[^\s,]+", found[1])


@pytest.mark.parametrize("which", [0, 1])
def test_the_fit_finds_them_again(which: int) -> None:
    fitted = fit_normal.fit()[which]
    assert [float(text) for text in coefficients("nd"[which])] == [float(x) for x in fitted]


def test_their_quotient_is_as_precise_as_it_is_said_to_be() -> None:
    n, d = ([Decimal(float(text)) for text in coefficients(name)] for name in "nd")
    points = [Decimal(i) * fit_normal.END / 500 for i in range(501)]
    errors = [
        abs(fit_normal.value(n, x) / fit_normal.value(d, x) / fit_normal.scaled_tail(x) - 1)
        for x in points
    ]
    assert Decimal("1e-16") < max(errors) < Decimal("5e-16")
