"""Rules that choose a branch and a cap for each group of frames of a recorded trace."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from alert import _core
from alert.evaluation.output_trace import OutputTrace
from alert.evaluation.result import Replay
from alert.evaluation.video.foresight import Foresight
from alert.goal import Goal
from alert.profile import Profile
from alert.scheduler import Scheduler

MARGIN = 1.3
"""ApproxDet takes a branch for as slow as its 95th percentile: 1.3 times its mean latency."""


class Rule(Protocol):
    """Chooses a branch and a cap, by their numbers."""

    def choose(self, group: int) -> tuple[int, int]:
        """Choose for the next group."""
        ...

    def learn(self, group: int, seconds: float, joules: float) -> None:
        """Take in what a frame of the group cost."""
        ...


class Alert:
    """`alert.Scheduler`, with some foresight."""

    def __init__(self, profile: Profile, goal: Goal, foresight: Foresight) -> None:
        self._scheduler = Scheduler(profile, goal, history=0)
        self._foresight = foresight
        self._caps = {cap: number for number, cap in enumerate(profile.power_caps.tolist())}
        self._branch = 0

    def choose(self, group: int) -> tuple[int, int]:
        """Choose for the next group."""
        expected = self._foresight.expect(group)
        decision = self._scheduler.expect(accuracy=expected.f1, latency=expected.latency)
        self._branch = decision.model
        return decision.model, self._caps[decision.power_cap]

    def learn(self, group: int, seconds: float, joules: float) -> None:
        """Take in what the group has shown, and what a frame of it cost."""
        self._scheduler.step(seconds, joules)
        self._foresight.learn(group, self._branch)


class Fixed:
    """One branch under one cap, whatever comes."""

    def __init__(self, branch: int, cap: int) -> None:
        self._choice = branch, cap

    def choose(self, group: int) -> tuple[int, int]:
        """Choose for the next group."""
        return self._choice

    def learn(self, group: int, seconds: float, joules: float) -> None:
        """Take in what the group has shown, and what a frame of it cost."""


class ApproxDet:
    """The highest predicted F1 whose latency is at most the deadline / `MARGIN`, at full power.

    Else the fastest branch. Contention is known from the group before, as the slowdown of the
    branch that served it. F1 is predicted from the content where `foresight` has it.
    """

    def __init__(self, profile: Profile, deadline: float, foresight: Foresight) -> None:
        self._latency = self._expected = profile.latency[:, -1]
        self._accuracy = profile.accuracy
        self._deadline = deadline
        self._foresight = foresight
        self._slowdown = 1.0
        self._branch = 0

    def choose(self, group: int) -> tuple[int, int]:
        """Choose for the next group."""
        expected = self._foresight.expect(group)
        accuracy = self._accuracy if expected.f1 is None else expected.f1
        longer = 1.0 if expected.latency is None else expected.latency
        self._expected = longer * self._latency
        seconds = self._slowdown * self._expected
        fits = seconds <= self._deadline / MARGIN
        best = int(np.where(fits, accuracy, -1.0).argmax())
        self._branch = best if fits.any() else int(seconds.argmin())
        return self._branch, -1

    def learn(self, group: int, seconds: float, joules: float) -> None:
        """Take in what the group has shown, and what a frame of it cost."""
        self._slowdown = seconds / self._expected[self._branch]
        self._foresight.learn(group, self._branch)


def play(name: str, trace: OutputTrace, goal: Goal, rule: Rule) -> Replay:
    """Run a rule over a trace of traditional models.

    A late group counts as the goal's q_fail, which is what boxes that are held are worth.
    """
    outcomes = np.zeros(len(trace), _core.OUTCOME)
    for group, out in enumerate(outcomes):
        branch, cap = rule.choose(group)
        seconds = float(trace.latency[group, branch, cap])
        joules = float(trace.energy[group, branch, cap])
        rule.learn(group, seconds, joules)
        in_time = seconds <= goal.deadline
        out["model"], out["cap"] = branch, cap % len(trace.profile.power_caps)
        out["latency"], out["met"] = seconds, in_time
        out["energy"] = joules + trace.idle_power * max(goal.deadline - seconds, 0.0)
        out["accuracy"] = trace.accuracy[group, branch] if in_time else goal.q_fail
    outcomes["deadline"], outcomes["done"] = goal.deadline, outcomes["met"]
    outcomes["exit"] = outcomes["stopped"] = -1
    outcomes["probability"], outcomes["feasible"] = np.nan, True
    return Replay.of(name, goal, outcomes)
