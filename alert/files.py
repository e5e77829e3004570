"""Writing files whole or not at all, and reading files that may be damaged or hostile."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from alert._text import plain, shown

LARGEST_FILE = 256 * 1024 * 1024
"""Most bytes of a .npz, packed and unpacked."""

LARGEST_DOCUMENT = 64 * 1024 * 1024
"""Most bytes of JSON: as Python objects they may take twenty times as many."""

LARGEST_DIRECTORY = 64 * 1024
"""Most bytes for the names in a .npz: enough for hundreds of arrays."""


def as_path(path: str | os.PathLike[str]) -> Path:
    """Return a path as a `Path`. A number is refused: `open` would take it for a descriptor."""
    try:
        found = os.fsdecode(path)
    except TypeError:
        kind = type(path).__name__
        raise TypeError(f"path: expected a str or an os.PathLike, got {kind}") from None
    if "\0" in found:
        raise ValueError(f"path: expected no NUL in it, got {shown(found)}")
    return Path(found)


def check_writable(path: Path) -> None:
    """Find out whether a file can be written there, without changing one that is there.

    Raises
    ------
    OSError
        It cannot: the directory is missing or may not be written to, or there is a directory.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():
        return
    beside = path.resolve().with_name(f".{path.name}.{os.urandom(8).hex()}.tmp")
    try:
        beside.touch(exist_ok=False)
        beside.unlink()
    except OSError as error:
        error.filename = str(path)
        raise


def write_json(path: str | os.PathLike[str], document: dict[str, Any]) -> None:
    """Write `document` beside `path`, then move it there in one step."""
    text = json.dumps(document, indent=1, allow_nan=False)
    replace(path, lambda file: file.write(text.encode()))


def write_arrays(path: str | os.PathLike[str], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a compressed .npz beside `path`, then move it there in one step."""
    replace(path, lambda file: np.savez_compressed(file, allow_pickle=False, **arrays))


def replace(path: str | os.PathLike[str], write: Callable[[IO[bytes]], object]) -> None:
    """Have `write` fill a file beside `path`, then move it there in one step.

    A file that is replaced leaves its permissions to the new one. A link stays: the file it leads
    to is replaced. A device or a pipe is written to.
    """
    target = as_path(path)
    if target.exists() and not target.is_file():
        with open(target, "wb") as file:
            write(file)
        return
    if target.is_symlink():
        target = target.resolve()
    beside = target.with_name(f".{target.name}.{os.urandom(8).hex()}.tmp")
    try:
        with open(beside, "xb") as file:  # with the permissions that the umask leaves
            _take_permissions(file, target)
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except BaseException as error:
        with contextlib.suppress(OSError):  # it may be missing for the same reason
            beside.unlink()
        if isinstance(error, OSError) and error.filename2 is None:
            error.filename = str(target)
        raise


def _take_permissions(file: IO[bytes], target: Path) -> None:
    """Give a new file the permissions of the one that it replaces."""
    try:
        wanted = stat.S_IMODE(target.stat().st_mode) & 0o777
    except OSError:  # there is none
        return
    if stat.S_IMODE(os.fstat(file.fileno()).st_mode) != wanted:
        os.fchmod(file.fileno(), wanted)


def read_json(
    path: str | os.PathLike[str], schema: str, newest: int, *, oldest: int = 1
) -> dict[str, Any]:
    """Read a document that names `schema` and a version from `oldest` to `newest`.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        The file holds no such document; the message names the file.
    """
    path = as_path(path)
    with open(path, "rb") as file:
        raw = file.read(LARGEST_DOCUMENT + 1)
    return parse_json(path, raw, schema, newest, oldest=oldest)


def parse_json(
    path: str | os.PathLike[str], raw: bytes, schema: str, newest: int, *, oldest: int = 1
) -> dict[str, Any]:
    """Read a document, as `read_json` does, from bytes that came from `path`."""
    if len(raw) > LARGEST_DOCUMENT:
        raise ValueError(f"{Path(path)}: more than {LARGEST_DOCUMENT} bytes of JSON")
    try:
        document = json.loads(raw, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{Path(path)}: not JSON, or cut short ({error})") from None
    if not isinstance(document, dict) or document.get("schema") != schema:
        raise ValueError(f"{Path(path)}: schema: expected {schema!r}")
    version = field(path, document, "version", int)
    if not oldest <= version <= newest:
        raise ValueError(
            f"{Path(path)}: version: this release reads {oldest} to {newest}, got {shown(version)}"
        )
    return document


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def field(
    path: str | os.PathLike[str],
    document: dict[str, Any],
    name: str,
    kind: type | tuple[type, ...],
) -> Any:
    """Return one field of a document.

    Raises
    ------
    ValueError
        The field is missing or of another kind; the message names file and field.
    """
    if name not in document:
        raise ValueError(f"{Path(path)}: {name}: missing")
    value = document[name]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{Path(path)}: {name}: unexpected {type(value).__name__}")
    return value


def read_arrays(path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    """Read a .npz of plain numbers, within `LARGEST_FILE` bytes of memory.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        The file is no such archive, or an array does not agree with its header; the message names
        file and array.
    """
    path = as_path(path)
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size > LARGEST_FILE:
            raise ValueError(f"{Path(path)}: larger than {LARGEST_FILE} bytes")
        try:
            _check_directory(file)
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
                if sum(member.file_size for member in members) > LARGEST_FILE:
                    raise ValueError(f"more than {LARGEST_FILE} bytes when unpacked")
                return {
                    member.filename.removesuffix(".npy"): _array(archive, member)
                    for member in members
                }
        except OSError as error:
            if error.errno not in (None, errno.EINVAL):  # EINVAL: a place outside of the file
                error.filename = str(path)
                raise
            raise _damaged(path, error) from None
        except MemoryError:
            raise
        except Exception as error:  # the library meets damage with exceptions of all kinds
            raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path}: not a .npz, or damaged ({plain(error)})")


def _check_directory(file: IO[bytes]) -> None:
    """Refuse a directory of millions of names, all of which the library would read at once.

    A .npz ends with a record that states the length of its directory, without a comment. An archive
    of more than 4 GB has another record before it.
    """
    end = file.seek(0, os.SEEK_END)
    file.seek(max(end - 42, 0))
    tail = file.read()
    before, record = tail[:-22], tail[-22:]
    if not record.startswith(b"PK\5\6") or not record.endswith(b"\0\0"):
        raise ValueError("cut short, or no archive")
    if before.startswith(b"PK\6\7") or int.from_bytes(record[12:16], "little") > LARGEST_DIRECTORY:
        raise ValueError(f"more than {LARGEST_DIRECTORY} bytes of names")


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    """Unpack one array, whose header must agree with its bytes."""
    name = plain(member.filename)
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name}: packed in another way than save packs")  # not in pieces
    with archive.open(member) as file:
        try:
            if np.lib.format.read_magic(file) != (1, 0):
                raise ValueError("unexpected version of the array format")
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
        except Exception as error:  # MemoryError, too: of its parser, which has a small stack
            raise ValueError(f"{name}: {plain(error)}") from None
        content = file.read(member.file_size)  # without a size it unpacks all there is
        if fortran or dtype.kind not in "fiu":
            raise ValueError(f"{name}: expected plain numbers in C order, got {plain(dtype)}")
        try:
            # Both refuse a size that does not fit.
            return np.frombuffer(content, dtype).reshape(shape)
        except (ValueError, TypeError, OverflowError) as error:
            raise ValueError(f"{name}: {plain(error)}") from None
