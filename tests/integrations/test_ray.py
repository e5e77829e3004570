"""Ray: one server on each of three emulated nodes, one budget of power for them, one fleet."""

from __future__ import annotations

import gc
import json
import os
import socket
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from needs import require

import alert
from alert.learning import Selector
from alert.serving.budget.demand import Loss

require("ray", "starlette", "prometheus_client")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray  # noqa: E402
from ray import serve  # noqa: E402
from ray.cluster_utils import Cluster  # noqa: E402

from alert.integrations.ray import (  # noqa: E402
    Fleet,
    PowerBudget,
    actors,
    deployment,
    fleet,
    power_budget,
)
from alert.integrations.ray.actors import NAMESPACE  # noqa: E402
from alert.integrations.ray.budget import NAME  # noqa: E402
from alert.integrations.ray.deployment import Replica  # noqa: E402

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore"),  # Ray is not ours
]

CAPS = (8.0, 12.0, 20.0)
BUSY = Loss(CAPS, (30.0, 10.0, 0.0))
LEASE = 8.0
SOON = 60.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    here = {"num_cpus": 1, "include_dashboard": False}
    made: Any = Cluster(initialize_head=True, head_node_args=here)
    made.add_node(num_cpus=1)
    made.add_node(num_cpus=1)
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # nodes do not see this file
    ray.init(address=made.address, log_to_driver=False, logging_level=40)
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait longer for the actor than a member does."""
    monkeypatch.setattr("alert.integrations.ray.budget._PATIENCE", SOON / LEASE)


@pytest.fixture
def budget(cluster: Cluster) -> Iterator[PowerBudget]:
    made = power_budget(40.0, lease=LEASE)
    yield made
    with suppress(ValueError):  # it has ended
        actors.end(made.name)
    until(is_gone)


def is_gone() -> bool:
    try:
        ray.get_actor(NAME, NAMESPACE)
    except ValueError:
        return True
    return False


def until(holds: Any) -> None:
    """Wait for something that must come."""
    waiting = threading.Event()
    for _ in range(int(SOON / 0.1)):
        try:
            if holds():
                return
        except ray.exceptions.RayError:
            pass  # the actor is not back yet
        waiting.wait(0.1)
    raise AssertionError("it never came")


# -------------------------------------------------------------------------------------- the budget


def test_any_node_may_report(budget: PowerBudget) -> None:
    def report(budget: PowerBudget) -> Any:
        return budget.report("a", BUSY, 0.0)

    from_a_task = ray.remote(num_cpus=0)(report)
    assert ray.get(from_a_task.remote(budget)).watts == 20.0
    assert budget.shares() == {"a": 20.0}
    budget.leave("a")
    assert budget.shares() == {}
    budget.end()
    until(is_gone)  # at once


def test_a_budget_is_found_again_and_changed(budget: PowerBudget) -> None:
    assert power_budget(9.0, lease=LEASE) == budget
    budget.report("a", BUSY, 0.0)
    with pytest.raises(ValueError, match=r"budget: expected at least 16 W, .* got 9 W"):
        budget.report("b", BUSY, 0.0)
    with pytest.raises(ValueError, match="watts: expected a finite number >"):
        budget.change(-1.0)
    assert power_budget(30.0) == budget
    with pytest.raises(ValueError, match=r"lease: expected 8 s, as the budget .* has, got 9"):
        power_budget(40.0, lease=9.0)


def test_an_actor_that_exits_before_it_answers_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def exits(*args: Any, **options: Any) -> None:
        raise ray.exceptions.ActorDiedError

    monkeypatch.setattr(actors, "ask", exits)
    PowerBudget("a budget", LEASE).end()


def test_a_changed_budget_survives_the_loss_of_its_actor(budget: PowerBudget) -> None:
    budget.change(20.0)
    heard = budget.report("a", BUSY, 8.0).budget
    ray.kill(ray.get_actor(budget.name, NAMESPACE), no_restart=False)
    until(lambda: budget.shares() == {})
    for name in ("a", "b"):
        assert budget.report(name, BUSY, 8.0, heard).budget.watts == 20.0
    until(lambda: budget.report("a", BUSY, 12.0, heard).watts == 12.0)


def test_a_budget_that_begins_after_the_end_of_another_knows_what_nodes_hold(
    budget: PowerBudget,
) -> None:
    assert budget.report("a", BUSY, 0.0).watts == 20.0
    budget.end()
    with pytest.raises(RuntimeError, match="the budget of power has ended"):
        budget.report("a", BUSY, 20.0)
    again = power_budget(25.0, lease=LEASE)
    assert again.shares() == {"a": 20.0}
    assert again.report("b", BUSY, 0.0).watts == 0.0  # 5 W are free
    again.end()
    until(is_gone)  # after the lease


def test_an_actor_that_was_lost_gives_nobody_more_than_he_holds(budget: PowerBudget) -> None:
    budget.report("a", BUSY, 8.0)
    ray.kill(ray.get_actor(budget.name, NAMESPACE), no_restart=False)
    until(lambda: budget.shares() == {})
    assert budget.report("a", BUSY, 12.0).watts == 12.0
    until(lambda: budget.report("a", BUSY, 12.0).watts == 20.0)


# ---------------------------------------------------------------------------------- the deployment


def make() -> alert.Server:
    """Make a server that waits in place of inferring."""
    profile = alert.Profile(
        [[0.012, 0.008, 0.004]], [list(CAPS)], [0.8], list(CAPS), 4.0, models=["net"]
    )
    waiting = threading.Event()

    def net(x: Any) -> Any:
        waiting.wait(0.004)
        if isinstance(x, str):
            raise LookupError(x)
        return x

    server = alert.Server({"net": net}, profile, "emulated")
    server.tenant("camera", max_latency=30.0)
    return server


def test_replicas_on_one_node_cannot_share_its_part_of_a_budget() -> None:
    budget = PowerBudget("none", LEASE)
    for several in (2, None):
        with pytest.raises(ValueError, match=r"max_replicas_per_node: expected 1, .* got"):
            deployment(make, budget=budget, max_replicas_per_node=several)
    deployment(make, max_replicas_per_node=2)


def test_a_server_that_cannot_be_made_leaves_nothing_to_close() -> None:
    def fail() -> alert.Server:
        raise LookupError("no models")

    unraised: list[Any] = []
    found, sys.unraisablehook = sys.unraisablehook, unraised.append
    try:
        with pytest.raises(LookupError):
            Replica(fail, None)
        gc.collect()
    finally:
        sys.unraisablehook = found
    assert unraised == []


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def test_nodes_serve_within_one_budget_and_survive_the_loss_of_one(
    cluster: Cluster, budget: PowerBudget
) -> None:
    port = free_port()
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    options = {"num_replicas": 3, "ray_actor_options": {"num_cpus": 0.5}}
    try:
        handle = serve.run(deployment(make, budget=budget, **options), route_prefix="/")
        assert sorted(budget.shares().values()) == [8.0, 8.0, 8.0]
        answers_by_handle(handle)
        answers_over_http(port)
        assert_loss_of_a_node(cluster, budget, handle)
    finally:
        serve.shutdown()
    until(lambda: budget.shares() == {})


def answers_by_handle(handle: Any) -> None:
    assert handle.infer.remote("camera", 3).result() == 3
    assert [a.result() for a in [handle.infer.remote("camera", n) for n in range(50)]] == [
        *range(50)
    ]
    with pytest.raises(alert.Overloaded) as overloaded:
        handle.infer.remote("camera", 1, max_latency=1e-6).result()
    assert overloaded.value.tenant == "camera"
    with pytest.raises(ValueError, match="tenant: expected one of camera, got 'nobody'"):
        handle.infer.remote("nobody", 1).result()
    with pytest.raises(LookupError, match="bad"):
        handle.infer.remote("camera", "bad").result()
    assert "camera" in handle.report.remote().result()


def answers_over_http(port: int) -> None:
    tensor = {"name": "x", "shape": [2], "datatype": "FP32", "data": [1, 2]}
    body = json.dumps({"inputs": [tensor]}).encode()
    address = f"http://127.0.0.1:{port}/v2/models/camera/infer"
    with urllib.request.urlopen(address, body, timeout=SOON) as response:
        assert json.load(response)["outputs"][0]["data"] == [1.0, 2.0]
    hurried = urllib.request.Request(address, body, {"Alert-Max-Latency": "1e-6"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(hurried, timeout=SOON)
    assert refused.value.code == 429
    assert int(refused.value.headers["Retry-After"]) >= 1
    refused.value.close()


def assert_loss_of_a_node(cluster: Cluster, budget: PowerBudget, handle: Any) -> None:
    lost = cluster.worker_nodes.copy().pop()
    assert lost.node_id in budget.shares()
    cluster.remove_node(lost)
    until(lambda: lost.node_id not in budget.shares())
    until(lambda: len(budget.shares()) == 2)
    assert sum(budget.shares().values()) <= 40.0
    assert handle.infer.remote("camera", 5).result() == 5


# ---------------------------------------------------------------------------------------- the fleet


def features(device: object) -> list[list[float]]:
    assert isinstance(device, float)
    return [[1.0, device], [1.0, -device]]


def test_nodes_learn_together(cluster: Cluster) -> None:
    mine = Selector(["small", "large"], features)
    together = fleet(mine)

    def learn(together: Fleet, rounds: int) -> int:
        selector = Selector(["small", "large"], features)
        for n in range(rounds):
            model, ticket = selector.choose(1.0 - n % 2)
            selector.rate(ticket, float(model == "small"))
        for _ in range(3):  # nothing counts twice
            together.exchange(selector)
        return selector.ratings

    node = ray.remote(num_cpus=0)(learn)
    seen = ray.get([node.remote(together, rounds) for rounds in (10, 20, 30)])
    together.exchange(mine)
    assert mine.ratings == 60
    assert max(seen) <= 60
    with pytest.raises(ValueError, match="other: expected the same models"):
        together.exchange(Selector(["small"], features))
    together.end()
