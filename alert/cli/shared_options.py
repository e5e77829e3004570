"""Options that several commands have."""

from __future__ import annotations

import argparse
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
