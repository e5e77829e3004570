"""Tests that lack something are skipped; one line at the end names what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from needs import NEEDS, lacking, remedy, require


class File(pytest.Module):
    """A file of tests, skipped as a whole where a package that it imports is missing."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Import the file, and find its tests."""
        try:
            return super().collect()
        except self.CollectError as error:
            reason = error.__cause__
            package = ""
            if isinstance(reason, ModuleNotFoundError):
                package = (reason.name or "").partition(".")[0]
            if package in NEEDS:
                require(package)
            raise


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module:
    """Collect every file of tests so."""
    module: pytest.Module = File.from_parent(parent, path=module_path)
    return module


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of continuous integration."""
    parser.addoption(
        "--nothing-missing",
        action="store_true",
        help="fail where tests were skipped because something is not installed",
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Look at the marks of a test."""
    require(*(name for mark in item.iter_markers("needs") for name in mark.args))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail if something was missing and that is not allowed."""
    if lacking and session.config.getoption("nothing_missing"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    """Name what is missing, after all else."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if lacking and terminal is not None:
        terminal.write_line(f"missing here, and so not tested: {remedy(list(lacking))}")
