"""Models as people have them: what is taken, what is refused, what the refusal says."""

from __future__ import annotations

import asyncio
import functools
import importlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from multiprocessing.pool import ThreadPool
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from simulation import CAPS, CHEAP, Bench, Machine, Package, profile, state

import alert
from alert.running.models import check_output, named
from alert.running.runner import Runner

# ------------------------------------------------------------------------------- what is offered


def test_lists_and_dicts_of_modules_are_taken_as_such() -> None:
    a, b = torch.nn.Linear(2, 2), torch.nn.ReLU()
    assert named(torch.nn.ModuleList([a, b])) == ([a, b], None)
    assert named(torch.nn.ModuleDict({"b": b, "a": a})) == ([b, a], ["b", "a"])
    machine = Machine()
    models = torch.nn.ModuleDict({"large": a, "small": b}).eval()
    with Runner(models, profile(), CHEAP, Package(machine), clock=machine.clock) as runner:
        assert torch.equal(runner(torch.tensor([-1.0, 2.0])), torch.tensor([0.0, 2.0]))


def test_one_module_is_no_list_of_models() -> None:
    with pytest.raises(TypeError, match=r"models: expected a sequence or a dict .*got Sequential"):
        named(torch.nn.Sequential(torch.nn.ReLU()))  # type: ignore[arg-type]


class Session:
    """As `onnxruntime.InferenceSession` is."""

    def get_inputs(self) -> list[Any]:
        return [SimpleNamespace(name="image")]

    def run(self, names: Any, feeds: dict[str, Any]) -> list[Any]:
        return [feeds["image"] + 1]


def test_a_session_of_onnx_runtime_is_named_with_its_adapter() -> None:
    with pytest.raises(
        TypeError, match=r"models\['net'\]: expected a callable, got Session; pass (.*)"
    ) as e:
        named({"net": Session()})  # type: ignore[dict-item]
    source = str(e.value).rpartition("pass ")[2]
    model = eval(source, {"session": Session()})
    assert model(1) == [2]


def test_an_estimator_of_scikit_learn_is_named_with_its_adapter() -> None:
    from sklearn.linear_model import LinearRegression, LogisticRegression

    for kind, method in ((LogisticRegression, "predict_proba"), (LinearRegression, "predict")):
        estimator = kind().fit([[0.0], [1.0]], [0, 1])
        with pytest.raises(TypeError, match=rf"got {kind.__name__}; pass its method {method}$"):
            named([estimator])
        machine = Machine()
        table = profile({"net": 0.01}, {"net": 0.8})
        model = getattr(estimator, method)
        runner = Runner([model], table, CHEAP, Package(machine), clock=machine.clock)
        assert len(runner([[0.2]])) == 1


def test_a_class_instead_of_a_module_is_told_apart() -> None:
    with pytest.raises(TypeError, match=r"models\[0\]: expected .* the class Linear; make one"):
        named([torch.nn.Linear])


@pytest.mark.parametrize("names", [(18, 50), ("a", 50), (("resnet", 18), ("resnet", 50)), (None,)])
def test_names_are_text(names: tuple[Any, ...]) -> None:
    models = dict.fromkeys(names, str)
    bad = next(name for name in names if not isinstance(name, str))
    with pytest.raises(TypeError, match=r"models: expected names that are str, got") as error:
        Runner(models, profile(), CHEAP, "emulated")
    assert repr(bad) in str(error.value)


@pytest.mark.needs("transformers")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of libraries that it imports
def test_a_model_of_transformers_takes_keywords() -> None:
    transformers: Any = importlib.import_module("transformers")
    torch.manual_seed(1)
    size = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16, "vocab_size": 50}
    models = torch.nn.ModuleDict(
        {
            f"{layers} layers": transformers.BertForSequenceClassification(
                transformers.BertConfig(num_hidden_layers=layers, num_labels=3, **size)
            )
            for layers in (1, 2)
        }
    ).eval()
    tokens = torch.arange(12).reshape(2, 6)
    batch: dict[str, Any] = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}
    with torch.inference_mode():
        answers = models["1 layers"](**batch).logits.argmax(-1)
    found = alert.accuracy(models, [{**batch, "labels": answers}], progress=False)
    assert found["1 layers"] == 1.0
    table = alert.Profile.measure(
        models,
        alert.Call(**batch),
        accuracy={"1 layers": 0.6, "2 layers": 0.8},
        power="emulated",
        power_caps=[20.0],
        precision=1e9,
        idle_seconds=0.001,
        progress=False,
    )
    goal = alert.Goal.min_energy(deadline=50 * float(table.latency.min()), accuracy=0.5, window=1)
    with alert.Runner(models, table, goal, "emulated") as runner:
        runner.warmup(**batch)
        output = runner(**batch, delay=0.0)
        assert output.logits.shape == (2, 3)
        assert runner.report().inputs == 1


# --------------------------------------------------------------------------- how they are called


def test_arguments_and_keywords_reach_the_model() -> None:
    bench = Bench()
    bench.runner._machine.execution.models[0] = lambda *args, **kwargs: (args, kwargs)
    assert bench.runner(1, 2, mask=3) == ((1, 2), {"mask": 3})
    assert bench.runner(mask=3, delay=0.01) == ((), {"mask": 3})
    assert bench.runner(alert.Call(1, mask=3)) == ((1,), {"mask": 3})
    assert bench.runner() == ((), {})


def test_an_anytime_model_takes_keywords() -> None:
    def steps(*, word: str) -> Iterator[str]:
        yield word.upper()

    machine = Machine()
    table = profile({"net": 0.01}, {"net": 0.8}, {"net": [(1.0, 0.8)]})
    runner = Runner([steps], table, CHEAP, Package(machine), clock=machine.clock)
    assert runner(word="x") == "X"


def test_a_profile_is_measured_with_keywords() -> None:
    machine = Machine()
    seen: list[Any] = []

    def net(x: Any, *, mask: Any = None) -> None:
        machine.work(0.01)
        seen.append((x, mask))

    found = alert.Profile.measure(
        [net],
        alert.Call(1, mask=2),
        accuracy=[0.7],
        power=Package(machine),
        power_caps=CAPS,
        progress=False,
        clock=machine.clock,
        sleep=machine.sleep,
    )
    assert set(seen) == {(1, 2)}
    assert found.latency[0, -1] == pytest.approx(0.01, rel=1e-9)


def test_a_trace_is_recorded_with_keywords() -> None:
    machine = Machine()
    seen: list[Any] = []

    def net(*, word: str) -> None:
        machine.work(0.01)
        seen.append(word)

    found = alert.Trace.record(
        [net],
        [alert.Call(word="a"), alert.Call(word="b")],
        accuracy=[0.7],
        power=Package(machine),
        power_caps=CAPS,
        profiled=2,
        progress=False,
        clock=machine.clock,
        sleep=machine.sleep,
    )
    assert set(seen) == {"a", "b"}
    assert len(found) == 2


def test_compiled_models_of_torch_run(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = torch.compile(torch.nn.Linear(2, 2).eval(), backend="eager")
    machine = Machine()
    table = profile({"net": 0.01}, {"net": 0.8})
    runner = Runner([compiled], table, CHEAP, Package(machine), clock=machine.clock)
    runner.warmup(torch.ones(1, 2))
    runner.warmup(torch.ones(3, 2))
    assert runner(torch.ones(3, 2)).shape == (3, 2)


# ------------------------------------------------------------------------ what they must not return


async def coroutine(x: Any) -> Any:
    await asyncio.sleep(0)
    return x


async def async_generator(x: Any) -> AsyncIterator[Any]:
    yield x


class Handle:
    """As a remote deployment's: the answer is fetched with result()."""

    def result(self) -> int:
        return 1


class Ready:
    def get_result(self) -> int:
        return 1


class Awaitable:
    def __await__(self) -> Iterator[Any]:
        yield


def future(x: Any) -> Future[int]:
    done: Future[int] = Future()
    done.set_result(x)
    return done


def torch_future(x: Any) -> Any:
    return torch.futures.Future()


def loop_future(x: Any) -> Any:
    loop = asyncio.new_event_loop()
    try:
        return loop.create_future()
    finally:
        loop.close()


def generator(x: Any) -> Iterator[Any]:
    yield x


def pool_result(x: Any) -> Any:
    with ThreadPool(1) as pool:
        return pool.apply_async(int, (1,))


LATER: list[Callable[[Any], Any]] = [
    *(coroutine, future, torch_future, loop_future, pool_result),
    *(lambda x: Handle(), lambda x: Ready(), lambda x: Awaitable()),
    lambda x: threading.Thread(target=int),
    lambda x: [future(1), future(2)],
    lambda x: (coroutine(x),),
    lambda x: {"answer": future(1)},
]
PIECES: list[Callable[[Any], Any]] = [
    *(generator, async_generator),
    *(lambda x: iter([1]), lambda x: map(str, [1]), lambda x: zip([1], strict=True)),
]


@pytest.mark.parametrize(
    ("model", "advice"),
    [
        *((model, "the work is not done when the call returns; wait") for model in LATER),
        *((model, "give its exits if it yields better and better outputs") for model in PIECES),
    ],
)
def test_what_is_not_there_yet_is_refused(model: Callable[[Any], Any], advice: str) -> None:
    bench = Bench()
    bench.runner("x")
    before = state(bench.runner)
    bench.runner._machine.execution.models[0] = model
    with pytest.raises(TypeError, match=rf"^small: expected an output, got \w+: {advice}"):
        bench.runner("x")
    assert state(bench.runner) == before
    assert bench.runner.report().inputs == 1
    assert not bench.package.working
    with pytest.raises(TypeError, match="net: expected an output, got"):
        alert.Profile.measure(
            {"net": model},
            "x",
            accuracy={"net": 0.7},
            power=bench.package,
            power_caps=CAPS,
            progress=False,
            clock=bench.machine.clock,
            sleep=bench.machine.sleep,
        )


def test_exits_that_are_not_there_yet_are_refused() -> None:
    def steps(x: Any) -> Iterator[Any]:
        yield future(x)

    machine = Machine()
    table = profile({"net": 0.01}, {"net": 0.8}, {"net": [(1.0, 0.8)]})
    runner = Runner([steps], table, CHEAP, Package(machine), clock=machine.clock)
    with pytest.raises(TypeError, match="net: expected an output, got Future"):
        runner("x")


def test_outputs_of_all_kinds_are_handed_on_as_they_are() -> None:
    class Output(dict[str, Any]):
        pass

    things: list[Any] = [
        *(None, 1, "text", b"bytes", [], [1, 2], (), {}, {"logits": 1}, {1, 2}, range(3)),
        *(torch.ones(2), np.ones(2), (torch.ones(1), None), Output(logits=torch.ones(1))),
        *(SimpleNamespace(result=1, wait=2), functools.partial(int), Output, np.float64(1.0)),
    ]
    bench = Bench()
    for thing in things:
        bench.runner._machine.execution.models[0] = lambda x, thing=thing: thing
        assert bench.runner("x") is thing
        check_output("net", thing)


# ---------------------------------------------------------------------------------------- modes


def test_a_module_in_training_mode_is_warned_of() -> None:
    models = {
        "small": torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout()),
        "large": torch.nn.Linear(2, 2).eval(),
    }
    machine = Machine()
    with pytest.warns(UserWarning, match="^small: in training mode, .*eval") as caught:
        Runner(models, profile(), CHEAP, Package(machine))
    assert [warning.filename for warning in caught] == [__file__]
    with pytest.warns(UserWarning, match="^small: in training mode"):
        alert.Profile.measure(
            models,
            torch.ones(2),
            accuracy=[0.6, 0.8],
            power="emulated",
            power_caps=[20.0],
            precision=1e9,
            idle_seconds=0.001,
            progress=False,
        )
    models["small"].eval()
    Runner(models, profile(), CHEAP, Package(machine))


def test_models_may_run_in_the_mode_of_the_caller() -> None:
    machine = Machine()
    layer = torch.nn.Linear(2, 2).eval()
    table = profile({"net": 0.01}, {"net": 0.8})
    runner = Runner(
        [layer], table, CHEAP, Package(machine), inference_mode=False, clock=machine.clock
    )
    output = runner(torch.ones(1, 2))
    output += 1
    output.sum().backward()
    assert layer.weight.grad is not None
    with torch.no_grad():
        assert not runner(torch.ones(1, 2)).requires_grad
