"""What the tests of power devices have in common."""

from __future__ import annotations

from plants import Plant

from alert import power


def joules(device: power.PowerDevice) -> float:
    """Read the energy of a device that has a counter."""
    energy = device.energy()
    assert energy is not None
    return energy


def drawn(plant: Plant, device: power.PowerDevice, seconds: float) -> float:
    """Let the plant's time pass; return the joules that the device counts meanwhile."""
    before = joules(device)
    plant.advance(seconds)
    return joules(device) - before
