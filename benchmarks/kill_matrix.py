"""What becomes of the limits when the process that capped dies: every way, many times.

    python benchmarks/kill_matrix.py [--runs 50] [--kernel-runs 50]

Every way to die, with a cap set or only a device open, with and without worker children alive
(forked, spawned, and those of a torch DataLoader); and, with a cap set, in surroundings in which a
guard lacks something: descriptors 0 to 2 closed, no directory for the journal, a full disk, no
watchdog, a PID namespace that ends as a whole. For the last two, a restore has the last word. Needs
root. The machine is the two-socket server of the tests' plant; for frequencies, its machine with
cores. The notebook's kernels are ipykernel's, restarted through jupyter_client. Exits with an error
unless every run had its limits back.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent / "tests/support")]

import killing  # noqa: E402
from plants import compile_plant, running  # noqa: E402
from tqdm import tqdm  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=50, help="of each case")
    parser.add_argument("--kernel-runs", type=int, default=50, help="of each case of a kernel")
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp())
    outcomes: dict[killing.Case, list[killing.Outcome]] = {}
    program = compile_plant()
    with (
        running(program, directory / "server", "server") as server,
        running(program, directory / "cores", "cores") as cores,
        killing.victims() as victims,
    ):
        roots = {"rapl": server.root, "cpufreq": cores.root / "cpufreq"}
        cases = itertools.chain(killing.cases(), killing.odd_cases(), killing.cases_of_cpufreq())
        jobs = _jobs(victims.run, cases, arguments.runs)
        kernels = killing.cases(killing.KERNEL_ENDINGS)
        jobs += _jobs(killing.run_kernel, kernels, arguments.kernel_runs)
        with suppress(KeyboardInterrupt):  # then reports what there is
            for run, case in tqdm(jobs, disable=not sys.stderr.isatty()):
                outcomes.setdefault(case, []).append(run(case, roots[case.kind]))
    report(outcomes)
    if not all(outcome.restored and outcome.capped for of in outcomes.values() for outcome in of):
        sys.exit("limits were not given back")


Run = Callable[[killing.Case, Path], killing.Outcome]


def _jobs(run: Run, cases: Iterator[killing.Case], runs: int) -> list[tuple[Run, killing.Case]]:
    """Every case once, then every case again."""
    return [(run, case) for case in cases] * runs


def report(outcomes: dict[killing.Case, list[killing.Outcome]]) -> None:
    endings = dict.fromkeys(case.ending for case in outcomes)
    print("| ending | runs | restored | median ms | slowest ms |\n|---|--:|--:|--:|--:|")
    for ending in endings:
        rows = {case: of for case, of in outcomes.items() if case.ending == ending}
        print(_row(ending, rows))
    for children in killing.CHILDREN:
        rows = {case: of for case, of in outcomes.items() if case.children == children}
        print(_row(f"children: {children}", rows))
    for surroundings in killing.ODD:
        rows = {case: of for case, of in outcomes.items() if case.surroundings == surroundings}
        print(_row(f"surroundings: {surroundings}", rows))
    for kind in dict.fromkeys(case.kind for case in outcomes):
        print(_row(kind, {case: of for case, of in outcomes.items() if case.kind == kind}))
    print(_row("all", outcomes))


def _row(name: str, outcomes: dict[killing.Case, list[killing.Outcome]]) -> str:
    every = [outcome for of in outcomes.values() for outcome in of]
    restored = sum(outcome.restored for outcome in every)
    # where nothing was changed there is nothing to wait for
    seconds = [outcome.seconds for case, of in outcomes.items() if case.changed for outcome in of]
    return (
        f"| {name} | {len(every)} | {100 * restored / len(every):.3g} % "
        f"| {1e3 * statistics.median(seconds):.2f} | {1e3 * max(seconds):.1f} |"
    )


if __name__ == "__main__":
    main()
