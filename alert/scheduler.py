"""The scheduler: learns from every input, chooses for the next one."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any

from alert import _core, _frames, _html
from alert._deprecated import renamed_attribute, renamed_key, renamed_keyword
from alert._profile_learnt import known
from alert._text import seconds_text, under_cap
from alert.feedback import Feedback, User, user_number
from alert.goal import Goal
from alert.profile import Profile

if TYPE_CHECKING:
    import pandas
    from typing_extensions import Self

HISTORY = 1024
"""Inputs that a scheduler remembers by default."""

_NO_CONSTANTS: dict[str, float] = {}  # one for all: there may be thousands of schedulers


class Scheduler(_core.Scheduler):
    """Chooses model and power cap for every input.

    Parameters
    ----------
    profile : Profile
    goal : Goal
    method : str, default "calibrated"
        "calibrated": the slowdown switches between regimes, and accuracy has a price where a goal
        holds on average over the run. "paper": the equations of the paper, to the letter.
    constants : mapping, optional
        Other values for some of the method's constants; ``alert.constants(method)`` lists them.
    overhead : float, default 0.0
        Seconds taken off every deadline for the work around the inference.
    switch_cost : float, default 0.0
        Seconds that a change of the power cap takes. They are taken off the deadline of every
        configuration under another cap than that of the last input. Its power during these seconds,
        divided by `hold_inputs`, is added to its energy.
    hold_inputs : int, default 1
        Inputs that a new cap stays in force. The scheduler lowers it no sooner. It raises it sooner
        only where no configuration under it meets the goal's bounds and one under a higher cap
        does.
    history : int, default 1024
        Inputs that the attribute `history` remembers.
    machine_price : float, optional
        Watts that the machine's time is worth to all who share it. A configuration then costs its
        power above idling and this price, for as long as it runs. Idle time is not counted. None:
        the machine is not shared.
    power_limit : float, optional
        Watts that no chosen cap exceeds: a share of a budget. No less than the lowest cap of the
        profile. None for no limit.
    feedback : Feedback, optional
        Learn the accuracies from ratings. None: those of the profile stand.

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
    >>> model, power_cap = s.step(latency=0.09, energy=0.9)  # four times as long as profiled
    >>> model, power_cap
    (0, 20.0)

    Notes
    -----
    One scheduler serves one stream of inputs. Setting `goal` chooses anew: run the new `decision`.
    Copies and pickles go on from the same state.
    """

    __slots__ = (
        "__weakref__",
        "_constants",
        "_feedback",
        "_history_capacity",
        "_method",
        "_profile",
    )

    _profile: Profile
    _method: str
    _constants: dict[str, float]
    _history_capacity: int
    _feedback: Feedback | None

    @renamed_keyword("trace", "history")
    @renamed_keyword("dwell", "hold_inputs")
    def __new__(
        cls,
        profile: Profile,
        goal: Goal,
        *,
        method: str = "calibrated",
        constants: Mapping[str, float] | None = None,
        overhead: float = 0.0,
        switch_cost: float = 0.0,
        hold_inputs: int = 1,
        history: int = HISTORY,
        machine_price: float | None = None,
        power_limit: float | None = None,
        feedback: Feedback | None = None,
    ) -> Self:
        """Make a scheduler that is complete: no method ever sees a half-built one."""
        if not isinstance(profile, Profile):
            raise TypeError(f"profile: expected a Profile, got {type(profile).__name__}")
        _check_goal_type(goal)
        if not isinstance(constants, Mapping | None):
            kind = type(constants).__name__
            raise TypeError(f"constants: expected a mapping of names to numbers, got {kind}")
        if not isinstance(feedback, Feedback | None):
            kind = type(feedback).__name__
            raise TypeError(f"feedback: expected an alert.Feedback or None, got {kind}")
        own = _NO_CONSTANTS
        if constants:
            own = renamed_key(constants, "constants", "stray", "outlier")
        self = super().__new__(
            cls,
            profile._data,
            goal._as_tuple(),
            goal,
            method,
            own,
            overhead,
            switch_cost,
            hold_inputs,
            history,
            machine_price,
            None if feedback is None else feedback._as_tuple(),
            profile._numbers if profile.is_learnt else None,
        )
        self._profile = profile
        self._method = method
        self._constants = own
        self._history_capacity = history
        self._feedback = feedback
        if power_limit is not None:
            self.power_limit = power_limit
            self.decide()
        return self

    trace = renamed_attribute("history")
    dwell = renamed_attribute("hold_inputs")

    @renamed_keyword("dwell", "hold_inputs")
    def set_switching(self, switch_cost: float, hold_inputs: int) -> None:
        """Set the seconds that a change of the cap takes, and the inputs that a new cap stays.

        They count from the next choice on.

        Parameters
        ----------
        switch_cost, hold_inputs
            See `Scheduler`.
        """
        super().set_switching(switch_cost, hold_inputs)

    @property
    def profile(self) -> Profile:
        """The profile that the scheduler chooses from: where it is learnt, as known by now."""
        found = self._known() if self._profile.is_learnt else None
        return self._profile if found is None else known(self._profile, found)

    @property
    def method(self) -> str:
        """The method by which the scheduler estimates and chooses."""
        return self._method

    @property
    def goal(self) -> Goal:
        """The goal. Setting another one chooses anew: read `decision` afterwards."""
        goal: Goal = self._goal
        return goal

    @goal.setter
    def goal(self, goal: Goal) -> None:
        _check_goal_type(goal)
        self._set_goal(goal._as_tuple(), goal)

    def feedback(self, ticket: int, score: float, user: User = None) -> bool:
        """Learn how good the output of a finished input was.

        Any thread may call this, however late. The pending decision stays; the next choice goes by
        what was learnt.

        Parameters
        ----------
        ticket : int
            The `ticket` of the decision that ran. Each of the last 4096 may be rated once.
        score : float
            0 to 1: a thumb down or up, stars / 5, a label wrong or right.
        user : str or int, optional
            Who rates. A user counts for 4 of 64 ratings of a model that follow each other, so that
            nobody alone decides what others get.

        Returns
        -------
        bool
            Whether it was learnt from. An output after its deadline teaches nothing, for lateness
            is reckoned with already; nor does a user who has said enough.

        Raises
        ------
        ValueError
            The score is out of range; or the ticket was rated before, is too old, comes from
            another scheduler, or its input was not run or is not finished. Nothing was learnt.
        TypeError
            An argument is of the wrong kind.
        """
        return super().feedback(ticket, score, user_number(user))

    def frame(self) -> pandas.DataFrame:
        """Return the history as a data frame, with the names of models. Needs pandas."""
        return _frames.history_frame(self.history, self._profile.models)

    def _index_of(self, model: str) -> int:
        """Find a model by its name."""
        if model not in self._profile.models:
            raise ValueError(f"model: expected one of {self._profile.models}, got {model!r}")
        return self._profile.models.index(model)

    def __reduce__(self) -> tuple[Any, ...]:
        state, goal, overhead, switch_cost, hold_inputs, price, limit = self._save()
        options = {
            "method": self._method,
            "constants": self._constants,
            "overhead": overhead,
            "switch_cost": switch_cost,
            "hold_inputs": hold_inputs,
            "history": self._history_capacity,
            "machine_price": price,
            "power_limit": limit,
            "feedback": self._feedback,
        }
        arguments = (type(self), self._profile, goal, options, state)
        return _restored, arguments, (getattr(self, "__dict__", None), self._added_slots())

    def _added_slots(self) -> dict[str, Any]:
        """Return the values of the slots that subclasses have added."""
        kinds = type(self).__mro__
        return {
            name: thing.__get__(self)
            for kind in kinds[: kinds.index(Scheduler)]
            for name, thing in vars(kind).items()
            if isinstance(thing, MemberDescriptorType) and hasattr(self, name)
        }

    def __repr__(self) -> str:
        mean, std = self.slowdown
        model, power_cap = self.decision
        return (
            f"<alert.Scheduler {self._method!r}: {self.goal!r}, slowdown {mean:.3g} ± {std:.2g}, "
            f"next {self._profile.models[model]!r} {under_cap(power_cap, self._profile.unit)}>"
        )

    def _repr_html_(self) -> str:
        mean, std = self.slowdown
        choice = self.decision
        where = "" if choice.exit is None else f", exit {choice.exit}"
        under = under_cap(choice.power_cap, self._profile.unit)
        rows = [
            ("goal", self.goal._short()),
            ("slowdown", f"{mean:.3f} ± {std:.3f}"),
            ("next", f"{self._profile.models[choice.model]}{where} {under}"),
            *_expected(choice),
        ]
        return _html.table((f"Scheduler, {self._method}", ""), rows)


def _expected(choice: _core.Decision) -> list[tuple[str, str]]:
    """Say what is expected of a choice, as rows of a table."""
    rows = [
        ("expected latency", seconds_text(choice.latency)),
        ("expected energy", "unknown" if isnan(choice.energy) else f"{choice.energy:.3g} J"),
        ("expected accuracy", f"{choice.accuracy:.4f}"),
        ("in time", f"{choice.probability:.4f}"),
        ("feasible", "yes" if choice.feasible else "no: a bound was given up"),
    ]
    return [*rows, ("estimated", "yes: it has not run yet")] if choice.estimated else rows


def _decision_html(choice: _core.Decision, /) -> str:
    """Show a decision, which knows neither the name of its model nor the unit of its cap."""
    cap = "none" if choice.power_cap is None else f"{choice.power_cap:.3g}"
    rows = [("model", str(choice.model)), ("power cap", cap)]
    if choice.exit is not None:
        rows.insert(1, ("exit", str(choice.exit)))
    return _html.table(("Decision", ""), [*rows, *_expected(choice)])


# A type of the core, which makes numbers. Tables are made here.
_core.Decision._repr_html_ = _decision_html  # type: ignore[attr-defined]


def _check_goal_type(goal: object) -> None:
    if not isinstance(goal, Goal):
        raise TypeError(f"goal: expected a Goal, got {type(goal).__name__}")


def _restored(
    cls: type[Scheduler], profile: Profile, goal: Goal, options: dict[str, Any], state: bytes
) -> Scheduler:
    """Make the scheduler again that `Scheduler.__reduce__` took apart."""
    scheduler = cls(profile, goal, **options)
    scheduler._restore(state)
    return scheduler
