"""What the tests of the core have in common."""

from __future__ import annotations

import pytest
import reference_calibrated
import reference_table

import alert


@pytest.fixture(autouse=True)
def constants(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lend the core's constants to the twins; what is done with them is the twins' own."""
    usual = alert.constants("calibrated")
    monkeypatch.setattr(reference_calibrated.Scheduler, "constants", usual)
    monkeypatch.setattr(reference_table.Learning, "table_constants", usual, raising=False)
