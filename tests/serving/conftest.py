"""What the tests of servers have in common."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from servers import Gate


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.open.set()
