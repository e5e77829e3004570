"""What ratings say of one logistic law that all models share.

    reward ≈ p(x·θ),   p(η) = 1 / (1 + exp(−η)),   x: features of a device and a model

    symbol  meaning
    m, P    mean and covariance of θ, as far as it is known
    L       a root of the covariance: P = L Lᵀ
    w       weight of a rating: p (1 − p) at x·m, and at least `LEAST_WEIGHT`
    A, b    information of the ratings: Σ w x xᵀ, Σ x (w x·m + reward − p)

Each rating is one Newton step, with the law made linear at the mean of that moment (an extended
Kalman filter: Fahrmeir 1992):

    m ← m + s P x (reward − p),   s = 1 / (1 + w xᵀP x)
    P ← P − s w P x (P x)ᵀ

L is updated, never P, so that P stays symmetric and positive (Potter 1963). With v = Lᵀx:

    L ← L − (1 − √s) P x vᵀ / (vᵀv),   P x = L v

The same in sums: P⁻¹ = I / prior + A and m = P b. So information adds. The posterior of several
nodes is made of the sum of their A and b. Each rating then keeps the weight of the node that
received it: the sum is what one node would know but for these weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from alert._arguments import Floats

REFACTOR = 10_000
"""Ratings after which L and m are computed anew: rounding errors of updates add up."""

TOGETHER = 64
"""Ratings that are added to A and b in one product of matrices."""

LEAST_WEIGHT = 0.05
"""Keeps one surprise from moving the law far: a step is divided by about the weight."""

_NODES, _SHARES = np.polynomial.hermite_e.hermegauss(32)
_SHARES /= _SHARES.sum()


@dataclass
class Information:
    """What one node has learnt from `count` ratings: A and b."""

    matrix: Floats
    vector: Floats
    count: int = 0
    recent: list[tuple[Floats, float, float]] = field(default_factory=list)
    """Ratings that A and b do not hold yet: x, w, and what x is multiplied by in b."""

    @classmethod
    def none(cls, size: int) -> Information:
        """Return the information of no rating."""
        return cls(np.zeros((size, size)), np.zeros(size))

    def add(self, x: Floats, weight: float, value: float) -> None:
        """Add a rating."""
        self.recent.append((x, weight, value))
        self.count += 1
        if len(self.recent) == TOGETHER:
            self.gather()

    def gather(self) -> None:
        """Bring A and b up to date."""
        if not self.recent:
            return
        rows, weights, values = (np.array(column) for column in zip(*self.recent, strict=True))
        roots = rows * np.sqrt(weights)[:, None]
        self.matrix += roots.T @ roots
        self.vector += values @ rows
        self.recent.clear()

    def copy(self) -> Information:
        """Return a copy that changes by itself."""
        self.gather()
        return Information(self.matrix.copy(), self.vector.copy(), self.count)


class Posterior:
    """The law as ratings tell it, those of this node and those received from others.

    Parameters
    ----------
    size : int
        Features.
    prior : float
        Variance of each weight before any rating.
    """

    def __init__(self, size: int, prior: float) -> None:
        self.prior = prior
        self.mean: Floats = np.zeros(size)
        self.root: Floats = np.eye(size) * math.sqrt(prior)
        self._updates = 0

    def learn(self, x: Floats, reward: float, own: Information) -> None:
        """Take in one rating, and add it to the information of this node."""
        along = x @ self.root
        square = float(along @ along)
        at = float(x @ self.mean)
        chance = 0.5 + 0.5 * math.tanh(0.5 * at)
        weight = max(chance * (1.0 - chance), LEAST_WEIGHT)
        off = reward - chance
        share = 1.0 / (1.0 + weight * square)
        spread = self.root @ along
        self.mean += spread * (off * share)
        if square > 0.0:
            self.root -= spread[:, None] * (along * ((1.0 - math.sqrt(share)) / square))
        own.add(x, weight, weight * at + off)
        self._updates += 1

    @property
    def is_worn(self) -> bool:
        """Whether it has been updated so often that it wants computing anew."""
        return self._updates >= REFACTOR

    def recompute(self, sources: list[Information]) -> None:
        """Compute mean and root from the information of all nodes."""
        for source in sources:
            source.gather()
        matrix = np.eye(len(self.mean)) / self.prior + sum(s.matrix for s in sources)
        vector = sum((s.vector for s in sources), np.zeros(len(self.mean)))
        self.root = np.linalg.inv(np.linalg.cholesky(matrix)).T
        self.mean = self.root @ (vector @ self.root)
        self._updates = 0

    def law(self, features: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of x·θ for each row x."""
        along = features @ self.root
        return features @ self.mean, np.sqrt(np.einsum("ij,ij->i", along, along))

    def expected(self, features: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of p(x·θ) for each row x (Gauss-Hermite sums)."""
        mean, deviation = self.law(features)
        at = mean[:, None] + deviation[:, None] * _NODES
        chance = 0.5 + 0.5 * np.tanh(0.5 * at)
        expected = chance @ _SHARES
        variance = (chance - expected[:, None]) ** 2 @ _SHARES
        return expected, np.sqrt(variance)

    def draw(self, features: Floats, width: float, random: np.random.Generator) -> Floats:
        """Return x·θ for each row x under one law that is drawn, `width` times as far off."""
        off = width * random.standard_normal(len(self.mean))
        drawn: Floats = features @ (self.mean + self.root @ off)
        return drawn
