"""Interrupts at any moment of an input: no row moves, and the runner works."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simulation
from programs import PACKAGES
from simulation import CHEAP, Bench, Machine, Package, profile

from alert.running.runner import Runner


def test_an_interrupt_between_step_and_books_moves_no_other_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    add = bench.runner._loop.ledger.add
    for n in range(6):
        bench.machine.contention = 1.0 + n
        if n == 3:

            def interrupted(*_: Any) -> None:
                raise KeyboardInterrupt

            monkeypatch.setattr(type(bench.runner._loop.ledger), "add", interrupted)
            with pytest.raises(KeyboardInterrupt):
                bench.runner(n)
            monkeypatch.undo()
            assert bench.runner._loop.ledger.add == add
        else:
            bench.runner(n)
    history = bench.runner.history
    assert history["input"].tolist() == [0, 1, 2, 3, 4, 5]
    entered = np.arange(6) != 3
    assert history["response"][entered] == pytest.approx(history["latency"][entered], rel=1e-9)
    assert np.isnan(history["response"][3])
    assert history["energy_source"].tolist() == ["measured"] * 3 + [""] + ["measured"] * 2


def test_an_interrupt_after_the_books_counts_no_input_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    bench.runner("x")
    ledger = bench.runner._loop.ledger
    add = type(ledger).add

    def late(*arguments: Any) -> None:
        add(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(type(ledger), "add", late)
    with pytest.raises(KeyboardInterrupt):
        bench.runner("x")
    monkeypatch.undo()
    bench.runner("x")
    history = bench.runner.history
    assert history["response"] == pytest.approx(history["latency"], rel=1e-9)
    assert bench.runner.report().inputs == 3


STORM = f"""
import random, signal, sys, threading
sys.path[:0] = {[str(PACKAGES), str(Path(simulation.__file__).parent)]!r}
import numpy as np, torch
from simulation import Bench

def interrupt(*_):
    raise KeyboardInterrupt

def storm(seconds):
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds)
            while True:
                bench.runner("x")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        pass

signal.signal(signal.SIGALRM, interrupt)
bench, rng = Bench(history=1_000_000), random.Random(1)
for n in range(3000):
    bench.machine.contention = 1.0 + n % 7
    storm(rng.uniform(2e-5, 4e-4))
    assert not torch.is_inference_mode_enabled()
history = bench.runner.history
assert history["input"].tolist() == list(range(len(history)))
entered = ~np.isnan(history["response"])
assert entered.mean() > 0.9
np.testing.assert_allclose(history["response"][entered], history["latency"][entered], rtol=1e-6)
outputs = []
other = threading.Thread(target=lambda: outputs.append(bench.runner("x")), daemon=True)
other.start()
other.join(60)
assert len(outputs) == 1
"""


def test_interrupts_at_any_moment_leave_a_runner_that_works() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STORM], capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr


def test_inputs_that_wait_have_a_simulated_clock() -> None:
    """Guards the tests above: nothing else moves the clock."""
    machine = Machine()
    runner = Runner([str, str], profile(), CHEAP, Package(machine), clock=machine.clock)
    runner("x")
    assert machine.now == 100.0
