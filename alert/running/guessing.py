"""A guessed profile, for a runner that is given none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alert._text import shown
from alert.goal import Goal
from alert.power.caps import caps_to_offer
from alert.power.device import Device, unit_of
from alert.profile import Profile
from alert.running.models import Models, for_each, named

Numbers = Sequence[float] | Mapping[str, float]
"""One number for each model, in their order or by their names."""

# Watts under no cap, where a meter counts them: any number will do.
_WATTS = 30.0


@dataclass(frozen=True)
class Guess:
    """Holds what is known of models before anything has run.

    Attributes
    ----------
    names : list of str or None
    accuracy : list of float
    size : list of float or None
    latency : float
        Seconds of the largest model.
    """

    names: list[str] | None
    accuracy: list[float]
    size: list[float] | None
    latency: float

    @classmethod
    def of(
        cls, models: Models, accuracy: Numbers | None, size: Numbers | None, goal: Goal
    ) -> Guess:
        """Pair the models with what is said of them.

        Raises
        ------
        ValueError, TypeError
            Accuracies are missing, or the numbers do not fit the models.
        """
        offered, names = named(models)
        if accuracy is None:
            raise ValueError("accuracy: expected one for each model, as there is no profile")
        reached = for_each("accuracy", accuracy, names, len(offered))
        for i, each in enumerate(reached):
            if isinstance(each, (list, tuple)):
                raise TypeError(
                    f"accuracy[{names[i] if names else i!r}]: expected a number (exits of an "
                    f"anytime model go to Profile.guess), got {shown(each)}"
                )
        guess = cls(
            names,
            reached,
            None if size is None else for_each("size", size, names, len(offered)),
            goal.deadline if goal.deadline < math.inf else 1.0,
        )
        guess.profile()
        return guess

    def profile(self, device: Device | None = None) -> Profile:
        """Return the profile to begin with; of no cap where no device is given."""
        if device is None:
            return Profile.guess(
                self.accuracy, size=self.size, latency=self.latency, models=self.names
            )
        return Profile.guess(
            self.accuracy,
            size=self.size,
            power_caps=caps_to_offer(None, device),
            busy_power=self._watts(device),
            latency=self.latency,
            models=self.names,
            origin={"power": device.kind, "emulated": device.emulated},
            unit=unit_of(device),
        )

    @staticmethod
    def _watts(device: Device) -> float | None:
        """Return a guess of the watts where they are counted; None where the caps stand in."""
        has_watts = device.can_cap and unit_of(device) == "W"
        return None if has_watts or not device.can_read else _WATTS


def refuse_both(**given: Numbers | None) -> None:
    """Raise ValueError for what a profile says already."""
    for name, values in given.items():
        if values is not None:
            raise ValueError(f"{name}: expected None, the profile says it; got {values!r}")
