"""What a kind of variants is: a module that says how a variant is made, and how it is stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, NamedTuple, Protocol

from torch.nn import Module


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
        A `torch.nn.Module`; or another callable, which no further kind can follow in a chain.
    record : dict
        What `Kind.shape` needs to know. It is stored as JSON.
    suffix : str
        Of the file. `alert.store.weights.open_weights` must be able to read it.
    write : callable, optional
        Writes the content of the file. By default that is the state dict, as safetensors.
    """

    model: Callable[..., Any]
    record: dict[str, Any] = field(default_factory=dict)
    suffix: str = ".safetensors"
    write: Callable[[IO[bytes]], object] | None = None


class Kind(Protocol):
    """What the module of a kind holds."""

    def make(self, model: Module, parameter: str | None, context: Context) -> Made:
        """Make a variant.

        Parameters
        ----------
        model : Module
            A copy, which the kind may change.
        parameter : str or None
            What follows the colon: "0.5" of "pruned:0.5".
        context : Context

        Raises
        ------
        ValueError
            The parameter is out of range, or no variant can be made of this model.
        """

    def shape(self, model: Module, record: dict[str, Any]) -> Module:
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
