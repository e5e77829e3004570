"""Two networks to make a family of: ``alert family alert.workloads.families:patches``.

The functions return the arguments of `alert.variants.family`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from alert.workloads import efficientnet, patches, photographs, training

_WIDTH = 32  # channels of the first layer of the network of patches
_STEPS = 700  # of its training, as in the evaluation
_AGAIN = 300  # steps of training after channels were cut
_LEARNING_RATE = 3e-3
_BATCH = 64
_LEARNT_SIZE = 40  # pixels
_MEASURED = 4000  # patches
_CALIBRATION = 200  # patches, or photographs
_SIZE = 224  # pixels of EfficientNet-Lite0


class OneExit(nn.Module):
    """The first output of a network that yields its outputs."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> Any:
        """Run the network."""
        return next(iter(self.network(x)))


class Lite0(nn.Module):
    """EfficientNet-Lite0, for pictures of any size."""

    def __init__(self) -> None:
        super().__init__()
        self.network = efficientnet.Classifier(0).network

    def forward(self, pixels: torch.Tensor) -> Any:
        """Classify pictures, shape (B, 3, H, W), 0 to 255."""
        return self.network((pixels.float() - efficientnet.MEAN) / efficientnet.SCALE)


def of_patches() -> dict[str, Any]:
    """Offer the plain convolutional network of `alert.workloads.patches`.

    Its accuracy is measured on parts of the photographs that nothing was trained with.
    """
    drawn = patches.Patches()
    generator = torch.Generator().manual_seed(2)
    held_out = [
        drawn.draw(_BATCH, patches.SIZE, generator, held_out=True)
        for _ in range(0, _MEASURED, _BATCH)
    ]
    calibration, _ = drawn.draw(_CALIBRATION, patches.SIZE, generator, held_out=False)

    def evaluate(model: Callable[[Any], Any]) -> float:
        right = sum(int((model(x).argmax(-1) == y).sum()) for x, y in held_out)
        return right / (_BATCH * len(held_out))

    return {
        "model": OneExit(_trained(drawn, held_out)),
        "example": calibration[:1],
        "calibration": list(torch.split(calibration, 1)),
        "train": lambda module: _train_again(module, drawn),
        "evaluate": evaluate,
    }


def _trained(drawn: patches.Patches, held_out: Sequence[training.Batch]) -> nn.Module:
    """Return the network that the evaluation trains too."""
    network, _ = training.trained(
        f"patches-plain-{_WIDTH}",
        training.version(patches.__file__, settings=_STEPS),
        lambda: patches.NestedConvolutions([_WIDTH], drawn.classes),
        lambda generator: drawn.draw(_BATCH, _LEARNT_SIZE, generator, held_out=False),
        _STEPS,
        lambda network: training.hits(network, held_out, 1, 1),
    )
    return network


def _train_again(module: nn.Module, drawn: patches.Patches) -> None:
    """Train a network with one exit."""
    generator = torch.Generator().manual_seed(3)
    optimiser = torch.optim.AdamW(module.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _LEARNING_RATE, total_steps=_AGAIN)
    module.train()
    for _ in range(_AGAIN):
        inputs, labels = drawn.draw(_BATCH, _LEARNT_SIZE, generator, held_out=False)
        loss = nn.functional.cross_entropy(module(inputs), labels)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()


def of_photographs() -> dict[str, Any]:
    """Offer EfficientNet-Lite0; accuracies are estimated from the published one."""
    drawn = photographs.stream(_CALIBRATION, seed=1, size=_SIZE)
    pictures = [picture.pixels for picture in drawn]
    return {
        "model": Lite0().eval(),
        "example": pictures[0],
        "calibration": pictures,
        "accuracy": efficientnet.ACCURACY["EfficientNet-Lite0"],
    }
