"""Old names that keep working for one release, with a warning at the caller's line.

The C types do the same by `csrc/python/py_deprecated.h`; both speak in the same words.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from alert._warnings import warn

P = ParamSpec("P")
T = TypeVar("T")


def renamed_keyword(old: str, new: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let a function take a keyword by its old name, too.

    Parameters
    ----------
    old, new : str
        The signature of the function has the new name only.

    Raises
    ------
    TypeError
        When called with both names.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        name = function.__qualname__.removesuffix(".__init__").removesuffix(".__new__")

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            if old in kwargs:
                if new in kwargs:
                    raise TypeError(f"{name}(): expected {new}, got {old} (its old name) as well")
                warn_renamed(f"{name}({old}=)", f"{name}({new}=)")
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return call

    return decorate


class renamed_attribute:  # noqa: N801 -- it is used as `property` is
    """Let an attribute be read and set by its old name, too.

    Parameters
    ----------
    new : str
        The name of the attribute now; the old one is the name this stands under in the class.

    Examples
    --------
    >>> class Stopwatch:
    ...     total = 3.0
    ...     total_s = renamed_attribute("total")
    """

    def __init__(self, new: str) -> None:
        self._new = new
        self.__doc__ = f"Old name of `{new}`, removed in the next release."

    def __set_name__(self, owner: type, old: str) -> None:
        self._names = f"{owner.__name__}.{old}", f"{owner.__name__}.{self._new}"

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        if instance is None:
            return self
        warn_renamed(*self._names)
        return getattr(instance, self._new)

    def __set__(self, instance: object, value: object) -> None:
        warn_renamed(*self._names)
        setattr(instance, self._new, value)


def renamed_key(given: Mapping[str, T], argument: str, old: str, new: str) -> dict[str, T]:
    """Copy a mapping that was passed as `argument`, with one of its keys under the new name."""
    copy = dict(given)
    if old in copy:
        if new in copy:
            raise ValueError(f"{argument}: expected {new!r}, got {old!r} (its old name) as well")
        warn_renamed(f"{argument}[{old!r}]", f"{argument}[{new!r}]")
        copy[new] = copy.pop(old)
    return copy


class RenamedAttributes:
    """Stands for an object of the user's own that has some attributes under old names.

    Parameters
    ----------
    given : object
    names : mapping of str to str
        New names, with the old ones.
    """

    def __init__(self, given: object, names: Mapping[str, str]) -> None:
        self._given = given
        self._names = names
        kind = type(given).__name__
        for new, old in names.items():
            warn_renamed(f"{kind}.{old}", f"{kind}.{new}")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._given, self._names.get(name, name))


def warn_renamed(old: str, new: str) -> None:
    """Warn at the line outside of this package that uses the old name."""
    text = f"{old} is now {new}: the old name will be removed in the next release"
    warn(text, DeprecationWarning)
