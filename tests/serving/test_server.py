"""The server: each request gets exactly one answer, whatever happens. No timing decides a test."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from servers import LONG, SOON, Board, Gate, profile, serve
from simulation import CAPS
from stores import Nets

import alert


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
