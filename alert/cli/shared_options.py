"""Options that several commands have."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from alert import power
from alert.cli import offer


def add_function(parser: argparse.ArgumentParser) -> None:
    """Add the function of the user."""
    parser.add_argument("function", metavar="MODULE:FUNCTION", type=offer.target)


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Add the option of the commands that show progress."""
    parser.add_argument("--quiet", action="store_true", help="show no progress bars")


def add_power(parser: argparse.ArgumentParser, default: str | None = "auto") -> None:
    """Add the choice of a power device; None is for commands that must know if it was given."""
    parser.add_argument(
        "--power",
        choices=get_args(power.Kind),
        default=default,
        help="power device (default: auto)",
    )


def add_output(parser: argparse.ArgumentParser, default: str) -> None:
    """Add the directory that a command writes to."""
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path(default),
        metavar="DIR",
        help="directory (default: %(default)s)",
    )


def natural(text: str) -> int:
    """Read a whole number that is not below 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number >= 0, got {text!r}")
    return int(text)


def count(text: str) -> int:
    """Read how many: at least 1."""
    value = natural(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, got {value}")
    return value


def above_zero(text: str) -> float:
    """Read a finite number above 0."""
    value = _number(text)
    if not 0.0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a finite number > 0, got {text!r}")
    return value


def share(text: str) -> float:
    """Read a number from 0 to 1."""
    value = _number(text)
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, got {text!r}")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}") from None


def comma_separated(kind: Callable[[str], Any], expected: str) -> Callable[[str], list[Any]]:
    """Return what reads a list like 10,15,25; `expected` says in an error what was expected."""

    def read(text: str) -> list[Any]:
        try:
            return [kind(word) for word in text.split(",")]
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected {expected}, got {text!r}") from None

    return read


caps = comma_separated(
    lambda word: None if word == "none" else float(word), "numbers like 10,15,25"
)
"""Reads power caps; "none" stands for no cap."""
