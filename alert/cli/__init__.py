"""The command line, ``alert`` or ``python -m alert``.

A command is a module of this package: its docstring is the help, `options` says what it takes,
`run` does it. `COMMANDS` lists them.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
import warnings
from collections.abc import Sequence
from typing import Any, Protocol, TextIO

from alert import __version__
from alert.cli import (
    demo,
    evaluate,
    family,
    info,
    profile,
    record,
    replay,
    restore,
    serve,
    video,
    watch,
)


class Command(Protocol):
    """What the module of a command holds besides its docstring."""

    def options(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""

    def run(self, arguments: argparse.Namespace) -> None:
        """Do it, or raise."""


COMMANDS: dict[str, Command] = {
    "info": info,
    "profile": profile,
    "demo": demo,
    "evaluate": evaluate,
    "family": family,
    "record": record,
    "replay": replay,
    "serve": serve,
    "video": video,
    "watch": watch,
    "restore": restore,
}

_EPILOG = """\
Exit status: 0 done; 1 failed, the reason is on standard error; 2 wrong usage; 130 interrupted.
Results go to standard output, everything else to standard error."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        Words after the program's name; those it was called with by default.

    Returns
    -------
    int
        Exit status: 0 done, 1 failed, 130 interrupted.

    Raises
    ------
    SystemExit
        After ``--help`` and ``--version`` (status 0), and on wrong usage (2).
    """
    _prepare_streams()
    arguments = _parser().parse_args(argv)
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            arguments.run(arguments)
            sys.stdout.flush()
        except KeyboardInterrupt:
            return _say("interrupted", 130)
        except BrokenPipeError:  # of `alert ... | head`; the interpreter would flush once more
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except Exception as error:
            if arguments.traceback:
                raise
            return _say(_words(error), 1)
    return 0


def _prepare_streams() -> None:
    """Let no words fail: where the shell has closed a stream, or it has no such characters."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - until the process ends
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as standard error does


def _say(text: str, status: int) -> int:
    print(f"alert: {text}", file=sys.stderr)
    return status


def _words(error: Exception) -> str:
    """Return a line for an error; its type, too, where it comes from a model or a library."""
    text, kind = " ".join(str(error).split()), type(error).__name__
    if isinstance(error, OSError):
        return re.sub(r"^\[Errno -?\d+\] ", "", text) or kind
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    module = "" if trace is None else trace.tb_frame.f_globals.get("__name__", "")
    if module.partition(".")[0] == "alert":
        return text or kind
    return f"{kind}: {text}" if text else kind


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    _say(f"warning: {message}", 0)


def _parser() -> argparse.ArgumentParser:
    how: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = argparse.ArgumentParser(
        prog="alert",
        description="Which DNN to run next, and under which power cap.",
        epilog=_EPILOG,
        **how,
    )
    parser.add_argument("--version", action="version", version=f"alert {__version__}")
    parser.add_argument(
        "--traceback", action="store_true", help="show where in the code a command failed"
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        text = command.__doc__ or ""  # `python -OO` leaves it out
        summary = text.partition("\n")[0]
        sub = commands.add_parser(name, help=summary, description=text, epilog=_EPILOG, **how)
        command.options(sub)
        sub.set_defaults(run=command.run)
    return parser
