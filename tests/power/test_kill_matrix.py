"""What a process found is given back, however it ends, and whatever lives on of it."""

from __future__ import annotations

from collections.abc import Iterator

import killing
import pytest
from needs import require
from plants import Plant, compile_plant, running

pytestmark = pytest.mark.usefixtures("directory")


@pytest.fixture(scope="module")
def victims() -> Iterator[killing.Victims]:
    with killing.victims() as program:
        yield program


@pytest.mark.parametrize("case", list(killing.cases()), ids=str)
def test_kill_matrix(server: Plant, victims: killing.Victims, case: killing.Case) -> None:
    """Once each; `benchmarks/kill_matrix.py` runs it fifty times."""
    outcome = victims.run(case, server.root)
    assert outcome.capped
    assert outcome.restored


@pytest.fixture(scope="module")
def cores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    directory = tmp_path_factory.mktemp("plant")
    with running(compile_plant(), directory / "cores", "cores") as plant:
        yield plant


@pytest.mark.parametrize("case", list(killing.cases_of_cpufreq()), ids=str)
def test_kill_matrix_of_cpufreq(cores: Plant, victims: killing.Victims, case: killing.Case) -> None:
    if case.surroundings in killing.ROOT_ONLY:
        require("root")
    outcome = victims.run(case, cores.root / "cpufreq")
    assert outcome.capped
    assert outcome.restored


@pytest.mark.parametrize("case", list(killing.odd_cases()), ids=str)
def test_kill_matrix_of_odd_surroundings(
    server: Plant, victims: killing.Victims, case: killing.Case
) -> None:
    if case.surroundings in killing.ROOT_ONLY:
        require("root")  # to mount, to unshare
    outcome = victims.run(case, server.root)
    assert outcome.capped
    assert outcome.restored


@pytest.mark.parametrize(
    "case",
    [killing.Case("restart", True, "none"), killing.Case("restart-now", True, "fork")],
    ids=str,
)
def test_a_restarted_kernel(server: Plant, case: killing.Case) -> None:
    outcome = killing.run_kernel(case, server.root)
    assert outcome.capped
    assert outcome.restored
