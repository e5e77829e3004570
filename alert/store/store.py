"""The store: models by name, of which some are in memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from alert import _arguments
from alert._closing import Closing
from alert._installation import require
from alert.files import as_path
from alert.store import size
from alert.store.stored_model import StoredModel

if TYPE_CHECKING:
    from torch.nn import Module

    from alert.store.place import Place

Path: TypeAlias = str | os.PathLike[str]


@runtime_checkable
class Stored(Protocol):
    """Models that know their files: a family of `alert.variants`."""

    def stored(self) -> Mapping[str, tuple[Callable[[], Module], Path]]:
        """Return a pair for each name, as a store takes them."""


class Store(Closing, Mapping[str, StoredModel]):
    """Keeps models within a budget of memory, and loads one while another runs.

    A store takes the place of a dict of models, in a `Runner`, in `Profile.measure` or in any loop.

    Parameters
    ----------
    models : dict
        For each name, a pair: a callable without arguments that builds a `torch.nn.Module`, such as
        its class, and the file of its weights. That is a safetensors file, a packed one (``.sdw``),
        or a state dict that `torch.save` wrote. Or an `alert.variants.Family` that was saved or
        loaded.
    budget : int or str
        Most bytes that the models in memory take together: a number, or a text such as "2 GB" or
        "512 MiB".
    device : str or torch.device, default "cpu"
        Where the models run: "cpu", or a GPU such as "cuda" or "cuda:1".

    Raises
    ------
    ValueError, TypeError
        An argument is out of range or of the wrong kind, a model alone is larger than the budget,
        or a file is damaged.
    OSError
        A file cannot be read.

    Examples
    --------
    >>> models = alert.Store(  # doctest: +SKIP
    ...     {"small": (Small, "small.safetensors"), "large": (Large, "large.safetensors")},
    ...     budget="2 GB",
    ... )
    >>> y = models["small"](x)  # doctest: +SKIP

    Notes
    -----
    Models are put into evaluation mode. A model that is not in memory is loaded by the call that
    needs it; the least recently used ones go to make room. A model that runs stays. Calls from
    several threads run beside each other.

    A failed load raises at the call that needs the model. The next call tries again.
    """

    def __init__(
        self,
        models: Mapping[str, tuple[Callable[[], Module], Path]] | Stored,
        budget: int | str,
        *,
        device: Any = "cpu",
    ) -> None:
        require("torch", ["torch"])
        _arguments.instance("models", models, Mapping, "a dict of pairs (build, file)")
        pairs = models.stored() if isinstance(models, Stored) else models
        limit = size.parsed("budget", budget)

        from alert.store.entry import Entry
        from alert.store.load import Source
        from alert.store.memory import Memory, too_large
        from alert.store.opening import size_in_memory

        entries = []
        for name, pair in pairs.items():
            source = Source(name, *_checked(name, pair))
            entries.append(Entry(source, size_in_memory(source.path)))
            if entries[-1].size > limit:
                raise too_large(name, entries[-1].size, limit)
        if not entries:
            raise ValueError("models: expected at least one model, got none")
        self._memory = Memory(entries, limit, _place(device))
        self._models = {e.name: StoredModel(self._memory, e) for e in entries}

    # ------------------------------------------------------------------------------------- mapping

    def __getitem__(self, name: str) -> StoredModel:
        return self._models[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)

    # ------------------------------------------------------------------------------------- loading

    def load(self, name: str) -> None:
        """Load a model now, if it is not in memory."""
        self[name].load()

    def delay(self, name: str) -> float:
        """Return the seconds until a model could run, if it were called now.

        Returns
        -------
        float
            0 for a model in memory, and `math.inf` for one whose last load failed.
        """
        return self[name].delay()

    def prefetch(self, name: str, *, beside: str | None = None) -> bool:
        """Begin to load a model in a thread of low priority, and return at once.

        Parameters
        ----------
        name : str
        beside : str, optional
            A model that stays in memory meanwhile.

        Returns
        -------
        bool
            True if the model is in memory or on its way. False if another one is being loaded, or
            if only models that run could make room.
        """
        return self[name].prefetch(None if beside is None else self[beside])

    def feed(self, inputs: Iterable[Any], *, ahead: int = 1) -> Iterator[Any]:
        """Yield inputs with their tensors where the models are.

        For a GPU, the next input is copied while a model runs on this one, through pinned memory
        that is used again and again. On the CPU, inputs are yielded as they are.

        Parameters
        ----------
        inputs : iterable
            Tensors, or tuples, lists and dicts of them. Everything else stays as it is.
        ahead : int, default 1
            Inputs that are fetched and copied before they are asked for. Use 0 for a camera or the
            like, which would have to be waited for.
        """
        beforehand = _arguments.integer("ahead", ahead, 0)
        _arguments.instance("inputs", inputs, Iterable, "an iterable of inputs")
        if self._memory.device.type == "cpu":
            return iter(inputs)

        from alert.store.feed import fed

        return fed(inputs, self._memory.device, beforehand)

    # ----------------------------------------------------------------------------------- reporting

    @property
    def budget(self) -> int:
        """Most bytes that the models in memory take together."""
        return self._memory.budget

    @property
    def used(self) -> int:
        """Bytes of the models in memory, and of those that are being loaded."""
        return self._memory.used

    @property
    def needed(self) -> int:
        """Bytes of all models together: with such a budget, each is loaded once."""
        return sum(entry.size for entry in self._memory.entries.values())

    @property
    def resident(self) -> tuple[str, ...]:
        """Names of the models in memory."""
        return tuple(name for name, model in self.items() if model.is_resident)

    @property
    def loads(self) -> int:
        """Loads that have ended well."""
        return sum(model.loads for model in self.values())

    @property
    def waits(self) -> int:
        """Calls that had to wait for a load."""
        return self._memory.waits

    @property
    def failed(self) -> dict[str, Exception]:
        """The models whose last load failed, and why."""
        return {name: model.error for name, model in self.items() if model.error is not None}

    def __repr__(self) -> str:
        names = ", ".join(self.resident) or "none"
        used, budget = size.text(self.used), size.text(self.budget)
        state = ", closed" if self._memory.closed else ""
        return f"<alert.Store of {len(self)} models, {used} of {budget}; in memory: {names}{state}>"

    # ------------------------------------------------------------------------------------- closing

    def close(self) -> None:
        """End all loads, and let the models go. Calling again is fine."""
        self._memory.close()


def _checked(name: object, pair: Any) -> tuple[Callable[[], Module], Any]:
    """Check what was given for one model."""
    if not isinstance(name, str):
        raise TypeError(f"models: expected names that are str, got {name!r}")
    where = f"models[{name!r}]"
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        kind = type(pair).__name__
        raise TypeError(f"{where}: expected a pair (build, file of weights), got {kind}")
    import torch

    build, path = pair
    _arguments.instance(f"{where}[0]", build, Callable, "a callable that builds the module")
    if isinstance(build, torch.nn.Module):
        kind = type(build).__name__
        raise TypeError(f"{where}[0]: expected a callable that builds the module, got a {kind}")
    return build, as_path(path)


def _place(device: Any) -> Place:
    """Return the memory that models on a device are loaded into."""
    import torch

    try:
        found = torch.device(device)
    except RuntimeError:
        raise ValueError(f"device: expected 'cpu' or 'cuda', got {device!r}") from None
    if found.type == "cpu":
        from alert.store.place import CpuMemory

        return CpuMemory()
    if found.type == "cuda":
        if not torch.cuda.is_available():
            raise ValueError(f"device: expected 'cpu', for torch finds no GPU, got {device!r}")
        from alert.store.gpu import GpuMemory

        return GpuMemory(found)
    raise ValueError(f"device: expected 'cpu' or 'cuda', got {device!r}")
