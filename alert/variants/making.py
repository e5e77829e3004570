"""Making a family: one variant after the other, each of them measured."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from alert import _arguments, _progress
from alert._text import plain
from alert._warnings import warn
from alert.measuring.results import note
from alert.running.models import Call
from alert.variants import measuring, own
from alert.variants.checks import checked
from alert.variants.frontier import judged
from alert.variants.kind import Context, Made, Record
from alert.variants.kinds import KINDS, OWN, Plan, Step, Wanted, plans, usual
from alert.variants.measuring import Metric
from alert.variants.members import Family
from alert.variants.variant import ORIGINAL, Variant

Evaluate = Callable[[Callable[..., Any]], float]


def family(
    model: nn.Module,
    example: Any,
    *,
    calibration: Sequence[Any] = (),
    train: Callable[[nn.Module], object] | None = None,
    evaluate: Evaluate | None = None,
    accuracy: float = 1.0,
    metric: Metric | None = None,
    kinds: Sequence[Wanted] | None = None,
    progress: bool = True,
) -> Family:
    """Make cheaper variants of a network, and measure them.

    Parameters
    ----------
    model : torch.nn.Module
        It stays as it is.
    example
        A typical input, for which latencies are measured; see `Profile.measure`.
    calibration : sequence, optional
        Inputs without answers. Every second one is for kinds that need inputs, such as "int8". The
        others compare outputs with those of the original.
    train : callable, optional
        ``train(module)`` trains a module in place. Kinds that cut the network need it.
    evaluate : callable, optional
        ``evaluate(callable)`` returns an accuracy, 0 to 1, on inputs that nothing was trained with.
    accuracy : float, default 1.0
        Of the model, where `evaluate` is left out. The accuracy of a variant is then *estimated*:
        this number times the agreement with the original.
    metric : callable, optional
        Called with the output of a variant and that of the original. Returns how well they agree, 0
        to 1. By default 1 where the largest elements of the last axis are in the same place.
    kinds : sequence of str or callable, optional
        Chains of kinds, such as "pruned:0.5+int8"; `alert.variants.KINDS` lists them. A function
        gets a copy of the model and returns a variant. By default those that the other arguments
        allow: see `alert.variants.kinds.usual`.
    progress : bool, default True
        Show a bar, where somebody watches and tqdm is installed.

    Returns
    -------
    Family
        The variants that no other one beats.

    Raises
    ------
    ValueError, TypeError
        An argument is out of range or of the wrong kind, or a network of which no family can be
        made: without weights, with complex or infinite ones, or quantised already.

    Warns
    -----
    UserWarning
        A variant could not be made.

    Notes
    -----
    An exception that ends the work, such as that of Ctrl-C, has an attribute `family`: the variants
    that had been made.
    """
    with torch.inference_mode(False):
        network = copy.deepcopy(checked(model)).eval()
    _arguments.instance("calibration", calibration, Iterable, "inputs")
    inputs = list(calibration)
    context = Context(example, inputs[::2], train)
    wanted = plans(usual(context) if kinds is None else kinds, context)
    if not inputs and evaluate is None:
        raise ValueError("calibration: expected inputs to compare outputs on, or evaluate=")
    published = _accuracy("accuracy", accuracy)
    _check_takes(network, "example", example)
    for x in inputs[:1]:
        _check_takes(network, "calibration", x)
    judge = _Judge(network, context.example, inputs[1::2] or inputs, evaluate, published, metric)
    workshop = _Workshop(network, context)
    found = [judge.variant(ORIGINAL, [], Made(network))]
    failed: list[str] = []

    def whole(seconds: Mapping[str, float]) -> Family:
        measured = [replace(v, latency=seconds.get(v.name, math.nan)) for v in found]
        return Family(network, judged(measured), failed, evaluate is None, len(judge.inputs))

    try:
        with _progress.bar(len(wanted), "variant", shown=progress) as bar:
            for plan in wanted:
                bar.set_description(plan.name)
                try:
                    found.append(judge.variant(plan.name, *workshop.make(plan)))
                except Exception as error:
                    failed.append(f"{plan.name}: could not be made ({_reason(error)})")
                    warn(f"the variant {failed[-1]}")
                bar.update()
        models = {variant.name: variant.model for variant in found if variant.model is not None}
        return whole(measuring.latencies(models, example))
    except BaseException as error:
        error.family = whole({})  # type: ignore[attr-defined]
        note(
            error,
            f"{len(found) - 1} of {len(wanted)} variants had been made: the attribute `family` of "
            "this exception holds them, without latencies",
        )
        raise


def _accuracy(name: str, value: object) -> float:
    found = _arguments.number(name, value)
    if not 0.0 <= found <= 1.0:
        raise ValueError(f"{name}: expected a number from 0 to 1, got {found!r}")
    return found


def _check_takes(network: nn.Module, name: str, x: Any) -> None:
    """Refuse an input that the original does not take: the error names the argument."""
    try:
        with torch.inference_mode():
            Call.of(x)(network)
    except Exception as error:
        raise ValueError(f"{name}: the model does not take it ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    return plain(f"{type(error).__name__}: {error}".partition("\n")[0])


class _Workshop:
    """Makes variants. Chains that begin alike share what they have in common."""

    def __init__(self, network: nn.Module, context: Context) -> None:
        self._network = network
        self._context = context
        self._made: dict[tuple[Step, ...], tuple[list[Record], Made]] = {}

    def make(self, plan: Plan) -> tuple[list[Record], Made]:
        """Return the steps of a variant, and the variant."""
        with torch.inference_mode(False):
            if plan.function is None:
                return self._chain(plan.chain)
            made = own.make(plan.function, copy.deepcopy(self._network))
        return [{"kind": OWN, "record": made.record}], made

    def _chain(self, chain: tuple[Step, ...]) -> tuple[list[Record], Made]:
        if not chain:
            return [], Made(self._network)
        if chain not in self._made:
            self._made[chain] = self._lengthened(chain[:-1], chain[-1])
        return self._made[chain]

    def _lengthened(self, chain: tuple[Step, ...], step: Step) -> tuple[list[Record], Made]:
        steps, before = self._chain(chain)
        if before.last or not isinstance(before.model, nn.Module):
            raise ValueError(f"{chain[-1].kind}: expected as the last kind of a chain")
        model = copy.deepcopy(before.model)
        with torch.no_grad():
            made = KINDS[step.kind].make(model, step.parameter, self._context)
        return [*steps, {"kind": step.kind, "record": made.record}], made


class _Judge:
    """Compares variants with the original."""

    def __init__(
        self,
        network: nn.Module,
        example: Any,
        inputs: Sequence[Any],
        evaluate: Evaluate | None,
        accuracy: float,
        metric: Metric | None,
    ) -> None:
        self.inputs = inputs
        self._example = example
        self._evaluate = evaluate
        self._accuracy = accuracy
        self._metric = metric
        self._expected = measuring.outputs(network, inputs)

    def variant(self, name: str, steps: list[Record], made: Made) -> Variant:
        """Return a variant with all but its latency."""
        measuring.outputs(made.model, [self._example])  # or else the last measurement would fail
        outputs = measuring.outputs(made.model, self.inputs)
        agrees = measuring.agreement(outputs, self._expected, self._metric)
        write = made.write
        if write is None and isinstance(made.model, nn.Module):
            write = measuring.weights(made.model)
        size = measuring.size(write) if made.suffix and write else float("nan")
        accuracy = self._accuracy * agrees
        if self._evaluate is not None:
            accuracy = self._measured(made.model)
        return Variant(name, made.model, size, 0.0, agrees, accuracy, steps, made.suffix, write)

    def _measured(self, model: Callable[..., Any]) -> float:
        assert self._evaluate is not None
        with torch.inference_mode():
            return _accuracy("evaluate", self._evaluate(model))
