"""Selectors on many nodes that learn together: an actor merges what each has learnt."""

from __future__ import annotations

from typing import NamedTuple

import ray

from alert.integrations.ray import actors
from alert.learning import Selector

NAME = "alert fleet"
"""The name of the actor, unless another one is given."""


class _Merging:
    """The actor. What it knows, the nodes know, too: little is lost with it."""

    def __init__(self, selector: Selector) -> None:
        self._selector = selector

    def exchange(self, selector: Selector) -> Selector:
        self._selector.merge(selector)
        return self._selector


class Fleet(NamedTuple):
    """The fleet, as a node sees it. It may be sent to any of them.

    Attributes
    ----------
    name : str
        Of the actor.
    """

    name: str

    def exchange(self, selector: Selector, timeout: float = 60.0) -> None:
        """Tell the fleet all that a selector knows, and let it learn all that the fleet knows.

        No rating counts twice, however often and in which order nodes do it.

        Parameters
        ----------
        selector : Selector
            With the models, features and prior of the fleet.
        timeout : float, default 60.0
            Seconds.

        Raises
        ------
        ValueError
            The selector is of another kind.
        ray.exceptions.RayError
            The actor does not answer in time.
        """
        selector.merge(actors.ask(self.name, "exchange", selector, timeout=timeout))

    def end(self) -> None:
        """End the actor."""
        actors.end(self.name)


def fleet(selector: Selector, name: str = NAME) -> Fleet:
    """Start a fleet with what a selector knows, or find the one of this name.

    Parameters
    ----------
    selector : Selector
    name : str
        Of the actor. It outlives the program that starts it; `Fleet.end` ends it.
    """
    ray.get(actors.start(_Merging, name, selector).__ray_ready__.remote())
    return Fleet(name)
