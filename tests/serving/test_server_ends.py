"""Requests that are cancelled, servers that close, and models that never end."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import threading
import weakref
from concurrent.futures import CancelledError
from typing import Any

import pytest
from servers import SOON, Board, Gate, profile, serve

import alert

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
