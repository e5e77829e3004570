"""The accuracy of models on data with known answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from typing import Any, TypeAlias

import numpy as np

from alert import _progress
from alert._arguments import floats, instance
from alert.running.models import Call, Models, check_output, named, warn_of_training
from alert.running.models import inference_mode as mode

Metric: TypeAlias = Callable[[Any, Any], Any]


def accuracy(
    models: Models,
    loader: Iterable[Any],
    metric: Metric | None = None,
    *,
    stop: Callable[[Any], bool] | None = None,
    inference_mode: bool = True,
    progress: bool = True,
) -> Any:
    """Measure the accuracy of every model, in the form that `Profile.measure` takes.

    Parameters
    ----------
    models : sequence or dict of callables
        A model that returns a generator is an anytime model: each output counts for one exit.
    loader : iterable
        Pairs (input, answers), as a `torch.utils.data.DataLoader` yields them; an input may be an
        `alert.Call`. Or dicts, whose ``"labels"`` are the answers and whose other items are
        keywords of the models, as for `transformers`.
    metric : callable, optional
        Called with output and answers. Returns the score of every answer, 0 to 1, or their mean. By
        default 1 where the largest element of the output's last axis has the index in `answers`.
    stop : callable, optional
        Called with the output of each exit; where it is True, the output counts for all later
        exits, too. See `Profile.with_stop`. It sees a whole batch, so use batches of one input.
    inference_mode : bool, default True
        Run models under `torch.inference_mode`. False leaves the mode of the caller.
    progress : bool, default True
        Show a bar, where somebody watches and tqdm is installed.

    Returns
    -------
    dict or list
        For each model its accuracy, a float, or a list of the accuracies of its exits: a dict where
        `models` is one, else a list.

    Raises
    ------
    ValueError
        The loader yields nothing, a score is out of range, or the number of exits changes.
    TypeError
        The loader yields something else than pairs and dicts, or scores are no numbers.

    Examples
    --------
    >>> import numpy as np
    >>> import alert
    >>> batches = [(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))]
    >>> alert.accuracy({"as it is": lambda x: x, "inverse": lambda x: -x}, batches)
    {'as it is': 0.5, 'inverse': 0.5}
    """
    offered, names = named(models)
    instance("loader", loader, Iterable, "an iterable of batches")
    instance("metric", metric, Callable | None, "a callable")
    instance("stop", stop, Callable | None, "a callable")
    tallies = [_Tally(names[i] if names else f"model {i}") for i in range(len(offered))]
    warn_of_training([tally.name for tally in tallies], offered)
    total = len(loader) if isinstance(loader, Sized) else None
    with _progress.bar(total, "batch", "accuracy", shown=progress) as bar, mode(inference_mode):
        for batch in loader:
            call, answers = _call_and_answers(batch)
            for model, tally in zip(offered, tallies, strict=True):
                tally.count(call(model), answers, metric or _hits, stop)
            bar.update()
    reached = [tally.accuracy() for tally in tallies]
    return dict(zip(names, reached, strict=True)) if names else reached


class _Tally:
    """Sums up the scores of one model, exit by exit."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._sums: list[float] = []
        self._anytime = False
        self._answers = 0

    def count(
        self,
        returned: Any,
        answers: Any,
        metric: Metric,
        stop: Callable[[Any], bool] | None = None,
    ) -> None:
        """Add the scores of one batch."""
        self._anytime = isinstance(returned, Iterator)
        means: list[float] = []
        sure = False
        for output in returned if self._anytime else (returned,):
            check_output(self.name, output)
            means.append(means[-1] if sure else self._mean(metric(output, answers)))
            sure = sure or (stop is not None and bool(stop(output)))
        if self._answers and len(means) != len(self._sums):
            raise ValueError(f"{self.name}: expected {len(self._sums)} exits, got {len(means)}")
        count = len(answers) if np.ndim(answers) else 1
        sums = self._sums or [0.0] * len(means)
        self._sums = [total + mean * count for total, mean in zip(sums, means, strict=True)]
        self._answers += count

    def _mean(self, scores: Any) -> float:
        mean = float(np.mean(floats("metric", _listed(scores))))
        if not 0.0 <= mean <= 1.0:
            raise ValueError(f"metric: expected scores from 0 to 1, got {mean!r} for {self.name}")
        return mean

    def accuracy(self) -> float | list[float]:
        """Return the mean score, or for an anytime model the mean scores of its exits."""
        if self._answers == 0:
            raise ValueError("loader: expected at least one batch, got none")
        means = [total / self._answers for total in self._sums]
        return means if self._anytime else means[0]


def _call_and_answers(batch: Any) -> tuple[Call, Any]:
    """Split a batch into what the models are called with and the answers."""
    if isinstance(batch, Mapping) and "labels" in batch:
        inputs = {name: value for name, value in batch.items() if name != "labels"}
        return Call(**inputs), batch["labels"]
    if isinstance(batch, (tuple, list)) and len(batch) == 2:
        return Call.of(batch[0]), batch[1]
    kind = type(batch).__name__
    raise TypeError(f"loader: expected pairs (input, answers) or dicts with 'labels', got {kind}")


def _hits(output: Any, answers: Any) -> Any:
    """Compare the places of the largest elements with the answers."""
    scores = getattr(output, "logits", output)  # what models of `transformers` return
    if not hasattr(scores, "argmax"):
        kind = type(output).__name__
        raise TypeError(f"metric: expected one, for outputs that are no arrays but {kind}")
    return np.equal(_listed(scores.argmax(-1)), _listed(answers))


def _listed(values: Any) -> Any:
    """Return numbers of an array or a tensor, wherever it is, as Python has them."""
    return values.tolist() if hasattr(values, "tolist") else values
