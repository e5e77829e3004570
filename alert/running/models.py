"""The models of a user: their order, their arguments, their outputs."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from alert._warnings import warn

if TYPE_CHECKING:
    from torch.nn import ModuleDict, ModuleList

Model: TypeAlias = Callable[..., Any]
Models: TypeAlias = "Sequence[Model] | Mapping[str, Model] | ModuleList | ModuleDict"

_T = TypeVar("_T")


class Call:
    """Holds the arguments of a model, where it takes more than one.

    Parameters
    ----------
    *args, **kwargs
        Passed on to the model.

    Examples
    --------
    A runner takes the arguments themselves. Use a `Call` where one value stands for a whole input:

    >>> import alert
    >>> example = alert.Call(input_ids=[[101, 102]], attention_mask=[[1, 1]])
    >>> example
    alert.Call(input_ids=[[101, 102]], attention_mask=[[1, 1]])
    """

    __slots__ = ("args", "kwargs")

    def __init__(self, /, *args: Any, **kwargs: Any) -> None:
        self.args = args
        self.kwargs = kwargs

    @classmethod
    def of(cls, x: Any) -> Call:
        """Return the call that `x` stands for: itself, or one with `x` as its only argument."""
        return x if isinstance(x, Call) else cls(x)

    def __call__(self, model: Model) -> Any:
        """Call a model."""
        return model(*self.args, **self.kwargs)

    def __repr__(self) -> str:
        given = [repr(value) for value in self.args]
        given += [f"{name}={value!r}" for name, value in self.kwargs.items()]
        return f"alert.Call({', '.join(given)})"


def repeatable(name: str, x: Any) -> Call:
    """Return the call that `x` stands for, to be made again and again.

    Raises
    ------
    TypeError
        The call holds an iterator, which the first model would use up.
    """
    call = Call.of(x)
    for value in (*call.args, *call.kwargs.values()):
        if isinstance(value, Iterator):
            kind = type(value).__name__
            raise TypeError(
                f"{name}: expected an input that can be used again, got {kind}, an iterator; "
                "pass one element of it"
            )
    return call


# -------------------------------------------------------------------------------------- models


def named(models: Models) -> tuple[list[Model], list[str] | None]:
    """Split models from their names, where they have names.

    `torch.nn.ModuleList` and `torch.nn.ModuleDict` count as a list and a dict.

    Raises
    ------
    TypeError
        The argument is neither a sequence nor a mapping, a name is no text, or a model cannot be
        called.
    ValueError
        No model was given.
    """
    names: list[str] | None = None
    if isinstance(models, Mapping) or _is_torch(models, "ModuleDict"):
        by_name = dict(models.items())  # type: ignore[union-attr, operator]
        names, offered = list(by_name), list(by_name.values())
        _check_names(names)
    elif _is_sequence(models) or _is_torch(models, "ModuleList"):
        offered = list(models)
    else:
        kind = type(models).__name__
        raise TypeError(f"models: expected a sequence or a dict of callables, got {kind}")
    for i, model in enumerate(offered):
        _check_callable(names[i] if names else i, model)
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


def for_each(
    name: str, values: Sequence[_T] | Mapping[str, _T], names: Sequence[str] | None, count: int
) -> list[_T]:
    """List values of an argument, one for each model, in the order of the models.

    Raises
    ------
    ValueError, TypeError
        They are no sequence or dict, or do not fit the names or the number of the models.
    """
    if isinstance(values, Mapping):
        if names is None or set(values) != set(names):
            raise ValueError(f"{name}: expected one for each name in {names}, got {values!r}")
        return [values[model] for model in names]
    if isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
        kind = type(values).__name__
        raise TypeError(f"{name}: expected a sequence or a dict, one for each model, got {kind}")
    if len(values) != count:
        raise ValueError(f"{name}: expected {count}, one for each model, got {values!r}")
    return list(values)


def warn_of_training(names: Sequence[str], models: Sequence[Model]) -> None:
    """Warn of modules in training mode: they drop activations and change their statistics."""
    training = [
        name
        for name, model in zip(names, models, strict=True)
        if _is_torch(model, "Module") and model.training  # type: ignore[attr-defined]
    ]
    if training:
        warn(
            f"{', '.join(training)}: in training mode, so that dropout is active and statistics "
            "of batch normalisation change; call eval() first"
        )


def _check_names(names: Sequence[object]) -> None:
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"models: expected names that are str, got {name!r}")


def _check_callable(key: int | str, model: object) -> None:
    where = f"models[{key!r}]"
    if isinstance(model, type) and _is_torch_class(model):
        raise TypeError(f"{where}: expected a callable, got the class {model.__name__}; make one")
    if not callable(model):
        kind = type(model).__name__
        raise TypeError(f"{where}: expected a callable, got {kind}{_adapter(model)}")


def _adapter(model: object) -> str:
    """Tell how to make a callable from a model of another library."""
    if callable(getattr(model, "run", None)):  # a session of ONNX Runtime
        return "; pass lambda x: session.run(None, {session.get_inputs()[0].name: x})"
    for method in ("predict_proba", "predict"):  # estimators of scikit-learn and its kin
        if hasattr(model, method):
            return f"; pass its method {method}"
    return ""


def _is_sequence(thing: object) -> bool:
    return isinstance(thing, Sequence) and not isinstance(thing, (str, bytes))


def _is_torch(thing: object, kind: str) -> bool:
    """Tell whether this is a `torch.nn` class of that name, without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(thing, getattr(torch.nn, kind))


def _is_torch_class(kind: type) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and issubclass(kind, torch.nn.Module)


# ------------------------------------------------------------------------------------- outputs


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


def first_of(output: Any) -> Any:
    """Return the first element of a list, a tuple or a dict; anything else as it is."""
    if isinstance(output, (list, tuple, dict)) and output:
        return next(iter(output.values() if isinstance(output, dict) else output))
    return output


def check_output(name: str, output: object) -> None:
    """Refuse an output that is only a promise: its model has not run yet.

    Raises
    ------
    TypeError
        The output, or the first element of a container, is a coroutine, a future, a handle or an
        iterator.
    """
    for found in (output, first_of(output)):
        promise = _promise(type(found))  # type: ignore[arg-type]  # types can be hashed
        if promise is not None:
            if inspect.iscoroutine(found):
                found.close()  # or Python warns that it was never awaited
            raise TypeError(f"{name}: expected an output, got {type(found).__name__}: {promise}")


_LATER = "the work is not done when the call returns; wait for the result inside the model"
_PIECES = "give its exits if it yields better and better outputs, else collect them in the model"

# Methods of objects that stand for work elsewhere; finished outputs do not have them.
_SIGNS_OF_LATER = (
    *("__await__", "result", "get_result", "wait", "ready", "is_alive"),
    "__dask_graph__",
)
_SIGNS_OF_PIECES = ("__next__", "__anext__", "__aiter__")


@lru_cache(maxsize=256)
def _promise(kind: type) -> str | None:
    """Return advice for a type whose objects are only promises of an output; None for others."""
    torch = sys.modules.get("torch")
    if torch is not None and issubclass(kind, torch.Tensor):
        return None
    for signs, advice in ((_SIGNS_OF_LATER, _LATER), (_SIGNS_OF_PIECES, _PIECES)):
        if any(callable(getattr(kind, sign, None)) for sign in signs):
            return advice
    return None


# ------------------------------------------------------------------------------------ around a run


def inference_mode(wanted: bool = True) -> AbstractContextManager[Any]:
    """Return `torch.inference_mode()` for one run; nothing where torch has not been imported."""
    torch = sys.modules.get("torch")
    return nullcontext() if torch is None or not wanted else torch.inference_mode()
