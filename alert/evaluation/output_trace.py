"""A trace in the form that replays read: output by output, with the profile for schedulers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from alert._arguments import Floats
from alert._profile_parts import without_stops
from alert.profile import Profile
from alert.trace import Trace

Part: TypeAlias = Literal["all", "tuning", "holdout"]


@dataclass(frozen=True, eq=False)
class OutputTrace:
    """Cost of every output of every model, for every input and under every cap.

    A traditional model has one output, an anytime model one per exit. The R outputs follow in the
    order of the models.

    Attributes
    ----------
    profile : Profile
        N models, M caps.
    latency, energy : ndarray, shape (n, R, M)
        Seconds until the output, and joules drawn until then.
    idle_power : float
        Watts drawn between inputs.
    phase : ndarray of int, shape (n,)
        State of the environment.
    quiet : ndarray of bool, shape (n,)
        True where nothing ran beside the input.
    sharing : ndarray, shape (n,), or None
        How many inputs, from this one to the last, still share one deadline. None when every input
        has its own.
    recorded : ndarray, shape (n, R), or None
        Accuracy of every output on every input. None where each has that of the profile.
    model, exit : ndarray, shape (R,)
        Of each output; exit -1 for a traditional model.
    accuracy : ndarray, shape (n, R)
        As recorded, or else the profile's.
    """

    profile: Profile
    latency: Floats
    energy: Floats
    idle_power: float
    phase: NDArray[np.int64]
    quiet: NDArray[np.bool_]
    sharing: NDArray[np.uintp] | None
    recorded: Floats | None = None
    model: NDArray[np.int64] = field(init=False)
    exit: NDArray[np.int64] = field(init=False)
    accuracy: Floats = field(init=False)

    def __post_init__(self) -> None:
        p = self.profile
        rows = [
            (i, k if i in p.exits else -1, reached)
            for i in range(len(p.models))
            for k, (_, reached) in enumerate(p.exits.get(i, ((1.0, p.accuracy[i]),)))
        ]
        model, exit_, accuracy = zip(*rows, strict=True)
        object.__setattr__(self, "model", np.array(model, np.int64))
        object.__setattr__(self, "exit", np.array(exit_, np.int64))
        profiled = np.broadcast_to(np.array(accuracy, np.float64), (len(self), len(rows)))
        object.__setattr__(self, "accuracy", profiled if self.recorded is None else self.recorded)

    @classmethod
    def of(cls, trace: Trace, profile: Profile | None = None) -> OutputTrace:
        """Lay out a trace for schedulers with `profile`, by default the trace's own.

        Every input runs to the exit chosen, so shares of inputs that leave before are left out.
        """
        profile = without_stops(trace.profile if profile is None else profile)
        _check_same_configurations(trace.profile, profile)
        latency, energy = [], []
        for i in range(len(profile.models)):
            whole, joules = trace.latency[:, i], trace.energy[:, i]
            outputs = [whole]
            if i in trace.exits:
                outputs = list(np.moveaxis(trace.exits[i], 2, 0))
            latency += outputs
            energy += [joules * (seconds / whole) for seconds in outputs]
        return cls(
            profile,
            np.ascontiguousarray(np.stack(latency, axis=1)),
            np.ascontiguousarray(np.stack(energy, axis=1)),
            trace.profile.idle_power,
            trace.phase,
            np.array([name == "quiet" for name in trace.phases])[trace.phase],
            _sharing(trace.group),
            trace.accuracy,
        )

    def __len__(self) -> int:
        return len(self.latency)

    def cut(self, models: Sequence[int], caps: Sequence[int]) -> OutputTrace:
        """Keep these models and caps only."""
        p = self.profile
        rows = np.flatnonzero(np.isin(self.model, models))
        profile = Profile(
            p.latency[models][:, caps],
            p.power[models][:, caps] if p.knows_power else None,
            p.accuracy[models],
            p.power_caps[caps],
            p.idle_power,
            models=[p.models[i] for i in models],
            exits={p.models[i]: p.exits[i] for i in models if i in p.exits},
            origin=p.origin,
            unit=p.unit,
        )
        return OutputTrace(
            profile,
            np.ascontiguousarray(self.latency[:, rows][:, :, caps]),
            np.ascontiguousarray(self.energy[:, rows][:, :, caps]),
            self.idle_power,
            self.phase,
            self.quiet,
            self.sharing,
            None if self.recorded is None else np.ascontiguousarray(self.recorded[:, rows]),
        )

    def part(self, name: Part) -> OutputTrace:
        """Keep the first two thirds ("tuning"), the last third ("holdout"), or all of it.

        The cut lies between two inputs that do not share a deadline. The holdout has the last of
        those that share one, at least; then nothing may be left for tuning.
        """
        cut = np.searchsorted(self.starts[:-1], len(self) * 2 // 3)
        first = int(self.starts[cut])
        inputs = {"all": slice(None), "tuning": slice(first), "holdout": slice(first, None)}[name]
        return replace(
            self,
            latency=self.latency[inputs],
            energy=self.energy[inputs],
            phase=self.phase[inputs],
            quiet=self.quiet[inputs],
            sharing=None if self.sharing is None else self.sharing[inputs],
            recorded=None if self.recorded is None else self.recorded[inputs],
        )

    def rounds(self) -> Iterator[NDArray[np.intp]]:
        """List the inputs that can run side by side: first words, second words, and so on."""
        if self.sharing is None:
            yield np.arange(len(self))
            return
        starts = self.starts
        lengths = self.sharing[starts]
        for k in range(int(lengths.max())):
            yield starts[lengths > k] + k

    @cached_property
    def starts(self) -> NDArray[np.intp]:
        """Indices of the inputs that begin a deadline."""
        if self.sharing is None:
            return np.arange(len(self))
        ends = np.flatnonzero(self.sharing == 1)
        return np.concatenate(([0], ends[:-1] + 1))


def _sharing(group: NDArray[np.int64]) -> NDArray[np.uintp] | None:
    _, starts, counts = np.unique(group, return_index=True, return_counts=True)
    if len(starts) == len(group):
        return None
    ends = np.repeat(starts + counts, counts)
    return (ends - np.arange(len(group))).astype(np.uintp)


def _check_same_configurations(recorded: Profile, given: Profile) -> None:
    if given.models != recorded.models or not np.array_equal(given.power_caps, recorded.power_caps):
        raise ValueError(
            f"profile: expected the models and power caps of the trace, {recorded}, got {given}"
        )
    counts = [{p.models[i]: len(e) for i, e in p.exits.items()} for p in (recorded, given)]
    if counts[0] != counts[1]:
        raise ValueError(f"profile: expected the exits of the trace, {counts[0]}, got {counts[1]}")
