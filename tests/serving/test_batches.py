"""Batches: who runs together, what each of them gets, and what is learnt."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from needs import require
from servers import LONG, SOON, Board, Gate
from tenants import GOAL

import alert
from alert.serving.account import Account
from alert.serving.answer import Answer
from alert.serving.batches import fit, joined, length, split
from alert.serving.dispatch import Dispatch, Job
from alert.serving.requests import Request
from alert.serving.worker import _Running

SHARE = 0.8  # of a latency is the same for any number of examples


def table(share: float | None = SHARE) -> alert.Profile:
    shares = None if share is None else [share, share]
    return alert.Profile(
        [[0.04, 0.01], [0.12, 0.03]],
        [[10.0, 40.0]] * 2,
        [0.6, 0.8],
        [10.0, 40.0],
        4.0,
        models=["small", "large"],
        fixed_share=shares,
    )


def account(
    name: str = "a", accuracy: float = 0.5, profile: alert.Profile | None = None
) -> Account:
    goal = alert.Goal.min_energy(deadline=LONG, accuracy=accuracy)
    scheduler = alert.Scheduler(profile or table(), goal, history=10)
    return Account(name, 0, goal, scheduler)


def request(of: Account, allowed: float = LONG, shape: tuple[int, ...] = (1, 3)) -> Request:
    return Request(of, 0.0, allowed, call=alert.Call(np.zeros(shape)))


def started(dispatch: Dispatch, *waiting: Request) -> Job:
    for each in waiting:
        assert dispatch.submit(each, 0.0) == []
    refused, job = dispatch.next(0.0)
    assert refused == []
    assert job is not None
    return job


# ------------------------------------------------------------------------------------ arrays


def test_calls_become_one_and_outputs_come_apart() -> None:
    calls = [alert.Call(np.full((2, 3), n), mask=np.full((2,), n)) for n in range(3)]
    whole = joined(calls)
    assert whole.args[0][:, 0].tolist() == [0, 0, 1, 1, 2, 2]
    assert whole.kwargs["mask"].tolist() == [0, 0, 1, 1, 2, 2]
    parts = split({"y": whole.args[0], "z": [whole.kwargs["mask"]]}, 3, 2)
    assert [part["y"][:, 0].tolist() for part in parts] == [[0, 0], [1, 1], [2, 2]]
    assert [part["z"][0].tolist() for part in parts] == [[0, 0], [1, 1], [2, 2]]


def test_tensors_of_torch_stay_tensors() -> None:
    require("torch")
    import torch

    whole = joined([alert.Call(torch.ones(1, 2)), alert.Call(torch.zeros(1, 2))])
    assert torch.equal(whole.args[0], torch.tensor([[1.0, 1.0], [0.0, 0.0]]))
    assert torch.equal(split(whole.args[0], 2, 1)[1], torch.zeros(1, 2))


def test_one_call_is_passed_on_as_it_is() -> None:
    call = alert.Call("text")
    assert joined([call]) is call


@pytest.mark.parametrize("output", [np.zeros(3), np.zeros(()), "text", {"y": np.zeros((3, 2))}])
def test_outputs_need_a_row_for_each_example(output: Any) -> None:
    with pytest.raises(TypeError, match="batch: expected outputs with a row for each of 2"):
        split(output, 2, 1)


@pytest.mark.parametrize(
    "other",
    [
        alert.Call(np.zeros((1, 4))),
        alert.Call(np.zeros((2, 3))),
        alert.Call(np.zeros((1, 3), np.float32)),
        alert.Call(x=np.zeros((1, 3))),
        alert.Call([[0.0, 0.0, 0.0]]),
        alert.Call(),
        alert.Call(np.float64(3.0)),
    ],
)
def test_only_arrays_of_one_shape_fit(other: alert.Call) -> None:
    one = alert.Call(np.zeros((1, 3)))
    assert fit(one, alert.Call(np.ones((1, 3))))
    assert not fit(one, other)
    assert not fit(other, one)
    assert length(alert.Call(np.zeros((2, 3)), np.zeros((1, 3)))) is None


# -------------------------------------------------------------------------------------- who joins


def test_those_who_would_choose_the_same_model_join() -> None:
    a, b, strict = account("a"), account("b"), account("strict", 0.75)
    waiting = [request(a), request(b, LONG + 1), request(strict, LONG + 2), request(a, LONG + 3)]
    dispatch = Dispatch(table(), batch=8)
    job = started(dispatch, *waiting)
    assert list(job.requests) == [waiting[0], waiting[1], waiting[3]]
    assert list(dispatch.queue) == [waiting[2]]
    assert job.growth == pytest.approx(0.8 + 0.2 * 3)


def test_no_more_than_asked_for_run_together() -> None:
    a = account()
    job = started(Dispatch(table(), batch=2), *(request(a) for _ in range(5)))
    assert len(job.requests) == 2


@pytest.mark.parametrize(
    ("batch", "share", "policy"),
    [(1, 0.8, "price"), (8, 0.05, "price"), (8, None, "price"), (8, 0.8, "fixed:small")],
)
def test_all_run_alone_where_nothing_is_gained(
    batch: int, share: float | None, policy: str
) -> None:
    profile = table(share)
    a = account(profile=profile)
    dispatch = Dispatch(profile, policy, batch)
    assert len(started(dispatch, request(a), request(a)).requests) == 1


def test_all_of_a_batch_are_in_time() -> None:
    """As many as the first one has time for, a tenth of it kept in reserve, and not one more."""
    a = account()
    others = [request(a) for _ in range(20)]
    job = started(Dispatch(table(), batch=30), request(a, 0.03), *others)
    latency, growth = job.decision.latency, job.growth
    assert 1 < len(job.requests) < 20
    assert 1.1 * latency * growth <= 0.03
    assert 1.1 * latency * (growth + 1.0 - SHARE) > 0.03


def test_more_requests_are_taken_in_where_batches_save_time() -> None:
    """Twenty of 11 ms each do not fit into 100 ms one by one, but in batches."""
    for batch, fits in ((1, False), (20, True)):
        a = account()
        dispatch = Dispatch(table(), batch=batch)
        refused = [each for n in range(20) for each in dispatch.submit(request(a, 0.1), 0.0)]
        assert (refused == []) is fits


def test_other_shapes_run_by_themselves() -> None:
    a = account()
    waiting = [request(a), request(a, shape=(1, 4)), request(a)]
    assert list(started(Dispatch(table(), batch=8), *waiting).requests) == [waiting[0], waiting[2]]


def test_each_learns_and_pays_its_part() -> None:
    a, b = account("a"), account("b")
    dispatch = Dispatch(table(), batch=8)
    job = started(dispatch, request(a), request(b))
    single = float(table().latency[job.decision.model, 0])
    dispatch.finish(job, 1.0, 2.0 * 1.2 * single, 3.0)
    for each in (a, b):
        assert each.scheduler.history["slowdown"].tolist() == pytest.approx([2.0])
        assert each.tally.energy == pytest.approx(1.5)
        assert each.tally.answered == 1
        assert dispatch.admission.usage.of(each) == pytest.approx(1.2 * single)


def test_a_failure_is_that_of_all() -> None:
    a, b = account("a"), account("b")
    dispatch = Dispatch(table(), batch=8)
    dispatch.fail(started(dispatch, request(a), request(b)), 1.0)
    assert (a.tally.failed, b.tally.failed) == (1, 1)


# ----------------------------------------------------------------------------------------- served


class Batched(Gate):
    """Waits for the test on its first input only."""

    def __call__(self, x: Any) -> Any:
        self.seen.append(x)
        if len(self.seen) == 1:
            self.entered.release()
            assert self.open.wait(SOON)
        return self.output(x)

    def output(self, x: Any) -> Any:
        return x + 1


def serve(model: Any, **options: Any) -> alert.Server:
    profile = alert.Profile(
        [[1e-6]], [[20.0]], [0.8], [20.0], 4.0, models=["net"], fixed_share=[SHARE]
    )
    return alert.Server({"net": model}, profile, Board(), batch=4, **options)


def test_each_request_gets_its_own_output() -> None:
    model = Batched()
    with serve(model) as server:
        tenant = server.tenant("a")
        first = tenant.submit(np.zeros((1, 2)))
        model.entered.acquire(timeout=SOON)
        others = [tenant.submit(np.full((1, 2), n)) for n in range(1, 7)]
        others[1].cancel()
        model.open.set()
        assert first.result(SOON).tolist() == [[1.0, 1.0]]
        for n in (1, 3, 4, 5, 6):
            assert others[n - 1].result(SOON).tolist() == [[n + 1.0, n + 1.0]]
        [report] = server.report().tenants
    assert [len(x) for x in model.seen] == [1, 4, 1]
    assert (report.answered, report.cancelled) == (6, 1)


def test_who_cancels_at_the_last_moment_is_left_out() -> None:
    with serve(lambda x: x) as server:
        tenant = server.tenant("a")
        requests = tuple(request(tenant._account) for _ in range(2))
        for each in requests:
            each.answer = Answer()
        requests[0].answer.cancel()
        decision = tenant._account.scheduler.decision
        running = _Running(Job(requests, decision, 0.0), 1.0)
        left = server._worker._begin(running)
        assert left is running.job
        assert left.requests == requests[1:]
        assert server.report().tenants[0].cancelled == 1


def test_a_batch_that_hangs_is_given_up_as_a_whole() -> None:
    go = threading.Event()

    class Hanging(Batched):
        def output(self, x: Any) -> Any:
            go.wait(SOON)
            return x

    model = Hanging()
    with serve(model, patience=0.2) as server:
        tenant = server.tenant("a")
        first = tenant.submit(np.zeros((1, 2)))
        model.entered.acquire(timeout=SOON)
        others = [tenant.submit(np.zeros((1, 2))) for _ in range(3)]
        model.open.set()
        for answer in (first, *others):
            assert isinstance(answer.exception(SOON), TimeoutError)
        go.set()


@pytest.mark.parametrize("error", ["raised", "rows"])
def test_what_goes_wrong_goes_wrong_for_all_of_a_batch(error: str) -> None:
    class Broken(Batched):
        def output(self, x: Any) -> Any:
            if len(x) == 1:
                return x
            if error == "raised":
                raise KeyError("lost")
            return x[:1]

    model = Broken()
    with serve(model) as server:
        tenant = server.tenant("a")
        first = tenant.submit(np.zeros((1, 2)))
        model.entered.acquire(timeout=SOON)
        others = [tenant.submit(np.zeros((1, 2))) for _ in range(3)]
        model.open.set()
        first.result(SOON)
        kind = KeyError if error == "raised" else TypeError
        assert all(isinstance(other.exception(SOON), kind) for other in others)
        assert tenant.submit(np.zeros((1, 2))).result(SOON).shape == (1, 2)
    assert GOAL.deadline < LONG
