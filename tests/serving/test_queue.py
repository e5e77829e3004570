"""The queue: who is first, and who is left when requests are taken out."""

from __future__ import annotations

import random

import pytest
from tenants import account, request

from alert.serving.requests import Queue, Request


def test_the_earliest_deadline_is_first_and_equals_keep_their_order() -> None:
    queue, a = Queue(), account()
    late, soon, also_soon = request(a, 0.0, 3.0), request(a, 1.0, 1.0), request(a, 0.5, 1.5)
    never = request(a)
    for each in (never, late, soon, also_soon):
        queue.add(each)
    assert list(queue) == [soon, also_soon, late, never]
    assert queue.pop() is soon
    assert queue.head is also_soon


def test_the_first_come_is_first_where_that_is_the_order() -> None:
    queue, a = Queue("arrival"), account()
    first, second = request(a, 0.0, 9.0), request(a, 1.0, 0.1)
    queue.add(second)
    queue.add(first)
    assert list(queue) == [first, second]


def test_says_where_a_request_was_put() -> None:
    queue, a = Queue(), account()
    assert queue.add(request(a, 0.0, 2.0)) == 0
    assert queue.add(request(a, 0.0, 1.0)) == 0
    assert queue.add(request(a, 0.0, 2.0)) == 2


def test_a_request_is_taken_out_once() -> None:
    queue, a = Queue(), account()
    one, twin = request(a, 0.0, 1.0), request(a, 0.0, 1.0)
    queue.add(one)
    queue.add(twin)
    assert queue.remove(twin)
    assert not queue.remove(twin)
    assert list(queue) == [one]
    assert queue.pop() is one
    with pytest.raises(IndexError):
        queue.pop()


def test_counts_the_requests_of_every_account() -> None:
    queue, a, b = Queue(), account("a"), account("b")
    waiting = [request(who, 0.0, allowed) for allowed, who in ((1.0, a), (2.0, b), (3.0, a))]
    for each in waiting:
        queue.add(each)
    assert queue.waiting == {a: 2, b: 1}
    queue.pop()
    queue.remove(waiting[1])
    assert queue.waiting == {a: 1}


def test_is_in_order_whatever_comes_and_goes() -> None:
    draw, queue, a = random.Random(0), Queue(), account()
    inside: list[Request] = []
    for _ in range(2000):
        if inside and draw.random() < 0.45:
            leaving = inside.pop(draw.randrange(len(inside)))
            assert queue.remove(leaving)
        else:
            inside.append(request(a, draw.random(), draw.choice((0.1, 0.2, 1.0))))
            queue.add(inside[-1])
        assert len(queue) == len(inside)
    order = [(each.due, each.number) for each in queue]
    assert order == sorted((each.due, each.number) for each in inside)
