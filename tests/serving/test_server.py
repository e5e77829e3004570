"""The server: each request gets exactly one answer, whatever happens. No timing decides a test."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from servers import LONG, SOON, Board, Gate, profile, serve
from simulation import CAPS
from stores import Nets

import alert
from alert._profile_arguments import Exits
from alert.serving.sure import Leaves


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.open.set()


def test_a_store_that_does_not_hold_all_models_is_warned_of(tmp_path: Path) -> None:
    nets = Nets(tmp_path, "a", "b")
    table = alert.Profile([[0.1], [0.2]], [[20.0]] * 2, [0.7, 0.8], [20.0], 1.0, models=["a", "b"])
    with pytest.warns(UserWarning, match="holds 432 B of the 576 B of its models") as warned:
        alert.Server(nets.store(1.5), table, Board()).close()
    assert [w.filename for w in warned] == [__file__]
    alert.Server(nets.store(2), table, Board()).close()  # no warning


# ---------------------------------------------------------------------------------------- answers


def test_returns_the_output_and_says_what_ran() -> None:
    with serve(lambda x, y=0: x + y) as server:
        tenant = server.tenant("a", max_latency=LONG)
        answer = tenant.submit(2, y=3)
        assert answer.result(SOON) == 5
        assert answer.decision is not None
        assert tuple(answer.decision) == (0, 20.0)
        assert tenant.submit(alert.Call(4, y=5)).result(SOON) == 9


def test_serves_asyncio_and_threads_at_once() -> None:
    async def main(server: alert.Server) -> list[Any]:
        tenant = server.tenant("async")
        return await asyncio.gather(*(tenant(n) for n in range(200)))

    with serve() as server, ThreadPoolExecutor(4) as pool:
        tenant = server.tenant("threads")

        def send(start: int) -> list[Any]:
            return [tenant.submit(start + n) for n in range(100)]

        parts = [pool.submit(send, 1000 * k) for k in range(4)]
        assert asyncio.run(main(server)) == list(range(200))
        for k, part in enumerate(parts):
            outputs = [answer.result(SOON) for answer in part.result(SOON)]
            assert outputs == list(range(1000 * k, 1000 * k + 100))
        report = server.report()
    assert [tenant.answered for tenant in report.tenants] == [400, 200]


def test_an_async_with_serves_what_waits_and_closes() -> None:
    async def main() -> tuple[alert.Server, list[Any]]:
        async with serve() as server:
            tenant = server.tenant("a")
            waiting = [asyncio.ensure_future(tenant(n)) for n in range(50)]
            await asyncio.sleep(0)
        return server, await asyncio.gather(*waiting)

    server, outputs = asyncio.run(main())
    assert outputs == list(range(50))
    assert server.closed


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), SystemExit(3)])
def test_an_exception_of_a_model_is_for_the_one_who_asked(error: BaseException) -> None:
    def model(x: Any) -> Any:
        if x == "bad":
            raise error
        return x

    with serve(model) as server:
        tenant = server.tenant("a")
        bad, good = tenant.submit("bad"), tenant.submit("good")
        assert bad.exception(SOON) is error
        assert good.result(SOON) == "good"
        [report] = server.report().tenants
    assert (report.failed, report.answered) == (1, 1)


def test_a_cap_that_cannot_be_set_fails_one_request_only() -> None:
    board, troubles = Board(), [OSError("broken")]
    take = board.set_cap

    def set_cap(watts: float, /) -> None:
        if troubles:
            raise troubles.pop()
        take(watts)

    board.set_cap = set_cap  # type: ignore[method-assign]
    with alert.Server([lambda x: x], profile(), board) as server:
        tenant = server.tenant("a")
        assert isinstance(tenant.submit(1).exception(SOON), OSError)
        assert tenant.submit(2).result(SOON) == 2


# --------------------------------------------------------------------------------------- overload


def test_a_request_that_becomes_hopeless_is_answered_while_another_runs(gate: Gate) -> None:
    with serve(gate, policy=lambda view: (0, 0)) as server:
        tenant = server.tenant("a")
        runs = tenant.submit(1)
        gate.wait_for_call()
        hopeless = tenant.submit(2, max_latency=0.05)
        error = hopeless.exception(SOON)
        assert isinstance(error, alert.Overloaded)
        assert error.tenant == "a"
        assert not runs.done()  # the model that was in the way still is
        gate.open.set()
        assert runs.result(SOON) == 1
    assert gate.seen == [1]


def test_one_tenant_waits_less_than_it_may_and_is_not_given_up(gate: Gate) -> None:
    with serve(gate) as server:
        tenant = server.tenant("a")
        answers = [tenant.submit(n, max_latency=LONG) for n in range(20)]
        gate.open.set()
        assert [answer.result(SOON) for answer in answers] == list(range(20))


def test_a_live_view_that_cannot_begin_closes_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[alert.Server] = []

    def fail(server: alert.Server, name: str) -> None:
        closed.append(server)
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("alert.serving.live.show", fail)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        serve(live="shop")
    assert closed[0].closed


def test_a_warm_up_runs_every_model_and_counts_for_nothing() -> None:
    seen: list[Any] = []

    def model(x: Any) -> Any:
        seen.append(x)
        return x

    with serve(model) as server:
        tenant = server.tenant("a")
        server.warmup("example")
        assert seen == ["example"] * 3
        assert tenant.submit(1).result(SOON) == 1
        assert len(tenant._account.scheduler.history) == 0
        assert server.report().tenants[0].requests == 1
    with pytest.raises(RuntimeError, match="this Server is closed"):
        server.warmup("example")


def test_a_warm_up_waits_for_the_model_that_runs(gate: Gate) -> None:
    with serve(gate) as server:
        runs = server.tenant("a").submit("runs")
        gate.wait_for_call()
        warm = threading.Thread(target=server.warmup, args=("example",))
        warm.start()
        gate.open.set()
        warm.join(SOON)
        assert runs.result(SOON) == "runs"
    assert gate.seen == ["runs", *["example"] * 3]


def test_a_warm_up_holds_up_the_requests_but_nobody_who_sends_them_or_asks(gate: Gate) -> None:
    with serve(gate) as server:
        tenant = server.tenant("a")
        warm = threading.Thread(target=server.warmup, args=("example",))
        warm.start()
        gate.wait_for_call()
        done: list[Any] = []

        def use() -> None:
            done.append(tenant.submit("runs"))
            done.append(server.report().waiting)
            server.power_limit = 20.0
            done.append(server.demand().watts)

        user = threading.Thread(target=use, daemon=True)
        user.start()
        user.join(SOON / 2)
        was_held_up, seen = user.is_alive(), list(gate.seen)
        gate.open.set()
        warm.join(SOON)
        user.join(SOON)
        assert done[0].result(SOON) == "runs"
    assert not was_held_up
    assert seen == ["example"]
    assert done[1:] == [1, (20.0,)]
    assert gate.seen == [*["example"] * 3, "runs"]


# ------------------------------------------------------------------------------------- cancelling


def test_what_is_cancelled_while_it_waits_never_runs(gate: Gate) -> None:
    with serve(gate) as server:
        tenant = server.tenant("a")
        runs = tenant.submit(1)
        gate.wait_for_call()
        waits = tenant.submit(2)
        assert server.report().waiting == 1
        assert waits.cancel()
        assert server.report().waiting == 0
        assert not runs.cancel()
        gate.open.set()
        assert runs.result(SOON) == 1
        with pytest.raises(CancelledError):
            waits.result(SOON)
        [report] = server.report().tenants
    assert gate.seen == [1]
    assert (report.answered, report.cancelled, report.requests) == (1, 1, 2)


def test_a_cancelled_task_takes_its_request_back(gate: Gate) -> None:
    async def main(server: alert.Server) -> None:
        tenant = server.tenant("a")
        runs = asyncio.ensure_future(tenant(1))
        await asyncio.to_thread(gate.wait_for_call)
        waits = asyncio.ensure_future(tenant(2))
        await asyncio.sleep(0)
        for task in (runs, waits):
            task.cancel()
        ends = await asyncio.gather(runs, waits, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ends)
        gate.open.set()
        assert await tenant(3) == 3

    with serve(gate) as server:
        asyncio.run(main(server))
        [report] = server.report().tenants
    assert gate.seen == [1, 3]  # what runs is finished, and its output discarded
    assert (report.answered, report.cancelled) == (2, 1)


def test_a_loop_that_is_gone_disturbs_nobody(gate: Gate) -> None:
    with serve(gate) as server:
        tenant = server.tenant("a")
        loop = asyncio.new_event_loop()
        task = loop.create_task(tenant(1))
        loop.run_until_complete(asyncio.sleep(0))
        gate.wait_for_call()
        other = tenant.submit(2)
        task.cancel()
        loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        loop.close()
        gate.open.set()
        assert other.result(SOON) == 2


# ---------------------------------------------------------------------------------------- closing


def test_close_serves_a_full_queue(gate: Gate) -> None:
    server = serve(gate)
    tenant = server.tenant("a")
    answers = [tenant.submit(n) for n in range(100)]
    gate.wait_for_call()
    closer = threading.Thread(target=server.close)
    closer.start()
    gate.open.set()
    closer.join(SOON)
    assert not closer.is_alive()
    assert [answer.result(0) for answer in answers] == list(range(100))


def test_close_may_cancel_a_full_queue(gate: Gate) -> None:
    server = serve(gate)
    tenant = server.tenant("a")
    answers = [tenant.submit(n) for n in range(100)]
    gate.wait_for_call()
    closer = threading.Thread(target=server.close, kwargs={"cancel": True})
    closer.start()
    for answer in answers[1:]:
        with pytest.raises(CancelledError):
            answer.result(SOON)
    gate.open.set()
    closer.join(SOON)
    assert answers[0].result(0) == 0
    server.close()


def test_a_closed_server_refuses() -> None:
    server = serve()
    tenant = server.tenant("a")
    server.close()
    with pytest.raises(RuntimeError, match="this Server is closed"):
        tenant.submit(1)
    with pytest.raises(RuntimeError, match="this Server is closed"):
        asyncio.run(tenant(1))
    assert "closed" in repr(server)


def test_a_device_that_was_lent_stays_open_and_others_are_closed() -> None:
    board = Board()
    with alert.Server([lambda x: x], profile(), board) as server:
        server.tenant("a").submit(1).result(SOON)
    assert board.closed == 0
    assert board.caps == [20.0]
    with alert.Server([lambda x: x], profile(), "emulated") as server:
        device = server.device
        server.tenant("a").submit(1).result(SOON)
    assert device.closed  # type: ignore[attr-defined]


def test_an_exception_inside_with_cancels_what_waits(gate: Gate) -> None:
    answers: list[Any] = []

    def fail() -> None:
        with serve(gate) as server:
            tenant = server.tenant("a")
            answers.extend(tenant.submit(n) for n in range(3))
            gate.wait_for_call()
            answers[2].add_done_callback(lambda answer: gate.open.set())
            raise KeyError("no")

    with pytest.raises(KeyError):
        fail()
    assert answers[0].result(0) == 0
    assert answers[1].cancelled()
    assert answers[2].cancelled()


def test_a_model_cannot_close_its_server() -> None:
    servers: list[alert.Server] = []
    with serve(lambda x: servers[0].close()) as server:
        servers.append(server)
        error = server.tenant("a").submit(1).exception(SOON)
    assert isinstance(error, RuntimeError)
    assert "closes the Server it runs in" in str(error)


def test_a_closed_server_is_collected() -> None:
    server = serve()
    server.tenant("a").submit(1).result(SOON)
    server.close()
    gone = weakref.ref(server)
    del server
    gc.collect()
    assert gone() is None


def test_a_forked_process_is_told_that_it_has_no_worker() -> None:
    with serve() as server:
        tenant = server.tenant("a")
        assert tenant.submit(1).result(SOON) == 1
        child = os.fork()
        if child == 0:
            status = 1
            try:
                tenant.submit(2)
            except RuntimeError as error:
                status = 0 if "another process" in str(error) else 2
            server.close()
            os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        assert tenant.submit(3).result(SOON) == 3


# --------------------------------------------------------------------------------- models that hang


def test_a_model_that_hangs_is_given_up_and_others_are_served(gate: Gate) -> None:
    def model(x: Any) -> Any:
        return gate(x) if x == "hangs" else x

    ticks, hung = itertools.count(), [0.0]
    with serve(model, patience=0.05, clock=lambda: 1e-6 * next(ticks) + hung[0]) as server:
        tenant = server.tenant("a")
        hangs, waits = tenant.submit("hangs"), tenant.submit("waits")
        gate.wait_for_call()
        hung[0] = 1.0
        error = hangs.exception(SOON)
        assert isinstance(error, TimeoutError)
        assert "net has been running for 0.05 s" in str(error)
        assert waits.result(SOON) == "waits"
        assert server._worker.machine is not server._machine  # that one is still in use
        gate.open.set()  # the model comes back: nobody listens
        assert tenant.submit("next").result(SOON) == "next"
        [report] = server.report().tenants
    assert (report.failed, report.answered) == (1, 2)


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


# ---------------------------------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("bounds", "name"),
    [
        ({"max_latency": float("nan")}, "max_latency"),
        ({"max_latency": -1.0}, "max_latency"),
        ({"max_latency": 0.0}, "max_latency"),
        ({"max_latency": "soon"}, "max_latency"),
        ({"min_accuracy": 1.5}, "min_accuracy"),
        ({"min_accuracy": float("nan")}, "min_accuracy"),
        ({"max_energy": -0.5}, "max_energy"),
        ({"max_energy": float("nan")}, "max_energy"),
        ({"weight": 0.0}, "weight"),
        ({"weight": float("inf")}, "weight"),
        ({"optimise": "everything"}, "optimise"),
    ],
)
def test_bad_bounds_are_refused_by_name(bounds: dict[str, Any], name: str) -> None:
    with serve() as server:
        with pytest.raises((ValueError, TypeError), match=rf"^{name}: expected"):
            server.tenant("a", **bounds)
        assert server.tenants == {}


def test_a_bad_bound_of_one_request_is_refused() -> None:
    with serve() as server:
        tenant = server.tenant("a")
        for bad in (0.0, -1.0, float("nan"), float("inf")):
            with pytest.raises(ValueError, match="max_latency: expected a finite number"):
                tenant.submit(1, max_latency=bad)


def test_a_name_is_taken_once() -> None:
    with serve() as server:
        first = server.tenant("a")
        with pytest.raises(ValueError, match="name: expected a new name, got 'a' again"):
            server.tenant("a")
        assert dict(server.tenants) == {"a": first}


def test_bad_arguments_open_no_device() -> None:
    board = Board()
    for options in ({"policy": "best"}, {"patience": 0.0}, {"stop": 3}, {"clock": 3}):
        with pytest.raises((ValueError, TypeError)):
            alert.Server([lambda x: x], profile(), board, **options)
    assert board.caps == []
    with pytest.raises(ValueError, match="power_caps"):
        alert.Server([lambda x: x], alert.Profile([[1]], [[5]], [0.5], [5], 1), board)
    assert CAPS[0] > 5


def test_threads_end_with_the_server() -> None:
    before = set(threading.enumerate())
    with serve() as server:
        server.tenant("a").submit(1).result(SOON)
        mine = set(threading.enumerate()) - before
        assert len(mine) >= 2
    for thread in mine:
        thread.join(SOON)
        assert not thread.is_alive()
