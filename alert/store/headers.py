"""What headers of files say of tensors: types by name, and lists of lengths."""

from __future__ import annotations

from typing import Any, TypeGuard

import torch

from alert._text import shown

# Names in the safetensors format and in torch; some only in newer ones.
_TYPES = {
    **{"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"},
    **{"I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8"},
    **{"U64": "uint64", "U32": "uint32", "U16": "uint16", "BOOL": "bool", "C64": "complex64"},
    **{"F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2"},
}

NAMES: dict[torch.dtype, str] = {
    getattr(torch, ours): name for name, ours in _TYPES.items() if hasattr(torch, ours)
}
"""Names of types in headers."""


def dtype(tensor: str, kind: Any) -> torch.dtype:
    """Return the type of that name.

    Raises
    ------
    ValueError
        There is none; the message names the tensor.
    """
    found = getattr(torch, _TYPES.get(kind, ""), None) if isinstance(kind, str) else None
    if not isinstance(found, torch.dtype):
        raise ValueError(f"{tensor}: dtype {shown(kind)} is not known")
    return found


def are_lengths(values: Any) -> TypeGuard[list[int]]:
    """Tell whether this is a list of integers that are not negative."""
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)
