"""How a profile comes to be: measured on this machine, or guessed and then learnt."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from numpy.typing import ArrayLike

from alert import _profile_learnt as learnt
from alert import files
from alert._arguments import Caps
from alert._profile_arguments import Exits

if TYPE_CHECKING:
    from os import PathLike

    from alert.measuring.models import Accuracies
    from alert.power.device import Device
    from alert.profile import Profile
    from alert.running.models import Models


class Making:
    """Gives `alert.Profile` the methods that make one."""

    __slots__ = ()

    @classmethod
    def measure(
        cls,
        models: Models,
        example: Any,
        *,
        accuracy: Accuracies | None = None,
        power: str | Device = "auto",
        power_caps: Caps | None = None,
        precision: float = 0.02,
        warmup: int = 3,
        max_repeats: int = 200,
        max_seconds: float = 5.0,
        settle: float | None = None,
        idle_seconds: float = 1.0,
        idle_power: float | None = None,
        busy_power: float | None = None,
        size: float = 1.0,
        sizes: Mapping[float, Any] | None = None,
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
            For each model its accuracy, 0 to 1; for an anytime model the accuracies of its exits. A
            family of `alert.variants` knows its own.
        power : str or device, default "auto"
            A kind that `alert.power.open` takes, or an open device. An open device stays open, and
            gets back the cap that it had.
        power_caps : array_like, optional
            Watts, strictly ascending; the last may be None, for no cap. By default five over the
            range of the device, or no cap where it cannot be capped.
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
        busy_power : float, optional
            Watts that the machine draws while a model runs. They stand in where energy cannot be
            read. Without them, the profile of such a machine has no power, unless caps stand in.
        size : float, default 1.0
            Size of the example: examples in a batch, tokens, pixels.
        sizes : mapping, optional
            Examples of other sizes, by their sizes. Every model runs them under the highest cap.
            That gives `fixed_share`: how latency grows with the size.
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
            and "precision" (of the least precise median; None after too few runs to tell). Where
            accuracies are estimated, its "accuracy" says so.

        Warns
        -----
        UserWarning
            The energy cannot be read, and the power caps or `busy_power` stand in for the power. Or
            a median is less precise than asked.

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
            busy_power=busy_power,
            size=size,
            sizes=sizes,
            inference_mode=inference_mode,
            progress=progress,
            clock=clock,
            sleep=sleep,
        )

    @classmethod
    def load_or_measure(
        cls,
        path: str | PathLike[str],
        models: Models,
        example: Any,
        *,
        accuracy: Accuracies | None = None,
        power: str | Device = "auto",
        power_caps: Caps | None = None,
        precision: float = 0.02,
        warmup: int = 3,
        max_repeats: int = 200,
        max_seconds: float = 5.0,
        settle: float | None = None,
        idle_seconds: float = 1.0,
        idle_power: float | None = None,
        busy_power: float | None = None,
        size: float = 1.0,
        sizes: Mapping[float, Any] | None = None,
        inference_mode: bool = True,
        progress: bool = True,
    ) -> Profile:
        """Load a profile that fits, or measure one and save it there.

        A file fits when it was measured on this machine, with this kind of power device and with
        models of these names and accuracies. Where caps are given, they must be the same, too. A
        change inside a model is not noticed: remove the file then.

        Parameters
        ----------
        path : path
            Of the file; its directory must exist.
        models, example, accuracy, power, power_caps, precision, warmup, max_repeats, max_seconds, \
        settle, idle_seconds, idle_power, busy_power, size, sizes, inference_mode, progress
            See `Profile.measure`.

        Raises
        ------
        OSError
            The directory does not exist or cannot be written to. That is said before anything is
            measured.
        ValueError
            The file holds something else than a profile; it stays as it is.

        Warns
        -----
        UserWarning
            The file does not fit, for the reason named, and is replaced.
        """
        from alert.measuring.load_or_measure import load_or_measure
        from alert.measuring.precision import Precision

        return load_or_measure(
            files.as_path(path),
            models,
            example,
            accuracy=accuracy,
            power=power,
            power_caps=power_caps,
            precision=Precision(precision, warmup, max_repeats, max_seconds),
            settle=settle,
            idle_seconds=idle_seconds,
            idle_power=idle_power,
            busy_power=busy_power,
            size=size,
            sizes=sizes,
            inference_mode=inference_mode,
            progress=progress,
            clock=time.perf_counter,
            sleep=time.sleep,
        )

    @classmethod
    def guess(
        cls,
        accuracy: ArrayLike,
        *,
        size: ArrayLike | None = None,
        power_caps: Caps | None = None,
        idle_power: float = 0.0,
        busy_power: float | None = None,
        latency: float = 1.0,
        models: Sequence[str] | None = None,
        exits: Exits | None = None,
        origin: Mapping[str, Any] | None = None,
        unit: str = "W",
    ) -> Profile:
        """Guess a profile, to serve with before anything has been measured.

        A scheduler learns the profile while it serves: first it runs each model once under the
        highest cap, then it chooses as from a measured profile. Its attribute `profile` is what it
        knows by then.

        Parameters
        ----------
        accuracy : array_like, shape (N,)
            Of each model, 0 to 1; for an anytime model of its last exit.
        size : array_like, shape (N,), optional
            How large the models are, compared with each other: FLOPs, bytes, any guess. The first
            run of each model corrects it. By default all are alike. (The size of an *input* is
            another thing: that of `Profile`.)
        power_caps : array_like, optional
            As for `Profile`. By default no cap.
        idle_power : float, default 0.0
            Watts drawn between inputs.
        busy_power : float, optional
            Watts drawn while a model runs under the highest cap; any guess will do where energy is
            measured. By default the caps stand in, and without caps in watts power is unknown.
        latency : float, default 1.0
            Seconds that the largest model takes under the highest cap; any guess will do.
        models, exits, origin, unit
            See `Profile`. The fractions of exits are not learnt: they follow from the network.

        Raises
        ------
        ValueError, TypeError
            An argument is out of range or of the wrong kind; the message names argument and place.
        """
        from alert.measuring import fingerprint

        return learnt.guess(
            cast("type[Profile]", cls),
            accuracy,
            size,
            power_caps,
            idle_power,
            busy_power,
            latency,
            models,
            exits,
            {"machine": fingerprint.machine(), **(origin or {})},
            unit,
        )
