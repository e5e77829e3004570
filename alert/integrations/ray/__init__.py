"""Ray: servers on many nodes, one budget of power for them, selectors that learn together.

It needs Ray with Serve: ``pip install 'alert-runtime[ray]'``.
"""

from alert.integrations.ray.budget import PowerBudget, power_budget
from alert.integrations.ray.deployment import deployment
from alert.integrations.ray.fleet import Fleet, fleet

__all__ = ["Fleet", "PowerBudget", "deployment", "fleet", "power_budget"]
