"""The model for a device, learnt from the ratings of users on other devices."""

from __future__ import annotations

import copy
import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from alert import _arguments, files
from alert._arguments import Floats
from alert.learning.features import Features
from alert.learning.posterior import Information, Posterior

if TYPE_CHECKING:
    from typing_extensions import Self

WIDTHS = {"ucb": 1.25, "thompson": 0.5}
"""How far each method explores, unless told otherwise."""

TICKETS = 4096
"""Choices that still may be rated, the latest of them."""

LARGEST = 1e4
"""Features beyond this are refused: one of them would outweigh all others."""

_SCHEMA = "alert/selector"
_VERSION = 2
"""1 was a linear law: its sums say something else."""


class Choice(NamedTuple):
    """The model for a device, and the ticket to rate it with."""

    model: str
    ticket: int


class Selector:
    """Chooses a model for each device, and learns from ratings which suits which.

    Parameters
    ----------
    models : sequence of str
        The models' names.
    features : callable
        Takes a device; returns an array of models x features. `alert.learning.joint` makes one.
        Add a constant 1 to the features of your own.
    method : {"ucb", "thompson"}, default "ucb"
        "ucb" takes the model that may be the best: by the law's mean, and `width` standard
        deviations on top. "thompson" draws a law from the posterior and takes its best model.
    width : float, optional
        How far to explore, as a factor of the standard deviation; by default 1.25 for "ucb" and 0.5
        for "thompson". 0 takes the model that looks best.
    prior : float, default 0.25
        Variance of each feature's weight before any rating, for features of about unit size.
    seed : int, optional
        For "thompson": the same seed and the same ratings give the same choices.

    Examples
    --------
    >>> from alert.learning import Selector, joint
    >>> features = joint(models=[[8.7], [9.9]], devices=[[8.6], [9.8], [11.0]])  # log10 operations
    >>> selector = Selector(["small", "large"], features)
    >>> for _ in range(20):
    ...     name, ticket = selector.choose([8.6])
    ...     selector.rate(ticket, 1.0 if name == "small" else 0.0)
    >>> selector.choose([8.6]).model
    'small'

    Notes
    -----
    All models share one logistic law of the features (Filippi et al. 2010), so that a rating of
    one model on one device says something of the others. A reward between 0 and 1 counts as a part
    of a thumb up (Papke and Wooldridge 1996). Any thread may call any method.
    """

    def __init__(
        self,
        models: Sequence[str],
        features: Features,
        *,
        method: str = "ucb",
        width: float | None = None,
        prior: float = 0.25,
        seed: int | None = None,
    ) -> None:
        self._models = _names(models)
        if not callable(features):
            raise TypeError(f"features: expected a callable, got {type(features).__name__}")
        if method not in WIDTHS:
            raise ValueError(f"method: expected one of {tuple(WIDTHS)}, got {method!r}")
        self._features = features
        self._method = method
        self._width = _arguments.at_least("width", WIDTHS[method] if width is None else width, 0.0)
        self._prior = _arguments.above_zero("prior", prior)
        self._random = np.random.default_rng(
            None if seed is None else _arguments.integer("seed", seed, 0)
        )
        self._id = secrets.token_hex(8)
        self._sources: dict[str, Information] = {}
        self._posterior: Posterior | None = None
        self._pending: OrderedDict[int, Floats] = OrderedDict()
        self._first_ticket = self._next_ticket = secrets.randbits(32) << 31
        self._lock = threading.RLock()

    @property
    def models(self) -> tuple[str, ...]:
        """The models' names."""
        return self._models

    @property
    def ratings(self) -> int:
        """Ratings learnt from, those of merged selectors included."""
        with self._lock:
            return sum(source.count for source in self._sources.values())

    def choose(self, device: object) -> Choice:
        """Choose a model for a device.

        Parameters
        ----------
        device
            What `features` takes.

        Returns
        -------
        Choice
            (model, ticket). The ticket may be rated once, while it is among the last 4096.
        """
        with self._lock:
            rows, posterior = self._known(device)
            if self._method == "ucb":
                mean, deviation = posterior.law(rows)
                worth = mean + self._width * deviation
            else:
                worth = posterior.draw(rows, self._width, self._random)
            best = int(worth.argmax())
            ticket = self._next_ticket
            self._next_ticket += 1
            self._pending[ticket] = rows[best].copy()
            if len(self._pending) > TICKETS:
                self._pending.popitem(last=False)
        return Choice(self._models[best], ticket)

    def expected(self, device: object) -> dict[str, tuple[float, float]]:
        """Return what is known of each model on a device.

        Returns
        -------
        dict of str to (float, float)
            The reward expected, and its standard deviation.
        """
        with self._lock:
            rows, posterior = self._known(device)
            pairs = zip(*posterior.expected(rows), strict=True)
        found = ((float(mean), float(deviation)) for mean, deviation in pairs)
        return dict(zip(self._models, found, strict=True))

    def rate(self, ticket: int, reward: float) -> None:
        """Learn how well a choice suited.

        Parameters
        ----------
        ticket : int
            Of `choose`.
        reward : float
            0 to 1: a thumb down or up, stars / 5.

        Raises
        ------
        ValueError
            The reward is out of range; or the ticket was rated before, is too old, or comes from
            another selector. Nothing was learnt.
        """
        worth = _arguments.number("reward", reward)
        if not 0.0 <= worth <= 1.0:
            raise ValueError(f"reward: expected 0 to 1, got {reward!r}")
        number = _arguments.integer("ticket", ticket, 0)
        with self._lock:
            x = self._pending.pop(number, None)
            if x is None:
                raise ValueError(f"ticket: {self._why_unknown(number)}, got {number}")
            assert self._posterior is not None  # a choice has been made
            own = self._sources.get(self._id)
            if own is None:
                own = self._sources[self._id] = Information.none(len(x))
            self._posterior.learn(x, worth, own)
            if self._posterior.is_worn:
                self._posterior.recompute(list(self._sources.values()))

    def merge(self, other: Selector) -> None:
        """Learn all that another selector knows.

        Merging twice, or around a circle of nodes, counts no rating twice: every selector keeps
        apart which node learnt what. A single selector that gets all ratings would know a little
        more: each rating is weighed by what its own node expected.

        Parameters
        ----------
        other : Selector
            With the same models, features and prior.
        """
        _arguments.instance("other", other, Selector, "a Selector")
        theirs = other._snapshot()
        with self._lock:
            for name in ("models", "prior"):
                ours, others = getattr(self, f"_{name}"), getattr(other, f"_{name}")
                if ours != others:
                    raise ValueError(f"other: expected the same {name}, {ours!r}, got {others!r}")
            if theirs:
                self._take(theirs)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save all that was learnt as JSON. Choices that wait for a rating are not saved."""
        nodes = {
            name: {
                "matrix": source.matrix.tolist(),
                "vector": source.vector.tolist(),
                "count": source.count,
            }
            for name, source in self._snapshot().items()
        }
        document = {
            "schema": _SCHEMA,
            "version": _VERSION,
            "models": list(self._models),
            "method": self._method,
            "width": self._width,
            "prior": self._prior,
            "nodes": nodes,
        }
        files.write_json(path, document)

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], features: Features, *, seed: int | None = None
    ) -> Self:
        """Return a selector that goes on from a file.

        Parameters
        ----------
        path : str or os.PathLike
            A file that `save` wrote.
        features : callable
            The one that the selector was made with: functions are not saved.
        seed : int, optional
            See `Selector`.

        Raises
        ------
        OSError
            The file cannot be read.
        ValueError
            The file holds no such selector; the message names file and field.
        """
        document = files.read_json(path, _SCHEMA, _VERSION, oldest=_VERSION)
        options = {name: files.field(path, document, name, (int, float)) for name in _NUMBERS}
        method = files.field(path, document, "method", str)
        models = files.field(path, document, "models", list)
        nodes = files.field(path, document, "nodes", dict)
        try:
            selector = cls(models, features, method=method, seed=seed, **options)
            sources = {name: _source(f"nodes[{name}]", node) for name, node in nodes.items()}
            if sources:
                selector._take(sources)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{files.as_path(path)}: {error}") from None
        return selector

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:
            state = self.__dict__.copy()
            del state["_lock"]
            state["_sources"] = {name: source.copy() for name, source in self._sources.items()}
            state["_pending"] = self._pending.copy()
            state["_posterior"] = copy.deepcopy(self._posterior)
            state["_random"] = copy.deepcopy(self._random)
        state["_id"] = secrets.token_hex(8)  # what the copy learns is another node's
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return (
            f"<alert.learning.Selector {self._method!r}: {len(self._models)} models, "
            f"{self.ratings} ratings>"
        )

    def _known(self, device: object) -> tuple[Floats, Posterior]:
        """Return the features of each model on a device, and the law."""
        rows = _arguments.grid("features(device)", self._features(device), self._shape)
        if rows.shape[1] == 0:
            raise ValueError("features(device): expected at least one feature, got none")
        if np.vdot(rows, rows) > LARGEST * LARGEST:
            expected = f"a number from -{LARGEST:g} to {LARGEST:g}: scale it"
            _arguments.refuse("features(device)", rows, np.abs(rows) > LARGEST, expected)
        if self._posterior is None:
            self._posterior = Posterior(rows.shape[1], self._prior)
        return rows, self._posterior

    @property
    def _shape(self) -> tuple[int, int | None]:
        return len(self._models), None if self._posterior is None else len(self._posterior.mean)

    def _snapshot(self) -> dict[str, Information]:
        with self._lock:
            return {name: source.copy() for name, source in self._sources.items()}

    def _take(self, sources: dict[str, Information]) -> None:
        """Replace what is known of each node by what is newer, and compute the law anew."""
        size = len(next(iter(sources.values())).vector)
        own = self._posterior or Posterior(size, self._prior)
        for source in sources.values():
            if len(source.vector) != len(own.mean):
                raise ValueError(
                    f"features: expected {len(own.mean)} for each model, got {len(source.vector)}"
                )
        newer = {
            name: source
            for name, source in sources.items()
            if name not in self._sources or self._sources[name].count < source.count
        }
        known = {**self._sources, **newer}
        own.recompute(list(known.values()))
        self._sources, self._posterior = known, own

    def _why_unknown(self, ticket: int) -> str:
        if not self._first_ticket <= ticket < self._next_ticket:
            return "expected one of this selector"
        if self._pending and ticket < next(iter(self._pending)):
            return f"expected one that is not yet rated, of the last {TICKETS}"
        return "expected one that is not yet rated"


_NUMBERS = ("width", "prior")


def _names(models: Sequence[str]) -> tuple[str, ...]:
    if isinstance(models, str) or not isinstance(models, Sequence):
        raise TypeError(f"models: expected a sequence of names, got {type(models).__name__}")
    for name in models:
        _arguments.instance("models", name, str, "names that are str")
    if len(models) == 0 or len(set(models)) < len(models):
        raise ValueError(f"models: expected names, each once, got {list(models)!r}")
    return tuple(models)


def _source(name: str, node: object) -> Information:
    """Read the information of one node, which must be some that ratings can give."""
    if not isinstance(node, dict):
        raise TypeError(f"{name}: expected an object, got {type(node).__name__}")
    for part in ("matrix", "vector", "count"):
        if part not in node:
            raise ValueError(f"{name}.{part}: missing")
    vector = np.array(_arguments.grid(f"{name}.vector", node["vector"], (None,)))
    size = len(vector)
    matrix = np.array(_arguments.grid(f"{name}.matrix", node["matrix"], (size, size)))
    count = _arguments.integer(f"{name}.count", node["count"], 0)
    lowest = np.linalg.eigvalsh(matrix).min() if size else 0.0
    if not np.allclose(matrix, matrix.T) or lowest < -1e-6 * max(np.abs(matrix).max(), 1.0):
        raise ValueError(f"{name}.matrix: expected a symmetric matrix without negative eigenvalues")
    return Information(matrix, vector, count)
