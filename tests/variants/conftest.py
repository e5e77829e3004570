"""One family for all tests that only look at one: exporting takes seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from alert.variants import Family

SECONDS = {"original": 8.0, "onnx": 4.0, "int8": 2.0, "pruned:0.5": 3.0, "pruned:0.5+int8": 1.0}


@pytest.fixture(scope="session")
def family() -> Family:
    """A family of a small network, with invented latencies."""
    import small_networks as small

    from alert.variants import making

    trained: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("alert.variants.measuring.latencies", small.Clock(**SECONDS))
        made = making.family(
            small.network(),
            small.pictures(1)[0],
            calibration=small.pictures(40, seed=2),
            train=trained.append,
            accuracy=0.8,
            kinds=[name for name in SECONDS if name != "original"],
        )
    assert len(trained) == 1  # the two pruned ones begin alike
    return made
