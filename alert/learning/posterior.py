"""What ratings say of one linear law that all models share.

    reward = x·θ + noise,   x: features of a device and a model

    symbol  meaning
    P       covariance of θ, as far as it is known
    m       mean of θ
    σ²      variance of the noise
    A, b    information of the ratings: Σ x xᵀ / σ², Σ x reward / σ²

Ridge regression, updated rating by rating (Sherman-Morrison). Information adds: the posterior of
several nodes is that of the sum of their A and b.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from alert._arguments import Floats

REFACTOR = 10_000
"""Ratings after which P and m are computed anew: rounding errors of updates add up."""


@dataclass
class Information:
    """What one node has learnt from `count` ratings."""

    matrix: Floats
    vector: Floats
    count: int = 0

    @classmethod
    def none(cls, size: int) -> Information:
        """Return the information of no rating."""
        return cls(np.zeros((size, size)), np.zeros(size))

    def copy(self) -> Information:
        """Return a copy that changes by itself."""
        return Information(self.matrix.copy(), self.vector.copy(), self.count)


class Posterior:
    """The law as ratings tell it, those of this node and those received from others.

    Parameters
    ----------
    size : int
        Features.
    prior : float
        Variance of each weight before any rating.
    noise : float
        Variance of a rating around the law.
    """

    def __init__(self, size: int, prior: float, noise: float) -> None:
        self.prior = prior
        self.noise = noise
        self.mean: Floats = np.zeros(size)
        self.covariance: Floats = np.eye(size) * prior
        self._root = 1.0 / math.sqrt(noise)
        self._updates = 0

    def learn(self, x: Floats, reward: float, own: Information) -> None:
        """Take in one rating, and add it to the information of this node."""
        spread = self.covariance @ x
        scale = 1.0 / (self.noise + float(x @ spread))
        self.mean += spread * (scale * (reward - float(x @ self.mean)))
        # products of a vector with itself are symmetric to the last bit, and so is P
        spread *= math.sqrt(scale)
        self.covariance -= spread[:, None] * spread
        root = x * self._root
        own.matrix += root[:, None] * root
        own.vector += x * (reward / self.noise)
        own.count += 1
        self._updates += 1

    @property
    def is_worn(self) -> bool:
        """Whether it has been updated so often that it wants computing anew."""
        return self._updates >= REFACTOR

    def recompute(self, sources: list[Information]) -> None:
        """Compute mean and covariance from the information of all nodes."""
        matrix = np.eye(len(self.mean)) / self.prior + sum(s.matrix for s in sources)
        vector = sum((s.vector for s in sources), np.zeros(len(self.mean)))
        inverse = np.linalg.inv(np.linalg.cholesky(matrix))
        self.covariance = inverse.T @ inverse
        self.mean = self.covariance @ vector
        self._updates = 0

    def expected(self, features: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of each row's reward, the noise left out."""
        variance = np.einsum("ij,ij->i", features @ self.covariance, features)
        return features @ self.mean, np.sqrt(np.maximum(variance, 0.0))

    def draw(self, features: Floats, width: float, random: np.random.Generator) -> Floats:
        """Return each row's reward under one law that is drawn, `width` times as far off."""
        size = len(self.mean)
        root = np.linalg.cholesky(self.covariance + 1e-12 * self.prior * np.eye(size))
        drawn: Floats = features @ (self.mean + width * (root @ random.standard_normal(size)))
        return drawn
