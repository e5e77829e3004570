"""`alert.learning.Selector` against its equations by the book, and against bad tickets."""

from __future__ import annotations

import copy
import json
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from alert.evaluation import fleet
from alert.learning import Selector, joint, selector
from alert.learning.posterior import REFACTOR, Information, Posterior

MODELS = ["small", "middle", "large"]

Seen: TypeAlias = list[tuple[np.ndarray, float]]
"""Features and reward of every rating."""


def features(device: object) -> np.ndarray:
    speed = float(device)  # type: ignore[arg-type]
    sizes = np.array([0.0, 0.5, 1.0])
    return np.column_stack([np.ones(3), sizes, np.full(3, speed), sizes * speed])


def make(**options: object) -> Selector:
    return Selector(MODELS, features, **options)  # type: ignore[arg-type]


def serve(one: Selector, devices: np.ndarray, seed: int = 0) -> Seen:
    """Have some devices served; return the features and the reward of every choice."""
    random = np.random.default_rng(seed)
    seen = []
    for device in devices:
        name, ticket = one.choose(device)
        reward = float(random.random())
        one.rate(ticket, reward)
        seen.append((features(device)[MODELS.index(name)], reward))
    return seen


def told(seen: Seen, prior: float = 0.25) -> tuple[np.ndarray, np.ndarray]:
    """Return what ratings tell, as sums: a weighted regression, its line renewed each time."""
    size = len(seen[0][0])
    matrix, vector = np.zeros((size, size)), np.zeros(size)
    for x, reward in seen:
        at = x @ np.linalg.solve(matrix + np.eye(size) / prior, vector)
        p = 1.0 / (1.0 + np.exp(-at))
        weight = max(p * (1.0 - p), 0.05)
        matrix = matrix + weight * np.outer(x, x)
        vector = vector + weight * x * (at + (reward - p) / weight)
    return matrix, vector


def by_the_book(*nodes: Seen, prior: float = 0.25) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance of the law, after nodes have learnt apart and merged."""
    sums = [told(seen, prior) for seen in nodes]
    precision = np.eye(len(sums[0][1])) / prior + sum(matrix for matrix, _ in sums)
    return np.linalg.solve(precision, sum(vector for _, vector in sums)), np.linalg.inv(precision)


def law_by_the_book(rows: np.ndarray, *nodes: Seen) -> np.ndarray:
    """Return mean and deviation of the law for each row."""
    mean, covariance = by_the_book(*nodes)
    return np.array([(row @ mean, np.sqrt(row @ covariance @ row)) for row in rows])


def expected_by_the_book(device: float, *nodes: Seen) -> np.ndarray:
    """Return mean and deviation of the reward of each model, by a sum over a fine grid."""
    z = np.linspace(-9.0, 9.0, 4001)
    share = np.exp(-0.5 * z * z)
    share /= share.sum()
    found = []
    for mean, deviation in law_by_the_book(features(device), *nodes):
        p = 1.0 / (1.0 + np.exp(-(mean + deviation * z)))
        found.append((p @ share, np.sqrt((p - p @ share) ** 2 @ share)))
    return np.array(found)


def expected(one: Selector, device: float) -> np.ndarray:
    return np.array([one.expected(device)[name] for name in MODELS])


def test_knows_what_the_book_knows() -> None:
    one = make()
    seen = serve(one, np.linspace(-1, 1, 60))
    np.testing.assert_allclose(expected(one, 0.3), expected_by_the_book(0.3, seen), rtol=1e-9)
    assert one.ratings == 60


def test_finds_the_law_that_users_follow() -> None:
    random = np.random.default_rng(2)
    truth = np.array([0.5, -1.0, 1.5])
    law, own = Posterior(3, prior=0.3), Information.none(3)
    for x in np.column_stack([np.ones(4000), random.normal(size=(4000, 2))]):
        law.learn(x, float(random.random() < 1.0 / (1.0 + np.exp(-x @ truth))), own)
    deviation = np.sqrt(np.diag(law.root @ law.root.T))
    assert (np.abs(law.mean - truth) < 3.0 * deviation).all()
    assert (deviation < 0.06).all()


def test_one_surprise_does_not_move_the_law_far() -> None:
    law, own = Posterior(1, prior=10.0), Information.none(1)
    seen = [(np.ones(1), 1.0)] * 300
    for x, reward in seen:
        law.learn(x, reward, own)
    at = law.mean.item()
    law.learn(np.ones(1), 0.0, own)
    assert 0.0 < at - law.mean.item() < 0.07  # 1 / (0.05 x 300)
    mean, _ = by_the_book([*seen, (np.ones(1), 0.0)], prior=10.0)
    np.testing.assert_allclose(law.mean, mean, rtol=1e-9)


def test_expects_a_share_even_where_nothing_is_known() -> None:
    one = make(prior=1e4)
    assert np.allclose(expected(one, 0.3), [0.5, 0.5], atol=0.01)


def test_updates_agree_with_a_computation_anew_and_stay_a_covariance() -> None:
    random = np.random.default_rng(1)
    law, own = Posterior(6, prior=0.1), Information.none(6)
    for _ in range(REFACTOR - 1):
        law.learn(random.normal(size=6), float(random.random()), own)
    assert not law.is_worn
    law.learn(random.normal(size=6), 0.5, own)
    assert law.is_worn
    mean, covariance = law.mean.copy(), law.root @ law.root.T
    assert np.linalg.eigvalsh(covariance).min() > 0
    law.recompute([own])
    np.testing.assert_allclose(mean, law.mean, atol=1e-9)
    np.testing.assert_allclose(covariance, law.root @ law.root.T, atol=1e-9)
    assert not law.is_worn


def test_computes_anew_when_it_is_worn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alert.learning.posterior.REFACTOR", 10)
    computed = []
    recompute = Posterior.recompute

    def counting(law: Posterior, sources: list[Information]) -> None:
        computed.append(1)
        recompute(law, sources)

    monkeypatch.setattr(Posterior, "recompute", counting)
    seen = serve(one := make(), np.linspace(-1, 1, 25))
    assert len(computed) == 2
    np.testing.assert_allclose(expected(one, 0.0), expected_by_the_book(0.0, seen), rtol=1e-9)


def test_ucb_takes_what_may_be_the_best() -> None:
    for width in (0.0, 1.0, 3.0):
        one = make(method="ucb", width=width)
        seen = serve(one, np.linspace(-1, 1, 30))
        for device in (-0.7, 0.1, 0.9):
            mean, deviation = law_by_the_book(features(device), seen).T
            assert one.choose(device).model == MODELS[int(np.argmax(mean + width * deviation))]


def test_thompson_draws_laws_from_the_posterior() -> None:
    law, own = Posterior(4, prior=0.1), Information.none(4)
    random = np.random.default_rng(0)
    for _ in range(20):
        law.learn(random.normal(size=4), float(random.random()), own)
    rows = features(0.4)
    along = rows @ law.root
    drawn = np.array([law.draw(rows, 0.5, random) for _ in range(20_000)])
    np.testing.assert_allclose(drawn.mean(axis=0), rows @ law.mean, atol=0.01)
    np.testing.assert_allclose(np.cov(drawn.T), 0.25 * along @ along.T, atol=2e-3)


def test_the_same_seed_gives_the_same_choices() -> None:
    def run(seed: int) -> list[str]:
        one = make(method="thompson", seed=seed)
        return [one.choose(0.1).model for _ in range(30)]

    assert run(3) == run(3)
    assert run(3) != run(4)


def test_merging_adds_what_each_has_learnt() -> None:
    nodes = [make() for _ in range(3)]
    seen = [serve(node, np.linspace(-1, k, 20), seed=k) for k, node in enumerate(nodes)]
    for _ in range(2):  # around a circle, and once more
        for here, there in ((0, 1), (1, 2), (2, 0), (0, 1), (1, 0), (0, 0)):
            nodes[here].merge(nodes[there])
    for node in nodes:
        np.testing.assert_allclose(
            expected(node, 0.2),
            expected_by_the_book(0.2, *seen),
            rtol=1e-9,
        )
        assert node.ratings == 60


def test_merging_takes_what_is_newer() -> None:
    here, there = make(), make()
    seen = serve(there, np.linspace(-1, 1, 10))
    here.merge(there)
    seen += serve(there, np.linspace(-1, 1, 10))
    old = pickle.loads(pickle.dumps(here))
    here.merge(there)
    here.merge(old)
    np.testing.assert_allclose(expected(here, 0.2), expected_by_the_book(0.2, seen), rtol=1e-9)


def test_a_merged_selector_goes_on_learning() -> None:
    here, there = make(), make()
    seen = serve(there, np.linspace(-1, 1, 10))
    here.merge(there)
    seen += serve(here, np.linspace(0, 1, 10), seed=5)
    there.merge(here)
    np.testing.assert_allclose(expected(there, 0.2), expected_by_the_book(0.2, seen), rtol=1e-9)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (Selector(["small", "large"], features), "other: expected the same models"),
        (Selector(MODELS, features, prior=2.0), "other: expected the same prior"),
    ],
)
def test_only_the_same_is_merged(other: Selector, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make().merge(other)


def test_other_features_are_not_merged() -> None:
    here = make()
    serve(here, np.array([0.1]))
    there = Selector(MODELS, lambda device: features(device)[:, :3])
    there.rate(there.choose(0.1).ticket, 1.0)
    known = expected(here, 0.2)
    with pytest.raises(ValueError, match="features: expected 4 for each model, got 3"):
        here.merge(there)
    assert (expected(here, 0.2) == known).all()
    with pytest.raises(TypeError, match="other: expected a Selector, got str"):
        here.merge("there")  # type: ignore[arg-type]


def test_a_ticket_is_good_once() -> None:
    one = make()
    ticket = one.choose(0.1).ticket
    one.rate(ticket, 1.0)
    known = expected(one, 0.1)
    with pytest.raises(ValueError, match="ticket: expected one that is not yet rated, got"):
        one.rate(ticket, 1.0)
    assert (expected(one, 0.1) == known).all()


def test_tickets_of_others_and_old_ones_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selector, "TICKETS", 2)
    one, other = make(), make()
    tickets = [one.choose(0.1).ticket for _ in range(3)]
    with pytest.raises(ValueError, match="of the last 2, got"):
        one.rate(tickets[0], 1.0)
    for foreign in (other.choose(0.1).ticket, tickets[-1] + 1):
        with pytest.raises(ValueError, match="ticket: expected one of this selector, got"):
            one.rate(foreign, 1.0)
    for late in tickets[1:]:
        one.rate(late, 1.0)
    assert one.ratings == 2


@pytest.mark.parametrize("reward", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_reward_out_of_range_leaves_the_ticket_good(reward: float) -> None:
    one = make()
    ticket = one.choose(0.1).ticket
    with pytest.raises(ValueError, match="reward: expected 0 to 1, got"):
        one.rate(ticket, reward)
    with pytest.raises(TypeError, match="reward: expected a number, got str"):
        one.rate(ticket, "good")  # type: ignore[arg-type]
    one.rate(ticket, 1.0)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1.0]], r"features\(device\): expected the shape \(3, n\), got \(1, 1\)"),
        ([[1.0], [np.nan], [1.0]], r"features\(device\)\[1, 0\]: expected a finite number"),
        ([[1.0], [1.0], [-1e200]], r"features\(device\)\[2, 0\]: expected a number from -10000 to"),
        ([[], [], []], r"features\(device\): expected at least one feature, got none"),
    ],
)
def test_bad_features_are_refused(rows: list[list[float]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Selector(MODELS, lambda device: rows).choose(0.0)


def test_the_number_of_features_stays() -> None:
    one = Selector(MODELS, lambda device: np.ones((3, int(device))))  # type: ignore[call-overload]
    one.choose(2)
    with pytest.raises(ValueError, match=r"expected the shape \(3, 2\), got \(3, 4\)"):
        one.choose(4)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (("small", features), {}, TypeError, "models: expected a sequence of names, got str"),
        (([1], features), {}, TypeError, "models: expected names that are str, got int"),
        (([], features), {}, ValueError, "models: expected names, each once"),
        ((["a", "a"], features), {}, ValueError, "models: expected names, each once"),
        ((["a"], [[1.0]]), {}, TypeError, "features: expected a callable, got list"),
        ((["a"], features), {"method": "best"}, ValueError, "method: expected one of"),
        ((["a"], features), {"width": -1}, ValueError, "width: expected a finite number >= 0"),
        ((["a"], features), {"seed": -1}, ValueError, "seed: expected an integer >= 0, got -1"),
        ((["a"], features), {"seed": "x"}, TypeError, "seed: expected an integer, got 'x'"),
        ((["a"], features), {"prior": 0}, ValueError, "prior: expected a finite number > 0, got 0"),
        ((["a"], features), {"prior": np.inf}, ValueError, "prior: expected a finite number > 0"),
    ],
)
def test_bad_arguments_are_named(
    arguments: tuple[object, object], options: dict[str, object], error: type, message: str
) -> None:
    with pytest.raises(error, match=message):
        Selector(*arguments, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))]
)
def test_copies_go_on_by_themselves(again: Callable[[Selector], Selector]) -> None:
    one = make(method="thompson", seed=1)
    serve(one, np.linspace(-1, 1, 5))
    waiting = one.choose(0.3).ticket
    other = again(one)
    assert other.choose(0.2).model == one.choose(0.2).model  # the same draw
    known = expected(one, 0.2)
    other.rate(waiting, 1.0)
    assert (expected(one, 0.2) == known).all()
    one.rate(waiting, 0.0)
    one.merge(other)
    assert one.ratings == 7


def test_a_file_holds_what_was_learnt(tmp_path: Path) -> None:
    one = make(method="ucb", width=0.5)
    seen = serve(one, np.linspace(-1, 1, 12))
    one.save(tmp_path / "selector.json")
    other = Selector.load(tmp_path / "selector.json", features)
    np.testing.assert_allclose(expected(other, 0.2), expected_by_the_book(0.2, seen), rtol=1e-9)
    assert other.choose(0.2).model == one.choose(0.2).model
    other.merge(one)
    assert other.ratings == 12
    make().save(tmp_path / "new.json")
    assert Selector.load(tmp_path / "new.json", features).ratings == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda node: node.pop("vector"), r"nodes\[.*\]\.vector: missing"),
        (lambda node: node["vector"].append(0.0), r"nodes\[.*\]\.matrix: expected the shape"),
        (lambda node: node.update(count=-1), r"nodes\[.*\]\.count: expected an integer >= 0"),
        (lambda node: node["matrix"][0].__setitem__(0, -9.0), "without negative eigenvalues"),
        (lambda node: node["matrix"][0].__setitem__(1, 9.0), "expected a symmetric matrix"),
        (lambda node: node["vector"].__setitem__(0, "1"), "expected numbers, got text"),
    ],
)
def test_a_damaged_file_is_refused(
    tmp_path: Path, change: Callable[[dict[str, object]], object], message: str
) -> None:
    path = tmp_path / "selector.json"
    serve(one := make(), np.array([0.2]))
    one.save(path)
    document = json.loads(path.read_text())
    change(next(iter(document["nodes"].values())))
    path.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=message) as caught:
        Selector.load(path, features)
    assert str(path) in str(caught.value)


def test_a_file_of_the_linear_law_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "selector.json"
    serve(one := make(), np.array([0.2]))
    one.save(path)
    document = {**json.loads(path.read_text()), "version": 1, "noise": 0.25}
    path.write_text(json.dumps(document))
    with pytest.raises(ValueError, match="version: this release reads 2 to 2, got 1"):
        Selector.load(path, features)


def test_any_thread_may_choose_rate_and_merge() -> None:
    one, other = make(), make()

    def work(seed: int) -> None:
        for device in np.linspace(-1, 1, 50):
            one.rate(one.choose(device).ticket, 0.5)
            (one if seed % 2 else other).merge(other if seed % 2 else one)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert one.ratings == 200
    mean, _ = expected(one, 0.1).T
    one._posterior.recompute(list(one._sources.values()))  # type: ignore[union-attr]
    np.testing.assert_allclose(expected(one, 0.1)[:, 0], mean, rtol=1e-9)


def test_a_selector_of_joint_features_can_be_sent() -> None:
    of = joint(models=[[1.0], [2.0], [3.0]], devices=[[10.0], [30.0]])
    one = Selector(MODELS, of)
    one.rate(one.choose([20.0]).ticket, 1.0)
    other = pickle.loads(pickle.dumps(one))
    assert other.expected([25.0]) == one.expected([25.0])


def test_joint_features_are_scaled_and_multiplied() -> None:
    of = joint(models=[[1.0], [3.0]], devices=[[10.0, 0.0], [30.0, 0.0]])
    rows = np.asarray(of([30.0, 0.0]))
    # one, the model, the device (a constant column keeps its zero), products, held smaller
    np.testing.assert_allclose(rows, [[1, -1, 1, 0, -0.3, 0], [1, 1, 1, 0, 0.3, 0]])
    with pytest.raises(ValueError, match=r"device: expected the shape \(2\), got \(1,\)"):
        of([30.0])
    with pytest.raises(ValueError, match="models: expected some rows and columns"):
        joint(models=np.empty((0, 2)), devices=[[1.0]])


@pytest.mark.parametrize(
    ("models", "devices", "device", "message"),
    [
        ([[1e308], [-1e308]], [[1.0]], [1.0], r"models\[0, 0\]: expected a number from -1e\+100"),
        ([[1.0], [2.0]], [[0.0], [1e200]], [1.0], r"devices\[1, 0\]: expected a number from"),
        ([[1.0], [2.0]], [[1.0], [2.0]], [-1e308], r"device\[0\]: expected a number from"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_numbers_whose_squares_are_none_are_refused(
    models: Any, devices: Any, device: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        joint(models, devices)(device)


@pytest.mark.filterwarnings("error")
def test_features_of_the_largest_numbers_are_finite() -> None:
    of = joint(models=[[1e100], [-1e100]], devices=[[1e-320], [0.0]])
    assert np.isfinite(of([1e100])).all()
    with pytest.raises(ValueError, match=r"features\(device\)\[0, 2\]: expected .*: scale it"):
        Selector(["a", "b"], of).choose([1e100])


def test_gives_less_away_than_the_best_fixed_model() -> None:
    """Twelve fleets that no constant was chosen on."""
    ours, fixed = [], []
    for seed in range(12):
        world = fleet.make(1000, 20_000 + seed)
        one = Selector([str(k) for k in range(len(world.models))], fleet.features(world))

        def policy(device: np.ndarray, one: Selector = one) -> tuple[int, Callable[[float], None]]:
            name, ticket = one.choose(device)
            return int(name), lambda thumb: one.rate(ticket, thumb)

        ours.append(fleet.serve(world, policy, seed).all)
        best = world.likes[:, world.likes.mean(axis=0).argmax()]
        fixed.append(float((world.likes.max(axis=1) - best).mean()))
    assert np.mean(ours) < 0.75 * np.mean(fixed)


def test_the_fleet_is_as_stated() -> None:
    world = fleet.make(500, 0)
    assert world.likes.shape == (500, 12)
    assert ((world.likes >= 0.05) & (world.likes <= 0.95)).all()
    slow, large = world.devices[:, 0] < 9.0, world.devices[:, 1] < 1.4
    assert world.likes[slow, 0].mean() < world.likes[~slow, 0].mean()
    assert world.likes[large, 0].mean() < world.likes[~large, 0].mean()
    np.testing.assert_array_equal(world.likes, fleet.make(500, 0).likes)
