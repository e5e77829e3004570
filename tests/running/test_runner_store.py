"""Runners whose models come and go: what runs, what is loaded, what is learnt and charged."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from simulation import ACCURACY, SECONDS, Machine, Network, Package, profile
from stores import Nets

import alert
from alert.running.loading import Loading
from alert.running.runner import Runner
from alert.store.stored_model import StoredModel


class Shelf:
    """Stands in for the memory of a store, on a simulated clock."""

    def __init__(self, machine: Machine, seconds: float, *there: str) -> None:
        self.machine = machine
        self.seconds = seconds  # of a load
        self.models = {name: Network(machine, name, s) for name, s in SECONDS.items()}
        self.there = set(there)
        self.until: dict[str, float] = {}  # loads in the background
        self.prefetched: list[tuple[str, str | None]] = []
        self.has_room = True
        self.fails: dict[str, Exception] = {}
        self.stored: dict[str, Any] = {name: self.stored_model(name) for name in SECONDS}

    def stored_model(self, name: str) -> StoredModel:
        return StoredModel(self, Item(name, self))  # type: ignore[arg-type]

    def look(self) -> None:
        for name, until in list(self.until.items()):
            if until <= self.machine.now:
                self.there.add(name)
                del self.until[name]

    def delay(self, entry: Item) -> float:
        self.look()
        if entry.name in self.fails:
            return math.inf
        if entry.name in self.there:
            return 0.0
        return self.until.get(entry.name, self.machine.now + self.seconds) - self.machine.now

    def prefetch(self, entry: Item, beside: Item | None) -> bool:
        self.prefetched.append((entry.name, None if beside is None else beside.name))
        if self.has_room:
            self.until.setdefault(entry.name, self.machine.now + self.seconds)
        return self.has_room

    def acquire(self, entry: Item) -> Network:
        if entry.name in self.fails:
            raise self.fails[entry.name]
        if entry.name not in self.there:
            self.machine.now += self.delay(entry)
            self.look()
            self.there.add(entry.name)
            entry.loads += 1
        return self.models[entry.name]

    def release(self, entry: Item, user: int, *, has_run: bool = True) -> None:
        entry.fresh &= not has_run


class Item:
    def __init__(self, name: str, shelf: Shelf) -> None:
        self.name = name
        self.shelf = shelf
        self.fresh = True
        self.loads = 0
        self.error = OSError("no such file")

    @property
    def module(self) -> Network | None:
        self.shelf.look()
        return self.shelf.models[self.name] if self.name in self.shelf.there else None


ACCURATE = alert.Goal.min_energy(deadline=0.2, accuracy=0.75)
"""On the quiet machine: the large model."""


class Bench:
    def __init__(
        self, *there: str, seconds: float = 0.5, goal: alert.Goal = ACCURATE, **options: Any
    ) -> None:
        self.machine = Machine()
        self.package = Package(self.machine)
        self.shelf = Shelf(self.machine, seconds, *there)
        self.runner = Runner(
            self.shelf.stored,
            profile(),
            goal,
            self.package,
            clock=self.machine.clock,
            **{"method": "paper", **options},
        )

    def run(self, inputs: int = 1) -> list[str]:
        return [self.runner("x")[0] for _ in range(inputs)]


def test_what_is_there_runs_and_nothing_is_reckoned(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench("small", "large")
    monkeypatch.setattr(type(bench.runner.scheduler), "reckon", None)
    assert bench.run(3) == ["large"] * 3
    assert bench.shelf.prefetched == []


def test_another_model_runs_while_the_wish_is_loaded() -> None:
    bench = Bench("small")
    assert bench.run() == ["small"]
    assert bench.shelf.prefetched == [("large", "small")]
    while bench.shelf.until["large"] - bench.machine.now > 0.2:
        assert bench.run() == ["small"]
    bench.machine.now += 0.2
    assert bench.run(2) == ["large"] * 2
    report = bench.runner.report()
    assert (report.misses, report.waits) == (0, 0)


def test_waits_where_waiting_is_the_best() -> None:
    """Loading takes less time than is left: the large model is loaded and still in time."""
    bench = Bench("small", seconds=0.05)
    before = bench.machine.now
    assert bench.run() == ["large"]
    history = bench.runner.history
    assert history["start"][0] == pytest.approx(before + 0.05)
    assert history["latency"][0] == pytest.approx(0.06)  # under 20 W
    assert history["deadline"][0] == pytest.approx(0.15)  # what was left
    assert history["slowdown"][0] == pytest.approx(1.0)
    assert history["response"][0] == pytest.approx(0.11)
    assert history["met"][0]
    report = bench.runner.report()
    assert (report.loads, report.waits) == (1, 1)
    assert "loads       1, 1 of them waited for" in repr(report)
    assert report.overhead == pytest.approx(0.0, abs=1e-9)
    assert bench.run() == ["large"]


def test_the_input_that_waits_is_charged_for_the_load() -> None:
    bench = Bench("small", seconds=0.05)
    bench.run()
    history = bench.runner.history
    assert history["power_cap"][0] == 20.0
    assert history["energy"][0] == pytest.approx(0.05 * Package.IDLE + 0.06 * 20.0)
    bench.machine.now += 1.0
    bench.shelf.there.remove("large")
    bench.run()  # waits, too
    history = bench.runner.history
    assert history["idle_power"][1] == pytest.approx(Package.IDLE)
    assert history["energy"][1] == pytest.approx(0.05 * Package.IDLE + 0.06 * 20.0)


def test_a_load_that_takes_longer_is_made_up_for_by_the_cap() -> None:
    bench = Bench("small", seconds=0.05)
    acquire = bench.shelf.acquire

    def slow(entry: Item) -> Network:
        bench.machine.now += 0.08 * (entry.name not in bench.shelf.there)
        return acquire(entry)

    bench.shelf.acquire = slow  # type: ignore[method-assign]
    assert bench.run() == ["large"]
    assert bench.runner.history["power_cap"][0] == 40.0
    assert bench.runner.history["met"][0]


def test_the_first_input_of_all_waits() -> None:
    bench = Bench(seconds=0.5)
    assert bench.run(2) == ["large", "large"]
    assert bench.shelf.prefetched == []
    assert bench.runner.report().waits == 1
    assert bench.runner.report().misses == 1


@pytest.mark.parametrize("late", [False, True])
def test_the_first_run_after_a_load_is_not_learnt_from(late: bool) -> None:
    bench = Bench("small", "large")
    bench.machine.contention = 2.0 if late else 1.5  # 240 or 180 ms under 10 W
    bench.run()
    history = bench.runner.history
    assert history["met"][0] == (not late)
    assert history["slowdown"][0] == pytest.approx(0.2 / 0.12 if late else 1.0)
    assert bench.runner.report().misses == late
    bench.machine.contention = 1.2
    bench.run()
    assert bench.runner.history["slowdown"][1] == pytest.approx(1.2)


def test_a_first_run_that_is_fast_is_as_good_as_any_other() -> None:
    bench = Bench("small", "large")
    bench.machine.contention = 0.8
    bench.run()
    assert bench.runner.history["slowdown"][0] == pytest.approx(0.8)


def test_a_model_that_cannot_be_loaded_is_passed_over() -> None:
    bench = Bench("small")
    bench.shelf.fails["large"] = OSError("no such file")
    with pytest.warns(UserWarning, match=r"large: could not be loaded \(no such file\); other"):
        assert bench.run() == ["small"]
    assert bench.run(2) == ["small"] * 2  # said once
    assert bench.shelf.prefetched == []
    del bench.shelf.fails["large"]
    bench.run()
    assert bench.shelf.prefetched == [("large", "small")]


def test_where_nothing_can_be_loaded_the_call_raises_and_the_next_one_works() -> None:
    bench = Bench(seconds=0.05)
    bench.shelf.fails = {name: OSError(name) for name in SECONDS}
    with pytest.warns(UserWarning, match="could not be loaded"), pytest.raises(OSError, match="l"):
        bench.run()
    assert len(bench.runner.history) == 0
    bench.shelf.fails.clear()
    assert bench.run() == ["large"]


def test_a_wish_without_room_is_loaded_in_the_end() -> None:
    bench = Bench("small", seconds=0.3)
    bench.shelf.has_room = False
    begun = bench.machine.now
    while bench.run() == ["small"]:
        pass
    assert bench.runner.history["start"][-1] - begun == pytest.approx(0.3 * 11, abs=0.1)
    assert bench.runner.report().misses == 1
    assert bench.run() == ["large"]


def test_a_wish_that_changes_has_not_waited() -> None:
    bench = Bench("small", seconds=0.3)
    bench.shelf.has_room = False
    bench.run(70)
    bench.runner.scheduler.goal = alert.Goal.min_energy(deadline=0.2, accuracy=0.5)
    bench.run()
    bench.runner.scheduler.goal = ACCURATE
    assert bench.run(60) == ["small"] * 60


def test_each_wish_waits_for_itself() -> None:
    bench = Bench("small")
    bench.shelf.has_room = False
    reckoned = SimpleNamespace(reckon=lambda delays: SimpleNamespace(model=0))
    models = [bench.shelf.stored[name] for name in ("small", "large", "large")]
    loading = Loading(models, cast(Any, reckoned), bench.machine.clock)
    first, second = (cast(Any, SimpleNamespace(model=model)) for model in (1, 2))
    assert loading.choose(first).model == 0
    bench.machine.now += 60.0
    assert loading.choose(second).model == 0
    bench.machine.now += 60.0
    assert loading.choose(second) is second


def test_a_guessed_model_that_cannot_be_loaded_does_not_stay_chosen() -> None:
    machine = Machine()
    shelf = Shelf(machine, 0.5, "large")
    shelf.fails["small"] = OSError("no such file")
    runner = Runner(
        shelf.stored,
        None,
        ACCURATE,
        Package(machine),
        clock=machine.clock,
        accuracy=ACCURACY,
        size={"small": 1, "large": 4},
    )
    with pytest.warns(UserWarning, match="small: could not be loaded"):
        assert [runner("x")[0] for _ in range(3)] == ["large"] * 3


def test_expectations_of_the_user_stay() -> None:
    bench = Bench("small", "large", goal=alert.Goal.min_energy(deadline=0.2, accuracy=0.5))
    bench.runner.scheduler.expect(accuracy=[0.4, 0.6])
    assert bench.run() == ["large"]
    bench.shelf.there.remove("large")
    assert bench.run() == ["small"]  # meanwhile
    bench.machine.now += 1.0
    assert bench.run() == ["large"]
    bench.runner.scheduler.expect()
    assert bench.run() == ["small"]


def test_a_delay_of_the_user_counts_besides() -> None:
    bench = Bench("small", seconds=0.1)
    bench.runner.scheduler.expect(delay=[0.0, 0.08])
    assert bench.run() == ["small"]  # 0.18 s, and 0.03 s to run it
    bench = Bench("small", seconds=0.1)
    assert bench.run() == ["large"]


def test_models_that_stay_beside_those_of_a_store() -> None:
    bench = Bench()
    models = {"small": Network(bench.machine, "small", 0.01), "large": bench.shelf.stored["large"]}
    runner = Runner(
        models, profile(), ACCURATE, bench.package, clock=bench.machine.clock, method="paper"
    )
    assert runner("x")[0] == "small"
    assert bench.shelf.prefetched == [("large", None)]


def test_a_report_without_a_store_says_nothing_of_loads() -> None:
    bench = Bench()
    models = {name: Network(bench.machine, name, 0.01) for name in SECONDS}
    with Runner(models, profile(), ACCURATE, bench.package, clock=bench.machine.clock) as runner:
        runner("x")
    assert runner.report().loads is None
    assert "loads" not in repr(runner.report())


def test_a_profile_does_not_measure_loads() -> None:
    bench = Bench(seconds=0.5)

    def release(entry: Item, user: int, *, has_run: bool = True) -> None:
        if has_run:  # each run needs a load
            bench.shelf.there.discard(entry.name)

    bench.shelf.release = release  # type: ignore[method-assign]
    table = alert.Profile.measure(
        bench.shelf.stored,
        "x",
        accuracy=ACCURACY,
        power=bench.package,
        power_caps=[40.0],
        progress=False,
        clock=bench.machine.clock,
        sleep=bench.machine.sleep,
    )
    assert table.latency == pytest.approx(table.latency * 0 + [[0.01], [0.03]])


def test_a_store_in_the_place_of_a_dict(tmp_path: Path) -> None:
    nets = Nets(tmp_path, "a", "b")
    with nets.store(1) as store:
        table = alert.Profile.measure(
            store,
            nets.x,
            accuracy=[0.6, 0.8],
            max_seconds=5.0,
            power="emulated",
            progress=False,
            precision=1e9,
            idle_seconds=0.01,
        )
        goal = alert.Goal.min_energy(50.0 * float(table.latency.max()), accuracy=0.7)
        before = store.loads
        with alert.Runner(store, table, goal, "emulated") as runner:
            for _ in range(20):
                y = runner(nets.x)
                assert any(torch.equal(y, expected) for expected in nets.expected.values())
            assert runner.report().loads == store.loads - before
            assert runner.report().inputs == 20
