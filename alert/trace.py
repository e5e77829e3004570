"""Costs of every configuration for every input: recorded once, replayed under any scheme."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alert import files
from alert._arguments import Caps, Floats, grid, instance, integer, integers, refuse
from alert._text import plain
from alert._trace_parts import accuracies, exit_times, fits_single, seen_by_models
from alert.profile import Profile

if TYPE_CHECKING:
    from os import PathLike

    from alert.evaluation import Replay
    from alert.goal import Goal
    from alert.measuring.models import Accuracies
    from alert.power.device import Device
    from alert.running.models import Models

_SINGLE, _DOUBLE = np.dtype("<f4"), np.dtype("<f8")

SCHEMA = "alert.trace"
SCHEMA_VERSION = 2
"""Of a trace with accuracies. Without them the file is one of version 1, as it was before."""


class Trace:
    """Holds latency and energy of N models under M power caps for n inputs, from one machine.

    Parameters
    ----------
    profile : Profile
        Of the same models under the same caps, measured in the same session on the quiet machine.
    latency : array_like, shape (n, N, M)
        Seconds that model i took under cap j; for an anytime model, to its last exit. Finite, > 0.
    energy : array_like, shape (n, N, M)
        Joules that the input drew; finite, >= 0.
    exits : mapping, optional
        ``{model index: array (n, M, K)}`` for the anytime models of the profile: seconds until each
        of the K outputs, ascending; the last is the latency.
    phase : array_like of int, shape (n,), optional
        State of the environment during an input, as an index into `phases`; 0 by default.
    phases : sequence of str, default ("quiet",)
        Names of the states.
    group : array_like of int, shape (n,), optional
        Inputs with the same number share one deadline, as the words of a sentence do, and follow
        each other. By default every input has its own deadline.
    accuracy : array_like, shape (n, R), optional
        Accuracy of every output on every input, 0 to 1. The R outputs are those of the models in
        turn, and of an anytime model its exits. By default each has that of the profile always.
    seen : mapping of str to array_like, shape (n, N), optional
        What each model saw in an input, such as the height of objects in video; NaN for nothing.
    task, environment : str
        Names of the work, and of the other work beside it.
    seed : int
        The seed that drew inputs and phases.
    origin : mapping, optional
        How the trace was recorded: the machine (see `alert.measuring.fingerprint`), the kind of
        power device, and whether its caps and joules are "emulated".

    Raises
    ------
    ValueError, TypeError
        An argument is out of range or of the wrong kind; the message names argument and place.

    Notes
    -----
    A trace never changes; its arrays are read-only. All configurations of one input ran in one
    phase, one after the other. An anytime model that stops at exit k takes ``exits[i][t, j, k]``
    seconds, and the same share of the energy.
    """

    profile: Profile
    latency: Floats
    energy: Floats
    exits: dict[int, Floats]
    phase: NDArray[np.int64]
    phases: tuple[str, ...]
    group: NDArray[np.int64]
    accuracy: Floats | None
    seen: dict[str, Floats]
    task: str
    environment: str
    seed: int
    _origin: dict[str, Any]

    def __init__(
        self,
        profile: Profile,
        latency: ArrayLike,
        energy: ArrayLike,
        exits: Mapping[int, ArrayLike] | None = None,
        phase: ArrayLike | None = None,
        phases: Sequence[str] = ("quiet",),
        group: ArrayLike | None = None,
        *,
        accuracy: ArrayLike | None = None,
        seen: Mapping[str, ArrayLike] | None = None,
        task: str = "",
        environment: str = "",
        seed: int = 0,
        origin: Mapping[str, Any] | None = None,
    ) -> None:
        instance("profile", profile, Profile, "a Profile")
        instance("exits", exits, Mapping | None, "a mapping")
        instance("phases", phases, Iterable, "names")
        instance("seen", seen, Mapping | None, "a mapping")
        instance("origin", origin, Mapping | None, "a mapping")
        models, caps = profile.latency.shape
        taken = grid("latency", latency, (None, models, caps))
        n = len(taken)
        if n == 0:
            raise ValueError("latency: expected at least one input, got none")
        refuse("latency", taken, taken <= 0.0, "> 0")
        drawn = grid("energy", energy, (n, models, caps))
        refuse("energy", drawn, drawn < 0.0, ">= 0")
        names = tuple(phases)
        if not names or isinstance(phases, str) or not all(isinstance(n, str) for n in names):
            raise TypeError(f"phases: expected names, got {phases!r}")
        states = integers("phase", np.zeros(n, np.int64) if phase is None else phase, n)
        refuse("phase", states, (states < 0) | (states >= len(names)), f"0 to {len(names) - 1}")
        shared = integers("group", np.arange(n) if group is None else group, n)
        refuse("group", shared, np.diff(shared, prepend=shared[:1]) < 0, "ascending numbers")
        self._set(
            profile=profile,
            latency=taken,
            energy=drawn,
            exits=exit_times(profile, exits or {}, taken),
            phase=states,
            phases=names,
            group=shared,
            accuracy=None if accuracy is None else accuracies(profile, accuracy, n),
            seen=seen_by_models(seen or {}, (n, models)),
            task=str(task),
            environment=str(environment),
            seed=integer("seed", seed, 0),
            _origin=copy.deepcopy(dict(origin or {})),
        )

    def _set(self, **attributes: object) -> None:
        for name, value in attributes.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Trace does not change; make another one to have another {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Trace does not change; {name} stays")

    def __len__(self) -> int:
        return len(self.latency)

    @property
    def origin(self) -> dict[str, Any]:
        """How the trace was recorded. This is a copy: the trace itself does not change."""
        return copy.deepcopy(self._origin)

    @property
    def emulated(self) -> bool:
        """True where caps and joules were computed, not measured."""
        return bool(self.origin.get("emulated", False))

    @property
    def slowdown(self) -> Floats:
        """Measured latency / profiled latency, shape (n, N, M)."""
        return np.asarray(self.latency / self.profile.latency)

    @classmethod
    def record(
        cls,
        models: Models,
        inputs: Sequence[Any],
        *,
        accuracy: Accuracies,
        power: str | Device = "auto",
        power_caps: Caps | None = None,
        schedule: Sequence[str] | None = None,
        switch: Callable[[Any], object] | None = None,
        group: ArrayLike | None = None,
        profiled: int = 30,
        after: Trace | None = None,
        task: str = "",
        environment: str = "",
        seed: int = 0,
        idle_seconds: float = 1.0,
        inference_mode: bool = True,
        progress: bool = True,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], object] = time.sleep,
    ) -> Trace:
        """Measure every configuration for every input on this machine.

        The configurations of one input run one after the other, in random order, so that all of
        them see the same phase. The profile is measured in the same way, before the first phase.

        Parameters
        ----------
        models, accuracy, power, power_caps, idle_seconds, inference_mode, progress, clock, sleep
            See `Profile.measure`.
        inputs : sequence
            Inputs that the models are called with; an `alert.Call` holds several arguments.
        schedule : sequence of str, optional
            The environment of every input; "quiet" by default.
        switch : callable, optional
            Called with an element of `schedule` whenever it changes, and with "quiet" at the end.
        group : array_like of int, optional
            Of every input; see `Trace`.
        profiled : int, default 30
            Inputs that the profile is measured with.
        after : Trace, optional
            A trace of the same models under the same caps. Its profile is kept, and the new inputs
            follow its own.
        task, environment, seed
            See `Trace`; the seed also draws the order of the configurations.

        Returns
        -------
        Trace
            Where the energy cannot be read, each power cap stands in for the power, and
            ``origin["energy_read"]`` is False.

        Warns
        -----
        UserWarning
            Other work ran in a phase that should have been quiet.

        Notes
        -----
        Models of `torch.compile` are warmed up with every shape among the inputs. An exception that
        ends the recording early, Ctrl-C included, has an attribute ``trace``: the inputs recorded
        so far.
        """
        # Imported late: a recording needs a trace, a trace needs nothing of it.
        from alert.measuring.record import record_trace

        return record_trace(
            models,
            inputs,
            accuracy=accuracy,
            power=power,
            power_caps=power_caps,
            schedule=schedule,
            switch=switch,
            group=group,
            profiled=profiled,
            after=after,
            task=task,
            environment=environment,
            seed=seed,
            idle_seconds=idle_seconds,
            inference_mode=inference_mode,
            progress=progress,
            clock=clock,
            sleep=sleep,
        )

    def followed_by(self, other: Trace) -> Trace:
        """Return the inputs of both traces, one after the other, against the profile of this one.

        Raises
        ------
        ValueError
            The other trace has other models, caps, accuracies or phases.
        """
        instance("other", other, Trace, "a Trace")
        mine, its = self.profile, other.profile
        same = ("models", "power_caps", "unit", "accuracy")
        if not all(np.array_equal(getattr(mine, name), getattr(its, name)) for name in same):
            raise ValueError(f"other: expected the models and power caps of {self}, got {other}")
        if self._carries != other._carries:
            raise ValueError(f"other: expected arrays {self._carries}, got {other._carries}")
        if other.phases[: len(self.phases)] != self.phases:
            raise ValueError(f"other: expected the phases {self.phases}, got {other.phases}")
        return Trace(
            mine,
            np.concatenate((self.latency, other.latency)),
            np.concatenate((self.energy, other.energy)),
            {i: np.concatenate((seconds, other.exits[i])) for i, seconds in self.exits.items()},
            np.concatenate((self.phase, other.phase)),
            other.phases,
            np.concatenate((self.group, other.group - other.group[0] + self.group[-1] + 1)),
            accuracy=None
            if self.accuracy is None or other.accuracy is None
            else np.concatenate((self.accuracy, other.accuracy)),
            seen={
                name: np.concatenate((what, other.seen[name])) for name, what in self.seen.items()
            },
            task=self.task,
            environment=self.environment,
            seed=self.seed,
            origin={**self.origin, "seeds": [*self._seeds, *other._seeds]},
        )

    @property
    def _carries(self) -> list[str]:
        """The arrays that not every trace has."""
        return [*([] if self.accuracy is None else ["accuracy"]), *sorted(self.seen)]

    @property
    def _seeds(self) -> list[int]:
        return list(self.origin.get("seeds", [self.seed]))

    def replay(self, profile: Profile, goal: Goal, scheme: str = "default") -> Replay:
        """Run every input of the trace as a scheme chooses.

        Parameters
        ----------
        profile : Profile
            The profile that the scheme is given: `self.profile`, or another one of the same models,
            exits and power caps.
        goal : Goal
            Inputs of a group of W share W times its deadline.
        scheme : str, default "default"
            One of `alert.evaluation.SCHEMES`: the default of `alert.Scheduler`, the paper's method
            and parts of it, oracles, and rivals. Or any method of `alert.Scheduler`.

        Returns
        -------
        alert.evaluation.Replay
            Energy, accuracy and missed deadlines, input by input and on average.

        Raises
        ------
        ValueError
            The profile has other configurations, there is no such scheme, or the scheme needs
            models that the trace does not have.
        """
        # Imported late: schemes need traces, a trace needs no scheme.
        from alert.evaluation import OutputTrace, run

        instance("profile", profile, Profile, "a Profile")
        return run(scheme, OutputTrace.of(self, profile), goal)

    # ------------------------------------------------------------------------------------- files

    def save(self, path: str | PathLike[str]) -> None:
        """Write the trace as a compressed .npz, its numbers in single precision where they fit.

        The file is replaced whole or not at all.
        """
        header = {
            "schema": SCHEMA,
            "version": 1 if self.accuracy is None else SCHEMA_VERSION,
            "task": self.task,
            "environment": self.environment,
            "seed": self.seed,
            "phases": list(self.phases),
            "origin": self.origin,
            "profile": self.profile.document(),
        }
        numbers = {"latency": self.latency, "energy": self.energy}
        numbers |= {f"exits_{model}": seconds for model, seconds in self.exits.items()}
        numbers |= {} if self.accuracy is None else {"accuracy": self.accuracy}
        numbers |= {f"seen_{name}": what for name, what in self.seen.items()}
        kind = _SINGLE if all(map(fits_single, numbers.values())) else _DOUBLE
        arrays: dict[str, NDArray[Any]] = {
            "header": np.frombuffer(json.dumps(header, allow_nan=False).encode(), np.uint8),
            "phase": self.phase,
            "group": self.group,
            **{name: array.astype(kind) for name, array in numbers.items()},
        }
        files.write_arrays(path, arrays)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Trace:
        """Read a trace that `save` wrote.

        Raises
        ------
        OSError
            The file cannot be read.
        ValueError
            The file is no trace, has a newer schema, or holds bad numbers; the message names file
            and field.
        """
        arrays = files.read_arrays(path)
        for name in ("header", "latency", "energy", "phase", "group"):
            if name not in arrays:
                raise ValueError(f"{Path(path)}: {name}: missing")
        header = files.parse_json(path, arrays["header"].tobytes(), SCHEMA, SCHEMA_VERSION)
        wanted = {
            "phases": list,
            "task": str,
            "environment": str,
            "seed": int,
            "origin": dict,
            "profile": dict,
        }
        fields = {name: files.field(path, header, name, kind) for name, kind in wanted.items()}
        profile = Profile.from_document(path, fields.pop("profile"))
        exits = {i: arrays[f"exits_{i}"] for i in profile.exits if f"exits_{i}" in arrays}
        seen = {
            name.removeprefix("seen_"): what
            for name, what in arrays.items()
            if name.startswith("seen_")
        }
        try:
            return cls(
                profile,
                latency=arrays["latency"],
                energy=arrays["energy"],
                exits=exits,
                phase=arrays["phase"],
                group=arrays["group"],
                accuracy=arrays.get("accuracy"),
                seen=seen,
                **fields,
            )
        except (ValueError, TypeError) as error:
            raise ValueError(f"{Path(path)}: {error}") from error

    # ------------------------------------------------------------------------------- conveniences

    def __repr__(self) -> str:
        _, models, caps = self.latency.shape
        name = plain(" ".join(filter(None, (self.task, self.environment))))
        return (
            f"<alert.Trace: {name + ', ' if name else ''}{len(self)} inputs, "
            f"{models} models x {caps} power caps{', emulated' if self.emulated else ''}>"
        )
