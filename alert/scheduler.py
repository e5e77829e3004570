"""The scheduler: learns from every input, chooses for the next one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alert import _core, _html
from alert.goal import Goal
from alert.profile import Profile

_TRACE = 1024
_USUAL: dict[str, float] = {}  # no constants of its own; shared, for there may be thousands


class Scheduler(_core.Scheduler):
    """Chooses model and power cap for every input.

    Parameters
    ----------
    profile : Profile
    goal : Goal
    method : str, default "calibrated"
        "calibrated": a slowdown that switches between regimes, and a price of accuracy for goals
        that hold on average over the run. "paper": the equations of the paper, to the letter.
    constants : mapping, optional
        Other values for some of the method's constants; ``alert.constants(method)`` lists them.
    overhead : float, default 0.0
        Seconds taken off every deadline for what happens around the inference.
    switch_cost : float, default 0.0
        Seconds that changing the power cap takes. A configuration under another cap than that of
        the last input has so much less of its deadline, and is charged with its power during that
        time, divided by `dwell`.
    dwell : int, default 1
        Inputs that a new cap stays in force. It is lowered no sooner, and raised sooner only where
        nothing under it meets the goal's bounds and something under a higher cap does.
    trace : int, default 1024
        Inputs remembered for `trace`.

    Examples
    --------
    >>> import alert
    >>> profile = alert.Profile(
    ...     latency=[[0.02, 0.01], [0.06, 0.03]],
    ...     power=[[10, 20], [10, 20]],
    ...     accuracy=[0.70, 0.80],
    ...     power_caps=[10, 20],
    ...     idle_power=5,
    ... )
    >>> s = alert.Scheduler(profile, alert.Goal.min_energy(deadline=0.1, accuracy=0.69, window=1))
    >>> model, power_cap = s.decision
    >>> model, power_cap
    (0, 10.0)
    >>> model, power_cap = s.step(latency=0.09, energy=0.9)
    >>> model, power_cap = s.step(latency=0.09, energy=0.9)  # no outlier, then
    >>> model, power_cap
    (0, 20.0)

    Notes
    -----
    One scheduler serves one stream of inputs. Setting `goal` chooses anew: run what `decision` says
    afterwards.
    """

    __slots__ = ("_constants", "_method", "_profile", "_trace_capacity")

    _profile: Profile
    _method: str
    _constants: dict[str, float]
    _trace_capacity: int

    def __new__(
        cls,
        profile: Profile,
        goal: Goal,
        *,
        method: str = "calibrated",
        constants: Mapping[str, float] | None = None,
        overhead: float = 0.0,
        switch_cost: float = 0.0,
        dwell: int = 1,
        trace: int = _TRACE,
    ) -> Scheduler:
        """Make the scheduler whole: there is no half-built one."""
        if not isinstance(profile, Profile):
            raise TypeError(f"profile: expected a Profile, got {type(profile).__name__}")
        _check_goal_type(goal)
        if not isinstance(constants, Mapping | None):
            kind = type(constants).__name__
            raise TypeError(f"constants: expected a mapping of names to numbers, got {kind}")
        own = dict(constants) if constants else _USUAL
        arguments = (goal._as_tuple(), goal, method, own, overhead, switch_cost, dwell, trace)
        self = super().__new__(cls, profile._data, *arguments)
        self._profile = profile
        self._method = method
        self._constants = own
        self._trace_capacity = trace
        return self

    @property
    def profile(self) -> Profile:
        """The profile it chooses from."""
        return self._profile

    @property
    def method(self) -> str:
        """How it estimates and chooses."""
        return self._method

    @property
    def goal(self) -> Goal:
        """What it aims at. Setting another goal chooses anew; read `decision` afterwards."""
        goal: Goal = self._goal
        return goal

    @goal.setter
    def goal(self, goal: Goal) -> None:
        _check_goal_type(goal)
        self._set_goal(goal._as_tuple(), goal)

    def __reduce__(self) -> tuple[Any, ...]:
        state, goal, overhead, switch_cost, dwell = self._save()
        options = {
            "method": self._method,
            "constants": self._constants,
            "overhead": overhead,
            "switch_cost": switch_cost,
            "dwell": dwell,
            "trace": self._trace_capacity,
        }
        return _restored, (type(self), self._profile, goal, options, state)

    def __repr__(self) -> str:
        mean, std = self.slowdown
        model, power_cap = self.decision
        return (
            f"<alert.Scheduler {self._method!r}: {self.goal!r}, slowdown {mean:.3g} ± {std:.2g}, "
            f"next {self._profile.models[model]!r} under {power_cap:g} W>"
        )

    def _repr_html_(self) -> str:
        mean, std = self.slowdown
        choice = self.decision
        where = "" if choice.exit is None else f", exit {choice.exit}"
        rows = [
            ("goal", repr(self.goal)),
            ("slowdown", f"{mean:.3f} ± {std:.3f}"),
            ("next", f"{self._profile.models[choice.model]}{where} under {choice.power_cap:g} W"),
            ("expected latency", f"{1e3 * choice.latency:.3g} ms"),
            ("expected energy", f"{choice.energy:.3g} J"),
            ("expected accuracy", f"{choice.accuracy:.4f}"),
            ("in time", f"{choice.probability:.4f}"),
            ("feasible", "yes" if choice.feasible else "no: a bound was given up"),
        ]
        return _html.table((f"Scheduler, {self._method}", ""), rows)


def _check_goal_type(goal: object) -> None:
    if not isinstance(goal, Goal):
        raise TypeError(f"goal: expected a Goal, got {type(goal).__name__}")


def _restored(
    cls: type[Scheduler], profile: Profile, goal: Goal, options: dict[str, Any], state: bytes
) -> Scheduler:
    """Make again what `Scheduler.__reduce__` took apart."""
    scheduler = cls(profile, goal, **options)
    scheduler._restore(state)
    return scheduler
