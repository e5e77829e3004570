"""The next word of English prose: plain and nested anytime recurrent networks, trained here.

The text is the documentation that comes with Python, NumPy, SciPy, scikit-learn and scikit-image.
Only sentences of prose are used, each once. One sentence in ten is held out for measuring.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from alert.workloads import training
from alert.workloads.task import Task

_PACKAGES = ("numpy", "scipy", "sklearn", "skimage")

WINDOW = 64
"""Words a network reads before it says which come next."""

_LEARNT_WINDOW = 24  # a network that has learnt 24 words goes on with more

TOP = 5
"""A prediction is right when the word is among this many."""

_SHORTEST, _LONGEST = 6, 40  # words and marks of a sentence
_VOCABULARY = 2000
_UNKNOWN = 0  # stands for every word outside the vocabulary
_NO_LABEL = -100  # label of such a word: never learnt, never predicted
_HELD_OUT = 10
_MEASURED = 6000  # words the accuracy is measured on
_BATCH = 48
_EMBEDDING = 96

PLAIN = {"plain-48": 48, "plain-96": 96, "plain-192": 192, "plain-384": 384}
"""Units of the traditional networks."""

NESTED = (48, 48, 96, 192)
"""Units each exit of the anytime network adds."""

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_SENTENCE = re.compile(r"[A-Z].*[.!?]")
_CODE = re.compile(r"[{}=<>\[\]`_\\]")
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|[,.;:]")


class NestedRecurrence(nn.Module):
    """Gated recurrent units in stripes: each stripe reads the words and the earlier states.

    The design follows the nested architectures of Wan, Hoffmann, Lu and Maire (ICML 2020): a later
    exit reuses everything that earlier exits computed. With one stripe it is a plain network.

    Parameters
    ----------
    widths : sequence of int
        Units of each stripe.
    words : int
        Size of the vocabulary.
    """

    def __init__(self, widths: Sequence[int], words: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, _EMBEDDING)
        reaches = [sum(widths[:k]) for k in range(len(widths) + 1)]
        self.stripes = nn.ModuleList(
            nn.GRU(_EMBEDDING + before, width, batch_first=True)
            for before, width in zip(reaches, widths, strict=False)
        )
        self.exits = nn.ModuleList(nn.Linear(reach, words) for reach in reaches[1:])

    def forward(self, words: torch.Tensor) -> Iterator[torch.Tensor]:
        """Yield the logits of the next word, exit after exit.

        Parameters
        ----------
        words : tensor of int, shape (B, L)

        Yields
        ------
        tensor, shape (B, vocabulary); in training (B, L, vocabulary), after every word
        """
        seen = self.embedding(words)
        for stripe, leave in zip(self.stripes, self.exits, strict=True):
            states, _ = stripe(seen)
            seen = torch.cat((seen, states), -1)
            known = seen[..., _EMBEDDING:]
            yield leave(known if self.training else known[:, -1])


class Text:
    """Sentences as numbers, for training and held out."""

    def __init__(self) -> None:
        sentences = list(_sentences(_documentation()))
        held_out = sentences[::_HELD_OUT]
        learnt = [s for i, s in enumerate(sentences) if i % _HELD_OUT]
        common = Counter(word for sentence in learnt for word in sentence).most_common(_VOCABULARY)
        self.vocabulary = {word: i + 1 for i, (word, _) in enumerate(common)}
        self.words = len(self.vocabulary) + 1
        self._learnt = self._numbers(learnt)
        self._held_out = self._numbers(held_out)
        self._sentence = torch.repeat_interleave(
            torch.arange(len(held_out)), torch.tensor([len(s) for s in held_out])
        )

    def _numbers(self, sentences: Iterable[Sequence[str]]) -> torch.Tensor:
        known = self.vocabulary
        return torch.tensor([known.get(word, _UNKNOWN) for s in sentences for word in s])

    def draw(self, generator: torch.Generator, window: int = _LEARNT_WINDOW) -> training.Batch:
        """Draw windows for training, and for each word the word that follows."""
        starts = torch.randint(len(self._learnt) - window, (_BATCH, 1), generator=generator)
        places = starts + torch.arange(window)
        return self._learnt[places], _labels(self._learnt[places + 1])

    def held_out(self, count: int) -> training.Batch:
        """Return windows of the held-out text, and the words that follow them."""
        ends = torch.linspace(WINDOW, len(self._held_out) - 1, count).long()
        return self._windows(ends), _labels(self._held_out[ends])

    def stream(self, n: int, seed: int) -> tuple[list[torch.Tensor], NDArray[np.int64]]:
        """Return the windows before n words of held-out sentences, and the words' sentences."""
        latest = len(self._held_out) - _LONGEST - n
        if n < 1 or latest <= WINDOW:
            raise ValueError(f"n: expected 1 to {latest + n - WINDOW - 1} words, got {n}")
        start = int(np.random.default_rng(seed).integers(WINDOW, latest))
        while self._sentence[start] == self._sentence[start - 1]:  # begin with a sentence
            start += 1
        places = torch.arange(start, start + n)
        return list(torch.split(self._windows(places), 1)), self._sentence[places].numpy()

    def _windows(self, ends: torch.Tensor) -> torch.Tensor:
        return self._held_out[ends.unsqueeze(-1) + torch.arange(-WINDOW, 0)]


def _labels(words: torch.Tensor) -> torch.Tensor:
    return words.where(words != _UNKNOWN, _NO_LABEL)


def load(steps: int = 700, *, progress: bool = True) -> Task:
    """Train the networks, or take them from the cache; `steps` batches each."""
    text = Text()
    inputs, labels = text.held_out(min(_MEASURED, 8 * steps))
    measured = list(zip(torch.split(inputs, _BATCH), torch.split(labels, _BATCH), strict=True))
    key = training.version(__file__, settings=(steps, text.words))

    def train(name: str, widths: Sequence[int]) -> tuple[nn.Module, list[float]]:
        return training.trained(
            f"words-{name}",
            key,
            lambda: NestedRecurrence(widths, text.words),
            text.draw,
            steps,
            lambda network: training.hits(network, measured, TOP, len(widths)),
            progress=progress,
        )

    task = Task("words", text.stream)
    for name, width in PLAIN.items():
        network, accuracy = train(name, [width])
        task.add(name, training.traditional(network), accuracy[-1])
    network, accuracy = train("nested", NESTED)
    task.add("nested", network, accuracy)
    return task


# -------------------------------------------------------------------------------------------- text


def _documentation() -> Iterator[str]:
    """Yield Python's own help texts and the docstrings of the packages."""
    from pydoc_data.topics import topics

    yield from topics.values()
    for package in _PACKAGES:
        found = find_spec(package)
        if found is None or found.origin is None:
            raise ModuleNotFoundError(f"{package}: its documentation is part of the text")
        for script in sorted(Path(found.origin).parent.rglob("*.py")):
            if "tests" not in script.parts:
                yield from _docstrings(script)


def _docstrings(script: Path) -> Iterator[str]:
    try:
        tree = ast.parse(script.read_bytes())
    except (SyntaxError, ValueError):  # a template, or for another version of Python
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            yield ast.get_docstring(node) or ""


def _sentences(texts: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Yield the words of every sentence that is prose, the first time it comes up."""
    known = set()
    for text in texts:
        for paragraph in text.split("\n\n"):
            for sentence in _SENTENCE_END.split(" ".join(paragraph.split())):
                words = _words(sentence)
                if words and words not in known:
                    known.add(words)
                    yield words


def _words(sentence: str) -> tuple[str, ...]:
    """Split a sentence into words and marks; return an empty list if it is not prose."""
    if not _SENTENCE.fullmatch(sentence) or _CODE.search(sentence):
        return ()
    words = tuple(_WORD.findall(sentence.lower()))
    letters = sum(map(str.isalpha, sentence))
    prose = _SHORTEST <= len(words) <= _LONGEST and letters >= 0.7 * len(sentence.replace(" ", ""))
    return words if prose else ()
