"""Give back power limits that a killed process has left.

For when a process was killed together with its watchdog, as when a container is killed. A limit
that somebody has changed since stays as it is. The next `alert` process that caps the machine does
the same.
"""

from __future__ import annotations

import argparse
from typing import Any

from alert import power
from alert.cli.terminal import print_json


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "--directory", help=f"of the journals (default: {power.journal_directory()})"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> None:
    """Restore, and tell what was given back."""
    files = power.restore(arguments.directory)
    if arguments.json:
        print_json({"files": files})
    elif not files:
        print("nothing to give back")
    else:
        for file in files:
            print(_line(file))
    failed = [file for file in files if file["error"]]
    passed_over = [file for file in failed if file["value"] is None]
    if len(failed) > len(passed_over):
        limits = len(files) - len(passed_over)
        raise OSError(
            f"{len(failed) - len(passed_over)} of {limits} limits could not be given back"
        )
    if passed_over:
        raise OSError(f"{len(passed_over)} journals were passed over")


def _line(file: dict[str, Any]) -> str:
    if file["value"] is None:
        return f"{file['path']} passed over: {file['error']}"
    outcome = f"not given back: {file['error']}" if file["error"] else "given back"
    return f"{file['path']} = {file['value']} {outcome}"
