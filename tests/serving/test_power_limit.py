"""A server within a share of a budget: its limit, its demand, and the thread that reports."""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from servers import LONG, SOON, Board, Gate
from tenants import account, request

import alert
from alert.serving.budget.demand import Demand, Loss
from alert.serving.budget.ledger import Share, Stated
from alert.serving.budget.member import Member
from alert.serving.dispatch import Dispatch

CAPS = (10.0, 20.0, 40.0)


def profile(seconds: float = 1e-6) -> alert.Profile:
    """Of one model that takes half as long under twice the watts."""
    return alert.Profile(
        [[4 * seconds, 2 * seconds, seconds]], [list(CAPS)], [0.8], list(CAPS), 4.0, models=["net"]
    )


def fast_as_can_be(view: Any) -> tuple[int, int]:
    """Take the last option: the highest cap that is left."""
    return 0, len(view.options[0]) - 1


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def server(board: Board) -> Iterator[alert.Server]:
    made = alert.Server({"net": lambda x: x}, profile(), board, policy=fast_as_can_be)
    with made:
        yield made


def run(server: alert.Server, name: str) -> float | None:
    tenant = server.tenants.get(name) or server.tenant(name, max_latency=LONG)
    answer = tenant.submit(1)
    answer.result(SOON)
    assert answer.decision is not None
    return answer.decision.power_cap


def wait_for_limit(server: alert.Server, watts: float) -> None:
    waited = threading.Event()
    for _ in range(int(SOON / 0.01)):
        if server.power_limit == watts:
            return
        waited.wait(0.01)
    raise AssertionError(server.power_limit)


def wait_for_cap(server: alert.Server, watts: float) -> None:
    waited = threading.Event()
    for _ in range(int(SOON / 0.01)):
        if server.power_cap == watts:
            return
        waited.wait(0.01)
    raise AssertionError(server.power_cap)


# ---------------------------------------------------------------------------------------- the limit


def test_no_request_runs_under_a_cap_above_the_limit(server: alert.Server) -> None:
    assert server.power_limit is None
    for limit, cap in ((None, 40.0), (39.9, 20.0), (10.0, 10.0), (1e9, 40.0)):
        server.power_limit = limit
        assert server.power_limit == limit
        assert run(server, "a") == cap


@pytest.mark.parametrize(
    "policy", ["price", "look-ahead", "edf", "fifo", "accuracy-scaling", "fixed:net"]
)
def test_every_policy_keeps_to_the_limit(policy: str) -> None:
    tight = alert.Goal.min_energy(deadline=0.012, accuracy=0.5)
    dispatch = Dispatch(profile(0.01), policy)
    for limit, cap in ((None, 40.0), (20.0, 20.0), (10.0, 10.0)):
        dispatch.power_limit = limit
        one = account()
        one.goal = tight
        one.scheduler = alert.Scheduler(profile(0.01), tight, history=0)
        asked = request(one, 0.0, 10.0)
        asked.goal = alert.Goal.min_latency(accuracy=0.5, deadline=10.0)
        dispatch.submit(asked, 0.0)
        _, job = dispatch.next(0.0)
        assert job is not None
        assert job.decision.power_cap == cap
        dispatch.fail(job, 0.0)


def test_a_cap_in_force_above_the_limit_is_lowered_at_once(
    server: alert.Server, board: Board
) -> None:
    assert run(server, "a") == 40.0
    server.power_limit = 25.0
    wait_for_cap(server, 20.0)
    assert board.caps == [40.0, 20.0]


def test_what_runs_keeps_its_cap_to_its_end(board: Board) -> None:
    gate = Gate()
    with alert.Server({"net": gate}, profile(), board, policy=fast_as_can_be) as server:
        answer = server.tenant("a", max_latency=LONG).submit(1)
        gate.wait_for_call()
        server.power_limit = 10.0
        assert (server.power_cap, board.cap) == (40.0, 40.0)
        gate.open.set()
        answer.result(SOON)
        wait_for_cap(server, 10.0)


def test_the_cap_of_a_job_that_is_about_to_run_counts_already(
    server: alert.Server, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit may fall between the choice and the change of the cap."""
    server.power_limit = 10.0
    assert run(server, "a") == 10.0
    chosen, may_run = threading.Event(), threading.Event()
    machine = server._worker.machine
    run_at_once = machine.run

    def run_later(*args: Any) -> Any:
        chosen.set()
        assert may_run.wait(SOON)
        return run_at_once(*args)

    monkeypatch.setattr(machine, "run", run_later)
    server.power_limit = None
    answer = server.tenants["a"].submit(1)
    assert chosen.wait(SOON)
    server.power_limit = 10.0
    seen = board.cap, server.power_cap
    may_run.set()
    answer.result(SOON)
    assert seen == (10.0, 40.0)
    wait_for_cap(server, 10.0)


def test_a_request_is_hopeless_by_the_caps_that_are_left() -> None:
    dispatch = Dispatch(profile(0.01), fast_as_can_be)
    assert dispatch.submit(request(account(), 0.0, 0.015), 0.0) == []
    dispatch.next(0.0)
    dispatch.power_limit = 20.0
    [(_, error)] = dispatch.submit(request(account(), 0.0, 0.015), 0.0)
    assert isinstance(error, alert.Overloaded)


@pytest.mark.parametrize("watts", [9.9, 0.0, -1.0, math.nan])
def test_limits_below_every_cap_are_refused(server: alert.Server, watts: float) -> None:
    server.power_limit = 20.0
    with pytest.raises(ValueError, match=r"power_limit: .* no less than the lowest .*, 10 W, got"):
        server.power_limit = watts
    with pytest.raises(TypeError, match="power_limit: expected a number, got list"):
        server.power_limit = []  # type: ignore[assignment]
    assert server.power_limit == 20.0


# --------------------------------------------------------------------------------------- the demand


def test_a_limit_loses_what_the_requests_would_lose() -> None:
    """In 10 s at 3 requests each: of one that takes 0.04, 0.02 or 0.01 s, at 4 W idle."""
    one = account()
    one.scheduler = alert.Scheduler(profile(0.01), one.goal, history=0, machine_price=54.0)
    demand = Demand(profile(0.01))
    for n in range(300):
        demand.count(request(one, n / 3.0), n / 3.0, price=54.0)
    watts, loss = demand.loss(300 / 3.0)
    assert watts == CAPS
    second = [0.04 * (10.0 + 50.0), 0.02 * (20.0 + 50.0), 0.01 * (40.0 + 50.0)]
    assert loss == pytest.approx([3.0 * (each - second[-1]) for each in second], rel=0.05)
    assert demand.loss(1e4).loss == pytest.approx([0.0, 0.0, 0.0], abs=1e-12)


def test_accuracy_is_worth_something_up_to_the_bound() -> None:
    """With 0.025 s left only the two higher caps are in time."""
    one = account()
    one.scheduler = alert.Scheduler(profile(0.01), one.goal, history=0, method="paper")
    demand = Demand(profile(0.01))
    demand.count(request(one, 0.0, 0.025), 0.0, price=4.0)
    _, loss = demand.loss(0.0)
    lost = 200.0 * 0.4 * 0.5 / 10.0  # joules a unit of accuracy, and the bound, over 10 s
    assert loss[0] > 0.3 * lost > 20.0 * loss[1]


def test_counting_begins_when_somebody_asks(server: alert.Server) -> None:
    server._dispatch.price.watts = 100.0
    run(server, "a")
    assert server.demand() == Loss(CAPS, (0.0, 0.0, 0.0))
    run(server, "a")
    assert max(server.demand().loss) > 0.0


# --------------------------------------------------------------------------------------- the member


class Office:
    """A budget that gives what the test says, and hears when it is asked."""

    def __init__(self, *shares: float) -> None:
        self.shares = [*shares]
        self.reports: list[tuple[str, Loss, float]] = []
        self.told: list[Stated | None] = []
        self.left: list[str] = []
        self.heard = threading.Semaphore(0)
        self.error: Exception | None = None
        self.seconds = LONG

    def report(self, name: str, loss: Loss, held: float, heard: Stated | None) -> Share:
        self.reports.append((name, loss, held))
        self.told.append(heard)
        try:
            if self.error is not None:
                raise self.error
            watts = self.shares.pop(0) if self.shares[1:] else self.shares[0]
            return Share(watts, self.seconds, 0.0, Stated(50.0, float(len(self.reports))))
        finally:
            self.heard.release()

    def leave(self, name: str) -> None:
        self.left.append(name)

    def wait_for_reports(self, count: int) -> None:
        for _ in range(count):
            assert self.heard.acquire(timeout=SOON)

    def wait_for_more(self, count: int) -> None:
        """Wait for so many reports from now on."""
        until = len(self.reports) + count
        while len(self.reports) < until:
            self.wait_for_reports(1)

    def fail_until(self, holds: Callable[[], object]) -> None:
        self.error = OSError("gone")
        while not holds():
            self.wait_for_more(1)


def test_a_member_reports_and_obeys(server: alert.Server) -> None:
    office = Office(20.0, 40.0)
    member = Member(server, office, "node", period=0.01)
    office.wait_for_reports(3)
    assert server.power_limit == 40.0
    name, loss, held = office.reports[0]
    assert (name, loss.watts, held) == ("node", CAPS, 0.0)
    assert office.reports[1][2] == 20.0
    assert office.told[:2] == [None, Stated(50.0, 1.0)]
    server.close()
    member.close()
    assert office.left == ["node"]


def test_a_cap_still_in_force_is_told(board: Board) -> None:
    gate, office = Gate(), Office(40.0)
    with alert.Server({"net": gate}, profile(), board, policy=fast_as_can_be) as server:
        member = Member(server, office, "node", period=0.01)
        answer = server.tenant("a", max_latency=LONG).submit(1)
        gate.wait_for_call()
        office.shares = [10.0]
        office.wait_for_more(3)  # one may be on its way, and one is obeyed before the last
        assert server.power_limit == 10.0
        assert office.reports[-1][2] == 40.0
        gate.open.set()
        answer.result(SOON)
        wait_for_cap(server, 10.0)
        office.wait_for_more(2)
        assert office.reports[-1][2] == 10.0
        member.close()


def test_a_member_reports_once_its_lowest_cap_is_in_force(board: Board) -> None:
    """What the ledger knew of this machine before counts until then."""
    gate, office = Gate(), Office(20.0)
    with alert.Server({"net": gate}, profile(), board, policy=fast_as_can_be) as server:
        answer = server.tenant("a", max_latency=LONG).submit(1)
        gate.wait_for_call()
        with pytest.raises(TimeoutError, match="budget: no share for 'node'"):
            Member(server, office, "node", patience=0.05)
        assert office.reports == []
        gate.open.set()
        answer.result(SOON)
        member = Member(server, office, "node")
        assert (board.cap, office.reports[0][2]) == (10.0, 0.0)
        member.close()


def test_a_cap_that_cannot_be_lowered_is_told(server: alert.Server, board: Board) -> None:
    assert run(server, "a") == 40.0
    heard: list[str] = []
    lower = board.set_cap

    def fail(watts: float) -> None:
        raise OSError("read-only")

    board.set_cap = fail  # type: ignore[method-assign]
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        server.power_limit = 25.0
        waited = threading.Event()
        while not found:
            waited.wait(0.01)
        heard += [str(warning.message) for warning in found]
    assert heard == ["the power cap stays above the limit of 25 W (read-only)"]
    board.set_cap = lower  # type: ignore[method-assign]
    server.power_limit = 25.0
    wait_for_cap(server, 20.0)


def test_a_server_goes_on_where_warnings_are_errors(server: alert.Server, board: Board) -> None:
    assert run(server, "a") == 40.0
    tried = threading.Event()
    lower = board.set_cap

    def fail(watts: float) -> None:
        tried.set()
        raise OSError("read-only")

    board.set_cap = fail  # type: ignore[method-assign]
    server.power_limit = 25.0
    assert tried.wait(SOON)
    board.set_cap = lower  # type: ignore[method-assign]
    assert run(server, "a") == 20.0


def test_requests_come_in_while_a_cap_is_lowered(server: alert.Server, board: Board) -> None:
    assert run(server, "a") == 40.0
    lowers, may_lower = threading.Event(), threading.Event()
    lower = board.set_cap

    def slowly(watts: float) -> None:
        lowers.set()
        assert may_lower.wait(SOON)
        lower(watts)

    board.set_cap = slowly  # type: ignore[method-assign]
    server.power_limit = 25.0
    assert lowers.wait(SOON)
    answer = server.tenants["a"].submit(1)  # waits for no device
    may_lower.set()
    assert answer.result(SOON) == 1


def test_a_member_waits_for_its_first_share(server: alert.Server) -> None:
    office = Office(0.0, 0.0, 20.0)
    Member(server, office, "node", period=0.001).close()
    assert len(office.reports) >= 3
    with pytest.raises(TimeoutError, match=r"budget: no share for 'node' in 0.01 s"):
        Member(server, Office(0.0), "node", period=0.001, patience=0.01)
    assert server.power_limit == 10.0


def test_without_an_answer_the_share_holds_until_the_lease_ends(server: alert.Server) -> None:
    now, office = [0.0], Office(40.0)
    member = Member(server, office, "node", period=0.001, clock=lambda: now[0])
    with pytest.warns(UserWarning, match=r"the budget of power does not answer \(gone\)") as said:
        office.fail_until(lambda: said)
    office.wait_for_more(20)  # and is warned of once
    assert server.power_limit == 40.0
    now[0] = LONG
    wait_for_limit(server, 10.0)
    office.error = None
    wait_for_limit(server, 40.0)
    member.close()


def test_a_member_goes_on_where_warnings_are_errors(server: alert.Server) -> None:
    office = Office(20.0, 40.0)
    member = Member(server, office, "node", period=0.001)
    office.error = OSError("gone")
    office.wait_for_more(20)
    office.error = None
    office.wait_for_more(20)
    member.close()


def test_a_budget_that_never_answers_holds_no_cap_beyond_the_lease(server: alert.Server) -> None:
    """Nor does an answer that comes after the lease has ended."""
    now = [0.0]
    may_answer = threading.Event()

    class Silent(Office):
        def report(self, name: str, loss: Loss, held: float, heard: Stated | None) -> Share:
            if self.reports:
                self.heard.release()
                assert may_answer.wait(SOON)
            return super().report(name, loss, held, heard)

    office = Silent(40.0)
    member = Member(server, office, "node", period=0.001, clock=lambda: now[0])
    office.wait_for_reports(2)
    assert server.power_limit == 40.0
    now[0] = LONG
    wait_for_limit(server, 10.0)
    office.seconds = -1.0  # it has ended when it comes
    may_answer.set()
    office.wait_for_reports(3)
    assert server.power_limit == 10.0
    member.close()


def test_a_server_that_sets_no_caps_is_refused(board: Board) -> None:
    with alert.Server({"net": lambda x: x}, profile(), board) as server:
        board.can_cap = False
        with pytest.raises(ValueError, match="budget: expected a server that sets power caps, got"):
            Member(server, Office(20.0), "node")
