"""A runner without a profile: it serves from the first input, and learns the profile."""

from __future__ import annotations

import contextlib
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import alert

GOAL = alert.Goal.min_energy(deadline=0.1, accuracy=0.75)
ACCURACY = {"small": 0.70, "medium": 0.76, "large": 0.80}
SECONDS = {"small": 0.01, "medium": 0.02, "large": 0.05}


class Machine:
    """A clock, three models that move it, and a device whose caps slow them down."""

    kind = "toy"
    unit = "W"
    emulated = True
    can_cap = True
    can_read = True
    cap_range = (10.0, 20.0)
    switch_cost = settle = tick = 0.0

    def __init__(self) -> None:
        self.now = 0.0
        self.cap = 20.0
        self.joules = 0.0
        self.ran: list[tuple[str, float]] = []

    def clock(self) -> float:
        return self.now

    def set_cap(self, cap: float) -> None:
        self.cap = cap

    def energy(self) -> float:
        return self.joules

    def begin(self) -> None: ...

    def pace(self) -> None: ...

    def close(self) -> None: ...

    def models(self) -> dict[str, Callable[[Any], str]]:
        return {name: self.model(name) for name in SECONDS}

    def model(self, name: str) -> Callable[[Any], str]:
        def run(x: Any) -> str:
            seconds = SECONDS[name] * (20.0 / self.cap) ** 0.5
            self.now += seconds
            self.joules += 0.9 * self.cap * seconds
            self.ran.append((name, self.cap))
            return name

        return run


def runner(machine: Machine, **more: Any) -> alert.Runner:
    arguments = {"accuracy": ACCURACY, "size": {"small": 1, "medium": 2, "large": 4}, **more}
    models = arguments.pop("models", machine.models())
    power: Any = machine
    return alert.Runner(models, None, GOAL, power, clock=machine.clock, **arguments)


def test_each_model_runs_once_and_the_profile_is_known_soon() -> None:
    machine = Machine()
    with runner(machine) as serve:
        assert repr(serve.profile).endswith("toy, a guess>")
        assert serve.profile.power_caps.tolist() == [10.0, 12.5, 15.0, 17.5, 20.0]
        for _ in range(100):
            assert serve("x") in SECONDS
        profile, report = serve.profile, serve.report()
    assert machine.ran[:3] == [("small", 20.0), ("medium", 20.0), ("large", 20.0)]
    assert profile.models == ("small", "medium", "large")
    name, cap = max(set(machine.ran), key=machine.ran.count)
    cell = profile.models.index(name), profile.power_caps.tolist().index(cap)
    assert profile.latency[cell] == pytest.approx(SECONDS[name] * (20.0 / cap) ** 0.5, rel=0.05)
    assert profile.power[cell] == pytest.approx(0.9 * cap, rel=0.02)
    assert profile.origin["power"] == "toy"
    assert "machine" in profile.origin
    run = len(set(machine.ran))
    assert report.learnt == (run, 15)
    assert f"learnt while serving, {run} of 15 configurations run" in repr(report)
    assert report.verdict.kept


def test_what_is_estimated_says_so() -> None:
    machine = Machine()
    outcomes: list[Any] = []
    with runner(machine, on_input=outcomes.append) as serve:
        for _ in range(30):
            serve("x")
    seen: set[tuple[str, float]] = set()
    for outcome, ran in zip(outcomes, machine.ran, strict=True):
        assert outcome.decision.estimated == (ran not in seen)
        seen.add(ran)


def test_a_model_that_can_never_run_is_set_aside() -> None:
    machine = Machine()
    tries = 0

    def broken(x: Any) -> None:
        nonlocal tries
        tries += 1
        raise OSError("no such kernel")

    with runner(machine, models={**machine.models(), "medium": broken}) as serve:
        assert serve("x") == "small"
        said = r"medium: failed where it had never run \(OSError: no such kernel\)"
        with pytest.warns(UserWarning, match=said), pytest.raises(OSError, match="no such kernel"):
            serve("x")
        served = 1
        for _ in range(300):
            with contextlib.suppress(OSError):
                served += serve("x") in SECONDS
    assert {name for name, _ in machine.ran} == {"small", "large"}
    assert served == 302 - tries
    assert tries <= 6  # after 8 inputs, 16, 32, ...


def test_inputs_that_no_model_takes_set_none_aside() -> None:
    machine = Machine()

    def picky(model: Callable[[Any], str]) -> Callable[[Any], str]:
        def run(x: Any) -> str:
            if x is None:
                raise TypeError("expected a picture")
            return model(x)

        return run

    models = {name: picky(model) for name, model in machine.models().items()}
    with runner(machine, models=models) as serve:
        for _ in SECONDS:
            with pytest.warns(UserWarning, match="failed where"), pytest.raises(TypeError):
                serve(None)
        assert [serve("x") for _ in range(3)] == ["small", "medium", "large"]


@pytest.mark.filterwarnings("ignore:.*failed where it had never run")
def test_a_model_that_can_never_run_is_set_aside_without_a_deadline() -> None:
    machine = Machine()

    def broken(x: Any) -> None:
        raise OSError("no such kernel")

    with runner(machine, models={**machine.models(), "large": broken}) as serve:
        serve.goal = alert.Goal.min_latency(accuracy=0.78)  # that only this model keeps
        assert [serve("x"), serve("x")] == ["small", "medium"]
        with pytest.raises(OSError, match="no such kernel"):
            serve("x")
        assert [serve("x") for _ in range(8)] == ["medium"] * 8


@pytest.mark.filterwarnings("ignore:.*failed where it had never run")
def test_many_inputs_that_no_model_takes_set_none_aside_afterwards() -> None:
    machine = Machine()
    takes = False

    def picky(model: Callable[[Any], str]) -> Callable[[Any], str]:
        def run(x: Any) -> str:
            if not takes:
                raise TypeError("expected a picture")
            return model(x)

        return run

    with runner(machine, models={n: picky(m) for n, m in machine.models().items()}) as serve:
        for _ in range(100):
            with pytest.raises(TypeError):
                serve("x")
        takes = True
        assert {serve("x") for _ in range(20)} == set(SECONDS)


def test_a_model_is_set_aside_where_warnings_are_errors() -> None:
    machine = Machine()

    def broken(x: Any) -> None:
        raise OSError("no such kernel")

    with runner(machine, models={**machine.models(), "small": broken}) as serve:
        with pytest.raises(UserWarning, match="small: failed where it had never run"):
            serve("x")
        assert serve("x") == "medium"


def test_a_counter_that_cannot_be_read_sets_no_model_aside() -> None:
    class Broken(Machine):
        fails = False

        def energy(self) -> float:
            if self.fails:
                raise OSError("no counter")
            return super().energy()

    machine = Broken()
    with runner(machine) as serve:
        machine.fails = True
        with pytest.raises(OSError, match="no counter"):
            serve("x")
        machine.fails = False
        assert [serve("x") for _ in range(3)] == ["small", "medium", "large"]


def test_a_model_that_has_run_is_not_set_aside() -> None:
    machine = Machine()
    fails = False

    def moody(x: Any) -> str:
        if fails:
            raise TypeError("expected a picture")
        return machine.model("small")(x)

    with runner(machine, models={**machine.models(), "small": moody}) as serve:
        for _ in range(100):
            serve("x")
        serve.scheduler.goal = alert.Goal.min_energy(deadline=0.1, accuracy=0.5)
        for _ in range(20):
            serve("x")
        fails = True
        for _ in range(3):
            with pytest.raises(TypeError):
                serve("x")


def test_what_the_user_expects_counts_beside_failures() -> None:
    machine = Machine()

    def broken(x: Any) -> None:
        raise OSError("no such kernel")

    with runner(machine, models={**machine.models(), "small": broken}) as serve:
        with pytest.warns(UserWarning, match="failed"), pytest.raises(OSError, match="no such"):
            serve("x")
        serve.scheduler.expect(delay=[0.0, 1.0, 0.0])
        assert [serve("x") for _ in range(4)] == ["large"] * 4
        serve.scheduler.expect()
        assert serve("x") == "medium"


def test_the_report_judges_the_first_inputs_by_what_is_known_now() -> None:
    with runner(machine := Machine()) as serve:
        for _ in range(60):
            serve("x")
        seen = serve.report().hindsight
        history = serve.history
    assert seen is not None
    used = sum(machine.joules for _ in range(1)) / 60
    assert seen.energy == pytest.approx(used, rel=0.05)
    assert history["slowdown"][0] < 0.5  # of the guess
    assert seen.highest_cap.energy < 3.0 * seen.energy


def test_a_learnt_profile_is_saved_and_served_from(tmp_path: Path) -> None:
    machine = Machine()
    with runner(machine) as serve:
        for _ in range(50):
            serve("x")
        serve.profile.save(tmp_path / "p.json")
    profile = alert.Profile.load(tmp_path / "p.json")
    assert pickle.loads(pickle.dumps(profile)) == profile
    machine.ran.clear()
    power: Any = machine
    with alert.Runner(machine.models(), profile, GOAL, power, clock=machine.clock) as again:
        again("x")
        assert again.profile.is_learnt
    assert machine.ran != [("small", 20.0)]  # it has run before


@pytest.mark.parametrize("power", ["none", "emulated"])
def test_devices_of_ours(power: str) -> None:
    models = [lambda x: x, lambda x: x]
    goal = alert.Goal.min_latency(accuracy=0.5)
    with alert.Runner(models, None, goal, power, accuracy=[0.5, 0.6]) as serve:
        for k in range(5):
            assert serve(k) == k
        assert serve.profile.knows_power == (power == "emulated")
        assert math.isinf(serve.profile.power_caps[-1]) == (power == "none")


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"accuracy": None}, ValueError, "accuracy: expected one for each model, as there is no"),
        ({"accuracy": [0.5]}, ValueError, "accuracy: expected 3, one for each model"),
        ({"accuracy": {"small": 0.5}}, ValueError, "accuracy: expected one for each name in"),
        (
            {"accuracy": [0.5, [0.5, 0.6], 0.7]},
            TypeError,
            r"accuracy\['medium'\]: expected a number \(exits of .* go to Profile.guess\), got \[",
        ),
        ({"accuracy": 0.5}, TypeError, "accuracy: expected a sequence or a dict, one for each"),
        ({"accuracy": [0.5, 0.6, 1.1]}, ValueError, r"accuracy\[2\]: expected a number from 0 to"),
        ({"accuracy": [0.5, 0.6, math.nan]}, ValueError, r"accuracy\[2\]: expected a finite"),
        ({"accuracy": ["a", "b", "c"]}, TypeError, "accuracy: expected numbers, got text"),
        ({"size": [1, 2]}, ValueError, "size: expected 3, one for each model"),
        ({"size": [1, 2, -3]}, ValueError, r"size\[2\]: expected a number from 1e-9 to 1e18"),
        ({"size": [1, 2, math.nan]}, ValueError, r"size\[2\]: expected a finite number"),
        ({"size": [1, 2, 0]}, ValueError, r"size\[2\]: expected a number from 1e-9"),
        ({"size": {"small": 1}}, ValueError, "size: expected one for each name in"),
        ({"models": {}}, ValueError, "models: expected at least one model"),
    ],
)
def test_bad_input_is_refused_and_nothing_runs(
    given: dict[str, Any], error: type[Exception], message: str
) -> None:
    machine = Machine()
    with pytest.raises(error, match=message):
        runner(machine, **given)
    assert (machine.ran, machine.cap) == ([], 20.0)


def test_a_profile_and_accuracies_are_one_too_many() -> None:
    machine = Machine()
    profile = alert.Profile(np.full((3, 1), 0.1), None, [0.5, 0.6, 0.7], [None], 0.0)
    for given in ({"accuracy": [0.5, 0.6, 0.7]}, {"size": [1, 2, 3]}):
        with pytest.raises(ValueError, match=f"{next(iter(given))}: expected None, the profile"):
            alert.Runner(list(machine.models().values()), profile, GOAL, "none", **given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"accuracy": [[0.5, 0.6]]}, r"accuracy: expected the shape \(n\), got \(1, 2\)"),
        ({"accuracy": []}, "accuracy: expected at least one model"),
        ({"accuracy": [0.5], "size": [1, 2]}, "size: expected 1 numbers, one for each model"),
        ({"accuracy": [0.5], "power_caps": []}, "power_caps: expected a row of numbers"),
        ({"accuracy": [0.5], "power_caps": [20, 10]}, r"power_caps\[1\]: expected strictly asc"),
        ({"accuracy": [0.5], "power_caps": [-1, 10]}, r"power_caps\[0\]: expected a number > 0"),
        ({"accuracy": [0.5], "latency": 0.0}, "latency: expected a finite number of seconds > 0"),
        ({"accuracy": [0.5], "busy_power": -3.0}, "busy_power: expected watts > 0"),
        ({"accuracy": [0.5], "idle_power": -3.0}, "idle_power: expected a finite number of watts"),
    ],
)
def test_bad_guesses_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        alert.Profile.guess(**given)


def test_spreads_are_checked_and_measured_profiles_are_not_mixed_with_learnt_ones() -> None:
    guess = alert.Profile.guess([0.5, 0.6], power_caps=[10, 20])
    for spread, message in (
        ([[1.0, 0.0], [1.0, 1.0]], r"spread\[0, 1\]: expected a finite number > 0"),
        ([[1.0, 1.0]], r"spread: expected the shape \(2, 2\)"),
    ):
        with pytest.raises(ValueError, match=message):
            guess._with(spread=spread)
    with pytest.raises(ValueError, match="profile: expected a measured profile"):
        guess.add("more", [0.1, 0.2], [1.0, 2.0], 0.5)
    measured = guess._with(spread=None)
    with pytest.raises(ValueError, match="other: expected a measured profile"):
        measured.merge(guess)
    part = guess.subset(models=[1], power_caps=[20])
    assert part.is_learnt
    assert part.spread is not None
    assert part.spread.shape == (1, 1)


def test_a_server_takes_what_was_learnt_and_refuses_a_guess() -> None:
    machine = Machine()
    with runner(machine) as serve:
        guess = serve.profile
        for _ in range(30):
            serve("x")
        learnt = serve.profile
    models = {name: lambda x: x for name in SECONDS}
    with pytest.raises(ValueError, match=r"profile: expected a measured profile, or a learnt one"):
        alert.Server(models, guess, "none")
    with alert.Server(models, learnt.without_caps(), "none") as server:
        tenant = server.tenant("one", max_latency=60.0)
        assert tenant.submit("x").result() == "x"
