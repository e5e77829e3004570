"""When an output is sure."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from needs import require

import alert


@pytest.mark.parametrize(
    ("logits", "is_sure"),
    [
        ([0.0, np.log(9.1)], True),
        ([0.0, np.log(8.9)], False),
        ([1000.0, 0.0], True),
        ([[5.0, 0.0], [0.0, 5.0]], True),
        ([[5.0, 0.0], [0.0, 1.0]], False),
    ],
)
def test_softmax_decides_for_every_element_of_a_batch(logits: object, is_sure: bool) -> None:
    assert alert.sure(0.9)(logits) is is_sure
    assert alert.sure(0.9)(SimpleNamespace(logits=np.array(logits))) is is_sure


def test_takes_tensors_of_torch() -> None:
    require("torch")
    import torch

    stop = alert.sure(0.9)
    assert stop(torch.tensor([[5.0, 0.0]], requires_grad=True, dtype=torch.bfloat16))
    assert not stop(torch.zeros(1, 2))


@pytest.mark.parametrize("bad", [0.0, 1.0, 1.5, float("nan")])
def test_a_probability_lies_between_0_and_1(bad: float) -> None:
    with pytest.raises(ValueError, match="probability: expected a number between 0 and 1"):
        alert.sure(bad)
