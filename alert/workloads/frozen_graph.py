"""Constants of a frozen TensorFlow graph, read without TensorFlow.

A graph is a protocol buffer: a sequence of fields, each with a number and a kind of value. Only
the fields that name a node and hold its tensor of 32-bit floats are read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5  # kinds of value
_NODE = 1  # of a graph
_NAME, _ATTRIBUTE = 1, 5  # of a node
_KEY, _VALUE = 1, 2  # of an attribute
_TENSOR = 8  # of a value
_TYPE, _SHAPE, _CONTENT, _FLOATS = 1, 2, 4, 5  # of a tensor
_DIMENSION, _SIZE = 2, 1  # of a shape, and of a dimension
_FLOAT = 1  # a type


def constants(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return the constants of float32 in a graph, by the names of their nodes.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        The file is no graph, or is cut short.
    """
    found = {}
    try:
        for number, node in _fields(path.read_bytes()):
            if number == _NODE and isinstance(node, bytes):
                name, tensor = _named(node)
                if tensor is not None:
                    found[name] = tensor
    except (IndexError, ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: no frozen graph, or cut short ({error})") from None
    if not found:
        raise ValueError(f"{path}: no frozen graph: it holds no constants")
    return found


def _named(node: bytes) -> tuple[str, NDArray[np.float32] | None]:
    """Return the name of a node, and the constant that it holds, if any."""
    name, tensor = "", None
    for number, value in _fields(node):
        if number == _NAME:
            name = _text(value)
        elif number == _ATTRIBUTE:
            parts = dict(_fields(_whole(value)))
            if parts.get(_KEY) == b"value":
                held = dict(_fields(_whole(parts[_VALUE])))
                if _TENSOR in held:
                    tensor = _floats(_whole(held[_TENSOR]))
    return name, tensor


def _floats(tensor: bytes) -> NDArray[np.float32] | None:
    """Return a tensor of float32; None for one of another type."""
    shape: list[int] = []
    content = b""
    for number, value in _fields(tensor):
        if number == _TYPE and value != _FLOAT:
            return None
        if number == _SHAPE:
            sizes = (dict(_fields(_whole(d))) for n, d in _fields(_whole(value)) if n == _DIMENSION)
            shape = [int(size[_SIZE]) if _SIZE in size else 0 for size in sizes]
        elif number in (_CONTENT, _FLOATS):
            content = _whole(value)
    numbers = np.frombuffer(content, "<f4")
    if len(numbers) == 1:  # stands for all of them
        numbers = np.repeat(numbers, math.prod(shape))
    return numbers.reshape(shape).copy()


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field of a message."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        if kind == _BYTES:
            length, place = _varint(message, place)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            length = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"a field of kind {kind}")
        if place + length > len(message):
            raise ValueError("a field that reaches beyond the end")
        yield number, message[place : place + length]
        place += length


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """Return an integer of 7 bits a byte, the lowest first, and the place after it."""
    value = shift = 0
    while shift < 64:
        byte = message[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
        shift += 7
    raise ValueError("a number of more than 64 bits")


def _whole(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("a number where a message is expected")
    return value


def _text(value: int | bytes) -> str:
    return _whole(value).decode()
