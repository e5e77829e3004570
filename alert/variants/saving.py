"""Writing a family into a directory, whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alert import files
from alert.variants.variant import Variant

SCHEMA, VERSION = "alert.family", 1
INDEX = "family.json"


def save(directory: Path, variants: Sequence[Variant], rest: Mapping[str, Any]) -> dict[str, Path]:
    """Write the variants that are kept, and an index of all; return the files by name.

    The files are written beside the directory, which is then moved into place. A family that is
    there already is replaced; any other directory that is not empty is refused.
    """
    _refuse_others(directory)
    beside = _beside(directory)
    try:
        beside.mkdir()
        rows, names = [], {}
        for number, variant in enumerate(variants):
            name = None if variant.why else f"{number}-{_clean(variant.name)}{variant.suffix}"
            if name is not None:
                names[variant.name] = _write(beside / name, variant)
            rows.append(_row(variant, name))
        document = {"schema": SCHEMA, "version": VERSION, "variants": rows, **rest}
        files.write_json(beside / INDEX, document)
        _move(beside, directory)
    except BaseException as error:
        shutil.rmtree(beside, ignore_errors=True)
        if isinstance(error, OSError):
            error.filename = str(directory)
            if error.filename2 is not None:  # of a move; set to None, it would still be shown
                del error.filename2
        raise
    return {name: directory / path.name for name, path in names.items()}


def check_writable(directory: Path) -> None:
    """Find out whether a family can be saved there, without changing what is there.

    Raises
    ------
    OSError
        It cannot: something else is there, or the place may not be written to.
    """
    _refuse_others(directory)
    beside = _beside(directory)
    try:
        beside.mkdir()
        beside.rmdir()
    except OSError as error:
        error.filename = str(directory)
        raise


def _beside(directory: Path) -> Path:
    return directory.with_name(f".{directory.name}.{os.urandom(8).hex()}.tmp")


def _write(path: Path, variant: Variant) -> Path:
    if variant.write is None or not variant.suffix:
        raise ValueError(
            f"{variant.name} cannot be stored: a function made it, and its modules, or their "
            "settings, differ from those of the original"
        )
    files.replace(path, variant.write)
    return path


def _clean(name: str) -> str:
    """Replace what some file systems or shells do not like."""
    return re.sub(r"[^A-Za-z0-9.+-]", "-", name)


def _row(variant: Variant, file: str | None) -> dict[str, Any]:
    """Return what the index says of a variant."""
    return {
        "name": variant.name,
        "file": file,
        "size": _number(variant.size),
        "latency": _number(variant.latency),
        "agreement": _number(variant.agreement),
        "accuracy": variant.accuracy,
        "steps": variant.steps if file else [],
        "why": variant.why,
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _refuse_others(directory: Path) -> None:
    """Refuse a directory whose content is something else than a family."""
    if directory.is_dir() and any(directory.iterdir()):
        if not (directory / INDEX).is_file():
            raise FileExistsError(
                errno.EEXIST, "there is a directory already, and no family in it", str(directory)
            )
    elif directory.exists() and not directory.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(directory))


def _move(beside: Path, directory: Path) -> None:
    """Move a directory into the place of another one."""
    if not directory.exists():
        os.rename(beside, directory)
        return
    old = beside.with_suffix(".old")
    os.rename(directory, old)
    try:
        os.rename(beside, directory)
    except BaseException:
        os.rename(old, directory)
        raise
    with contextlib.suppress(OSError):
        shutil.rmtree(old)
