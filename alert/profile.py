"""The profile: what every configuration costs on a quiet machine."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from alert import _core, files
from alert import _profile_arguments as checks
from alert import _profile_files as as_file
from alert import _profile_learnt as learnt
from alert import _profile_parts as parts
from alert import _profile_views as views
from alert._arguments import Caps, Floats, caps, floats, instance, number
from alert._profile_arguments import Exits, ExitShares
from alert._profile_making import Making
from alert._warnings import warn

if TYPE_CHECKING:
    from os import PathLike

    import pandas
    from matplotlib.figure import Figure

    from alert.running.models import Models


class Profile(Making):
    """Holds latency, power and accuracy of N models under M power caps.

    Parameters
    ----------
    latency : array_like, shape (N, M)
        Seconds that model i takes under cap j on a quiet machine; finite, > 0.
    power : array_like, shape (N, M), or None
        Watts drawn while the model runs; finite, > 0. None where they are unknown. Then the least
        energy is the least time, and goals with a bound on energy are refused.
    accuracy : array_like, shape (N,)
        0 to 1; for an anytime model the accuracy of its last exit.
    power_caps : array_like, shape (M,)
        In `unit`; > 0, strictly ascending. The last may be None, for no cap; the attribute
        `power_caps` then has infinity there.
    idle_power : float
        Watts drawn between inputs; >= 0. It counts as 0 where `power` is None.
    models : sequence of str, optional
        Distinct names; by default "model 0", "model 1", ...
    exits : mapping, optional
        ``{model index or name: [(fraction of its latency, accuracy), ...]}`` for anytime models.
        Fractions ascend strictly. The last is 1, and its accuracy is the model's.
    origin : mapping, optional
        How the profile was measured, as `Profile.measure` notes it: the machine, the kind of power
        device.
    unit : str, default "W"
        Of the power caps. A knob may be of another kind than power: "GHz", "threads".
    fixed_share : array_like, shape (N,), optional
        Share of each model's latency that does not grow with the size of the input, 0 to 1; the
        rest grows in proportion. None where it is unknown: then inputs have no size.
    size : float, default 1.0
        Size that the latencies hold for: examples in a batch, tokens, pixels.
    spread : array_like, shape (N, M), optional
        Standard deviation of the logarithm of each latency, where they are estimates; finite, > 0.
        A scheduler then learns the profile while it serves. None for a measured profile.
    exit_shares : mapping, optional
        ``{model index or name: [share of the inputs that leave at each exit, ...]}`` for anytime
        models whose inputs leave at the first sure output (`alert.sure`). Shares of a model sum
        to 1. The accuracies of `exits` hold with such stops: a sure output counts as any later one.

    Raises
    ------
    ValueError, TypeError
        An argument is out of range or of the wrong kind; the message names argument and place.

    Notes
    -----
    A profile never changes; its arrays are read-only. Schedulers share it. Where it is learnt, the
    scheduler's attribute `profile` is a new one each time: what is known by then.
    """

    __slots__ = (
        "_data",
        "_numbers",
        "_origin",
        "accuracy",
        "exit_shares",
        "exits",
        "fixed_share",
        "idle_power",
        "latency",
        "models",
        "power",
        "power_caps",
        "size",
        "spread",
        "unit",
    )

    _data: _core.Profile
    _numbers: Floats  # that learning goes on from; none before it has begun
    _origin: dict[str, Any]
    latency: Floats
    power: Floats
    accuracy: Floats
    power_caps: Floats
    idle_power: float
    models: tuple[str, ...]
    exits: Mapping[int, tuple[tuple[float, float], ...]]
    unit: str
    fixed_share: Floats | None
    size: float
    spread: Floats | None
    exit_shares: Mapping[int, tuple[float, ...]]

    def __init__(
        self,
        latency: ArrayLike,
        power: ArrayLike | None,
        accuracy: ArrayLike,
        power_caps: Caps,
        idle_power: float,
        models: Sequence[str] | None = None,
        exits: Exits | None = None,
        origin: Mapping[str, Any] | None = None,
        unit: str = "W",
        fixed_share: ArrayLike | None = None,
        size: float = 1.0,
        spread: ArrayLike | None = None,
        exit_shares: ExitShares | None = None,
    ) -> None:
        grid = floats("latency", latency)
        names = checks.model_names(models, len(grid) if grid.ndim else 0)
        staircases = checks.exits_by_index(exits, names)
        idle = number("idle_power", idle_power)
        pairs = [pair for i in sorted(staircases) for pair in staircases[i]]
        counts = [len(staircases.get(i, ())) for i in range(len(names))]
        leaving = checks.exit_shares_by_index(exit_shares, names, staircases)
        leave = [share for i in staircases for share in leaving.get(i, [0.0] * len(staircases[i]))]
        shares = None if fixed_share is None else floats("fixed_share", fixed_share)
        drawn = floats("power", np.full(grid.shape, np.nan) if power is None else power)
        arrays = {
            "latency": grid,
            "accuracy": floats("accuracy", accuracy),
            "power_caps": caps("power_caps", power_caps),
        }
        self._set(
            _data=_core.Profile(
                **arrays,
                power=None if power is None else drawn,
                idle_power=idle,
                exit_count=np.array(counts, np.uintp),
                exit_fraction=np.array([fraction for fraction, _ in pairs], np.float64),
                exit_accuracy=np.array([reached for _, reached in pairs], np.float64),
                exit_share=np.array(leave) if leaving else None,
                fixed_share=shares,
                size=number("size", size),
            ),
            **arrays,
            power=drawn,
            idle_power=0.0 if power is None else idle,
            models=names,
            exits=MappingProxyType(staircases),
            _origin=checks.origin(origin),
            unit=checks.unit(unit),
            fixed_share=shares,
            size=float(size),
            spread=None if spread is None else checks.spread(spread, grid.shape),
            exit_shares=MappingProxyType(leaving),
            _numbers=learnt.NO_NUMBERS,
        )

    def _set(self, **attributes: object) -> None:
        for name, value in attributes.items():
            object.__setattr__(self, name, value)

    @property
    def knows_power(self) -> bool:
        """Whether the watts of the models are known; elsewhere `power` holds NaN."""
        return not bool(np.isnan(self.power).any())

    @property
    def origin(self) -> dict[str, Any]:
        """How the profile was measured. This is a copy: the profile itself does not change."""
        return copy.deepcopy(self._origin)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Profile does not change; make another one to have another {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Profile does not change; {name} stays")

    @property
    def is_learnt(self) -> bool:
        """Whether a scheduler learns the profile while it serves; `spread` is known then."""
        return self.spread is not None

    # ------------------------------------------------------------------------------------- files

    def save(self, path: str | PathLike[str]) -> None:
        """Write the profile as JSON. The file is replaced whole or not at all."""
        files.write_json(path, self.document())

    def document(self) -> dict[str, Any]:
        """Return all that the profile holds, fit for JSON; `from_document` reads it."""
        return as_file.document(self)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Profile:
        """Read a profile that `save` wrote.

        Raises
        ------
        OSError
            The file cannot be read.
        ValueError
            The file is no profile, has a newer schema, or holds bad numbers; the message names file
            and field.

        Warns
        -----
        UserWarning
            The profile was measured on another machine.
        """
        profile = as_file.read(cls, path)
        if differences := differences_from_here(profile):
            warn(
                f"{Path(path)} was measured on another machine: {'; '.join(differences)}; measure "
                "it here again"
            )
        return profile

    @classmethod
    def from_document(cls, path: str | PathLike[str], document: dict[str, Any]) -> Profile:
        """Make a profile from the result of `document`, as the file `path` kept it.

        Raises
        ------
        ValueError
            The document holds bad numbers, or lacks some; the message names file and field.
        """
        return as_file.from_document(cls, path, document)

    # ------------------------------------------------------------------------------- other profiles

    def subset(
        self,
        models: Sequence[int | str] | None = None,
        power_caps: Caps | None = None,
    ) -> Profile:
        """Return the profile of some of the models under some of the power caps.

        Parameters
        ----------
        models : sequence of int or str, optional
            Indices or names, in the order they shall have; by default all.
        power_caps : array_like, optional
            In the unit of the profile, ascending, the last perhaps None for no cap; by default
            all.

        Raises
        ------
        ValueError, TypeError
            The profile has no such model or no such cap.
        """
        return parts.subset(self, models, power_caps)

    def without_caps(self) -> Profile:
        """Return the profile of the highest power cap, as that of a machine without a cap."""
        if np.isinf(self.power_caps).all():
            return self
        return self.subset(power_caps=self.power_caps[-1:])._with(power_caps=[None])

    def add(
        self,
        name: str,
        latency: ArrayLike,
        power: ArrayLike | None,
        accuracy: float,
        exits: Sequence[tuple[float, float]] | None = None,
        fixed_share: float | None = None,
    ) -> Profile:
        """Return a profile with one model more, after the others.

        Parameters
        ----------
        name : str
        latency, power : array_like, shape (M,)
            Seconds and watts under every power cap of this profile. The watts are None where this
            profile does not know them.
        accuracy : float
            0 to 1.
        exits : sequence, optional
            ``[(fraction of its latency, accuracy), ...]`` for an anytime model.
        fixed_share : float, optional
            Share of its latency that does not grow with the size, where the profile has those of
            the other models.
        """
        return parts.add(self, name, latency, power, accuracy, exits, fixed_share)

    def with_stop(
        self,
        models: Models,
        inputs: Iterable[Any],
        stop: Callable[[Any], bool],
        *,
        inference_mode: bool = True,
    ) -> Profile:
        """Return the same profile with `exit_shares`: where inputs leave anytime models.

        A `Server` with this `stop` then expects the shorter runs. So does a `Scheduler`, which
        hears of sure outputs in `step`. A `Runner` and replays of a trace ignore the shares.

        Parameters
        ----------
        models : sequence or dict of callables
            Those of the profile. The anytime ones run once on every input.
        inputs : iterable
            Typical inputs, such as 200 of them. An `alert.Call` holds several arguments.
        stop : callable
            Called with the output of each exit; True where the input leaves. See `alert.sure`.
        inference_mode : bool, default True
            See `Profile.measure`.

        Raises
        ------
        ValueError, TypeError
            There is no input, no model has exits, or models and profile do not fit each other.
        """
        from alert.measuring.stops import exit_shares  # late: a measurement needs a profile

        shares = exit_shares(self, models, inputs, stop, inference_mode)
        return self._with(exit_shares=shares)._going_on_from(self._numbers)

    def merge(self, other: Profile) -> Profile:
        """Return a profile with the models of both, or with the power caps of both.

        The two have the same power caps or the same models. Where both know a configuration, the
        numbers of `other` count, and its idle power does.

        Raises
        ------
        ValueError
            Configurations would be missing, or the profiles come from different machines or kinds
            of power device, or have caps of different units.
        TypeError
            `other` is no profile.
        """
        instance("other", other, Profile, "a Profile")
        return parts.merge(self, other)

    def _with(self, **changed: Any) -> Profile:
        """Return a profile with other arguments than this one."""
        names = ("latency", "power", "accuracy", "power_caps", "idle_power", "models", "exits")
        more = ("origin", "unit", "fixed_share", "size", "spread", "exit_shares")
        arguments = {name: getattr(self, name) for name in (*names, *more)}
        arguments.update(changed)
        power = arguments["power"]
        return Profile(**{**arguments, "power": None if power is None else checks.known(power)})

    def _going_on_from(self, numbers: ArrayLike) -> Profile:
        """Return the same profile, with the numbers that learning goes on from."""
        self._set(_numbers=floats("learnt", numbers))
        return self

    # ------------------------------------------------------------------------------- looking at it

    def frame(self) -> pandas.DataFrame:
        """Return a data frame with a row for each configuration. Needs pandas.

        Columns: model, exit (-1 for a traditional model), power_cap, latency, power, energy (of one
        input) and accuracy.
        """
        return views.frame(self)

    def plot(self) -> Figure:
        """Draw accuracy against energy and latency. Needs matplotlib.

        Returns
        -------
        matplotlib.figure.Figure
            A notebook shows it; its method ``savefig`` writes it to a file.
        """
        from alert.plots import profile

        return profile.draw(self)

    # ------------------------------------------------------------------------------- conveniences

    def __reduce__(self) -> tuple[Any, ...]:
        power = checks.known(self.power)
        arguments = (self.latency, power, self.accuracy, self.power_caps, self.idle_power)
        more = (self.origin, self.unit, self.fixed_share, self.size, self.spread)
        leaving = dict(self.exit_shares)
        made = (type(self), (*arguments, self.models, dict(self.exits), *more, leaving))
        return _restored, (*made, self._numbers)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Profile):
            return NotImplemented
        arrays = ("latency", "power", "accuracy", "power_caps")
        return (
            all(
                np.array_equal(getattr(self, name), getattr(other, name), equal_nan=True)
                for name in arrays
            )
            and self.idle_power == other.idle_power
            and self.models == other.models
            and self.exits == other.exits
            and self.exit_shares == other.exit_shares
            and self.unit == other.unit
            and self.size == other.size
            and _same(self.fixed_share, other.fixed_share)
            and _same(self.spread, other.spread)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return views.line(self)

    def _repr_html_(self) -> str:
        return views.table(self)


def _same(one: Floats | None, other: Floats | None) -> bool:
    return np.array_equal([] if one is None else one, [] if other is None else other)


def _restored(kind: type[Profile], arguments: tuple[Any, ...], numbers: Floats) -> Profile:
    """Make the profile again that `Profile.__reduce__` took apart."""
    return kind(*arguments)._going_on_from(numbers)


def differences_from_here(profile: Profile) -> list[str]:
    """Say where the machine that a profile was measured on differs from this one."""
    there = profile.origin.get("machine")  # of a file, anything
    if not isinstance(there, dict):
        return []
    from alert.measuring import fingerprint

    return fingerprint.differences(there, fingerprint.machine())
