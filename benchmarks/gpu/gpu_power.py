"""The GPU as a device that is read and never set."""

from __future__ import annotations

from functools import cache
from types import TracebackType
from typing import Any

import alert


class Watched(alert.power.Device):
    """Reads the joules of one GPU, through alert's NVML device. Its only cap is the one found."""

    kind = "nvml"
    can_cap = True  # to the one cap that there is
    cap, cap_range, tick = 0.0, (0.0, 0.0), 0.0

    def __init__(self) -> None:
        self._device: Any = alert.power.open("nvml", gpus=[0], observe=True)
        self.cap = float(self._device.cap)
        self.cap_range = (self.cap, self.cap)
        self.tick = float(self._device.tick)

    def set_cap(self, watts: float, /) -> None:
        """Set nothing."""

    def energy(self) -> float | None:
        """Return the joules drawn since the device was opened."""
        joules: float | None = self._device.energy()
        return joules

    def close(self) -> None:
        """Let go of the library."""
        self._device.close()

    def __enter__(self) -> Watched:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


@cache
def _handle() -> Any:
    import pynvml

    pynvml.nvmlInit()
    return pynvml.nvmlDeviceGetHandleByIndex(0)


def power_now() -> float:
    """Return the watts that the driver states for this moment."""
    import pynvml

    return 1e-3 * float(pynvml.nvmlDeviceGetPowerUsage(_handle()))
