"""The next word of English prose: plain and early-exit transformers, trained here.

The text is that of `alert.workloads.words`, but each word has a deadline of its own. Traces of this
task are a holdout of another model family: no method was tuned on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from alert.workloads import training
from alert.workloads.task import Task
from alert.workloads.words import TOP, Text

CONTEXT = 32
"""Words a network reads before it says which comes next."""

_HEAD = 32  # width of one head of the attention
_MEASURED = 6000  # words the accuracy is measured on
_BATCH = 48

PLAIN = {"plain-1": (1, 64), "plain-2": (2, 96), "plain-3": (3, 160), "plain-4": (4, 256)}
"""Layers and width of the traditional networks."""

STAGES, STAGED_WIDTH = (1, 1, 1, 1), 192
"""Layers before each exit of the anytime network, and its width."""


class Transformer(nn.Module):
    """Layers of causal attention in stages; an exit follows each stage.

    A later exit goes on where the exit before it left. With one stage it is a plain network.

    Parameters
    ----------
    stages : sequence of int
        Layers of each stage.
    width : int
    words : int
        Size of the vocabulary.
    """

    def __init__(self, stages: Sequence[int], width: int, words: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.position = nn.Embedding(CONTEXT, width)
        self.stages = nn.ModuleList(
            nn.ModuleList(_layer(width) for _ in range(layers)) for layers in stages
        )
        self.exits = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, words)) for _ in stages
        )
        mask = nn.Transformer.generate_square_subsequent_mask(CONTEXT)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, words: torch.Tensor) -> Iterator[torch.Tensor]:
        """Yield the logits of the next word, exit after exit.

        Parameters
        ----------
        words : tensor of int, shape (B, L)
            Of more than `CONTEXT` words, the last ones are read.

        Yields
        ------
        tensor, shape (B, vocabulary); in training (B, L, vocabulary), after every word
        """
        words = words[:, -CONTEXT:]
        length = words.shape[1]
        mask = self.mask[:length, :length]  # type: ignore[index]
        seen = self.embedding(words) + self.position.weight[:length]
        for layers, leave in zip(self.stages, self.exits, strict=True):
            for layer in layers:  # type: ignore[attr-defined]
                seen = layer(seen, src_mask=mask, is_causal=True)
            yield leave(seen if self.training else seen[:, -1])


def _layer(width: int) -> nn.Module:
    return nn.TransformerEncoderLayer(
        *(width, width // _HEAD, 4 * width),
        dropout=0.0,
        activation="gelu",
        batch_first=True,
        norm_first=True,
    )


def load(steps: int = 1000, *, progress: bool = True) -> Task:
    """Train the networks, or take them from the cache; `steps` batches each."""
    text = Text()
    inputs, labels = text.held_out(min(_MEASURED, 8 * steps))
    measured = list(zip(torch.split(inputs, _BATCH), torch.split(labels, _BATCH), strict=True))
    key = training.version(__file__, settings=(steps, text.words))

    def train(name: str, stages: Sequence[int], width: int) -> tuple[nn.Module, list[float]]:
        return training.trained(
            f"prose-{name}",
            key,
            lambda: Transformer(stages, width, text.words),
            lambda generator: text.draw(generator, CONTEXT),
            steps,
            lambda network: training.hits(network, measured, TOP, len(stages)),
            progress=progress,
        )

    def inputs_of(n: int, seed: int) -> tuple[list[torch.Tensor], NDArray[np.int64]]:
        windows, _ = text.stream(n, seed)
        return windows, np.arange(n)

    task = Task("prose", inputs_of)
    for name, (layers, width) in PLAIN.items():
        network, accuracy = train(name, [layers], width)
        task.add(name, training.traditional(network), accuracy[-1])
    network, accuracy = train("staged", STAGES, STAGED_WIDTH)
    task.add("staged", network, accuracy)
    return task
