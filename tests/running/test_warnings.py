"""Warnings name the line of the user, and say of the machine once what stays as it is."""

from __future__ import annotations

import warnings

from alert import _warnings


def test_a_warning_of_the_machine_comes_once() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for text in ("no cap", "no cap", "no joules"):
            _warnings.warn_once(text)
            _warnings.warn("again")
    said = [str(warning.message) for warning in caught]
    assert said == ["no cap", "again", "again", "no joules", "again"]
    assert {warning.filename for warning in caught} == {__file__}
