"""Requests and responses of the Open Inference Protocol (v2): JSON, and raw tensors after it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alert.running.models import Call

# By the names of the protocol. Raw tensors are little-endian.
_DTYPES = {
    "BOOL": np.dtype(np.bool_),
    **{f"UINT{bits}": np.dtype(f"<u{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"INT{bits}": np.dtype(f"<i{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": np.dtype(f"<f{bits // 8}") for bits in (16, 32, 64)},
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}

Tensor = NDArray[Any]

# Of a length in bytes.
_DIGITS = 20


@dataclass(frozen=True)
class Infer:
    """A request for inference.

    Attributes
    ----------
    id : str
        The client's own name for it.
    inputs : dict
        Arrays by name.
    raw : set of str or None
        Names of the outputs that are wanted raw; None for all.
    """

    id: str
    inputs: dict[str, Tensor]
    raw: frozenset[str] | None

    def call(self) -> Call:
        """Return the arguments of the model: one array, or several by name."""
        if len(self.inputs) == 1:
            return Call(*self.inputs.values())
        return Call(**self.inputs)

    def wants_raw(self, name: str) -> bool:
        """Tell whether an output is to follow the JSON as raw bytes."""
        return self.raw is None or name in self.raw


def parse(body: bytes, json_length: str | None) -> Infer:
    """Read a request.

    Parameters
    ----------
    body : bytes
    json_length : str or None
        The header Inference-Header-Content-Length: bytes of JSON before the raw tensors.

    Raises
    ------
    ValueError
        The request is malformed; the message names the field.
    """
    end = len(body) if json_length is None else _length(json_length, len(body))
    try:
        document = json.loads(body[:end])
    except (ValueError, RecursionError) as error:
        raise ValueError(f"body: expected JSON, got {error}") from None
    if not isinstance(document, dict):
        raise ValueError("body: expected an object of JSON")
    given = document.get("inputs")
    if not isinstance(given, list) or not given:
        raise ValueError("inputs: expected a list of tensors")
    inputs: dict[str, Tensor] = {}
    rest = memoryview(body)[end:]
    for place, tensor in enumerate(given):
        name, array, rest = _tensor(f"inputs[{place}]", tensor, rest)
        if name in inputs:
            raise ValueError(f"inputs[{place}].name: expected a new name, got {name!r} again")
        inputs[name] = array
    if rest:
        raise ValueError(f"body: expected no bytes after the last tensor, got {len(rest)}")
    return Infer(str(document.get("id", "")), inputs, _raw(document))


def _length(text: str, most: int) -> int:
    if not text.isdecimal() or len(text) > _DIGITS or int(text) > most:
        raise ValueError(
            f"Inference-Header-Content-Length: expected at most the {most} bytes of the body, "
            f"got {text[:40]!r}"
        )
    return int(text)


def _tensor(where: str, given: object, rest: memoryview) -> tuple[str, Tensor, memoryview]:
    """Read one tensor; return its name, its elements, and the raw bytes that follow it."""
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise ValueError(f"{where}: expected an object with a name")
    dtype = _DTYPES.get(str(given.get("datatype")))
    if dtype is None:
        raise ValueError(f"{where}.datatype: expected one of {', '.join(_DTYPES)}")
    shape = given.get("shape")
    if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"{where}.shape: expected a list of integers >= 0")
    size = _parameters(where, given).get("binary_data_size")
    if size is None:
        return given["name"], _listed(where, given.get("data"), dtype, shape), rest
    expected = math.prod(shape) * dtype.itemsize
    if type(size) is not int or size != expected or size > len(rest):
        raise ValueError(
            f"{where}: expected {expected} raw bytes, got {size!r}, of which {len(rest)} came"
        )
    array = np.frombuffer(rest[:size], dtype).copy()  # so that it may be changed
    return given["name"], _shaped(where, array, shape), rest[size:]


def _parameters(where: str, given: dict[str, Any]) -> dict[str, Any]:
    parameters = given.get("parameters", {})
    if not isinstance(parameters, dict):
        raise ValueError(f"{where}.parameters: expected an object")
    return parameters


def _listed(where: str, data: object, dtype: np.dtype[Any], shape: list[int]) -> Tensor:
    """Read elements that are listed in JSON, nested or flat."""
    if not isinstance(data, list):
        raise ValueError(f"{where}.data: expected a list")
    try:
        given = np.array(data)
        if dtype.kind == "f" and _holds_long_integers(given):
            given = given.astype(np.float64)
        with np.errstate(over="raise", invalid="raise"):
            array = given.astype(dtype)
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        raise ValueError(f"{where}.data: expected numbers of {_NAMES[dtype]}") from None
    kinds = "b" if dtype.kind == "b" else "iuf"
    is_rounded = dtype.kind in "iu" and not np.array_equal(array, given)
    if given.size and (given.dtype.kind not in kinds or is_rounded):
        raise ValueError(f"{where}.data: expected numbers of {_NAMES[dtype]}")
    if array.size != math.prod(shape):
        raise ValueError(f"{where}.data: expected {math.prod(shape)} elements, got {array.size}")
    return _shaped(where, array, shape)


def _holds_long_integers(given: Tensor) -> bool:
    """Tell whether numbers came that no type of NumPy holds, 2^64 and more."""
    return given.dtype == object and all(type(each) in (int, float) for each in given.flat)


def _shaped(where: str, array: Tensor, shape: list[int]) -> Tensor:
    try:
        return array.reshape(shape)
    except (ValueError, OverflowError) as error:  # without elements, it may be too long
        raise ValueError(f"{where}.shape: {error}") from None


def _raw(document: dict[str, Any]) -> frozenset[str] | None:
    """Tell which outputs are wanted raw: None for all."""
    wanted = document.get("outputs", [])
    if not isinstance(wanted, list) or not all(isinstance(each, dict) for each in wanted):
        raise ValueError("outputs: expected a list of objects")
    if _parameters("body", document).get("binary_data_output"):
        return None
    return frozenset(
        str(each.get("name"))
        for place, each in enumerate(wanted)
        if _parameters(f"outputs[{place}]", each).get("binary_data")
    )


# ------------------------------------------------------------------------------------- responses


def arrays_of(output: Any) -> dict[str, Tensor]:
    """Return what a model returned as arrays by name.

    Raises
    ------
    TypeError
        It holds something else than numbers.
    """
    if isinstance(output, Mapping):
        return {str(name): _array(value) for name, value in output.items()}
    if isinstance(output, (list, tuple)) and not all(isinstance(x, (int, float)) for x in output):
        return {f"output_{place}": _array(value) for place, value in enumerate(output)}
    return {"output": _array(output)}


def _array(value: Any) -> Tensor:
    if hasattr(value, "detach"):  # a tensor of torch
        value = value.detach().cpu()
        value = (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy()
    array = np.asarray(value)
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    if array.dtype not in _NAMES:
        raise TypeError(f"the model returned {type(value).__name__}: expected arrays of numbers")
    return array


def _finite(array: Tensor) -> Tensor:
    """Put None in the place of what JSON has no word for: NaN and infinities."""
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return array
    finite = array.astype(object)
    finite[~np.isfinite(array)] = None
    return finite


def response(
    infer: Infer, model: str, output: Any, parameters: dict[str, Any]
) -> tuple[bytes, int | None]:
    """Write a response.

    Returns
    -------
    tuple of bytes and int or None
        The body, and the length of its JSON where raw tensors follow.
    """
    described, blobs = [], []
    for name, array in arrays_of(output).items():
        tensor: dict[str, Any] = {
            "name": name,
            "shape": list(array.shape),
            "datatype": _NAMES[array.dtype],
        }
        if infer.wants_raw(name):
            blobs.append(array.tobytes())
            tensor["parameters"] = {"binary_data_size": len(blobs[-1])}
        else:
            tensor["data"] = _finite(array.ravel()).tolist()
        described.append(tensor)
    document = {
        "model_name": model,
        "model_version": "1",
        "id": infer.id,
        "parameters": parameters,
        "outputs": described,
    }
    text = json.dumps(document, allow_nan=False).encode()
    return b"".join([text, *blobs]), len(text) if blobs else None
