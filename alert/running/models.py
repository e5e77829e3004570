"""The models that a user offers: their order, their exits, and waiting until they are done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeAlias

Model: TypeAlias = Callable[[Any], Any]
Models: TypeAlias = Sequence[Model] | Mapping[str, Model]
Wait: TypeAlias = Callable[[], None]


def named(models: Models) -> tuple[list[Model], list[str] | None]:
    """Split a sequence or mapping of models into models and, where given, names.

    Raises
    ------
    TypeError
        The argument is neither a sequence nor a mapping, or a model cannot be called.
    ValueError
        There are no models.
    """
    if isinstance(models, Mapping):
        names, offered = list(models), list(models.values())
    elif isinstance(models, Sequence) and not isinstance(models, str):
        names, offered = None, list(models)
    else:
        kind = type(models).__name__
        raise TypeError(f"models: expected a sequence or a dict of callables, got {kind}")
    for i, model in enumerate(offered):
        if not callable(model):
            key = names[i] if names else i
            kind = type(model).__name__
            raise TypeError(f"models[{key!r}]: expected a callable, got {kind}")
    if not offered:
        raise ValueError("models: expected at least one model, got none")
    return offered, names


def in_order(models: Models, names: Sequence[str]) -> list[Model]:
    """List the models in the order of a profile's `names`.

    Raises
    ------
    ValueError
        A mapping has other names, or a sequence another length, than the profile.
    """
    offered, given = named(models)
    if given is None:
        if len(offered) != len(names):
            raise ValueError(
                f"models: expected {len(names)} models, as the profile has, got {len(offered)}"
            )
        return offered
    if sorted(given) != sorted(names):
        raise ValueError(f"models: expected the profile's names {tuple(names)}, got {tuple(given)}")
    return [offered[given.index(name)] for name in names]


def outputs(name: str, returned: object) -> Iterator[Any]:
    """Check that an anytime model returned an iterator: a loop would take a tensor as well."""
    if not isinstance(returned, Iterator):
        kind = type(returned).__name__
        raise TypeError(
            f"{name}: an anytime model yields its outputs exit by exit; "
            f"expected its call to return an iterator, got {kind}"
        )
    return returned


def too_few_exits(name: str, reached: int, expected: int) -> ValueError:
    """Make the error for an anytime model that ended before the exit to reach."""
    return ValueError(f"{name}: expected at least {expected} exits, got {reached}")


def inference_mode() -> AbstractContextManager[Any]:
    """Return `torch.inference_mode()`; where torch is not imported, a context that does nothing."""
    torch = sys.modules.get("torch")
    return nullcontext() if torch is None else torch.inference_mode()


def waiter(model: Model) -> Wait | None:
    """Return a function that waits until a model is done; None for a model on the CPU.

    A module runs where its parameters and buffers are. A plain callable may run anywhere: it counts
    as running on the current GPU as soon as this process has used CUDA.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    if isinstance(model, torch.nn.Module):
        tensors = [*model.parameters(), *model.buffers()]
        devices = sorted({str(t.device) for t in tensors if t.device.type == "cuda"})
    else:
        devices = [f"cuda:{torch.cuda.current_device()}"] if torch.cuda.is_initialized() else []
    if not devices:
        return None
    events = [(torch.cuda.Event(), device) for device in devices]

    def wait() -> None:
        for event, device in events:
            event.record(torch.cuda.current_stream(device))
        for event, _ in events:
            event.synchronize()

    return wait
