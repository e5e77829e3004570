"""A model of a store, as callers see it: a callable, whether the model is in memory or not."""

from __future__ import annotations

from collections.abc import Iterator
from threading import get_ident
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alert.store.entry import Entry
    from alert.store.memory import Memory


class StoredModel:
    """Runs a model of a store, and loads it first where it is not in memory.

    It is not the module itself: a reference to that would keep its memory.
    """

    __slots__ = ("_entry", "_memory")

    def __init__(self, memory: Memory, entry: Entry) -> None:
        self._memory = memory
        self._entry = entry

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the model."""
        memory, entry = self._memory, self._entry
        module = memory.acquire(entry)
        try:
            output = module(*args, **kwargs)
        except BaseException:
            memory.release(entry, get_ident())
            raise
        del module  # or it would outlive its release
        if hasattr(output, "__next__"):
            return _Outputs(memory, entry, output)
        memory.release(entry, get_ident())
        return output

    def load(self) -> None:
        """Load the model, if it is not in memory."""
        self._memory.acquire(self._entry)
        self._memory.release(self._entry, get_ident(), has_run=False)

    def delay(self) -> float:
        """Return the seconds until the model could run; see `alert.Store.delay`."""
        return self._memory.delay(self._entry)

    def prefetch(self, beside: StoredModel | None = None) -> bool:
        """Begin to load the model in the background; see `alert.Store.prefetch`."""
        return self._memory.prefetch(self._entry, None if beside is None else beside._entry)

    @property
    def is_fresh(self) -> bool:
        """True if the model has not run since it was loaded: its first run may be slow."""
        return self._entry.fresh

    @property
    def is_resident(self) -> bool:
        """True if the model is in memory."""
        return self._entry.module is not None

    @property
    def loads(self) -> int:
        """Loads of the model that have ended well."""
        return self._entry.loads

    @property
    def error(self) -> Exception | None:
        """Why the last load of the model failed; None where it did not."""
        return self._entry.error

    def __repr__(self) -> str:
        return f"<{self._entry.name!r} of an alert.Store>"


class _Outputs:
    """Outputs of an anytime model, which stays in memory until the last one, or until `close`."""

    def __init__(self, memory: Memory, entry: Entry, outputs: Iterator[Any]) -> None:
        self._memory: Memory | None = memory
        self._entry = entry
        self._user = get_ident()
        self._outputs = outputs

    def __iter__(self) -> _Outputs:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._outputs)
        except BaseException:
            self._release()
            raise

    def close(self) -> None:
        """End the model before its last output."""
        try:
            if hasattr(self._outputs, "close"):
                self._outputs.close()
        finally:
            self._release()

    __del__ = close

    def _release(self) -> None:
        memory, self._memory = self._memory, None
        if memory is not None:
            self._outputs = iter(())
            memory.release(self._entry, self._user)
