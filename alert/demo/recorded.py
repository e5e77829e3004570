"""The demonstration from a recording: a machine that takes as long as it once took."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alert.demo import plan
from alert.demo.demonstration import Demonstration
from alert.demo.stream import play
from alert.power.device import Device
from alert.profile import Profile
from alert.trace import Trace

RECORDING = Path(__file__).with_name("recorded.npz")
"""Two streams of photographs, one beside memory loops and one beside computing loops, one after the
other: ``benchmarks/demo_trace.py`` cuts it out of the traces of the evaluation."""


class RecordedMachine(Device):
    """A clock and a power device, moved on by models that take what was recorded.

    Parameters
    ----------
    trace : Trace
        Latency and energy of every configuration for every input.
    """

    kind, emulated, can_cap = "recorded", False, True
    cap, cap_range = 0.0, (0.0, 0.0)

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._caps = trace.profile.power_caps.tolist()
        self._now = 0.0
        self._joules = 0.0
        self.kind = trace.origin.get("power", "recorded")
        self.emulated = trace.emulated
        self.cap = self._caps[-1]
        self.cap_range = (self._caps[0], self._caps[-1])

    def models(self) -> dict[str, Callable[[int], None]]:
        """Return the models of the trace by name; each is called with the number of an input."""
        return {name: self._model(i) for i, name in enumerate(self._trace.profile.models)}

    def _model(self, number: int) -> Callable[[int], None]:
        def run(x: int) -> None:
            j = self._caps.index(self.cap)
            self._now += float(self._trace.latency[x, number, j])
            self._joules += float(self._trace.energy[x, number, j])

        return run

    def clock(self) -> float:
        """Return the time of the recorded machine, in seconds."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let the machine idle."""
        self._now += seconds
        self._joules += seconds * self._trace.profile.idle_power

    def set_cap(self, cap: float, /) -> None:
        """Put a cap in force, one of those recorded."""
        self.cap = cap

    def energy(self) -> float | None:
        """Return the joules drawn so far."""
        return self._joules


def run(path: Path = RECORDING) -> Demonstration:
    """Replay the recording under every scheme."""
    trace = Trace.load(path)
    made = plan.make(_without_machine(trace.profile))
    environments = [trace.phases[number] for number in trace.phase]
    outcomes = []
    for scheme in made.schemes:
        machine = RecordedMachine(trace)
        outcomes.append(
            play(
                made,
                scheme,
                machine.models(),
                machine,
                range(len(trace)),
                environments,
                clock=machine.clock,
                sleep=machine.sleep,
            )
        )
    nameless = [""] * len(trace)
    return Demonstration(
        made, trace.profile, outcomes, environments, nameless, trace.seed, recorded=True
    )


def _without_machine(profile: Profile) -> Profile:
    """Copy a profile for the recorded machine, which a runner would take for this one."""
    document = profile.document()
    document["origin"] = {**document["origin"], "machine": None}
    return Profile.from_document(RECORDING, document)
