"""Old names work for one more release, and the warning points at the line that uses one."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable

import pytest

import alert
from alert._deprecated import renamed_attribute, renamed_keyword


class Stopwatch:
    """Measures in seconds."""

    total_s = renamed_attribute("total")

    @renamed_keyword("total_s", "total")
    def __init__(self, *, total: float = 0.0) -> None:
        self.total = total

    @renamed_keyword("seconds_s", "seconds")
    def add(self, seconds: float) -> float:
        self.total += seconds
        return self.total


def warning_of(use: Callable[[], object]) -> tuple[object, str]:
    """What the use gives, and the text of its one warning, which is for that very line."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = use()
    (warning,) = caught
    assert warning.category is DeprecationWarning
    assert (warning.filename, warning.lineno) == (__file__, use.__code__.co_firstlineno)
    return result, str(warning.message)


def test_a_keyword_is_taken_by_its_old_name() -> None:
    stopwatch, text = warning_of(lambda: Stopwatch(total_s=2.0))  # type: ignore[call-arg]
    assert isinstance(stopwatch, Stopwatch)
    assert stopwatch.total == 2.0
    assert text == (
        "Stopwatch(total_s=) is now Stopwatch(total=): "
        "the old name will be removed in the next release"
    )
    result, text = warning_of(lambda: stopwatch.add(seconds_s=3.0))  # type: ignore[call-arg]
    assert result == 5.0
    assert text.startswith("Stopwatch.add(seconds_s=) is now Stopwatch.add(seconds=): ")


def test_a_signature_shows_the_new_name_only_and_nobody_gives_both() -> None:
    assert list(inspect.signature(Stopwatch).parameters) == ["total"]
    with pytest.raises(TypeError, match=r"Stopwatch\(\): expected total, got total_s"):
        Stopwatch(total=1.0, total_s=2.0)  # type: ignore[call-arg]
    assert Stopwatch(total=1.0).add(2.0) == 3.0  # which warns of nothing


def test_an_attribute_is_read_and_set_by_its_old_name() -> None:
    stopwatch = Stopwatch(total=2.0)
    result, text = warning_of(lambda: stopwatch.total_s)
    assert result == 2.0
    assert text == (
        "Stopwatch.total_s is now Stopwatch.total: the old name will be removed in the next release"
    )
    warning_of(lambda: setattr(stopwatch, "total_s", 4.0))
    assert stopwatch.total == 4.0
    assert Stopwatch.total_s.__doc__ == "Old name of `total`, removed in the next release."


@pytest.mark.parametrize("name", ["switch_cost", "settle", "tick"])
def test_a_c_type_speaks_in_the_same_words(name: str) -> None:
    with alert.power.open("emulated") as device:
        result, text = warning_of(lambda: getattr(device, f"{name}_s"))
        assert result == getattr(device, name)
    assert text == (
        f"PowerDevice.{name}_s is now PowerDevice.{name}: "
        "the old name will be removed in the next release"
    )
