"""The accuracy of models on labelled data."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from simulation import Machine, Package

import alert

SCORES = np.array([[0.9, 0.1, 0.0], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7], [0.6, 0.3, 0.1]])
ANSWERS = np.array([0, 1, 0, 0])  # three of four
BATCHES = [(SCORES[:3], ANSWERS[:3]), (SCORES[3:], ANSWERS[3:])]


def same(x: Any) -> Any:
    return x


def test_counts_every_answer_once_whatever_the_batches() -> None:
    for batches in (BATCHES, [(SCORES, ANSWERS)], BATCHES[::-1]):
        assert alert.accuracy([same], batches, progress=False) == [0.75]


def test_gives_what_a_profile_is_measured_with() -> None:
    def exits(x: Any) -> Iterator[Any]:
        yield -x
        yield x

    machine = Machine()
    models: dict[str, Any] = {"plain": same, "anytime": exits}
    found = alert.accuracy(models, BATCHES, progress=False)
    assert found == {"plain": 0.75, "anytime": [0.25, 0.75]}

    def timed(x: Any) -> Iterator[Any]:
        for _ in range(2):
            machine.work(0.01)
            yield x

    table = alert.Profile.measure(
        {"plain": lambda x: machine.work(0.01), "anytime": timed},
        SCORES,
        accuracy=found,
        power=Package(machine),
        progress=False,
        clock=machine.clock,
        sleep=machine.sleep,
    )
    assert table.accuracy.tolist() == [0.75, 0.75]


def test_takes_tensors_loaders_and_keywords() -> None:
    data = torch.utils.data.TensorDataset(torch.tensor(SCORES), torch.tensor(ANSWERS))
    loader = torch.utils.data.DataLoader(data, batch_size=3)
    inferred: list[bool] = []

    def model(x: Any) -> Any:
        inferred.append(torch.is_inference_mode_enabled())
        return SimpleNamespace(logits=x)

    assert alert.accuracy([model], loader, progress=False) == [0.75]
    assert alert.accuracy([model], loader, inference_mode=False, progress=False) == [0.75]
    assert inferred == [True] * 2 + [False] * 2
    dicts = [{"x": x, "labels": answers} for x, answers in loader]
    assert alert.accuracy({"m": model}, dicts, progress=False) == {"m": 0.75}
    calls = [(alert.Call(x=x), answers) for x, answers in loader]
    assert alert.accuracy([model], iter(calls), progress=False) == [0.75]


def test_takes_a_metric_of_answers_or_of_their_mean() -> None:
    def close(output: Any, answers: Any) -> Any:
        return abs(output[:, 0] - answers) < 0.5

    def mean(output: Any, answers: Any) -> float:
        return float(close(output, answers).mean())

    expected = float(close(SCORES, ANSWERS).mean())
    for metric in (close, mean, lambda y, a: torch.tensor(close(y, a))):
        found = alert.accuracy([same], BATCHES, metric, progress=False)
        assert found == pytest.approx([expected], rel=1e-12)


async def coroutine(x: Any) -> Any:
    return x


@pytest.mark.parametrize(
    ("models", "loader", "metric", "error", "message"),
    [
        ([same], [], None, ValueError, "loader: expected at least one batch, got none"),
        ([same], [SCORES], None, TypeError, r"loader: expected pairs .*got ndarray"),
        ([same], [(1, 2, 3)], None, TypeError, r"loader: expected pairs .*got tuple"),
        (
            [len],
            BATCHES,
            None,
            TypeError,
            "metric: expected one, for outputs that are no arrays but int",
        ),
        ([same], BATCHES, lambda y, a: 1.5, ValueError, r"metric: .* 0 to 1, got 1.5 for model 0"),
        ([same], BATCHES, lambda y, a: "1", TypeError, "metric: expected numbers, got text"),
        ([same], 5, None, TypeError, "loader: expected an iterable of batches, got int"),
        ([same], BATCHES, 5, TypeError, "metric: expected a callable, got int"),
        ([coroutine], BATCHES, None, TypeError, "model 0: expected an output, got coroutine"),
        ({"a": 3}, BATCHES, None, TypeError, r"models\['a'\]: expected a callable"),
    ],
)
def test_refuses(
    models: Any, loader: Any, metric: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        alert.accuracy(models, loader, metric, progress=False)


def test_refuses_a_number_of_exits_that_changes() -> None:
    def exits(x: Any) -> Iterator[Any]:
        yield from [x] * len(x)

    with pytest.raises(ValueError, match="model 0: expected 3 exits, got 1"):
        alert.accuracy([exits], BATCHES, progress=False)


def test_warns_of_training_mode() -> None:
    with pytest.warns(UserWarning, match="model 0: in training mode"):
        alert.accuracy([torch.nn.Flatten()], [(torch.ones(1, 2), torch.ones(1))], progress=False)
