"""Files that are written whole or not at all, and read with suspicion."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

LARGEST_FILE = 256 * 1024 * 1024
"""Bytes a file may have to be read."""


def write_json(path: str | os.PathLike[str], document: dict[str, Any]) -> None:
    """Write `document` beside `path`, then move it there in one step."""
    text = json.dumps(document, indent=1, allow_nan=False)
    replace(path, lambda file: file.write(text.encode()))


def write_arrays(path: str | os.PathLike[str], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a compressed .npz beside `path`, then move it there in one step."""
    replace(path, lambda file: np.savez_compressed(file, allow_pickle=False, **arrays))


def replace(path: str | os.PathLike[str], write: Callable[[IO[bytes]], object]) -> None:
    """Have `write` fill a file beside `path`, then move it there in one step."""
    target = Path(path)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read_json(path: str | os.PathLike[str], schema: str, newest: int) -> dict[str, Any]:
    """Read a document that names `schema` and a version not above `newest`.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It is not such a document; the message names the file.
    """
    with open(path, "rb") as file:
        raw = file.read(LARGEST_FILE + 1)
    if len(raw) > LARGEST_FILE:
        raise ValueError(f"{Path(path)}: larger than {LARGEST_FILE} bytes")
    return parse_json(path, raw, schema, newest)


def parse_json(
    path: str | os.PathLike[str], raw: bytes, schema: str, newest: int
) -> dict[str, Any]:
    """Do what `read_json` does with bytes that came from `path`."""
    try:
        document = json.loads(raw, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{Path(path)}: not JSON, or cut short ({error})") from None
    if not isinstance(document, dict) or document.get("schema") != schema:
        raise ValueError(f"{Path(path)}: schema: expected {schema!r}")
    version = field(path, document, "version", int)
    if not 1 <= version <= newest:
        raise ValueError(f"{Path(path)}: version: this release reads 1 to {newest}, got {version}")
    return document


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def field(
    path: str | os.PathLike[str],
    document: dict[str, Any],
    name: str,
    kind: type | tuple[type, ...],
) -> Any:
    """Return one field of a document, or say which one of which file is missing or wrong."""
    if name not in document:
        raise ValueError(f"{Path(path)}: {name}: missing")
    value = document[name]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{Path(path)}: {name}: unexpected {type(value).__name__}")
    return value


def read_arrays(path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    """Read a .npz of plain numbers, all of it, taking no more memory than `LARGEST_FILE`.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It is no such archive, or an array in it is not what it says; names the file and the array.
    """
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size > LARGEST_FILE:
            raise ValueError(f"{Path(path)}: larger than {LARGEST_FILE} bytes")
        try:
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
                if sum(member.file_size for member in members) > LARGEST_FILE:
                    raise ValueError(f"more than {LARGEST_FILE} bytes when unpacked")
                return {
                    member.filename.removesuffix(".npy"): _array(archive, member)
                    for member in members
                }
        # What the library raises for archives that are damaged, encrypted or packed otherwise.
        except (ValueError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise ValueError(f"{Path(path)}: not a .npz, or damaged ({error})") from None


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    """Unpack one array; what its header says must agree with the bytes that are there."""
    with archive.open(member) as file:
        try:
            if np.lib.format.read_magic(file) != (1, 0):
                raise ValueError("unexpected version of the array format")
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
            content = file.read()
            if fortran or dtype.kind not in "fiu":
                raise ValueError(f"expected plain numbers in C order, got {dtype}")
            # frombuffer and reshape refuse a size that does not fit.
            return np.frombuffer(content, dtype).reshape(shape)
        except ValueError as error:
            raise ValueError(f"{member.filename}: {error}") from None
