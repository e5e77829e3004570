"""What a load is expected to take: the slower of the last two."""

from __future__ import annotations

import pytest

from alert.store.timing import LoadTimes


def test_the_slower_of_the_last_two_loads_of_a_model() -> None:
    times = LoadTimes()
    times.add("a", 100, 4.0)
    assert times.expected("a", 100) == 4.0
    times.add("a", 100, 1.0)  # from memory: it may be luck
    assert times.expected("a", 100) == 4.0
    times.add("a", 100, 1.5)
    assert times.expected("a", 100) == 1.5


def test_by_its_bytes_for_a_model_that_was_never_loaded() -> None:
    times = LoadTimes()
    assert times.expected("b", 400_000_000) == pytest.approx(2.0)  # before any load
    times.add("a", 100, 4.0)
    assert times.expected("b", 200) == pytest.approx(8.0)
    times.add("a", 100, 1.0)
    assert times.expected("b", 200) == pytest.approx(8.0)
    times.add("a", 100, 1.0)
    assert times.expected("b", 200) == pytest.approx(2.0)


def test_the_first_load_replaces_the_guess_before_it() -> None:
    times = LoadTimes()
    times.add("a", 4_000_000_000, 1.0)
    assert times.expected("b", 4_000_000_000) == pytest.approx(1.0)
