"""Which DNN to run next, and under which power cap.

An inference loop reports the latency and energy of the input that it has just finished. It gets
back the model and the power cap for the next one. So deadlines, accuracy goals and energy goals
hold while the machine and its load change::

    model, power_cap = alert.step(latency, energy)

Importing this package opens no device, starts nothing and does not import torch.
"""

from alert import _installation

if _installation.lacks_core():
    raise ImportError(_installation.remedy(), name="alert._core")

from alert import power
from alert._core import Decision, constants, step_many
from alert._version import __version__
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

__all__ = [
    "Call",
    "Decision",
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
