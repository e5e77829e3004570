"""Who imports whom in the Python package. `test_layers.py` says the same of the C files."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import alert

PACKAGE = Path(alert.__file__).parent
FILES = sorted(PACKAGE.glob("**/*.py"))

# From the ground up: a room imports itself and those of the lines before. `alert` alone stands for
# the public face, `alert/__init__.py`.
STRATA = [
    ["_closing", "_core", "_version", "_html", "_installation"],
    ["_frames", "_progress", "_text", "_warnings"],
    ["_arguments", "_deprecated", "files"],
    ["_profile_arguments"],
    ["_profile_parts", "_profile_learnt", "_profile_files"],
    ["_profile_making", "_profile_views"],
    ["feedback", "goal", "profile"],
    ["_trace_parts"],
    ["scheduler", "trace"],
    ["session", "power", "learning", "store", "plots"],
    ["live"],
    ["running"],
    ["serving"],
    ["alert"],
    ["measuring", "integrations"],
    ["variants", "video"],
    ["evaluation"],
    ["workloads"],
    ["demo"],
    ["cli"],
    ["__main__"],
]

# The contract's: methods of a lower room that import a higher one when they are called.
LATE = {
    ("_profile_making", "measuring"),  # Profile.measure
    ("profile", "measuring"),  # the warning of Profile.load on another machine
    ("profile", "plots"),  # Profile.plot
    ("trace", "measuring"),  # Trace.record
    ("trace", "evaluation"),  # Trace.replay
}


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else module


def stratum(room: str) -> int:
    [level] = [level for level, rooms in enumerate(STRATA) if room in rooms]
    return level


def imported(node: ast.AST) -> Iterator[str]:
    """Our modules that one statement imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if room_of(alias.name) != alias.name)
        yield from ("alert" for alias in node.names if alias.name == "alert")
    elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "alert":
        for alias in node.names:
            name = f"{node.module}.{alias.name}"
            yield name if name in MODULES or name == "alert._core" else str(node.module)


def imports(path: Path) -> tuple[set[str], set[str]]:
    """Modules imported with the file, and modules imported when a function is called.

    Imports for type checkers only are left out.
    """
    at_once: set[str] = set()
    late: set[str] = set()

    def visit(node: ast.AST, found: set[str]) -> None:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            found = late
        found.update(name for name in imported(node) if name.partition(".")[0] == "alert")
        for child in ast.iter_child_nodes(node):
            visit(child, found)

    visit(ast.parse(path.read_bytes()), at_once)
    return at_once, late


def test_every_room_is_in_one_stratum() -> None:
    rooms = {room_of(module) for module in MODULES} | {"_core"}
    assert rooms == {room for stratum in STRATA for room in stratum}


def test_a_room_imports_only_itself_and_rooms_below() -> None:
    used = set()
    for module, path in MODULES.items():
        here = room_of(module)
        at_once, late = imports(path)
        for name in at_once | late:
            there = room_of(name)
            if there == here or stratum(there) < stratum(here):
                continue
            used.add((here, there))
            assert name in late, f"{module} imports {name}"
            assert (here, there) in LATE, f"{module} imports {name}"
    assert used == LATE  # none is out of date


def test_no_two_modules_import_each_other() -> None:
    """Python loads the package of a module before the module: its name there makes no circle."""
    uses = {
        module: {name for name in imports(path)[0] if not module.startswith(f"{name}.")}
        for module, path in MODULES.items()
    }
    for start in uses:
        reached: set[str] = set()
        todo = [start]
        while todo:
            for module in uses.get(todo.pop(), set()) - reached:
                reached.add(module)
                todo.append(module)
        assert start not in reached, f"{start} imports itself by way of others"
