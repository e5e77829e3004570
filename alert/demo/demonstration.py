"""What a demonstration did, what came of it, and the files that tell."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from alert.demo import traces
from alert.demo.plan import Plan
from alert.demo.stream import Outcome
from alert.profile import Profile


@dataclass(frozen=True)
class Demonstration:
    """One stream of inputs under every scheme, live or recorded."""

    plan: Plan
    profile: Profile
    outcomes: Sequence[Outcome]
    environments: Sequence[str]
    """For every input, what ran beside it."""
    photographs: Sequence[str]
    """For every input the name of the photograph, or "" where that was not recorded."""
    seed: int
    recorded: bool = False
    """Whether the networks ran before, and their latencies and joules are replayed."""

    def keeps_goal(self, outcome: Outcome) -> bool:
        """Tell whether the accuracy asked for was delivered, a late output counted as wrong."""
        assert self.plan.goal.accuracy is not None
        return outcome.accuracy >= self.plan.goal.accuracy

    def summary(self) -> dict[str, Any]:
        """Return what the table says as plain values."""
        goal = self.plan.goal
        return {
            "recorded": self.recorded,
            "seed": self.seed,
            "inputs": len(self.environments),
            "deadline": goal.deadline,
            "accuracy": goal.accuracy,
            "period": self.plan.period,
            "power": self.profile.origin["power"],
            "emulated": self.profile.origin["emulated"],
            "schemes": [self._figures(outcome) for outcome in self.outcomes],
        }

    def _figures(self, outcome: Outcome) -> dict[str, Any]:
        return {
            "name": outcome.scheme.name,
            "energy": outcome.report.energy,
            "late": int(outcome.late.sum()),
            "accuracy": outcome.accuracy,
            "goal_kept": self.keeps_goal(outcome),
            "choices": [
                {"model": model, "power_cap": cap, "inputs": count}
                for (model, cap), count in outcome.report.choices.items()
            ],
        }

    def save(self, directory: Path) -> dict[str, Path]:
        """Write profile, traces, summary and, where matplotlib is installed, the picture.

        Returns
        -------
        dict of path
            By kind: "profile", "traces", "summary", "picture".
        """
        directory.mkdir(parents=True, exist_ok=True)
        files = {
            "profile": directory / "profile.json",
            "traces": directory / "trace.csv",
            "summary": directory / "demo.json",
        }
        self.profile.save(files["profile"])
        traces.save(files["traces"], self.outcomes, self.environments, self.photographs)
        text = json.dumps(self.summary(), indent=1)
        files["summary"].write_text(text + "\n", encoding="utf-8")
        if find_spec("matplotlib") is not None:
            from alert.demo import plot

            files["picture"] = directory / "demo.png"
            plot.draw(self.plan, self.outcomes, self.environments).savefig(files["picture"])
        return files
