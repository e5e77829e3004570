"""Accuracies learnt from ratings: against a twin in NumPy, within bounds, and with bad input."""

from __future__ import annotations

import copy
import math
import pickle
import threading
from typing import Any

import numpy as np
import pytest
from reference_feedback import Posterior, Random

import alert
from alert import Feedback, Goal, Profile, Scheduler
from alert.feedback import user_number

GOAL = Goal.min_energy(deadline=1.0, accuracy=0.75, window=1)
ACCURACY = (0.70, 0.75, 0.80)
LATENCY = ((0.02, 0.01), (0.04, 0.02), (0.06, 0.03))
TICKETS = 4096


def profile(**options: Any) -> Profile:
    """Three models under two caps, all in time by far where a second is allowed."""
    return Profile(
        latency=LATENCY,
        power=[[10.0, 20.0]] * 3,
        accuracy=ACCURACY,
        power_caps=[10.0, 20.0],
        idle_power=1.0,
        **options,
    )


def scheduler(goal: Goal = GOAL, **options: Any) -> Scheduler:
    return Scheduler(profile(), goal, feedback=Feedback(seed=1, **options))


def run_input(s: Scheduler, model: int | None = None, latency: float | None = None) -> int:
    """Run what was chosen, or `model`, for as long as profiled; return its ticket."""
    ticket, chosen = s.decision.ticket, s.decision
    assert ticket is not None
    if latency is None:
        ran = chosen.model if model is None else model
        latency = LATENCY[ran][int(chosen.power_cap > 10.0)]
    s.step(latency, 0.3, model=model)
    return ticket


# -------------------------------------------------------------------------------- against the twin


@pytest.mark.parametrize(("context", "half_life"), [(0, None), (2, None), (8, None), (3, 50.0)])
def test_what_is_known_is_that_of_the_twin(context: int, half_life: float | None) -> None:
    """10^5 ratings of three models."""
    s = scheduler(context=context, half_life=half_life)
    keep = 1.0 if half_life is None else 0.5 ** (1.0 / half_life)
    twins = [Posterior(q, context, keep=keep) for q in ACCURACY]
    random = np.random.default_rng(context)
    numbers = random.uniform(-1.0, 1.0, (100_000 // 4, context))
    scores = random.random(len(numbers))
    for n, (score, given) in enumerate(zip(scores.tolist(), numbers.tolist(), strict=True)):
        s.context = given
        s.decide()
        assert s.feedback(run_input(s, n % 3), score)
        twins[n % 3].learn(given, score)
        if n % 1000 == 999:
            mean, deviation = s.accuracies(given)
            expected = np.array([twin.accuracy(given) for twin in twins]).T
            np.testing.assert_allclose([mean, deviation], expected, rtol=0, atol=1e-9)


def test_draws_are_those_of_the_twin() -> None:
    s = scheduler(context=1)
    twins, random = [Posterior(q, 1) for q in ACCURACY], Random(1)
    for n in range(300):
        given = [math.sin(n)]
        s.context = given
        s.decide()
        s.feedback(run_input(s, n % 3), n % 2)
        twins[n % 3].learn(given, n % 2)
        laws = [twin.drawn(random) for twin in twins]
        s.context = other = [math.cos(n)]
        s.decide()
        expected = np.clip([law @ np.array([1.0, *other]) for law in laws], 0.0, 1.0)
        found = s.options()["accuracy"].reshape(3, 2)[:, 0]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def test_a_rating_of_an_exit_counts_for_the_last_one_in_proportion() -> None:
    staircase = {1: [(0.5, 0.60), (1.0, 0.75)]}
    s = Scheduler(profile(exits=staircase), GOAL, feedback=Feedback(seed=1))
    twin = Posterior(0.75, 0)
    for n in range(40):
        ticket = s.decision.ticket
        assert ticket is not None
        s.step(0.02, 0.3, model=1, exit=0)
        s.feedback(ticket, n % 2)
        twin.learn([], n % 2, share=0.60 / 0.75)
    mean, deviation = s.accuracies()
    assert (mean[1], deviation[1]) == pytest.approx(twin.accuracy([]), abs=1e-12)
    assert np.array_equal(s.accuracies(None), s.accuracies())


# ----------------------------------------------------------------------------------- what is chosen


def best_possible(s: Scheduler, goal: Goal) -> tuple[bool, bool]:
    """Tell whether some configuration meets all bounds, and whether the chosen one does."""
    options = s.options()
    meets = options["probability"] >= (goal.probability or 0.0)
    if goal.accuracy is not None:
        meets &= options["accuracy"] >= goal.accuracy
    if goal.energy is not None:
        meets &= options["energy"] <= goal.energy
    model, power_cap = s.decision
    [chosen] = np.flatnonzero((options["model"] == model) & (options["power_cap"] == power_cap))
    return bool(meets.any()), bool(meets[chosen])


@pytest.mark.parametrize(
    "goal",
    [
        Goal.min_energy(deadline=0.05, accuracy=0.6, window=1, probability=0.8),
        Goal.max_accuracy(deadline=0.05, energy=0.24, window=1, probability=0.8),
    ],
)
def test_no_draw_makes_an_infeasible_choice_where_a_feasible_one_exists(goal: Goal) -> None:
    """10^5 posteriors and draws, with what the machine does in between."""
    s = scheduler(goal, context=1)
    random = np.random.default_rng(3)
    numbers = random.uniform(-1.0, 1.0, (50_000, 3))
    found = np.zeros(2, int)
    for context, pace, score in numbers.tolist():
        s.context = [context]
        s.decide()
        model, power_cap = s.decision
        profiled = float(s.profile.latency[model, int(power_cap > 10)])
        latency = profiled * (1.0 + 0.4 * pace)
        s.feedback(run_input(s, latency=latency), max(score, 0.0) ** 0.1)
        exists, meets = best_possible(s, goal)
        assert meets == exists == s.decision.feasible, (s.decision, s.options())
        found[int(exists)] += 1
    assert found.min() > 100  # both cases come


def test_ratings_turn_the_order_of_the_models_round() -> None:
    s = scheduler()
    assert s.decision.model == 1
    for _ in range(400):
        model = s.decision.model
        s.feedback(run_input(s), 1.0 if model == 0 else 0.5)
    assert s.decision.model == 0
    assert s.decide().accuracy == pytest.approx(s.accuracies()[0][0])  # by the mean, not the draw


def test_the_context_decides() -> None:
    s = scheduler(context=1)
    for n in range(900):
        s.context = [n % 2]
        s.decide()
        breaks = s.decision.model == 1 and n % 2 == 1
        score = 0.0 if breaks else (0.6, 0.9, 0.9)[s.decision.model]
        s.feedback(run_input(s), score)
    for _ in range(60):  # nothing is tried any more
        run_input(s)
    s.context = [1.0]
    in_one = s.decide().model
    s.context = [0.0]
    assert (in_one, s.decide().model) == (2, 1)
    assert s.accuracies([1.0])[0][1] < 0.6 < 0.7 < s.accuracies([0.0])[0][1]


def test_without_ratings_all_is_as_without_feedback() -> None:
    s, plain = (
        scheduler(Goal.min_energy(deadline=0.05, accuracy=0.77)),
        Scheduler(profile(), Goal.min_energy(deadline=0.05, accuracy=0.77)),
    )
    for n in range(300):
        latency = 0.02 + 0.01 * (n * 7919 % 13) / 13
        assert s.step(latency, 0.3)[:2] == plain.step(latency, 0.3)[:2]
    assert s.history.tobytes() == plain.history.tobytes()
    assert (plain.decision.ticket, plain.decision.ask) == (None, False)


def test_choices_go_by_the_means_where_nobody_rates_any_more() -> None:
    s = scheduler()
    s.feedback(run_input(s), 0.0)
    drawn = s.options()["accuracy"].reshape(3, 2)[:, 0]
    s.decide()
    assert s.options()["accuracy"][0] != s.accuracies()[0][0]
    for _ in range(60):
        run_input(s)
    found = s.options()["accuracy"].reshape(3, 2)[:, 0]
    np.testing.assert_allclose(found, s.accuracies()[0], rtol=1e-12)
    assert not np.array_equal(found, drawn)


def test_what_is_credited_is_the_mean() -> None:
    s = scheduler()
    for _ in range(30):
        s.feedback(run_input(s, 2), 0.0)
    s.decide()
    mean = s.accuracies()[0]
    run_input(s, 2)
    assert s.history["accuracy"][-1] == mean[2]
    assert s.history["expected_accuracy"][-1] == pytest.approx(mean[2], abs=1e-12)


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_what_is_expected_of_an_anytime_model_is_the_mean_over_its_exits(score: float) -> None:
    """The last exit is seldom in time, the first one mostly. A late output is worth something."""
    goal = Goal.max_accuracy(deadline=0.065, q_fail=0.05)
    staircase = {1: [(0.5, 0.45), (0.8, 0.60), (1.0, 0.75)]}
    s = Scheduler(profile(exits=staircase), goal, feedback=Feedback(seed=1))
    for n in range(30):
        s.feedback(run_input(s, 1, latency=0.05 + 0.002 * (n % 20)), score)
    s.decide()
    run_input(s, latency=0.03)
    s.expect(delay=[1.0, 0.0, 1.0])  # the others cannot start in time
    decision = s.decide()
    options = s.options()
    of_choice = options[(options["model"] == 1) & (options["power_cap"] == decision.power_cap)]
    out = of_choice["probability"]
    assert decision.exit == 2
    assert 0.02 < out[2] < out[1] - 0.02 < out[0] - 0.04 < 0.95
    worth = s.accuracies()[0][1] * np.array([0.45, 0.60, 0.75]) / 0.75
    by_hand = worth @ -np.diff([*out, 0.0]) + 0.05 * (1.0 - out[0])
    assert decision.accuracy == pytest.approx(by_hand, abs=1e-12)


def test_asks_until_a_rating_would_hardly_move_what_is_known() -> None:
    s = scheduler(Goal.min_energy(deadline=1.0, accuracy=0.1, window=1))
    asked = 0
    while s.decision.ask:
        s.feedback(run_input(s), 0.7)
        asked += 1
    variance = s.accuracies()[1][s.decision.model] ** 2
    assert variance / math.sqrt(variance + 0.2) < 0.005
    assert 50 < asked < 90


@pytest.mark.parametrize(("score", "least"), [(0.69, 0.005), (0.62, 0.0033), (0.5, 0.005)])
def test_asks_longer_where_a_model_is_less_accurate_than_published(
    score: float, least: float
) -> None:
    """0.70 was published. A model that is much less accurate is asked about as others are."""
    s = scheduler(Goal.min_energy(deadline=1.0, accuracy=0.1, window=1))
    while s.decision.ask:
        s.feedback(run_input(s, 0), score)
    mean, deviation = (row[0] for row in s.accuracies())
    assert mean == pytest.approx(score, abs=0.05)
    moves = deviation**2 / math.sqrt(deviation**2 + 0.2)
    assert 0.98 * least < moves < least


def test_older_ratings_count_less_with_a_half_life() -> None:
    forgetful, faithful = scheduler(half_life=20), scheduler()
    for s in (forgetful, faithful):
        for n in range(400):
            s.feedback(run_input(s, 0), float(n < 200))
    assert forgetful.accuracies()[0][0] < 0.35 < 0.45 < faithful.accuracies()[0][0]


# ----------------------------------------------------------------------------------------- poisoned


def test_one_user_who_always_says_no_moves_little() -> None:
    """4 of 24 ratings on his own, the prior being worth 20."""
    s = scheduler()
    learnt = sum(s.feedback(run_input(s, 2), 0.0, user="angry") for _ in range(500))
    assert learnt == 4
    assert s.accuracies()[0][2] == pytest.approx(0.80 * 20 / 24)


def test_one_user_among_many_has_a_sixteenth_of_the_say() -> None:
    s = scheduler()
    for n in range(4000):
        angry = n % 2 == 0
        s.feedback(run_input(s, 2), float(not angry), user="angry" if angry else f"user {n}")
    assert s.accuracies()[0][2] >= 1 - 1 / 16 - 0.01


def test_users_may_be_numbers_and_are_told_apart() -> None:
    s = scheduler()
    learnt = [s.feedback(run_input(s, 0), 1.0, user=n % 3) for n in range(30)]
    assert sum(learnt) == 12


# ---------------------------------------------------------------------------------------- bad input


def refused(s: Scheduler, message: str, *arguments: Any) -> None:
    """Check that a rating is refused, and changes nothing."""
    before = pickle.dumps(s)
    with pytest.raises((ValueError, TypeError), match=message):
        s.feedback(*arguments)
    assert pickle.dumps(s) == before


def test_a_ticket_serves_once() -> None:
    s = scheduler()
    ticket = run_input(s)
    assert s.feedback(ticket, 1.0)
    refused(s, "ticket: expected a ticket that was not rated before", ticket, 1.0)


def test_a_ticket_is_good_for_4096_inputs() -> None:
    s = scheduler()
    first, second = run_input(s), run_input(s)
    for _ in range(TICKETS - 1):
        run_input(s)
    refused(s, "ticket: expected a ticket of the last 4096 inputs", first, 1.0)
    assert s.feedback(second, 1.0)


def test_a_ticket_of_another_scheduler_is_refused() -> None:
    s = scheduler()
    run_input(s)
    other = run_input(scheduler())
    for ticket in (other, 0, -1, 2**64, 2**64 - 1, 2**200):
        refused(s, "ticket: expected a ticket of this scheduler", ticket, 1.0)


def test_an_input_must_be_finished_and_run() -> None:
    s = scheduler()
    pending = s.decision.ticket
    refused(s, "ticket: expected the ticket of an input that is finished", pending, 1.0)
    s.missed()
    refused(s, "ticket: expected the ticket of an input that was run", pending, 1.0)


def test_a_late_output_teaches_nothing() -> None:
    s = scheduler()
    ticket = run_input(s, latency=2.0)
    assert s.feedback(ticket, 0.0) is False
    assert s.accuracies()[0].tolist() == list(ACCURACY)
    refused(s, "not rated before", ticket, 0.0)


@pytest.mark.parametrize("score", [math.nan, math.inf, -0.1, 1.1, 5, "good", None])
def test_scores_are_from_0_to_1(score: Any) -> None:
    s = scheduler()
    ticket = run_input(s)
    refused(s, "score: expected a number from 0 to 1", ticket, score)
    assert s.feedback(ticket, np.float64(0.5))


@pytest.mark.parametrize("ticket", [None, 1.0, "7"])
def test_a_ticket_is_an_integer(ticket: Any) -> None:
    refused(scheduler(), "ticket: expected that of a decision", ticket, 1.0)


def test_errors_show_the_largest_ticket_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.randbits", lambda bits: 2**bits - 1)
    s = scheduler()
    ticket = run_input(s)
    s.feedback(ticket, 1.0)
    assert ticket > 4e15
    refused(s, f"ticket: expected a ticket that was not rated before, got {ticket}$", ticket, 1.0)


def test_text_and_numbers_of_numpy_are_the_same_users() -> None:
    users: list[Any] = ["anna", "5", 5, 6]
    of_numpy: list[Any] = [np.str_("anna"), np.str_("5"), np.int64(5), np.uint8(6)]
    numbers = [user_number(user) for user in users]
    assert [user_number(user) for user in of_numpy] == numbers
    assert len(set(numbers)) == 4


@pytest.mark.parametrize("user", [1.5, b"x", ("a",)])
def test_a_user_is_text_or_a_number(user: Any) -> None:
    s = scheduler()
    refused(s, "user: expected text, a number or None", run_input(s), 1.0, user)


def test_there_are_no_tickets_without_feedback() -> None:
    s = Scheduler(profile(), GOAL)
    refused(s, "ticket: expected none: this scheduler was made without feedback", 1, 1.0)
    unlearnt = r"ticket: expected that of a decision \(None without feedback=\), got NoneType"
    refused(s, unlearnt, s.decision.ticket, 1.0)
    with pytest.raises(ValueError, match="context: expected none, without feedback, got 1"):
        s.context = [1.0]
    assert s.context == ()
    assert s.accuracies()[0].tolist() == list(ACCURACY)


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ([1.0], "context: expected as many numbers as Feedback says, got 1"),
        ([1.0] * 9, "context: expected as many numbers"),
        ([], "context: expected as many numbers"),
        ([1.0, math.nan], r"context\[1\]: expected a number from -10 to 10"),
        ([1e300, 0.0], r"context\[0\]: expected a number from -10 to 10"),
        ([0.0, math.inf], r"context\[1\]: expected a number from -10 to 10"),
        ([[1.0, 2.0]], "context: expected 1 dimensions?, got 2"),
        (["a", "b"], "context: expected numbers, got text"),
        (7.0, "context: expected 1 dimensions?, got 0"),
    ],
)
def test_contexts_are_numbers_of_about_unit_size(context: Any, message: str) -> None:
    s = scheduler(context=2)
    s.context = (0.5, -0.5)
    before = pickle.dumps(s)
    with pytest.raises((ValueError, TypeError), match=message):
        s.context = context
    with pytest.raises((ValueError, TypeError), match=message):
        s.accuracies(context)
    assert pickle.dumps(s) == before
    assert s.context == (0.5, -0.5)
    with pytest.raises(AttributeError, match="context cannot be deleted"):
        del s.context


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"context": 9}, "context: expected at most 8 numbers, got 9"),
        ({"context": -1}, "context: expected"),
        ({"context": 1.5}, "context: expected an integer"),
        ({"prior": 0.5}, "prior: expected a number of ratings from 1 to 1e6"),
        ({"prior": math.nan}, "prior: expected a number of ratings"),
        ({"half_life": 0.0}, "half_life: expected a finite number >= 1"),
        ({"half_life": math.inf}, "half_life: expected a finite number >= 1"),
        ({"seed": -1}, "seed: expected"),
        ({"seed": "x"}, "seed: expected"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        Feedback(**options)


def test_feedback_is_a_feedback() -> None:
    with pytest.raises(TypeError, match=r"feedback: expected an alert\.Feedback or None, got bool"):
        Scheduler(profile(), GOAL, feedback=True)  # type: ignore[arg-type]


def test_accuracies_are_learnt_or_expected() -> None:
    s = scheduler()
    with pytest.raises(ValueError, match=r"accuracy.*None where accuracies are learnt"):
        s.expect(accuracy=[0.5] * 3)
    s.feedback(run_input(s), 0.0)
    drawn = s.decide() and s.options()["accuracy"].copy()
    s.expect(delay=[0.01, 0.0, 0.0])
    assert np.array_equal(s.options()["accuracy"], drawn)


# -------------------------------------------------------------------------------- state and threads


def test_a_pickle_carries_all_that_was_learnt() -> None:
    s = scheduler(context=2, half_life=100)
    tickets = []
    for n in range(500):
        s.context = [n % 3 / 3, n % 5 / 5]
        s.decide()
        tickets.append(run_input(s))
        if n > 20 and n % 2:
            s.feedback(tickets[n - 20], n % 4 / 3, user=n % 7)
    twin, other = pickle.loads(pickle.dumps(s)), copy.deepcopy(s)
    for each in (s, twin, other):
        for n in range(200):
            each.context = [0.1, n / 200]
            each.decide()
            run_input(each)
        for ticket in tickets[-20:]:
            each.feedback(ticket, 0.25)
        for _ in range(50):
            run_input(each)
    assert s._save()[0] == twin._save()[0] == other._save()[0]


def test_a_changed_state_is_refused() -> None:
    s = scheduler(context=1)
    s.feedback(run_input(s), 1.0)
    state = s._save()[0]
    numbers = np.frombuffer(state, np.float64).copy()
    [place] = np.flatnonzero(numbers == s.accuracies()[0][1])[:1]  # a mean of the law
    for bad in (math.nan, 1e200):
        numbers[place] = bad
        with pytest.raises(ValueError, match="state: expected the bytes saved"):
            s._restore(numbers.tobytes())
    s._restore(state)


def test_ratings_from_many_threads_all_count() -> None:
    s = scheduler()
    tickets = [run_input(s, 0) for _ in range(800)]
    failed: list[int] = []

    def step() -> None:
        for _ in range(1500):
            s.step(0.03, 0.3)
            alert.step_many([s], [0.03], [0.3])

    def rate(part: list[int]) -> None:
        failed.extend(ticket for ticket in part if not s.feedback(ticket, 1.0))

    threads = [threading.Thread(target=rate, args=(tickets[k::8],)) for k in range(8)]
    threads.append(threading.Thread(target=step))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failed
    twin = Posterior(ACCURACY[0], 0)
    for _ in tickets:  # in any order
        twin.learn([], 1.0)
    assert s.accuracies()[0][0] == pytest.approx(twin.accuracy([])[0], abs=1e-9)
