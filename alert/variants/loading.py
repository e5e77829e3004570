"""Reading a family from a directory, which may be damaged or hostile."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, Any

from torch import nn

from alert import _arguments, files
from alert._text import plain, shown
from alert.store.building import Building
from alert.store.opening import open_weights
from alert.store.place import CpuMemory
from alert.store.weights import pieces
from alert.variants import saving
from alert.variants.kind import Record
from alert.variants.kinds import SHAPES
from alert.variants.members import Family
from alert.variants.onnx_model import OnnxModel
from alert.variants.skeleton import builder
from alert.variants.variant import Variant


def load(directory: str | os.PathLike[str], model: nn.Module | None = None) -> Family:
    """Read a family that `Family.save` wrote.

    Parameters
    ----------
    directory : str or path
    model : torch.nn.Module, optional
        The network that the family was made of: its architecture counts, its weights do not. Where
        ONNX Runtime runs all variants, it may be left out.

    Raises
    ------
    OSError
        A file cannot be read.
    ValueError
        A file is damaged, or does not fit the model; the message names the file.
    """
    place = files.as_path(directory)
    if model is not None:
        _arguments.instance("model", model, nn.Module, "a torch.nn.Module")
    index = place / saving.INDEX
    document = files.read_json(index, saving.SCHEMA, saving.VERSION)
    field = partial(files.field, index, document)
    rows = [Row(index, row) for row in field("variants", list)]
    if len({row.name for row in rows}) < len(rows):
        raise ValueError(f"{index}: variants: expected names that differ")
    variants = [_variant(place, row, model) for row in rows]
    found = {row.name: place / row.file for row in rows if row.file}
    if not found:
        raise ValueError(f"{index}: variants: expected at least one file")
    failed = [str(reason) for reason in field("failed", list)]
    estimated = document.get("estimated") is True
    compared = max(field("compared", int), 0)
    return Family(model, variants, failed, estimated, compared, found)


class Row:
    """What an index says of a variant.

    Raises
    ------
    ValueError
        It does not say it, or says something that cannot be.
    """

    def __init__(self, index: Path, row: Any) -> None:
        if not isinstance(row, dict):
            raise ValueError(f"{index}: variants: unexpected {type(row).__name__}")
        field = partial(files.field, index, row)
        self.index = index
        self.name: str = field("name", str)
        self.file: str | None = field("file", (str, type(None)))
        self.why: str = field("why", str)
        self.size = self._number(row, "size", 2.0**63)
        self.latency = self._number(row, "latency", math.inf)
        self.agreement = self._number(row, "agreement", 1.0)
        self.accuracy = self._number(row, "accuracy", 1.0)
        self.steps = [self._step(step) for step in field("steps", list)]
        if self.file is not None and (Path(self.file).name != self.file or "\0" in self.file):
            raise ValueError(f"{index}: file: expected a name, got {shown(self.file)}")
        if (self.file is None) == (not self.why):
            raise ValueError(f"{index}: {plain(self.name)}: expected either a file or a reason")

    def _number(self, row: Record, name: str, most: float) -> float:
        found = files.field(self.index, row, name, (float, int, type(None)))
        if found is None:
            return math.nan
        if not 0.0 <= found <= most:
            raise ValueError(f"{self.index}: {name}: unexpected {shown(found)}")
        return float(found)

    def _step(self, step: Any) -> Record:
        known = isinstance(step, dict) and isinstance(step.get("kind"), str)
        if not known or step["kind"] not in SHAPES or not isinstance(step.get("record"), dict):
            raise ValueError(f"{self.index}: steps: unexpected {shown(step)}")
        return {"kind": step["kind"], "record": step["record"]}


def _variant(place: Path, row: Row, network: nn.Module | None) -> Variant:
    """Load one variant, if it has a file."""
    if row.file is None:
        model, suffix, write = None, "", None
    else:
        path = place / row.file
        size = path.stat().st_size
        if size != row.size:
            raise ValueError(f"{path}: expected {row.size:.0f} bytes, got {size}")
        try:
            model = restored(row.name, builder(network, row.steps), path)
        except (ValueError, RuntimeError) as error:
            reason = " ".join(str(error).removeprefix(f"{path}: ").split())
            raise ValueError(f"{path}: does not fit the model ({plain(reason)})") from None
        suffix, write = path.suffix, partial(_copy, path)
    return Variant(
        *(row.name, model, row.size, row.latency, row.agreement, row.accuracy),
        *(row.steps, suffix, write, row.why),
    )


def restored(name: str, build: Callable[[], nn.Module], path: Path) -> nn.Module:
    """Build a module with the weights of a file, as a `Store` does."""
    weights, memory = open_weights(path), CpuMemory()
    try:
        building = Building(name, build, weights, memory)
        for piece in pieces(weights.specs):
            memory.read(weights, piece, building.tensors)
        module = building.complete()
    finally:
        weights.close()
    if isinstance(module, OnnxModel):
        module.start()  # so that damage is found now
    return module


def _copy(path: Path, file: IO[bytes]) -> None:
    """Copy the content of a file."""
    with open(path, "rb") as source:
        shutil.copyfileobj(source, file)
