"""The dispatch: who runs when, on a clock that the test moves."""

from __future__ import annotations

import math
from typing import Any

import pytest
from simulation import profile
from tenants import GOAL, account, request

import alert
from alert import Overloaded
from alert.serving.account import Account
from alert.serving.dispatch import Dispatch, Job
from alert.serving.policies import Policy
from alert.serving.requests import Request

FASTEST = 0.01  # the small model under the highest cap


def running(dispatch: Dispatch, now: float) -> Job:
    refused, job = dispatch.next(now)
    assert refused == []
    assert job is not None
    return job


def finish(dispatch: Dispatch, job: Job, now: float, latency: float = 0.01) -> None:
    dispatch.finish(job, now, latency, 0.1)


def by(refusals: Any) -> list[Request]:
    assert all(isinstance(error, Overloaded) for _, error in refusals)
    return [each for each, _ in refusals]


def test_serves_the_earliest_deadline_first() -> None:
    dispatch, a = Dispatch(profile()), account()
    late, soon = request(a, 0.0, 5.0), request(a, 0.0, 1.0)
    assert dispatch.submit(late, 0.0) == dispatch.submit(soon, 0.0) == []
    job = running(dispatch, 0.0)
    assert job.request is soon
    finish(dispatch, job, 0.01)
    assert running(dispatch, 0.01).request is late
    assert dispatch.next(0.02) == ([], None)


def test_a_fixed_policy_runs_its_model_at_full_power() -> None:
    dispatch, a = Dispatch(profile(), "fixed:large"), account()
    dispatch.submit(request(a, 0.0, 1.0), 0.0)
    model, cap = running(dispatch, 0.0).decision
    assert (profile().models[model], cap) == ("large", 40.0)


def test_what_cannot_be_in_time_is_refused_when_it_comes() -> None:
    dispatch, a = Dispatch(profile()), account()
    hopeless = request(a, 0.0, 0.5 * FASTEST)
    assert by(dispatch.submit(hopeless, 0.0)) == [hopeless]
    assert len(dispatch.queue) == 0
    assert a.tally.refused == 1


def test_a_refusal_says_whose_it_is_and_when_to_try_again() -> None:
    dispatch, a = Dispatch(profile()), account("camera")
    [(_, error)] = dispatch.submit(request(a, 0.0, 0.5 * FASTEST), 0.0)
    assert isinstance(error, Overloaded)
    assert error.tenant == "camera"
    assert error.retry_after > 0.0


def test_what_is_hopeless_goes_by_models_that_are_off_their_profile() -> None:
    """The small model takes 1.8 times its profile, and nobody else does."""
    dispatch, a = Dispatch(profile()), account()
    for n in range(40):
        latency = 1.8 * FASTEST if n % 2 == 0 else 3.0 * FASTEST
        a.scheduler.step(latency, 40.0 * latency, model=n % 2, power_cap=40.0)
    dispatch.submit(request(a, 0.0, 1.0), 0.0)
    finish(dispatch, running(dispatch, 0.0), 0.02, 1.8 * FASTEST)
    offset = a.scheduler.offsets[0]
    assert offset == pytest.approx(1.8, rel=0.15)
    assert dispatch.admission.fastest == offset * FASTEST
    seen = dispatch.admission.slowdown * offset * FASTEST
    fixed = dispatch._view(1.0).fixed(0, len(profile().power_caps) - 1)
    assert fixed.latency == pytest.approx(seen)
    dispatch.power_limit = 20.0
    assert dispatch.admission.fastest == offset * 2.0 * FASTEST


def test_what_becomes_hopeless_is_given_up_while_another_runs() -> None:
    """Not when the running inference ends: the dispatch says when, and it is before that."""
    dispatch, a = Dispatch(profile(), "fixed:large"), account()
    dispatch = Dispatch(profile(), Policy(lambda view: (0, view.fixed(1, 0))))
    dispatch.submit(request(a, 0.0, 9.0), 0.0)
    dispatch.submit(waits := request(a, 0.0, 9.0), 0.0)
    job = running(dispatch, 0.0)
    at = dispatch.next_expiry()
    assert 9.0 - 2 * FASTEST < at < 9.0
    assert dispatch.expire(at - 1e-6) == []
    assert by(dispatch.expire(at)) == [waits]
    assert dispatch.next_expiry() == math.inf
    finish(dispatch, job, 9.5)
    assert (a.tally.answered, a.tally.late, a.tally.refused) == (1, 1, 1)


@pytest.mark.parametrize("policy", ["edf", "fifo", "fixed:small", "accuracy-scaling"])
def test_other_policies_give_up_what_is_late_when_its_turn_comes(policy: str) -> None:
    dispatch, a = Dispatch(profile(), policy), account()
    waiting = [request(a, 0.0, 0.001), request(a, 0.0, 1.0)]
    for each in waiting:
        assert dispatch.submit(each, 0.0) == []
    assert dispatch.next_expiry() == math.inf
    refused, job = dispatch.next(0.5)
    assert by(refused) == [waiting[0]]
    assert job is not None
    assert job.request is waiting[1]


def test_misses_raise_the_price_of_the_machine_and_a_rest_lowers_it() -> None:
    dispatch, a = Dispatch(profile()), account()
    rest = dispatch.price.watts
    assert rest == profile().idle_power
    for _ in range(3):
        dispatch.submit(request(a, 0.0, 1e-4), 0.0)
    raised = dispatch.price.watts
    assert raised > 2.0 * rest
    dispatch.submit(request(a, 1.0, 1.0), 1.0)
    finish(dispatch, running(dispatch, 1.0), 1.1)
    dispatch.submit(request(a, 1000.0, 1.0), 1000.0)
    assert dispatch.price.watts == rest


def test_no_more_than_ten_thousand_wait() -> None:
    dispatch, a = Dispatch(profile()), account()
    for _ in range(10_000):
        assert dispatch.submit(request(a), 0.0) == []
    assert by(dispatch.submit(last := request(a), 0.0)) == [last]
    assert len(dispatch.queue) == 10_000


def test_where_ten_thousand_wait_the_tenant_with_most_of_them_gives_way() -> None:
    dispatch, flood, camera = Dispatch(profile()), account("flood"), account("camera", 1)
    requests = [request(flood) for _ in range(10_000)]
    for each in requests:
        dispatch.submit(each, 0.0)
    soon = request(camera, 0.0, 1.0)
    assert by(dispatch.submit(soon, 0.0)) == [requests[-1]]
    assert dispatch.queue.head is soon
    hopeless = request(camera, 0.0, 0.5 * FASTEST)
    assert by(dispatch.submit(hopeless, 0.0)) == [requests[-2], hopeless]
    assert len(dispatch.queue) == 9_999


def test_what_is_withdrawn_is_neither_run_nor_missed() -> None:
    dispatch, a = Dispatch(profile()), account()
    gone, stays = request(a, 0.0, 1.0), request(a, 0.0, 2.0)
    dispatch.submit(gone, 0.0)
    dispatch.submit(stays, 0.0)
    dispatch.withdraw(gone)
    dispatch.withdraw(gone)
    job = running(dispatch, 0.0)
    assert job.request is stays
    finish(dispatch, job, 0.01)
    assert (a.tally.cancelled, a.tally.answered, a.tally.missed, a.tally.requests) == (1, 1, 0, 2)


def test_a_late_output_is_credited_as_a_miss() -> None:
    dispatch, a = Dispatch(profile(), "fixed:large"), account()
    dispatch.submit(request(a, 0.0, 0.1), 0.0)
    dispatch.submit(request(a, 0.0, 0.9), 0.0)
    finish(dispatch, running(dispatch, 0.02), 0.2, 0.18)
    finish(dispatch, running(dispatch, 0.2), 0.25, 0.05)
    assert (a.tally.answered, a.tally.late) == (2, 1)
    assert a.tally.accuracy == pytest.approx(0.8)
    assert a.tally.energy == pytest.approx(0.2)
    assert a.tally.waited == pytest.approx(0.02 + 0.2)


def test_energy_that_is_not_read_is_that_of_the_profile() -> None:
    dispatch, a = Dispatch(profile(), "fixed:large"), account()
    dispatch.submit(request(a, 0.0, 1.0), 0.0)
    dispatch.finish(running(dispatch, 0.0), 0.05, 0.05, None)
    assert a.tally.energy == pytest.approx(profile().power[1, -1] * 0.05)


def test_a_failure_is_counted_and_uses_the_machine() -> None:
    dispatch, a = Dispatch(profile()), account()
    dispatch.submit(request(a, 0.0, 1.0), 0.0)
    dispatch.fail(running(dispatch, 0.0), 0.5)
    assert (a.tally.failed, a.tally.answered) == (1, 0)
    assert dispatch.admission.usage.of(a) == pytest.approx(0.5)


def test_an_earlier_deadline_is_urgent() -> None:
    dispatch, a = Dispatch(profile()), account()
    dispatch.submit(request(a, 0.0, 5.0), 0.0)
    job = running(dispatch, 0.0)
    assert not dispatch.is_urgent_before(job.request)
    dispatch.submit(request(a, 0.0, 6.0), 0.0)
    assert not dispatch.is_urgent_before(job.request)
    dispatch.submit(request(a, 0.0, 4.0), 0.0)
    assert dispatch.is_urgent_before(job.request)


# ----------------------------------------------------------------------------- policies of users


def test_a_function_sees_requests_and_options_and_its_choice_runs() -> None:
    seen = []

    def policy(view: Any) -> tuple[int, int]:
        seen.append((view.requests.copy(), view.options[1].copy(), len(view)))
        slowest = int(view.options[1]["latency"].argmax())
        return 1, slowest

    dispatch, a, b = Dispatch(profile(), policy), account("a"), account("b", 1, weight=2.0)
    dispatch.submit(request(a, 0.0, 1.0), 0.0)
    dispatch.submit(second := request(b, 0.0, 2.0), 0.0)
    job = running(dispatch, 0.25)
    assert job.request is second
    assert tuple(job.decision) == (1, 10.0)
    [(requests, options, count)] = seen
    assert count == 2
    assert requests["tenant"].tolist() == [0, 1]
    assert requests["weight"].tolist() == [1.0, 2.0]
    assert requests["slack"].tolist() == [0.75, 1.75]
    assert len(options) == 6
    assert options["power_cap"].tolist() == [10.0, 20.0, 40.0] * 2


def test_a_function_may_give_a_request_up() -> None:
    dispatch, a = Dispatch(profile(), lambda view: (len(view) - 1, None)), account()
    waiting = [request(a, 0.0, 1.0), request(a, 0.0, 2.0)]
    for each in waiting:
        dispatch.submit(each, 0.0)
    refused, job = dispatch.next(0.0)
    assert by(refused) == waiting[::-1]
    assert job is None


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (None, TypeError),
        (0, TypeError),
        ((0, 1, 2), TypeError),
        ((0, "best"), TypeError),
        ((0, 0.5), TypeError),
        ((7, 0), ValueError),
        ((-1, 0), ValueError),
        ((0, 6), ValueError),
        ((math.nan, 0), TypeError),
    ],
)
def test_nonsense_of_a_function_fails_one_request_only(answer: Any, error: type[Exception]) -> None:
    answers = [answer, (0, 0)]
    dispatch, a = Dispatch(profile(), lambda view: answers.pop(0)), account()
    waiting = [request(a, 0.0, 1.0), request(a, 0.0, 2.0)]
    for each in waiting:
        dispatch.submit(each, 0.0)
    [(failed, said)], job = dispatch.next(0.0)
    assert failed is waiting[0]
    assert isinstance(said, error)
    assert str(said).startswith("policy: expected")
    assert job is not None
    assert job.request is waiting[1]
    assert a.tally.failed == 1


def test_an_exception_of_a_function_fails_one_request_only() -> None:
    calls = []

    def policy(view: Any) -> tuple[int, int]:
        calls.append(view)
        if len(calls) == 1:
            raise KeyError("no")
        return 0, 0

    dispatch, a = Dispatch(profile(), policy), account()
    dispatch.submit(request(a, 0.0, 1.0), 0.0)
    dispatch.submit(request(a, 0.0, 2.0), 0.0)
    [(_, said)], job = dispatch.next(0.0)
    assert isinstance(said, KeyError)
    assert job is not None


@pytest.mark.parametrize("policy", ["best", "fixed", "fixed:huge", ""])
def test_unknown_policies_are_refused(policy: str) -> None:
    with pytest.raises(ValueError, match="policy: expected"):
        Dispatch(profile(), policy)


def test_a_policy_is_a_name_or_a_function() -> None:
    with pytest.raises(TypeError, match="policy: expected a name or a callable, got int"):
        Dispatch(profile(), 3)  # type: ignore[arg-type]


# --------------------------------------------------------------------------- what schedulers learn


class Listening(alert.Scheduler):
    """Remembers which caps it was told of."""

    __slots__ = ("caps",)

    caps: list[float | None]

    def note_cap(self, power_cap: float | None, /) -> None:
        self.caps.append(power_cap)
        super().note_cap(power_cap)


def listening(name: str = "a", number: int = 0) -> Account:
    scheduler = Listening(profile(), GOAL, history=10)
    scheduler.caps = []
    return Account(name, number, GOAL, scheduler)


def test_what_was_given_up_is_booked_with_its_scheduler() -> None:
    dispatch, a = Dispatch(profile()), listening()
    dispatch.submit(request(a, 0.0, 1e-4), 0.0)
    history = a.scheduler.history
    assert len(history) == 1
    assert history["model"][0] == -1
    assert history["accuracy"][0] == GOAL.q_fail


def test_the_scheduler_learns_from_what_ran_instead_of_its_choice() -> None:
    dispatch, a = Dispatch(profile(), "fixed:large"), listening()
    dispatch.submit(request(a, 0.0, 1.0), 0.0)
    finish(dispatch, running(dispatch, 0.0), 0.06, 0.06)  # twice as long as profiled
    assert a.scheduler.history["model"][0] == 1
    assert a.scheduler.history["slowdown"][0] == pytest.approx(2.0)


def test_a_scheduler_is_told_of_the_cap_that_another_tenant_left() -> None:
    dispatch, a, b = Dispatch(profile()), listening("a"), listening("b", 1)
    dispatch.power_cap = 20.0
    dispatch.submit(request(a, 0.0, 1.0), 0.0)
    running(dispatch, 0.0)
    assert isinstance(a.scheduler, Listening)
    assert isinstance(b.scheduler, Listening)
    assert (a.scheduler.caps, b.scheduler.caps) == ([20.0], [])


def test_what_runs_now_counts_when_another_comes() -> None:
    """The running job takes 120 ms: nobody can be done 50 ms from now."""
    dispatch, a = Dispatch(profile(), Policy(lambda view: (0, view.fixed(1, 0)))), account()
    dispatch.submit(request(a, 0.0, 9.0), 0.0)
    running(dispatch, 0.0)
    assert by(dispatch.submit(late := request(a, 0.01, 0.05), 0.01)) == [late]
    assert dispatch.submit(request(a, 0.01, 0.2), 0.01) == []
