"""What the documentation shows can be typed in."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import alert

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, flags=re.S)
MODULES = ["alert", *(f"alert.{m.name}" for m in pkgutil.iter_modules(alert.__path__))]


def documented() -> list[doctest.DocTest]:
    modules = [importlib.import_module(name) for name in MODULES if name != "alert.__main__"]
    finder = doctest.DocTestFinder(exclude_empty=True)
    return [test for module in modules for test in finder.find(module) if test.examples]


@pytest.mark.parametrize("test", documented(), ids=lambda test: test.name)
def test_examples_in_docstrings(test: doctest.DocTest) -> None:
    runner = doctest.DocTestRunner(verbose=False)
    report: list[str] = []
    runner.run(test, out=report.append)
    assert runner.failures == 0, "".join(report)


def test_the_scheduler_has_an_example() -> None:
    assert "alert.scheduler.Scheduler" in {test.name for test in documented()}


def test_the_readme_runs_from_top_to_bottom(capsys: pytest.CaptureFixture[str]) -> None:
    """With small functions in the place of networks, and on the emulated package."""

    def model(size: int) -> Any:
        matrix = np.eye(size)
        return lambda x: (matrix @ matrix)[0, 0] * x

    names: dict[str, Any] = {"small": model(20), "medium": model(40), "large": model(60), "x": 2.0}
    names |= {"stream": [1.0, 2.0, 3.0], "latency": 0.01, "energy": 0.2}
    assert len(PYTHON) >= 4
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", alert.power.PowerWarning)  # that there is no RAPL
        warnings.filterwarnings("ignore", ".* medians are less precise")  # on a busy machine
        for block in PYTHON:
            exec(block.replace(">>> ", ""), names)
    assert names["y"] == 3.0
    assert names["profile"].latency.shape[0] == 3
    assert names["model"] in (0, 1, 2)
    assert len(names["scheduler"].history) == 1
    assert "3 inputs, power: emulated" in capsys.readouterr().out


def test_commands_in_the_readme_name_what_there_is() -> None:
    for path in re.findall(r"`(?:python )?((?:benchmarks|tests|csrc)/[\w/.]+)`", README):
        assert (Path(__file__).parents[2] / path).exists(), path
    for name in set(re.findall(r"`alert\.([A-Za-z_]+)", README)):
        assert hasattr(alert, name), name
