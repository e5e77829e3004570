"""Admission: who is given up, and when."""

from __future__ import annotations

import math

import pytest
from tenants import account, request

from alert.serving.admission import Admission, Usage
from alert.serving.requests import Queue, Request


def queue_of(*requests: Request) -> Queue:
    queue = Queue()
    for each in requests:
        queue.add(each)
    return queue


def admission(service: float = 1.0) -> Admission:
    """Every request takes so long in the plan."""
    made = Admission(service)
    made.learn((1.0 / 1.1, 0.0))
    assert made.service == pytest.approx(service)
    return made


def test_nobody_is_given_up_while_all_can_be_in_time() -> None:
    a = account()
    queue = queue_of(request(a, 0.0, 1.01), request(a, 0.0, 2.01), request(a, 0.0, 3.01))
    assert list(admission().victims(queue, 0.0)) == []
    assert len(queue) == 3


def test_one_goes_where_one_would_be_late() -> None:
    a = account()
    waiting = [request(a, 0.0, allowed) for allowed in (1.5, 1.9, 3.5)]
    queue = queue_of(*waiting)
    assert list(admission().victims(queue, 0.0)) == [waiting[1]]
    assert list(queue) == [waiting[0], waiting[2]]


def test_what_runs_now_counts() -> None:
    a = account()
    waiting = [request(a, 0.0, 2.9), request(a, 0.0, 3.5)]
    assert list(admission().victims(queue_of(*waiting), 1.0)) == []
    assert list(admission().victims(queue_of(*waiting), 1.6)) == [waiting[1]]


def test_the_tenant_who_used_most_gives_way_even_to_a_later_request() -> None:
    greedy, modest = account("greedy"), account("modest", 1)
    flood = [request(greedy, 0.0, 1.6 + 0.01 * n) for n in range(2)]
    queue = queue_of(*flood, late := request(modest, 0.0, 2.5))
    made = admission()
    made.usage.add(greedy, 0.2, 0.0)
    assert list(made.victims(queue, 0.0)) == [flood[1]]
    assert list(queue) == [flood[0], late]


def test_a_flood_leaves_the_others_time_to_spare() -> None:
    """In time as planned, the modest tenant is to be so even where the machine slows down."""
    greedy, modest = account("greedy"), account("modest", 1)
    for used, given_up in ((0.0, 0), (4.0, 1)):
        flood = [request(greedy, 0.0, 50.0 - n) for n in range(2)]
        queue = queue_of(*flood, request(modest, 0.0, 51.0))
        made = admission()
        made.usage.add(greedy, used, 0.0)
        assert list(made.victims(queue, 47.0)) == flood[:given_up]
    own = queue_of(*(request(greedy, 0.0, 3.1) for _ in range(3)))
    assert list(made.victims(own, 0.0)) == []


def test_who_asks_for_much_at_once_gives_way_before_anything_ran() -> None:
    greedy, modest = account("greedy"), account("modest", 1)
    one = request(modest, 0.0, 2.0)
    queue = queue_of(one, *(request(greedy, 0.0, 2.1) for _ in range(5)))
    given_up = list(admission().victims(queue, 0.0))
    assert [each.account for each in given_up] == [greedy] * 4
    assert one in list(queue)


def test_weights_divide_the_use() -> None:
    light, heavy = account("light"), account("heavy", 1, weight=4.0)
    queue = queue_of(request(light, 0.0, 2.0), *(request(heavy, 0.0, 2.0) for _ in range(3)))
    made = admission()
    assert [each.account for each in made.victims(queue, 0.0)] == [light, heavy]


def test_only_requests_ahead_of_the_late_one_help_it() -> None:
    greedy, modest = account("greedy"), account("modest", 1)
    late = request(modest, 0.0, 0.5)
    behind = [request(greedy, 0.0, 50.0) for _ in range(9)]
    queue = queue_of(late, *behind)
    assert list(admission().victims(queue, 0.0)) == [late]
    assert list(queue) == behind


def test_requests_without_a_deadline_are_never_late() -> None:
    a = account()
    queue = queue_of(*(request(a) for _ in range(500)))
    assert list(admission().victims(queue, 1e9)) == []


def test_a_newcomer_far_behind_is_judged_at_once() -> None:
    a = account()
    queue = queue_of(*(request(a, 0.0, 1000.0) for _ in range(400)))
    place = queue.add(newcomer := request(a, 0.0, 1000.0))
    assert list(admission(2.4975).victims(queue, 0.0, place)) == [newcomer]


def test_use_is_forgotten() -> None:
    usage, a, b = Usage(), account("a"), account("b", 1)
    usage.add(a, 1.0, 10.0)
    usage.add(b, 0.5, 12.0)
    assert usage.of(a) == pytest.approx(math.exp(-1.0))
    assert usage.of(b) == 0.5
    assert usage.of(account("c")) == 0.0


def test_a_request_is_hopeless_when_one_in_twenty_would_be_in_time() -> None:
    made = Admission(0.1)
    made.learn((2.0, 0.4))
    made.overhead = 0.01
    assert made.hopeless_at(request(account(), 5.0, 1.0)) == pytest.approx(
        6.0 - 0.1 * (2.0 - 1.645 * 0.4) - 0.01
    )
    made.learn((1.0, 5.0))  # anything may happen
    assert made.hopeless_at(request(account(), 5.0, 1.0)) == pytest.approx(5.99)


def test_one_slow_start_does_not_make_the_overhead() -> None:
    made = Admission(0.1)
    for _ in range(50):
        made.count_overhead(1e-4)
    made.count_overhead(10.0)
    assert made.overhead < 1.3e-4


def test_says_when_to_try_again() -> None:
    a, made = account(), admission()
    queue = queue_of(*(request(a, 0.0, 5.0) for _ in range(4)))
    refused = request(a, 0.0, 2.0)
    assert made.retry_after(refused, queue, 0.5) == pytest.approx(0.5 + 4.0 + 1.0 - 2.0)
    assert made.retry_after(request(a, 0.0, 99.0), queue, 0.5) == pytest.approx(1.0)


def test_in_batches_each_one_more_takes_a_part_of_the_time() -> None:
    a, made = account(), Admission(1.0, gain=0.5)
    made.learn((1.0 / 1.1, 0.0))
    assert [made.until(count) for count in (1, 2, 3)] == pytest.approx([1.0, 1.5, 2.0])
    tight = [request(a, 0.0, allowed) for allowed in (1.2, 1.6, 2.1)]
    assert list(made.victims(queue_of(*tight), 0.0)) == []
    late = request(a, 0.0, 1.9)
    assert list(made.victims(queue_of(*tight, late), 0.0)) == [late]
