"""MODULE:FUNCTION on the command line: a function of the user that returns models and inputs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any


def target(text: str) -> tuple[str, str]:
    """Split MODULE:FUNCTION, as it is given on the command line."""
    module, colon, function = text.partition(":")
    if not (module and colon and function):
        raise argparse.ArgumentTypeError(f"expected MODULE:FUNCTION, got {text!r}")
    if "/" in module or module.endswith(".py"):
        name = module.rpartition("/")[2].removesuffix(".py")
        raise argparse.ArgumentTypeError(
            f"expected MODULE:FUNCTION, got the path {module!r}: give '{name}:{function}', in the "
            "directory of the file"
        )
    return module, function


def named(module: str, function: str) -> Any:
    """Return the user's function; an error names the function."""
    return _do(module, function, lambda: getattr(import_module(module), function))


def called(module: str, function: str) -> Any:
    """Call the user's function; an error names the function."""
    return _do(module, function, named(module, function))


def ask(module: str, function: str, needed: Iterable[str]) -> dict[str, Any]:
    """Return the dict that the user's function returns."""
    returned = called(module, function)
    if not isinstance(returned, Mapping) or not set(needed) <= set(returned):
        raise TypeError(
            f"{module}:{function}: expected to return a dict with {', '.join(needed)}, "
            f"got {list(returned) if isinstance(returned, Mapping) else type(returned).__name__}"
        )
    return dict(returned)


def _do(module: str, function: str, act: Callable[[], Any]) -> Any:
    if "" not in sys.path:
        sys.path.insert(0, "")  # as `python -m` does
    try:
        return act()
    except Exception as error:
        raise RuntimeError(f"{module}:{function}: {type(error).__name__}: {error}") from error
