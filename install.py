#!/usr/bin/env python3
"""Set up a machine that has Python and pip.

    python3 install.py demo    a compiler, and alert with all that its demonstration needs
    python3 install.py test    also what the tests need
    python3 install.py dev     also the tools of those who work on it

Python packages go to .venv in this folder. Debian packages that are missing are named, and
installed when you agree; with --yes, or where nobody sits at a terminal, without asking. On a
system without apt-get they are named only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

from needs import NEEDS, TO_BUILD, TO_TEST, is_there  # noqa: E402

OLDEST = (3, 10)


def main() -> None:
    """Install what is missing, then alert."""
    arguments = parser().parse_args()
    if sys.version_info < OLDEST:
        sys.exit(f"alert needs Python {'.'.join(map(str, OLDEST))} or newer, this is {sys.version}")
    wanted = TO_BUILD + (() if arguments.what == "demo" else TO_TEST)
    if missing := [name for name in wanted if not is_there(name)]:
        provide(missing, ask=sys.stdin.isatty() and not arguments.yes)
    install(arguments.what, arguments.venv)


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("what", choices=("demo", "test", "dev"))
    made.add_argument("--yes", action="store_true", help="do not ask before using root")
    made.add_argument(
        "--venv", type=Path, default=ROOT / ".venv", help="environment (default: .venv)"
    )
    return made


def provide(missing: list[str], ask: bool) -> None:
    """Install Debian packages, or name what is missing; stop where alert cannot be built then."""
    print("Missing on this machine:")
    needs = [NEEDS[name] for name in missing]
    width = max(len(need.purpose) for need in needs)
    for need in needs:
        print(f"  {need.purpose:{width}}  Debian: {need.debian}")
    packages = [word for need in needs for word in need.debian.split()]
    if permitted(packages, ask):
        apt(packages)
    absent = [name for name in missing if not NEEDS[name].is_there()]
    if needed := [NEEDS[name].purpose for name in absent if name in TO_BUILD]:
        sys.exit(f"alert cannot be built without: {', '.join(needed)}")
    if absent:
        print("Tests that need what is missing will be skipped.")


def permitted(packages: list[str], ask: bool) -> bool:
    """Tell whether they can be installed, and may be."""
    if shutil.which("apt-get") is None:
        print("There is no apt-get here: please install them in the way of this system.")
        return False
    if os.geteuid() != 0 and shutil.which("sudo") is None:
        print(f"They take root, and there is no sudo: apt-get install {' '.join(packages)}")
        return False
    return not ask or input("Install these Debian packages as root? [Y/n] ").lower() in ("", "y")


def apt(packages: list[str]) -> None:
    """Install Debian packages, as root."""
    root = [] if os.geteuid() == 0 else ["sudo"]
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    run(*root, *quiet, "update")
    run(*root, *quiet, "install", "--yes", "--no-install-recommends", *packages)


def install(extra: str, venv: Path) -> None:
    """Install alert and Python packages into an environment of their own."""
    if not (venv / "bin" / "python").exists():
        run(sys.executable, "-m", "venv", str(venv))
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    run(*pip, "--constraint", str(ROOT / "constraints.txt"), f"{ROOT}[{extra}]")
    print(f"alert is installed in {venv}")


def run(*command: str) -> None:
    """Show a command and run it, with its errors; stop where it fails."""
    print("+", *command, flush=True)
    done = subprocess.run(command, stdout=subprocess.DEVNULL)
    if done.returncode:
        sys.exit(f"failed: {' '.join(command)}")


if __name__ == "__main__":
    main()
