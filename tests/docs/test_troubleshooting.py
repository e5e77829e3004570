"""Every warning and error that a user can meet has its heading in docs/troubleshooting.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")

# What stands for a part that differs from case to case.
GAP = "…"

# "deadline: expected a finite number of seconds > 0, got -1" says everything by itself. One heading
# explains all of its kind.
ARGUMENT = re.compile(r": (expected|unexpected|missing)\b|^expected |^module '")
RANGE = re.compile(r"^(a number|two numbers) (of|from) |^True or False")  # of an option

WORD = re.compile(r"[A-Za-z]{2,}")


def plain(text: str) -> str:
    """Text without marks and line ends, each gap the same."""
    text = re.sub(r"[`*\\]|^> ", "", text, flags=re.MULTILINE)
    return re.sub(rf"{GAP}(\.?{GAP})*", GAP, re.sub(r"\s+", " ", text)).strip()


# Their reasons stand in parentheses of a heading, or below it.
READERS = (
    "alert/files.py",
    "alert/store/headers.py",
    "alert/store/packed_file.py",
    "alert/store/packed_tensor.py",
    "alert/store/safetensors_file.py",
    "alert/workloads/frozen_graph.py",
)


# ------------------------------------------------------------------------------------------- Python


def template(node: ast.expr) -> str | None:
    """A text, gaps where it is formatted; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = (p.value if isinstance(p, ast.Constant) else GAP for p in node.values)
        return "".join(str(part) for part in parts)
    return None


def said_by_python() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "alert").rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        assigned = {
            ast.unparse(node.targets[0]): node for node in nodes if isinstance(node, ast.Assign)
        }
        for node in nodes:
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            said = node.args[0]
            if isinstance(said, ast.Name) and said.id in assigned:
                said = assigned[said.id].value
            text = template(said)
            if text and (name.endswith(("Error", "Exit")) or name in ("warn", "warn_once")):
                yield path.relative_to(ROOT).as_posix(), plain(text)


# ------------------------------------------------------------------------------------------------ C

STRING = r'"(?:[^"\\]|\\.)*"'
TEXT = re.compile(rf"{STRING}(?:[\s\\]*{STRING})*")
FORMAT = re.compile(r"%[-+ #0-9.]*(?:ll?|hh?|z)?[A-Za-z]")


def literals(source: str) -> Iterator[str]:
    """String literals, those that follow one another joined, gaps where they are formatted."""
    source = re.sub(
        rf"({STRING})|/\*.*?\*/|//[^\n]*", lambda m: m[1] or " ", source, flags=re.DOTALL
    )
    for match in TEXT.finditer(source):
        text = "".join(part[1:-1] for part in re.findall(STRING, match[0]))
        yield FORMAT.sub(GAP, text.encode().decode("unicode_escape"))


def said_by_c() -> Iterator[tuple[str, str]]:
    """Sentences of the power adapters, and what the binding raises."""
    power, python = ((ROOT / "csrc" / room).rglob("*.[ch]") for room in ("power", "python"))
    for path in sorted((*power, *python)):
        source = path.read_text("utf-8")
        if "python" in path.parts:
            source = "\n".join(
                re.findall(r"PyErr_(?:Format|SetString|WarnFormat)\((.*?);\n", source, re.DOTALL)
            )
        for text in literals(source):
            if not RANGE.search(text):
                yield path.relative_to(ROOT).as_posix(), plain(text)


SAID = [
    (where, text)
    for where, text in (*said_by_python(), *said_by_c())
    if len(WORD.findall(text)) >= 3 and " " in text and not ARGUMENT.search(text)
]


@pytest.mark.parametrize(("where", "text"), SAID, ids=[f"{w}: {t[:50]}" for w, t in SAID])
def test_is_explained(where: str, text: str) -> None:
    assert text in plain(PAGE), f"{where} says: {text}"


def test_warnings_and_errors_are_headings() -> None:
    headings = plain(" ".join(re.findall(r"^###? (.*)$", PAGE, re.MULTILINE)))
    also = plain(" ".join(re.findall(r"^Also (.*?)\n\n", PAGE, re.MULTILINE | re.DOTALL)))
    for where, text in said_by_python():
        if (where, text) in SAID and where not in READERS:
            assert text in headings + also, f"{where} says: {text}"


# Reasons that the system or the driver gives, and texts that are nothing but gaps.
FROM_ELSEWHERE = re.compile(
    "Permission denied|Read-only file system|Driver Not Loaded|version mismatch"
    "|Insufficient Permissions|Not Supported|GPU is lost|^…: …: missing|^MODULE:FUNCTION"
)


def test_no_heading_is_left_over() -> None:
    said = [text for _, text in (*said_by_python(), *said_by_c()) if len(WORD.findall(text)) >= 2]
    for heading in map(plain, re.findall(r"^### (`.*)$", PAGE, re.MULTILINE)):
        known = any(text in heading for text in said) or FROM_ELSEWHERE.search(heading)
        assert known, f"no source says any more: {heading}"


def test_nothing_is_missed() -> None:
    """If the way the sources speak changes, the test above must not become empty."""
    assert len(SAID) > 50
    assert any(where.startswith("csrc/power") for where, _ in SAID)
    assert any(where.startswith("csrc/python") for where, _ in SAID)
    assert any(where.startswith("alert/") for where, _ in SAID)
