"""The report of a server."""

from __future__ import annotations

import math

import pytest
from tenants import account

from alert.serving.report import ServerReport, TenantReport


def test_sums_up_an_account() -> None:
    a = account("camera")
    tally = a.tally
    tally.answered, tally.late, tally.refused, tally.failed, tally.cancelled = 8, 2, 2, 1, 1
    tally.energy, tally.accuracy, tally.waited = 4.0, 4.8, 0.8
    report = TenantReport.of(a)
    assert (report.name, report.requests, report.late, report.refused) == ("camera", 12, 2, 2)
    assert report.energy == pytest.approx(0.5)
    assert report.accuracy == pytest.approx(0.48)  # what was given up counts as well
    assert report.wait == pytest.approx(0.1)


def test_shows_itself_before_the_first_request() -> None:
    tenant = TenantReport.of(account("camera"))
    assert math.isnan(tenant.energy)
    assert math.isnan(tenant.accuracy)
    report = ServerReport((tenant,), None, 0, 5.0, 1e-4, "rapl", False, False)
    text = repr(report)
    assert text.splitlines()[0].startswith("alert.Server: power: rapl, energy not read, 0 waiting")
    assert "camera" in text
    assert "not read" in text.splitlines()[2]  # not 0 J a request
    assert text.splitlines()[2].split()[-2:] == ["-", "-"]  # accuracy and wait
    assert "<table class=" in report._repr_html_()


def test_says_what_is_not_measured() -> None:
    tenants = (TenantReport.of(account("camera")),)
    emulated = repr(ServerReport(tenants, 12.0, 0, 5.0, 1e-4, "emulated", True, False))
    assert "12 J emulated" in emulated
    estimated = repr(ServerReport(tenants, 12.0, 0, 5.0, 1e-4, "none", False, True))
    assert "12 J estimated" in estimated
    assert estimated.splitlines()[2].split()[-3] == "-"  # joules a request, before the first
