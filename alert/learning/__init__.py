"""Choosing from feedback: which model suits a device, learnt from its users' ratings."""

from alert.learning.features import joint
from alert.learning.selector import Choice, Selector

__all__ = ["Choice", "Selector", "joint"]
