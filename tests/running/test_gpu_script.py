"""The script for a machine with a GPU, on the CPU with a pretended CUDA: does every part run?"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import torch

FOLDER = Path(__file__).parents[2] / "benchmarks" / "gpu"


class Event:
    """A time. On the CPU all work is done when it is recorded."""

    def __init__(self, **_: Any) -> None:
        self.at = 0.0

    def record(self, stream: object = None) -> None:
        self.at = time.perf_counter()

    def synchronize(self) -> None:
        pass

    def query(self) -> bool:
        return True

    def elapsed_time(self, end: Event) -> float:
        return max(1e3 * (end.at - self.at), 1e-3)


class Stream:
    def synchronize(self) -> None:
        pass


class Watched:
    """A GPU of 100 W."""

    kind, emulated, can_cap = "nvml", False, True
    cap, cap_range = 700.0, (700.0, 700.0)
    tick = switch_cost = settle = 0.0

    def set_cap(self, watts: float, /) -> None:
        assert watts == self.cap

    def energy(self) -> float:
        return 100.0 * time.perf_counter()

    def begin(self) -> None: ...
    def pace(self) -> None: ...
    def close(self) -> None: ...
    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *_: object) -> None: ...


@contextmanager
def nobody() -> Iterator[Any]:
    yield lambda on: None


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Import the script as `python benchmarks/gpu` does, made small, with a pretended CUDA."""
    monkeypatch.syspath_prepend(str(FOLDER))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    before = set(sys.modules)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    for name, value in {
        "synchronize": None,
        "empty_cache": None,
        "get_device_name": "pretended",
        "memory_allocated": 1,
        "max_memory_allocated": 2,
        "reset_peak_memory_stats": None,
    }.items():
        monkeypatch.setattr(torch.cuda, name, lambda value=value: value)
    small: dict[str, dict[str, Any]] = {
        "models": {"DEVICE": "cpu", "WIDTH": 64, "HEAD": 32, "TOKENS": (1, 4)},
        "timing": {"RUNS": 3},
        "gpu_power": {"Watched": Watched, "power_now": lambda: 100.0},
        "energy": {"SECONDS": 0.5, "SETTLE": 0.0, "STEPS": 0.05},
        "waiting": {"RUNS": 2, "MILLISECONDS": (0.3, 1.0), "SIZE": 16},
        "serving": {"INPUTS": 12, "SECONDS": 0.1, "contention": nobody},
        "loading": {
            "BYTES": 1 << 16,
            "PIECE": 1 << 14,
            "SECONDS": 0.05,
            "pinned": torch.ByteTensor,
        },
        "store": {"RUNS": 3, "SWITCHES": 2},
    }
    for name, changes in small.items():
        for constant, value in changes.items():
            monkeypatch.setattr(import_module(name), constant, value)
    yield program()
    torch.set_num_threads(threads)
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == FOLDER:
            del sys.modules[name]


def program() -> Any:
    """Import __main__.py by another name."""
    spec = spec_from_file_location("gpu_script", FOLDER / "__main__.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore")  # medians are of few runs, and nothing is compared with them
@pytest.mark.parametrize("name", ["timing", "energy", "waiting", "serving", "loading", "store"])
def test_every_part_runs(script: Any, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    part = script.here(name)
    assert "error" not in part, part["traceback"]
    script.show(name, part)
    said = capsys.readouterr().out
    assert part["rows"]
    for row in part["rows"]:
        assert row["what"] in said
    if name == "energy":
        found = {row["what"]: row["value"] for row in part["rows"]}
        assert found["busy: counter / power x time"] == pytest.approx(1.0, abs=0.05)


@pytest.mark.usefixtures("script")
def test_a_run_beside_a_load_may_take_long() -> None:
    loading: Any = import_module("loading")
    runs = loading._latencies(lambda x: time.sleep(0.03), torch.ones(1))
    assert 1 <= len(runs) <= 2


HANGS = """
import threading

def measure():
    threading.Event().wait()
"""


def test_a_part_that_fails_or_hangs_loses_no_other(tmp_path: Path) -> None:
    source = (FOLDER / "__main__.py").read_text().replace('"timing": 30', '"timing": 3')
    source = source.replace("= machine()", "= {}")
    (tmp_path / "__main__.py").write_text(source)
    (tmp_path / "timing.py").write_text(HANGS)
    (tmp_path / "energy.py").write_text("def measure():\n    raise OSError('no GPU')\n")
    (tmp_path / "serving.py").write_text("def measure():\n    return []\n")
    out = tmp_path / "gpu.json"
    done = subprocess.run(
        [sys.executable, tmp_path, "timing", "energy", "serving", "-o", out],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert found["parts"]["timing"]["error"].endswith("exit status 1, limit 3 s")
    assert "in measure" in done.stderr  # where it hung
    assert found["parts"]["energy"]["error"] == "OSError: no GPU"
    assert "error" not in found["parts"]["serving"]
    assert "no power limit was set" in done.stdout
    assert [text.partition(":")[0] for text in found["not done"][3:]] == ["timing", "energy"]


def test_refuses_a_part_that_is_none(script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu", "chess"])
    with pytest.raises(SystemExit):
        script.main()
