"""What a server chooses: exits, bounds of one request, and caps that cost time or are not there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from servers import LONG, SOON, Board, profile, serve

import alert
from alert._profile_arguments import Exits
from alert.serving.sure import Leaves

# ---------------------------------------------------------------------------------- anytime models

EXITS: Exits = {"net": [(0.25, 0.5), (0.5, 0.7), (1.0, 0.8)]}


def test_an_anytime_model_gives_way_to_an_earlier_deadline_at_its_exit() -> None:
    reached, go = threading.Event(), threading.Event()

    def model(x: Any) -> Iterator[Any]:
        yield x, 0
        if x == "long":
            reached.set()
            assert go.wait(SOON)
        yield x, 1
        yield x, 2

    with serve(model, EXITS, policy=lambda view: (0, len(view.options[0]) - 1)) as server:
        tenant = server.tenant("a")
        long = tenant.submit("long", max_latency=LONG)
        assert reached.wait(SOON)
        urgent = tenant.submit("urgent", max_latency=LONG / 2)
        go.set()
        assert long.result(SOON) == ("long", 1)
        assert urgent.result(SOON) == ("urgent", 2)


def test_stops_at_the_first_output_that_is_sure() -> None:
    def model(x: float) -> Iterator[Any]:
        for n in range(3):
            yield [0.0, x * n, 0.0]

    last = {"policy": lambda view: (0, len(view.options[0]) - 1)}
    with serve(model, EXITS, stop=alert.sure(0.9), **last) as server:
        tenant = server.tenant("a")
        assert tenant.submit(5.0).result(SOON) == [0.0, 5.0, 0.0]
        assert tenant.submit(0.1).result(SOON) == [0.0, 0.2, 0.0]


LEAVING = alert.Profile(
    [[4e-3]], [[20.0]], [0.8], [20.0], 4.0, ["net"], EXITS, exit_shares={"net": [0.5, 0.25, 0.25]}
)


def surer(x: float) -> Iterator[Any]:
    for n in range(3):
        yield [0.0, x * n, 0.0]


def test_a_server_expects_the_shorter_runs_of_inputs_that_leave() -> None:
    run = 4e-3 * (0.5 * 0.25 + 0.25 * 0.5 + 0.25)
    for stop, seconds in ((alert.sure(0.9), run), (None, 4e-3)):
        with alert.Server({"net": surer}, LEAVING, Board(), stop=stop) as server:
            answer = server.tenant("a", max_latency=LONG).submit(5.0)
            answer.result(SOON)
            assert answer.decision is not None
            assert answer.decision.exit == 2
            assert answer.decision.latency == pytest.approx(seconds, rel=0.1)


def test_a_sure_output_counts_as_the_exit_chosen() -> None:
    """One that made room for another request counts as what it is."""
    with alert.Server({"net": surer}, LEAVING, Board(), stop=alert.sure(0.9)) as server:
        tenant = server.tenant("a", max_latency=LONG)
        for _ in range(3):
            assert tenant.submit(5.0).result(SOON) == [0.0, 5.0, 0.0]
        [report] = server.report().tenants
        assert report.accuracy == pytest.approx(0.8)
        assert server._accounts[0].scheduler._tally[3] == pytest.approx(3 * 0.8)
        leaves = Leaves(None, lambda: True)
        assert (leaves([0.0, 5.0]), leaves.sure) == (True, False)


def test_a_runner_ignores_inputs_that_leave() -> None:
    goal = alert.Goal.max_accuracy(30.0)
    slow = LEAVING._with(latency=[[1.0]])
    with alert.Runner({"net": surer}, slow, goal, Board()) as runner:
        assert runner.scheduler.decision.latency == pytest.approx(1.0, rel=0.1)
        assert runner(5.0) == [0.0, 10.0, 0.0]


# ---------------------------------------------------------------------------- bounds of one request


def test_a_request_may_have_bounds_of_its_own() -> None:
    """The archive saves; one of its requests wants accuracy, the next one saves again."""
    table = alert.Profile(
        [[1e-6], [2e-6]], [[20.0], [20.0]], [0.6, 0.8], [20.0], 4.0, models=["small", "large"]
    )
    models = {"small": lambda x: "small", "large": lambda x: "large"}
    with alert.Server(models, table, Board()) as server:
        archive = server.tenant("archive", min_accuracy=0.5, max_latency=LONG)
        assert archive.submit(1).result(SOON) == "small"
        assert archive.submit(1, min_accuracy=0.75).result(SOON) == "large"
        assert archive.submit(1).result(SOON) == "small"
        with pytest.raises(ValueError, match="min_accuracy: expected 0 to 1"):
            archive.submit(1, min_accuracy=2.0)


# ------------------------------------------------------------------------------ without power caps


def test_a_machine_that_sets_no_caps_serves_the_models_alone() -> None:
    table = alert.Profile([[2e-6, 1e-6]], [[10.0, 20.0]], [0.8], [10.0, 20.0], 4.0)
    for policy in ("price", "look-ahead", "edf", "fifo", "accuracy-scaling", "fixed:model 0"):
        with alert.Server([lambda x: x], table, "none", policy=policy) as server:
            answer = server.tenant("a", max_latency=LONG).submit(1)
            assert answer.result(SOON) == 1
            assert answer.decision is not None
            assert tuple(answer.decision) == (0, None)
            assert server.report().estimated


def test_a_profile_without_power_serves() -> None:
    table = alert.Profile([[1e-6], [2e-6]], None, [0.6, 0.8], [None], 0.0)
    with alert.Server([lambda x: x] * 2, table, "none") as server:
        camera = server.tenant("camera", max_latency=LONG)
        archive = server.tenant("archive", min_accuracy=0.5, max_latency=LONG)
        assert [camera.submit(n).result(SOON) for n in range(5)] == list(range(5))
        assert archive.submit(1).result(SOON) == 1
        assert server.report().energy is None
        assert "energy not read" in repr(server.report())


def test_bounds_that_need_power_or_caps_are_refused_by_name_where_there_are_none() -> None:
    table = alert.Profile([[1e-6]], None, [0.8], [None], 0.0)
    needs_power = r"max_energy: expected no bound where .*busy_power= .*, got 2"
    with alert.Server([lambda x: x], table, "none") as server:
        with pytest.raises(ValueError, match=needs_power):
            server.tenant("battery", max_energy=2)
        assert not server.tenants
        camera = server.tenant("camera", max_latency=LONG)
        with pytest.raises(ValueError, match=needs_power):
            camera.submit(1, max_energy=2)
        with pytest.raises(ValueError, match=r"power_limit: expected None where .*, got 5$"):
            server.power_limit = 5
        assert camera.submit(1).result(SOON) == 1


# ------------------------------------------------------------------------------ caps that cost time


def test_schedulers_know_what_a_change_of_the_cap_costs() -> None:
    class Slow(Board):
        switch_cost, settle = 0.002, 5.0

    with alert.Server([lambda x: x], profile(), Slow()) as server:
        tenant = server.tenant("a", max_latency=LONG)
        scheduler = tenant._account.scheduler
        assert (scheduler.switch_cost, scheduler.hold_inputs) == (0.002, 1)
        for n in range(50):
            tenant.submit(n).result(SOON)
        assert scheduler.hold_inputs > 1  # inputs come faster than a deadline apart
        assert server._dispatch.power_cap == 20.0
