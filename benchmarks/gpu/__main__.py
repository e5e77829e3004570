"""What a machine with an NVIDIA GPU shows of `alert`: a few tables, one JSON file, four minutes.

Run ``python benchmarks/gpu -o gpu.json`` on a machine with torch, CUDA and ``nvidia-ml-py``. The
GPU is only read: no power limit, clock or mode is ever set. Nothing else should use it meanwhile.

Every part runs in a process of its own, and no longer than its limit. One that fails, or takes too
long, leaves its error in the file, and the next one runs. Given a single part, the script runs that
part itself.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import platform
import subprocess
import sys
import tempfile
import time
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

PARTS = {"timing": 30, "energy": 40, "waiting": 40, "serving": 60, "loading": 50, "store": 60}
"""Modules beside this one, and the most seconds for each. `measure()` of each returns its rows."""

NOT_DONE = [
    "no power limit was set, the GPU is only read: its caps and their settling stay untested",
    "one GPU: models on several GPUs stay untested",
    "the accuracies of the models are stated, not measured: their weights are random",
]

_GRACE = 10.0  # seconds beyond the limit, for a process that ends itself


def machine() -> dict[str, str]:
    """Say where this runs."""
    import torch

    import alert

    return {
        "gpu": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "cuda": str(torch.version.cuda),
        "python": platform.python_version(),
        "alert": alert.__version__,
    }


def here(name: str) -> dict[str, Any]:
    """Run a part in this process."""
    begun = time.monotonic()
    part: dict[str, Any] = {"rows": []}
    try:
        part["rows"] = [row.document() for row in import_module(name).measure()]
        part["machine"] = machine()
    except Exception as error:
        part["error"] = f"{type(error).__name__}: {error}"
        part["traceback"] = traceback.format_exc()
    return {**part, "seconds": time.monotonic() - begun}


def apart(name: str) -> dict[str, Any]:
    """Run a part in a process of its own."""
    begun, limit = time.monotonic(), PARTS[name] + _GRACE
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "part.json"
        command = [sys.executable, str(Path(__file__).parent), name, "-o", str(path)]
        try:
            done = subprocess.run(command, stdout=subprocess.DEVNULL, timeout=limit, check=False)
            status: object = done.returncode
        except subprocess.TimeoutExpired:
            status = f"none after {limit:g} s, so it was killed"
        if path.exists():
            part: dict[str, Any] = json.loads(path.read_text())["parts"][name]
            return part
    error = f"the process left no result; exit status {status}, limit {PARTS[name]} s"
    return {"rows": [], "error": error, "seconds": time.monotonic() - begun}


def document(parts: dict[str, Any]) -> dict[str, Any]:
    """Return what the file holds."""
    failed = [f"{name}: {part['error']}" for name, part in parts.items() if "error" in part]
    return {"parts": parts, "not done": NOT_DONE + failed}


def show(name: str, part: dict[str, Any]) -> None:
    """Print one part as a table of plain text."""
    print(f"\n{name} ({part['seconds']:.1f} s)")
    for row in part["rows"]:
        print(f"  {row['what']:58} {row['value']:>12.5g} {row['unit']}")
    if "error" in part:
        print(f"  failed: {part['error']}")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=Path("gpu.json"), help="file")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"PART: expected some of {', '.join(PARTS)}, got {', '.join(unknown)}")
    chosen, run = arguments.parts or list(PARTS), apart
    if len(chosen) == 1:
        run = here
        faulthandler.dump_traceback_later(PARTS[chosen[0]], exit=True)  # says where it hangs
    parts: dict[str, Any] = {}
    for name in chosen:
        parts[name] = run(name)
        show(name, parts[name])
        arguments.output.write_text(json.dumps(document(parts), indent=1), encoding="utf-8")
    print("\nnot done:", *document(parts)["not done"], sep="\n  ")


if __name__ == "__main__":
    main()
