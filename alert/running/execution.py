"""Running a model until its output is out, and an anytime model exit by exit."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any

from alert._core import Decision
from alert.power.device import Device
from alert.profile import Profile
from alert.running.completion import Completion
from alert.running.models import Call, Model, check_output, outputs, too_few_exits


class Execution:
    """Runs the models of a profile.

    Parameters
    ----------
    models : list of callables
        In the order of the profile.
    profile : Profile
    device : Device
        Paces the models.
    clock : callable
        Monotonic seconds.
    """

    __slots__ = ("_clock", "_device", "_done", "_exits", "_names", "models")

    def __init__(
        self, models: list[Model], profile: Profile, device: Device, clock: Callable[[], float]
    ) -> None:
        self.models = models
        self._names = profile.models
        self._exits = {i: [fraction for fraction, _ in exits] for i, exits in profile.exits.items()}
        self._done = [Completion(*pair) for pair in zip(profile.models, models, strict=True)]
        self._device = device
        self._clock = clock

    def finish(self, model: int) -> None:
        """Wait for the work that the accelerator of a model was given before."""
        self._done[model]()

    def run(
        self,
        decision: Decision,
        call: Call,
        start: float,
        stop: float,
        leave: Callable[[Any], bool] = lambda output: False,
    ) -> tuple[Any, int | None]:
        """Run the model of a decision; return its output, and the exit that an anytime one reached.

        An exit cannot be interrupted once it runs. So the next exit does not start where, at the
        pace of this input, it would come after `stop`.

        Parameters
        ----------
        decision : Decision
        call : Call
            The arguments of the model.
        start, stop : float
            When the model starts, and when its output must be out, on the clock.
        leave : callable, optional
            Called with the output of each exit before the one chosen. True ends the run there.
        """
        last = decision.exit
        if last is None:
            output = self._output(decision.model, call)
            self._device.pace()
            return output, None
        fractions = self._exits[decision.model]
        reached = -1
        with closing(self.outputs(decision.model, call)) as steps:
            for output in steps:
                reached += 1
                self._device.pace()
                now = self._clock()
                if reached < last:
                    more = (now - start) * (fractions[reached + 1] / fractions[reached] - 1.0)
                    if not leave(output) and now + more <= stop:
                        continue
                return output, reached
        raise too_few_exits(self._names[decision.model], reached + 1, last + 1)

    def outputs(self, model: int, call: Call) -> Generator[Any]:
        """Yield the output of a model, or every output of an anytime one, as soon as it is out."""
        if model not in self._exits:
            yield self._output(model, call)
            return
        name, done = self._names[model], self._done[model]
        returned = call(self.models[model])
        try:
            for output in outputs(name, returned):
                check_output(name, output)
                done.of(output)
                yield output
        finally:
            if hasattr(returned, "close"):
                returned.close()

    def _output(self, model: int, call: Call) -> Any:
        """Return the output of a model without exits, once it is out."""
        output = call(self.models[model])
        check_output(self._names[model], output)
        self._done[model].of(output)
        return output
