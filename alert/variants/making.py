"""Making a family: one variant after the other, each of them measured."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from alert import _arguments, _progress
from alert._text import plain
from alert._warnings import warn
from alert.variants import measuring, own
from alert.variants.checks import checked
from alert.variants.frontier import judged
from alert.variants.kind import Context, Made, Record
from alert.variants.kinds import KINDS, OWN, Plan, Step, Wanted, plans
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
    kinds: Sequence[Wanted] = ("onnx", "int8"),
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
    kinds : sequence of str or callable
        Chains of kinds, such as "pruned:0.5+int8"; `alert.variants.KINDS` lists them. A function
        gets a copy of the model and returns a variant.
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
    """
    with torch.inference_mode(False):
        network = copy.deepcopy(checked(model)).eval()
    inputs = list(calibration)
    context = Context(example, inputs[::2], train)
    wanted = plans(kinds, context)
    if not inputs and evaluate is None:
        raise ValueError("calibration: expected inputs to compare outputs on, or evaluate=")
    published = _arguments.at_least("accuracy", accuracy, 0.0)
    judge = _Judge(network, inputs[1::2] or inputs, evaluate, published, metric)
    workshop = _Workshop(network, context)
    found = [judge.variant(ORIGINAL, [], Made(network))]
    failed: list[str] = []
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
    seconds = measuring.latencies(models, example)
    measured = [replace(variant, latency=seconds[variant.name]) for variant in found]
    return Family(network, judged(measured), failed, evaluate is None, len(judge.inputs))


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
        inputs: Sequence[Any],
        evaluate: Evaluate | None,
        accuracy: float,
        metric: Metric | None,
    ) -> None:
        self.inputs = inputs
        self._evaluate = evaluate
        self._accuracy = accuracy
        self._metric = metric
        self._expected = measuring.outputs(network, inputs)

    def variant(self, name: str, steps: list[Record], made: Made) -> Variant:
        """Return a variant with all but its latency."""
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
            found = _arguments.number("evaluate", self._evaluate(model))
        if not 0.0 <= found <= 1.0:
            raise ValueError(f"evaluate: expected a number from 0 to 1, got {found!r}")
        return found
