"""What belongs to one process, and what is closed at the end of a ``with`` statement."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Never, Self


class OfOneProcess:
    """Refuses to be copied or pickled: it holds threads, locks or devices."""

    __slots__ = ()

    def __reduce__(self) -> Never:
        raise TypeError(
            f"a {type(self).__name__} cannot be copied, pickled or sent to another process: make "
            "one there"
        )


class Closing(OfOneProcess):
    """Gives a class with a method `close` the ``with`` statement."""

    __slots__ = ()

    def close(self) -> None:
        """Release what is held."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
