"""What all pictures share: the figure that notebooks show, colours, and axes of caps."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure

from alert._text import cap_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alert.profile import Profile

# From light to dark; distinct for all kinds of colour vision, and in print.
BLUES = ("#8ecae6", "#2a83c2", "#0b2d5b")
LATE = "#d1480f"

_DPI = 110


class Picture(Figure):
    """A figure that a notebook shows, also where `matplotlib.pyplot` is not loaded."""

    def __init__(self, width: float, height: float) -> None:
        super().__init__(figsize=(width, height), dpi=_DPI, layout="constrained")

    def _repr_png_(self) -> bytes:
        with BytesIO() as file:
            self.savefig(file, format="png")
            return file.getvalue()


def shades(names: Sequence[str]) -> dict[str, str]:
    """Give each name a colour, from light to dark."""
    if len(names) == 2:
        return dict(zip(names, BLUES[::2], strict=True))
    if len(names) <= len(BLUES):
        return dict(zip(names, BLUES, strict=False))
    scale = LinearSegmentedColormap.from_list("blues", BLUES)
    return {name: to_hex(scale(i / (len(names) - 1))) for i, name in enumerate(names)}


def cap_axis(axis: Axes, profile: Profile) -> NDArray[np.float64]:
    """Label an axis with power caps; return their heights. No cap stands above the others."""
    power_caps = profile.power_caps
    height = power_caps.copy()
    if np.isinf(height[-1]):
        height[-1] = 0.0 if len(height) == 1 else height[-2] + (np.ptp(height[:-1]) or 1.0)
    axis.set_yticks(height, [f"{cap:.3g}" if np.isfinite(cap) else "no cap" for cap in power_caps])
    axis.set_ylabel(f"power cap, {profile.unit}")
    return height


def title(axis: Axes, text: str, right: str = "") -> None:
    """Write a title at the left, and a remark at the right."""
    axis.set_title(text, loc="left", fontsize=10, fontweight="bold")
    axis.set_title(right, loc="right", fontsize=10)


def legend(figure: Figure, handles: Sequence[Artist], columns: int = 6) -> None:
    """Write a legend above the panels."""
    figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=min(len(handles), columns),
        frameon=False,
        fontsize=9,
        columnspacing=1.2,
        handletextpad=0.4,
    )


def cap_label(profile: Profile, cap: int) -> str:
    """Return a cap of the profile as text, to three digits."""
    return cap_text(float(profile.power_caps[cap]), profile.unit, ".3g")
