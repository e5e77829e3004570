"""The profile: what every configuration costs on a quiet machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from alert import _core, _html, files
from alert._arguments import Floats, floats, number
from alert._warnings import warn

if TYPE_CHECKING:
    from os import PathLike

    from alert.measuring.models import Accuracies
    from alert.power.device import Device
    from alert.running.models import Models

Exits: TypeAlias = Mapping[int | str, Sequence[tuple[float, float]]]

SCHEMA = "alert.profile"
SCHEMA_VERSION = 1


class Profile:
    """Holds latency, power and accuracy of N models under M power caps.

    Parameters
    ----------
    latency : array_like, shape (N, M)
        Seconds that model i takes under cap j on a quiet machine; finite, > 0.
    power : array_like, shape (N, M)
        Watts drawn while the model runs; finite, > 0.
    accuracy : array_like, shape (N,)
        0 to 1; for an anytime model the accuracy of its last exit.
    power_caps : array_like, shape (M,)
        Watts, > 0, strictly ascending.
    idle_power : float
        Watts drawn between inputs; >= 0.
    models : sequence of str, optional
        Distinct names; by default "model 0", "model 1", ...
    exits : mapping, optional
        ``{model index or name: [(fraction of its latency, accuracy), ...]}`` for anytime models.
        Fractions ascend strictly. The last is 1, and its accuracy is the model's.
    origin : mapping, optional
        How the profile was measured, as `Profile.measure` notes it: the machine, the kind of power
        device.

    Raises
    ------
    ValueError, TypeError
        An argument is out of range or of the wrong kind; the message names argument and place.

    Notes
    -----
    A profile never changes; its arrays are read-only. Schedulers share it.
    """

    __slots__ = (
        "_data",
        "accuracy",
        "exits",
        "idle_power",
        "latency",
        "models",
        "origin",
        "power",
        "power_caps",
    )

    _data: _core.Profile
    latency: Floats
    power: Floats
    accuracy: Floats
    power_caps: Floats
    idle_power: float
    models: tuple[str, ...]
    exits: dict[int, tuple[tuple[float, float], ...]]
    origin: dict[str, Any]

    def __init__(
        self,
        latency: ArrayLike,
        power: ArrayLike,
        accuracy: ArrayLike,
        power_caps: ArrayLike,
        idle_power: float,
        models: Sequence[str] | None = None,
        exits: Exits | None = None,
        origin: Mapping[str, Any] | None = None,
    ) -> None:
        grid = floats("latency", latency)
        names = _model_names(models, len(grid) if grid.ndim else 0)
        staircases = _exits_by_index(exits, names)
        idle = number("idle_power", idle_power)
        pairs = [pair for i in sorted(staircases) for pair in staircases[i]]
        counts = [len(staircases.get(i, ())) for i in range(len(names))]
        arrays = {
            "latency": grid,
            "power": floats("power", power),
            "accuracy": floats("accuracy", accuracy),
            "power_caps": floats("power_caps", power_caps),
        }
        self._set(
            _data=_core.Profile(
                **arrays,
                idle_power=idle,
                exit_count=np.array(counts, np.uintp),
                exit_fraction=np.array([fraction for fraction, _ in pairs], np.float64),
                exit_accuracy=np.array([reached for _, reached in pairs], np.float64),
            ),
            **arrays,
            idle_power=idle,
            models=names,
            exits=staircases,
            origin=dict(origin or {}),
        )

    def _set(self, **attributes: object) -> None:
        for name, value in attributes.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Profile does not change; make another one to have another {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Profile does not change; {name} stays")

    @classmethod
    def measure(
        cls,
        models: Models,
        example: Any,
        *,
        accuracy: Accuracies,
        power: str | Device = "auto",
        power_caps: ArrayLike | None = None,
        precision: float = 0.02,
        warmup: int = 3,
        max_repeats: int = 200,
        max_seconds: float = 5.0,
        settle: float | None = None,
        idle_seconds: float = 1.0,
        idle_power: float | None = None,
        inference_mode: bool = True,
        progress: bool = True,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], object] = time.sleep,
    ) -> Profile:
        """Measure what every model costs under every power cap on this machine.

        Run it on an idle machine: other work would go into the profile.

        Parameters
        ----------
        models : sequence or dict of callables
            The names of a dict become those of the profile. An anytime model returns a generator of
            outputs.
        example
            A typical input: models are called with it, and must not change it. An `alert.Call`
            holds several arguments and keywords.
        accuracy : sequence or dict
            For each model its accuracy, 0 to 1; for an anytime model the accuracies of its exits.
        power : str or device, default "auto"
            A kind that `alert.power.open` takes, or an open device. An open device stays open, and
            gets back the cap that it had.
        power_caps : array_like, optional
            Watts, strictly ascending. By default five over the range of the device.
        precision : float, default 0.02
            Half the 95 % confidence interval of a median latency, as a share of the median. Every
            configuration is repeated until its median is as precise as that.
        warmup : int, default 3
            Runs of every configuration before those that count.
        max_repeats : int, default 200
        max_seconds : float, default 5.0
            Limits for one configuration. A warning names those that stay less precise than asked.
        settle : float, optional
            Seconds from a change of the cap to the first run that counts; the first model runs
            meanwhile. By default as the device states.
        idle_seconds : float, default 1.0
            Seconds in which the idle power is measured.
        idle_power : float, optional
            Watts, where they are known; then they are not measured.
        inference_mode : bool, default True
            Run models under `torch.inference_mode`, as a `Runner` does. False leaves the mode of
            the caller.
        progress : bool, default True
            Show a bar, where somebody watches and tqdm is installed.
        clock, sleep : callable
            Time in seconds; others than the system's are for simulations.

        Returns
        -------
        Profile
            Median latency and mean power. Its `origin` holds "machine" (see
            `alert.measuring.fingerprint`), "power" (kind of the device), "emulated", "energy_read"
            and "precision" (of the least precise median; None after too few runs to tell).

        Warns
        -----
        UserWarning
            The energy cannot be read, and the power caps stand in for the power. Or a median is
            less precise than asked.

        Notes
        -----
        Arguments are checked, and every model runs once, before anything is measured. An exception
        that ends the measurement early, Ctrl-C included, has an attribute ``profile``: the profile
        of what was measured so far.
        """
        # Imported late: a measurement needs a profile, a profile needs nothing of it.
        from alert.measuring.measure import measure_profile
        from alert.measuring.precision import Precision

        return measure_profile(
            models,
            example,
            accuracy=accuracy,
            power=power,
            power_caps=power_caps,
            precision=Precision(precision, warmup, max_repeats, max_seconds),
            settle=settle,
            idle_seconds=idle_seconds,
            idle_power=idle_power,
            inference_mode=inference_mode,
            progress=progress,
            clock=clock,
            sleep=sleep,
        )

    # ------------------------------------------------------------------------------------- files

    def save(self, path: str | PathLike[str]) -> None:
        """Write the profile as JSON. The file is replaced whole or not at all."""
        files.write_json(path, self.document())

    def document(self) -> dict[str, Any]:
        """Return all that the profile holds, fit for JSON; `from_document` reads it."""
        return {
            "schema": SCHEMA,
            "version": SCHEMA_VERSION,
            "models": list(self.models),
            "power_caps": self.power_caps.tolist(),
            "latency": self.latency.tolist(),
            "power": self.power.tolist(),
            "accuracy": self.accuracy.tolist(),
            "idle_power": self.idle_power,
            "exits": {self.models[i]: pairs for i, pairs in self.exits.items()},
            "origin": self.origin,
        }

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
        profile = cls.from_document(path, files.read_json(path, SCHEMA, SCHEMA_VERSION))
        if differences := differences_from_here(profile):
            warn(f"{Path(path)} was measured on another machine: {'; '.join(differences)}")
        return profile

    @classmethod
    def from_document(cls, path: str | PathLike[str], document: dict[str, Any]) -> Profile:
        """Make a profile from the result of `document`, as the file `path` kept it.

        Raises
        ------
        ValueError
            The document holds bad numbers, or lacks some; the message names file and field.
        """
        wanted: dict[str, type | tuple[type, ...]] = {
            "latency": list,
            "power": list,
            "accuracy": list,
            "power_caps": list,
            "idle_power": (int, float),
            "models": list,
            "exits": dict,
            "origin": dict,
        }
        fields = {name: files.field(path, document, name, kind) for name, kind in wanted.items()}
        try:
            return cls(**fields)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{Path(path)}: {error}") from error

    # ------------------------------------------------------------------------------- conveniences

    def __reduce__(self) -> tuple[Any, ...]:
        arguments = (self.latency, self.power, self.accuracy, self.power_caps, self.idle_power)
        return type(self), (*arguments, self.models, self.exits, self.origin)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Profile):
            return NotImplemented
        arrays = ("latency", "power", "accuracy", "power_caps")
        return (
            all(np.array_equal(getattr(self, name), getattr(other, name)) for name in arrays)
            and self.idle_power == other.idle_power
            and self.models == other.models
            and self.exits == other.exits
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        models, caps = self.latency.shape
        return (
            f"<alert.Profile: {models} models x {caps} power caps, "
            f"{1e3 * self.latency.min():.3g}-{1e3 * self.latency.max():.3g} ms, "
            f"{self.power_caps[0]:g}-{self.power_caps[-1]:g} W{self._label()}>"
        )

    def _label(self) -> str:
        kind = self.origin.get("power")
        return f", {kind}" if kind else ""

    def _repr_html_(self) -> str:
        rows = [
            (
                name,
                f"{self.accuracy[i]:.3f}",
                f"{1e3 * self.latency[i].min():.3g} – {1e3 * self.latency[i].max():.3g}",
                f"{self.power[i].min():.3g} – {self.power[i].max():.3g}",
                len(self.exits.get(i, ())) or "",
            )
            for i, name in enumerate(self.models)
        ]
        caps = ", ".join(f"{cap:g}" for cap in self.power_caps)
        note = f"power caps {caps} W; idle {self.idle_power:.3g} W{self._label()}"
        return _html.table(("model", "accuracy", "latency, ms", "power, W", "exits"), rows, note)


def _model_names(models: Sequence[str] | None, count: int) -> tuple[str, ...]:
    if models is None:
        return tuple(f"model {i}" for i in range(count))
    if isinstance(models, str) or not all(isinstance(name, str) for name in models):
        raise TypeError(f"models: expected a sequence of names, got {models!r}")
    names = tuple(models)
    if len(names) != count:
        raise ValueError(f"models: expected {count} names, as latency has rows, got {len(names)}")
    if len(set(names)) != count:
        raise ValueError(f"models: expected distinct names, got {names!r}")
    return names


def _exits_by_index(
    exits: Exits | None, names: tuple[str, ...]
) -> dict[int, tuple[tuple[float, float], ...]]:
    found: dict[int, tuple[tuple[float, float], ...]] = {}
    for key, pairs in (exits or {}).items():
        model = names.index(key) if isinstance(key, str) and key in names else key
        if not isinstance(model, int) or not 0 <= model < len(names) or model in found:
            raise ValueError(f"exits[{key!r}]: expected the index or name of a model, each once")
        try:
            found[model] = tuple((float(fraction), float(reached)) for fraction, reached in pairs)
        except (TypeError, ValueError):
            raise TypeError(
                f"exits[{key!r}]: expected pairs (fraction of latency, accuracy), got {pairs!r}"
            ) from None
        if not found[model]:
            raise ValueError(f"exits[{key!r}]: expected at least one exit, got none")
    return dict(sorted(found.items()))


def differences_from_here(profile: Profile) -> list[str]:
    """Say where the machine that a profile was measured on differs from this one."""
    there = profile.origin.get("machine")
    if not isinstance(there, dict):
        return []
    from alert.measuring import fingerprint

    return fingerprint.differences(there, fingerprint.machine())
