"""Time of ``import alert`` against ``import numpy``, each in fresh interpreters, in turn."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 15


def seconds(statement: str) -> float:
    """Time one fresh interpreter that runs `statement`."""
    begin = time.perf_counter()
    # Not in the source folder, which would hide the package that is installed.
    subprocess.run([sys.executable, "-c", statement], check=True, cwd=Path(__file__).parent)
    return time.perf_counter() - begin


def main() -> None:
    """Print the medians and the median ratio, start-up of the interpreter taken off."""
    rows = []
    for _ in range(ROUNDS):
        start, numpy, alert = (seconds(s) for s in ("pass", "import numpy", "import alert"))
        rows.append((numpy - start, alert - start))
    ratio = statistics.median(alert / numpy for numpy, alert in rows)
    numpy, alert = (1e3 * statistics.median(column) for column in zip(*rows, strict=True))
    print(f"import numpy {numpy:.0f} ms, import alert {alert:.0f} ms, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
