"""Which DNN to run next, and under which power cap.

An inference loop reports the latency and energy of the input that it has just finished. It gets
back the model and the power cap for the next one. So deadlines, accuracy goals and energy goals
hold while the machine and its load change::

    model, power_cap = alert.step(latency, energy)

Importing this package opens no device, starts nothing and does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

try:
    from alert._core import Decision, constants, step_many
except ModuleNotFoundError as error:
    if error.name != "alert._core":
        raise
    from alert._installation import remedy

    raise ImportError(remedy(), name="alert._core") from None
from alert._version import __version__

__all__ = [
    "Call",
    "Decision",
    "Feedback",
    "Goal",
    "Outcome",
    "Overloaded",
    "Profile",
    "Report",
    "Runner",
    "Scheduler",
    "Server",
    "Store",
    "Trace",
    "__version__",
    "accuracy",
    "constants",
    "init",
    "power",
    "step",
    "step_many",
    "sure",
]

if TYPE_CHECKING:
    from alert import learning as learning
    from alert import power
    from alert import variants as variants
    from alert import video as video
    from alert.feedback import Feedback
    from alert.goal import Goal
    from alert.profile import Profile
    from alert.running.models import Call
    from alert.running.outcome import Outcome
    from alert.running.report import Report
    from alert.running.runner import Runner
    from alert.running.scoring import accuracy
    from alert.scheduler import Scheduler
    from alert.serving.overloaded import Overloaded
    from alert.serving.server import Server
    from alert.serving.sure import sure
    from alert.session import init, step
    from alert.store import Store
    from alert.trace import Trace
else:
    # Imported when they are first used: who wants the scheduler alone does not wait for the others.
    _MODULES = {
        "Call": "running.models",
        "Feedback": "feedback",
        "Goal": "goal",
        "Outcome": "running.outcome",
        "Overloaded": "serving.overloaded",
        "Profile": "profile",
        "Report": "running.report",
        "Runner": "running.runner",
        "Scheduler": "scheduler",
        "Server": "serving.server",
        "Store": "store",
        "Trace": "trace",
        "accuracy": "running.scoring",
        "init": "session",
        "learning": "learning",  # not in __all__, as variants and video
        "power": "power",
        "step": "session",
        "sure": "serving.sure",
        "variants": "variants",  # it needs torch
        "video": "video",
    }

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module 'alert' has no attribute {name!r}")
        module = import_module(f"alert.{_MODULES[name]}")
        found = globals()[name] = module if name == _MODULES[name] else getattr(module, name)
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *_MODULES})
