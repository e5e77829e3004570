"""Trains small networks once, from a seed, and keeps them in the user's cache."""

from __future__ import annotations

import ast
import hashlib
import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import nn

from alert import _progress, files
from alert._warnings import warn

Batch: TypeAlias = tuple[torch.Tensor, torch.Tensor]

_LEARNING_RATE = 3e-3


def cache_directory() -> Path:
    """Return the folder of trained networks: "alert" in XDG_CACHE_HOME, or in ~/.cache."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "alert"


def version(script: str, settings: object) -> str:
    """Digest what a trained network depends on: its script without comments, and its settings."""
    digest = hashlib.sha256(repr((settings, torch.__version__)).encode())
    for path in (script, __file__):
        digest.update(ast.dump(ast.parse(Path(path).read_bytes())).encode())
    return digest.hexdigest()[:12]


def trained(
    name: str,
    key: str,
    make: Callable[[], nn.Module],
    batch: Callable[[torch.Generator], Batch],
    steps: int,
    evaluate: Callable[[nn.Module], list[float]],
    *,
    progress: bool = True,
) -> tuple[nn.Module, list[float]]:
    """Train a network, or take it from the cache.

    Parameters
    ----------
    name, key : str
        The name of the file in the cache; `key` is a `version`.
    make : callable
        Makes the network. Calling the network yields the logits, exit by exit.
    batch : callable
        Draws inputs and labels.
    steps : int
        Number of training batches.
    evaluate : callable
        Measures the accuracy of every exit on held-out data.
    progress : bool, default True
        Show a bar, where somebody watches and tqdm is installed.

    Returns
    -------
    module
        In evaluation mode.
    list of float
        The result of `evaluate`.

    Warns
    -----
    UserWarning
        The cache cannot be written.
    """
    torch.manual_seed(0)
    network = make()
    path = cache_directory() / f"{name}-{key}.pt"
    if path.exists():
        kept = torch.load(path, weights_only=True)
        network.load_state_dict(kept["weights"])
        return network.eval(), list(kept["accuracy"])
    _learn(name, network, batch, steps, progress)
    network.eval()
    with torch.inference_mode():
        accuracy = evaluate(network)
    packed = io.BytesIO()  # to a full disk, torch raises what is no OSError
    torch.save({"weights": network.state_dict(), "accuracy": accuracy}, packed)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.replace(path, lambda file: file.write(packed.getbuffer()))
    except OSError as error:  # what took minutes to train serves all the same
        warn(f"the trained network could not be kept ({error}): it is trained again next time")
    return network, accuracy


def _learn(
    name: str,
    network: nn.Module,
    batch: Callable[[torch.Generator], Batch],
    steps: int,
    progress: bool,
) -> None:
    """Minimise the mean cross-entropy of all exits: Adam, one cycle of the learning rate."""
    generator = torch.Generator().manual_seed(0)
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _LEARNING_RATE, total_steps=steps)
    network.train()
    with _progress.bar(steps, "batch", f"training {name}", shown=progress, leave=False) as bar:
        for _ in range(steps):
            inputs, labels = batch(generator)
            losses = [
                nn.functional.cross_entropy(logits.flatten(0, -2), labels.flatten())
                for logits in network(inputs)
            ]
            optimiser.zero_grad()
            torch.stack(losses).mean().backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            bar.update()


def traditional(network: nn.Module) -> Callable[[Any], Any]:
    """Return the only output of a network with one exit, as a traditional model does."""

    def run(x: Any) -> Any:
        return next(iter(network(x)))

    return run


def hits(network: nn.Module, batches: Sequence[Batch], top: int, exits: int) -> list[float]:
    """Return the share of labels among the `top` highest logits, for every exit."""
    found, total = [0] * exits, 0
    for inputs, labels in batches:
        for k, logits in enumerate(network(inputs)):
            best = logits.topk(top, dim=-1).indices
            found[k] += int((best == labels.unsqueeze(-1)).any(-1).sum())
        total += labels.numel()
    return [count / total for count in found]
