"""The learning of accuracies in plain NumPy: whole matrices, solved anew each time."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

VARIANCE = 0.2  # of a score
_BITS = 2**64


@dataclass
class Posterior:
    """Information matrix and vector of one model's law, in ratings."""

    published: float
    context: int
    prior: float = 20.0
    keep: float = 1.0
    matrix: np.ndarray = field(init=False)
    vector: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.first = self.prior * np.eye(self.context + 1)
        self.first_vector = self.first @ ([self.published] + [0.0] * self.context)
        self.matrix, self.vector = self.first.copy(), self.first_vector.copy()

    def learn(self, context: list[float], score: float, share: float = 1.0) -> None:
        x = share * np.array([1.0, *context])
        forgotten = 1.0 - self.keep
        self.matrix = self.keep * self.matrix + forgotten * self.first + np.outer(x, x)
        self.vector = self.keep * self.vector + forgotten * self.first_vector + x * score

    @property
    def mean(self) -> np.ndarray:
        mean: np.ndarray = np.linalg.solve(self.matrix, self.vector)
        return mean

    def accuracy(self, context: list[float]) -> tuple[float, float]:
        x = np.array([1.0, *context])
        variance = VARIANCE * x @ np.linalg.solve(self.matrix, x)
        return min(max(float(x @ self.mean), 0.0), 1.0), float(np.sqrt(variance))

    def drawn(self, random: Random) -> np.ndarray:
        """A law with the covariance of what is known: by the inverse of the root, transposed."""
        normal = np.array([random.normal() for _ in range(self.context + 1)])
        root = np.linalg.cholesky(self.matrix)
        law: np.ndarray = self.mean + np.sqrt(VARIANCE) * np.linalg.solve(root.T, normal)
        return law


class Random:
    """SplitMix64, from its paper."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def bits(self) -> int:
        self.state = (self.state + 0x9E3779B97F4A7C15) % _BITS
        z = self.state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % _BITS
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % _BITS
        return z ^ (z >> 31)

    def normal(self) -> float:
        return NormalDist().inv_cdf(((self.bits() >> 11) + 0.5) / 2**53)
