"""Building a module around weights that a file brings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch

from alert.store.place import Place
from alert.store.tensors import registered, unregistered
from alert.store.weights import Weights

Build: TypeAlias = Callable[[], torch.nn.Module]


class Building:
    """A module whose weights are still to be read.

    It is built on torch's "meta" device, where weights take neither memory nor time. Some modules
    compute what no file has, such as tables of positions, or cannot be built there. Those are built
    as usual.

    Parameters
    ----------
    name : str
        Of the model, in errors.
    build : callable
    weights : Weights
    place : Place
        Where the weights are to be.

    Attributes
    ----------
    weights : Weights
    size : int
        Bytes of the module when it is complete.
    tensors : dict
        By their names in the file: what is to be filled.
    """

    def __init__(self, name: str, build: Build, weights: Weights, place: Place) -> None:
        self.weights = weights
        self._device = place.device
        known = {*weights.specs, *weights.aliases}
        module = _on_meta(build)
        if module is None or _lacks(module, known):
            with torch.device("cpu"):
                module = build()
        if not isinstance(module, torch.nn.Module):
            kind = type(module).__name__
            raise TypeError(f"models[{name!r}]: expected it to build a torch.nn.Module, got {kind}")
        self._module = module
        self.tensors = place.room(weights.specs, module.state_dict())
        self.size = weights.size + sum(
            tensor.nbytes for tensor, names in registered(module).items() if known.isdisjoint(names)
        )

    def complete(self) -> torch.nn.Module:
        """Return the module with its weights, which have been read.

        Raises
        ------
        RuntimeError
            Names or shapes of the file are not those of the module; torch lists them.
        ValueError
            The module makes nothing of the file; the message names the file.
        """
        state = {**self.tensors, **self.weights.others}
        state |= {name: state[first] for name, first in self.weights.aliases.items()}
        expected = self._module.state_dict().keys()
        for names in registered(self._module).values():
            there = next((state[name] for name in names if name in state), None)
            if there is not None:  # of tied tensors, a file may have one
                state = {**{name: there for name in names if name in expected}, **state}
        try:
            self._module.load_state_dict(state, assign=True)
        except ValueError as error:
            raise ValueError(f"{self.weights.path}: {error}") from None
        except RuntimeError as error:
            raise RuntimeError(f"{self.weights.path}: {error}") from None
        return self._module.to(self._device).eval()


def _on_meta(build: Build) -> torch.nn.Module | None:
    """Build a module without memory; None where that fails."""
    try:
        with torch.device("meta"):
            return build()
    except Exception:  # it computes with its weights, which have no values there
        return None


def _lacks(module: torch.nn.Module, known: set[str]) -> bool:
    """Tell whether a module on "meta" has tensors that the file cannot fill."""
    if not isinstance(module, torch.nn.Module):
        return False
    return any(
        tensor.is_meta and known.isdisjoint(names) for tensor, names in registered(module).items()
    ) or any(tensor.is_meta for tensor in unregistered(module))
