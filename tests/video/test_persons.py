"""The detector of persons, with weights that mean nothing, and the reader of its file."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from alert.workloads.frozen_graph import constants

needs_torch = pytest.mark.needs("torch")


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def message(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def integer(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def node(name: str, array: np.ndarray, kind: int = 1) -> bytes:
    """Encode a constant as TensorFlow does."""
    shape = b"".join(message(2, integer(1, size)) for size in array.shape)
    tensor = integer(1, kind) + message(2, shape) + message(4, array.astype("<f4").tobytes())
    attribute = message(1, b"value") + message(2, message(8, tensor))
    kind_of = message(1, b"dtype") + message(2, integer(6, kind))
    return message(1, message(1, name.encode()) + message(5, kind_of) + message(5, attribute))


# Channels that come out of each layer; their names follow the file's.
BLOCKS = [16, 24, 24, 32, 32, 32, 64, 64, 64, 64, 96, 96, 96, 160, 160, 160, 320]
MAPS = [576, 1280, 512, 256, 256, 128]
BASE = "FeatureExtractor/MobilenetV2/"


def weights(seed: int = 0) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    found: dict[str, np.ndarray] = {}

    def normalised(name: str, shape: tuple[int, ...], part: str, channels: int) -> None:
        found[f"{name}/{part}"] = draw.normal(0, (2 / np.prod(shape[:3])) ** 0.5, shape)
        found[f"{name}/BatchNorm/gamma"] = draw.uniform(0.5, 1.5, channels)
        found[f"{name}/BatchNorm/beta"] = draw.normal(0, 0.2, channels)
        found[f"{name}/BatchNorm/moving_mean"] = draw.normal(0, 0.2, channels)
        found[f"{name}/BatchNorm/moving_variance"] = draw.uniform(0.5, 1.5, channels)

    def convolution(name: str, into: int, out: int, size: int = 1) -> None:
        normalised(name, (size, size, into, out), "weights", out)

    def depthwise(name: str, channels: int) -> None:
        normalised(name, (3, 3, channels, 1), "depthwise_weights", channels)

    convolution(f"{BASE}Conv", 3, 32, 3)
    into = 32
    for number, out in enumerate(BLOCKS):
        name = f"{BASE}expanded_conv" + (f"_{number}" if number else "")
        wide = into * 6 if number else into
        if number:
            convolution(f"{name}/expand", into, wide)
        depthwise(f"{name}/depthwise", wide)
        convolution(f"{name}/project", wide, out)
        into = out
    convolution(f"{BASE}Conv_1", 320, 1280)
    for number, (before, few, many) in enumerate(
        [(1280, 256, 512), (512, 128, 256), (256, 128, 256), (256, 64, 128)], 2
    ):
        convolution(f"{BASE}layer_19_1_Conv2d_{number}_1x1_{few}", before, few)
        depthwise(f"{BASE}layer_19_2_Conv2d_{number}_3x3_s2_{many}_depthwise", few)
        convolution(f"{BASE}layer_19_2_Conv2d_{number}_3x3_s2_{many}", few, many)
    for level, channels in enumerate(MAPS):
        anchors = 3 if level == 0 else 6
        for kind, each in (("BoxEncodingPredictor", 4), ("ClassPredictor", 2)):
            name = f"BoxPredictor_{level}/{kind}"
            depthwise(f"{name}_depthwise", channels)
            found[f"{name}/weights"] = draw.normal(0, 0.2, (1, 1, channels, anchors * each))
            found[f"{name}/biases"] = np.full(anchors * each, -1.0)
    return found


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("weights") / "frozen_inference_graph.pb"
    path.write_bytes(b"".join(node(name, array) for name, array in weights().items()))
    return path


def test_constants_are_read_by_name(file: Path) -> None:
    read, written = constants(file), weights()
    assert read.keys() == written.keys()
    for name, array in written.items():
        np.testing.assert_array_equal(read[name], array.astype(np.float32))


def test_one_number_stands_for_all(tmp_path: Path) -> None:
    shape = b"".join(message(2, integer(1, size)) for size in (2, 3))
    tensor = integer(1, 1) + message(2, shape) + message(5, np.float32(7).tobytes())
    attribute = message(1, b"value") + message(2, message(8, tensor))
    whole = integer(1, 3) + message(2, shape)  # another type is left out
    other = message(1, b"value") + message(2, message(8, whole))
    path = tmp_path / "graph.pb"
    path.write_bytes(
        message(1, message(1, b"a") + message(5, attribute))
        + message(1, message(1, b"b") + message(5, other))
        + message(4, b"versions")
    )
    read = constants(path)
    assert list(read) == ["a"]
    np.testing.assert_array_equal(read["a"], np.full((2, 3), 7.0))


@contextmanager
def suppress_value_error(path: Path) -> Iterator[None]:
    """Allow a ValueError that names the file, and no other exception."""
    try:
        yield
    except ValueError as error:
        if str(path) not in str(error):
            raise


def test_damaged_graphs_are_refused(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()[:20_000]
    damaged = tmp_path / "damaged.pb"
    chance = random.Random(0)
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            content[chance.randrange(len(content) // 50)] = chance.randrange(256)
        damaged.write_bytes(content[: chance.randrange(len(content))])
        with suppress_value_error(damaged):
            constants(damaged)


@pytest.mark.parametrize("content", [b"", b"\x0a", b"\xff" * 20, b"not a graph at all"])
def test_what_is_no_graph_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "graph.pb"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"graph\.pb: no frozen graph"):
        constants(path)


@needs_torch
@pytest.mark.parametrize("shape", [(300, 300, 3), (144, 192, 3), (97, 131, 3), (33, 33, 3)])
def test_persons_are_upright_boxes_at_any_size(file: Path, shape: tuple[int, ...]) -> None:
    from alert.video.boxes import overlap
    from alert.workloads.persons import Persons

    detect = Persons(file, score=0.25)
    frame = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    boxes = detect(frame)
    assert len(boxes) or shape[0] < 100
    across, down = (boxes[:, 2:4] - boxes[:, :2]).T
    assert ((across < down) & (down < 0.45 * shape[0])).all()
    assert (boxes[:, 4] > 0.25).all()
    assert (np.diff(boxes[:, 4]) <= 0).all()
    shared = overlap(boxes, boxes) - np.eye(len(boxes))
    assert (shared <= 0.5 + 1e-9).all()
    np.testing.assert_allclose(detect(frame), boxes)
    for tallest in (0.2, 1.0):
        heights = detect_at(file, tallest, frame)
        assert heights.max(initial=0.0) < tallest * shape[0]
    if shape[0] == 300:
        assert heights.max() > 0.45 * shape[0]


def detect_at(file: Path, tallest: float, frame: np.ndarray) -> np.ndarray:
    from alert.workloads.persons import Persons

    boxes = Persons(file, score=0.25, tallest=tallest)(frame)
    return np.asarray(boxes[:, 3] - boxes[:, 1])


@needs_torch
def test_convolutions_are_those_of_torch_with_batch_normalisation(file: Path) -> None:
    """Folded and padded by ours, and by torch's own layers, at a stride of 2."""
    import torch

    from alert.workloads.persons import Persons

    net, written, name = Persons(file), weights(), f"{BASE}Conv"
    layer = torch.nn.Sequential(
        torch.nn.ZeroPad2d((0, 1, 0, 1)),  # of an even size; TensorFlow pads at the end
        torch.nn.Conv2d(3, 32, 3, 2, bias=False),
        torch.nn.BatchNorm2d(32, eps=1e-3),
        torch.nn.ReLU6(),
    ).eval()
    as_torch = {"1.weight": written[f"{name}/weights"].transpose(3, 2, 0, 1)}
    parts = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean"}
    for ours, theirs in {**parts, "moving_variance": "running_var"}.items():
        as_torch[f"2.{theirs}"] = written[f"{name}/BatchNorm/{ours}"]
    state = {
        key: torch.tensor(np.array(value), dtype=torch.float32) for key, value in as_torch.items()
    }
    layer.load_state_dict(state, strict=False)
    x = torch.randn(1, 3, 20, 30)
    with torch.inference_mode():
        torch.testing.assert_close(net.stem(x), layer(x), atol=1e-4, rtol=1e-4)


@needs_torch
def test_other_weights_are_named(tmp_path: Path) -> None:
    from alert.workloads.persons import Persons

    path = tmp_path / "graph.pb"
    path.write_bytes(node("some/weights", np.ones((1, 1, 3, 3))))
    with pytest.raises(ValueError, match=r"graph\.pb: expected the weights '.*MobilenetV2/Conv"):
        Persons(path)
