"""Small tables for notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# Notebooks set tables to the right, as for numbers. These hold words.
_STYLE = "<style>.alert-words :is(td, th) {text-align: left !important}</style>"


def table(header: Sequence[str], rows: Iterable[Sequence[object]], note: str = "") -> str:
    """Return an HTML table with an optional line of text below it."""
    from html import escape  # which loads all names of characters: not with `import alert`

    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    below = f"<p>{escape(note)}</p>" if note else ""
    whole = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f"{_STYLE}<table class='alert-words'>{whole}</table>{below}"
