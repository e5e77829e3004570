"""Tenants that learn from ratings: each for itself, with a context of each request."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from servers import LONG, SOON, Board

import alert
from alert import Feedback

PROFILE = alert.Profile(
    [[1e-6], [2e-6]], [[20.0], [20.0]], [0.7, 0.8], [20.0], 1.0, models=["small", "large"]
)


def serve(policy: str = "edf", batch: int = 1) -> alert.Server:
    models = {"small": lambda x: ("small", x), "large": lambda x: ("large", x)}
    return alert.Server(models, PROFILE, Board(), policy=policy, batch=batch)


def test_a_tenant_learns_which_model_suits_it_and_others_do_not() -> None:
    with serve() as server:
        taught, other = (
            server.tenant(name, min_accuracy=0.75, max_latency=LONG, feedback=Feedback(seed=1))
            for name in ("taught", "other")
        )
        for n in range(300):
            answer = taught.submit(n)
            model, _ = answer.result(SOON)
            assert answer.ticket is not None
            assert taught.feedback(answer.ticket, 0.95 if model == "small" else 0.5)
        assert taught._account.scheduler.accuracies()[0][0] > 0.85
        last = taught.submit(0)
        assert last.result(SOON)[0] == "small"
        assert other._account.scheduler.accuracies()[0].tolist() == [0.7, 0.8]
        assert answer.ticket is not None
        with pytest.raises(ValueError, match="ticket: expected a ticket of this scheduler"):
            other.feedback(answer.ticket, 1.0)
        with pytest.raises(ValueError, match="not rated before"):
            taught.feedback(answer.ticket, 1.0)
    assert last.ticket is not None
    assert taught.feedback(last.ticket, 1.0)  # after close, too


def test_without_feedback_there_is_no_ticket() -> None:
    with serve() as server:
        tenant = server.tenant("a")
        answer = tenant.submit(1)
        answer.result(SOON)
        assert answer.ticket is None
        with pytest.raises(ValueError, match="made without feedback"):
            tenant.feedback(0, 1.0)


def test_a_context_belongs_to_its_request() -> None:
    """Many requests wait at once, and each is rated by its own context."""

    async def main(server: alert.Server) -> None:
        tenant = server.tenant("a", feedback=Feedback(context=1, seed=1))
        answers = [tenant.submit(n, context=[n % 2]) for n in range(200)]
        await asyncio.gather(*(asyncio.wrap_future(answer) for answer in answers))
        for n, answer in enumerate(answers):
            assert answer.ticket is not None
            tenant.feedback(answer.ticket, float(n % 2))
        scheduler = tenant._account.scheduler
        model = max(range(2), key=lambda i: -scheduler.accuracies([0.0])[1][i])
        apart = scheduler.accuracies([1.0])[0] - scheduler.accuracies([0.0])[0]
        assert apart[model] > 0.5

    with serve("price") as server:
        asyncio.run(main(server))


def test_a_batch_has_a_ticket_for_each_request() -> None:
    profile = alert.Profile(
        [[1e-6]], [[20.0]], [0.8], [20.0], 1.0, models=["net"], fixed_share=[0.9], size=1.0
    )
    with alert.Server({"net": lambda x: x}, profile, Board(), batch=8) as server:
        tenant = server.tenant("a", feedback=Feedback(seed=1))
        answers = [tenant.submit(np.ones((1, 2))) for _ in range(64)]
        for answer in answers:
            answer.result(SOON)
        tickets = {answer.ticket for answer in answers}
        assert len(tickets) == 64
        assert all(tenant.feedback(ticket, 1.0) for ticket in tickets if ticket is not None)


def test_a_bad_context_is_refused_where_it_is_given() -> None:
    with serve() as server:
        tenant = server.tenant("a", feedback=Feedback(context=2))
        for bad in ([1.0], [1.0, float("nan")], [1e300, 0.0]):
            with pytest.raises(ValueError, match="context"):
                tenant.submit(1, context=bad)
        assert server.tenant("b").submit(1).result(SOON) is not None
        with pytest.raises(ValueError, match="context: expected none, without feedback"):
            server.tenant("c").submit(1, context=[1.0])


def test_the_report_counts_what_was_learnt() -> None:
    with serve() as server:
        tenant = server.tenant("a", min_accuracy=0.75, max_latency=LONG, feedback=Feedback(seed=1))
        for _ in range(200):
            answer = tenant.submit(0)
            answer.result(SOON)
            assert answer.ticket is not None
            tenant.feedback(answer.ticket, 0.2)
        tally = tenant._account.tally
    assert tally.accuracy / tally.answered < 0.5
