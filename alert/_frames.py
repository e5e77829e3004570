"""Data frames of pandas, which is imported with the first of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from alert._installation import require

if TYPE_CHECKING:
    import pandas


def frame(
    columns: Mapping[str, Any] | NDArray[np.void], index: str | None = None
) -> pandas.DataFrame:
    """Make a data frame; `index` names the column that becomes its index."""
    require("pandas", ["pandas"])
    import pandas

    if isinstance(columns, np.ndarray):
        columns = {name: columns[name] for name in columns.dtype.names or ()}
    made = pandas.DataFrame(dict(columns))
    return made if index is None else made.set_index(index)


def history_frame(history: NDArray[np.void], models: Sequence[str]) -> pandas.DataFrame:
    """Make the data frame of a history: an input in each row, models by their names."""
    columns = {name: history[name] for name in history.dtype.names or ()}
    columns["model"] = np.array(models, object)[history["model"]]
    return frame(columns, "input")
