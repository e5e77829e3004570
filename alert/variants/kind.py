"""What a kind of variants is: a module that says how a variant is made, and how it is stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, NamedTuple, Protocol

from torch.nn import Module

Record = dict[str, Any]


class Context(NamedTuple):
    """What a kind may use to make a variant.

    Attributes
    ----------
    example
        A typical input.
    calibration : sequence
        Further inputs, without answers; perhaps none.
    train : callable or None
        Trains a module in place.
    """

    example: Any
    calibration: Sequence[Any] = ()
    train: Callable[[Module], object] | None = None


@dataclass(frozen=True)
class Made:
    """A variant, and how it is stored.

    Attributes
    ----------
    model : callable
        A `torch.nn.Module`, in evaluation mode.
    record : dict
        What `Kind.shape` needs to know. It is stored as JSON.
    suffix : str
        Of the file. `alert.store.opening.open_weights` must be able to read it. Empty for a variant
        that cannot be stored.
    write : callable, optional
        Writes the content of the file. By default that is the state dict, as safetensors.
    last : bool
        No further kind can follow in a chain.
    """

    model: Callable[..., Any]
    record: Record = field(default_factory=dict)
    suffix: str = ".safetensors"
    write: Callable[[IO[bytes]], object] | None = None
    last: bool = False


class Kind(Protocol):
    """What the module of a kind holds."""

    def check(self, parameter: str | None, context: Context) -> None:
        """Refuse a parameter that is out of range, and a context that lacks something.

        All kinds are checked before anything is made.

        Parameters
        ----------
        parameter : str or None
            What follows the colon: "0.5" of "pruned:0.5".
        context : Context

        Raises
        ------
        ValueError
            The message begins with "kinds: " and the name of the kind.
        """

    def make(self, model: Module, parameter: str | None, context: Context) -> Made:
        """Make a variant.

        Parameters
        ----------
        model : Module
            A copy, in evaluation mode, which the kind may change.
        parameter : str or None
        context : Context

        Raises
        ------
        Exception
            No variant can be made of this model. The family is made without it, and says why.
        """

    def shape(self, model: Module, record: Record) -> Module:
        """Give a copy of the original the shape of the variant; its weights are read afterwards.

        Parameters
        ----------
        model : Module
            It may be changed. Its parameters and buffers are on torch's "meta" device.
        record : dict
            Of `make`, from a file: it may be damaged or hostile.

        Raises
        ------
        ValueError
            The record does not fit the model.
        """
