"""How a scheduler learns the accuracies of the models from ratings."""

from __future__ import annotations

import hashlib
import math
import secrets
from dataclasses import dataclass
from operator import index
from typing import TypeAlias

from alert import _arguments

User: TypeAlias = "str | int | None"

_MOST_NUMBERS = 8
_SEED_BITS = 64


@dataclass(frozen=True)
class Feedback:
    """Has a scheduler learn from ratings how accurate each model is on the user's data.

    Pass it as ``feedback=`` to `Scheduler`, `Runner` or `Server.tenant`, and rate inputs by their
    tickets.

    Parameters
    ----------
    context : int, default 0
        How many numbers are known of every input before it runs, at most 8. The accuracy of a model
        is a linear function of them.
    prior : float, default 20
        Ratings that an accuracy of the profile counts for; from 1 to 1e6.
    half_life : float, optional
        Ratings of a model after which one counts half, for users who change their minds; at least
        1. None: all ratings count the same.
    seed : int, optional
        The same seed and the same calls give the same choices.

    Examples
    --------
    >>> import alert
    >>> profile = alert.Profile(
    ...     latency=[[0.01], [0.03]], power=[[20], [20]], accuracy=[0.70, 0.80], power_caps=[20],
    ...     idle_power=5,
    ... )
    >>> goal = alert.Goal.min_energy(deadline=0.1, accuracy=0.75, window=1)
    >>> s = alert.Scheduler(profile, goal, feedback=alert.Feedback(seed=1))
    >>> for _ in range(200):
    ...     ticket, model = s.decision.ticket, s.decision.model
    ...     _ = s.step(profile.latency[model, 0], 0.5)
    ...     _ = s.feedback(ticket, score=1.0)  # users like what they get
    >>> s.decision.model  # the small model turned out to be accurate enough
    0
    """

    context: int = 0
    prior: float = 20.0
    half_life: float | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        context = _arguments.integer("context", self.context, 0)
        if context > _MOST_NUMBERS:
            raise ValueError(f"context: expected at most {_MOST_NUMBERS} numbers, got {context}")
        _arguments.number("prior", self.prior)
        if not 1.0 <= self.prior <= 1e6:
            raise ValueError(f"prior: expected a number of ratings from 1 to 1e6, got {self.prior}")
        if self.half_life is not None:
            _arguments.at_least("half_life", self.half_life, 1.0)
        if self.seed is not None:
            _arguments.integer("seed", self.seed, 0)

    def _as_tuple(self) -> tuple[int, float, float, int, int]:
        """Return what the core takes; a seed where none was given, and a first ticket."""
        seed = secrets.randbits(_SEED_BITS) if self.seed is None else self.seed
        half_life = math.inf if self.half_life is None else float(self.half_life)
        first_ticket = secrets.randbits(20) << 32
        return (
            int(self.context), float(self.prior), half_life, seed % 2**_SEED_BITS, first_ticket,
        )  # fmt: skip


def user_number(user: User) -> int:
    """Return a number that stands for a user; 0 for nobody in particular."""
    if user is None:
        return 0
    if isinstance(user, str):
        shown = str.__repr__(user)  # text of NumPy, say, is shown in another way
    else:
        try:
            shown = str(index(user))
        except TypeError:
            kind = type(user).__name__
            raise TypeError(f"user: expected text, a number or None, got {kind}") from None
    digest = hashlib.blake2b(shown.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1
