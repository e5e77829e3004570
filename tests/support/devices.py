"""What the tests of power devices have in common."""

from __future__ import annotations

from alert import power


def joules(device: power.PowerDevice) -> float:
    """Read the energy of a device that has a counter."""
    energy = device.energy()
    assert energy is not None
    return energy
