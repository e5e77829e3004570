"""Sizes as people write them."""

from __future__ import annotations

import pytest

from alert.store.size import parsed, text


@pytest.mark.parametrize(
    ("given", "size"),
    [
        *((7, 7), ("7 B", 7), ("2 GB", 2 * 10**9), ("2GB", 2 * 10**9), (" 1.5 MB ", 1_500_000)),
        *(("512 MiB", 512 * 2**20), ("1 TiB", 2**40), ("3 kB", 3000), ("3 KB", 3000)),
    ],
)
def test_understands(given: int | str, size: int) -> None:
    assert parsed("budget", given) == size


@pytest.mark.parametrize("given", ["", "GB", "2", "2 gigabytes", "-2 GB", "0 B", "1e3 B", "2 GB 3"])
def test_refuses(given: str) -> None:
    with pytest.raises(ValueError, match=r"budget: expected bytes, or a text like '2 GB', got"):
        parsed("budget", given)


@pytest.mark.parametrize(
    ("size", "said"), [(0, "0 B"), (999, "999 B"), (1234, "1.23 kB"), (2 * 10**9, "2 GB")]
)
def test_says(size: int, said: str) -> None:
    assert text(size) == said
