"""The udev rule that grants the rights RAPL needs."""

from __future__ import annotations

import re

_GROUP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}")  # the rule is a line of a shell script


def rule(*, caps: bool = True, energy: bool = True, group: str = "power") -> str:
    """Return a udev rule that grants the rights RAPL needs, ready to paste.

    Parameters
    ----------
    caps, energy : bool, default True
        The rights to grant: to set limits, time windows and `enabled`; to read energy counters.
    group : str, default "power"
        Its members get the rights. The kernel keeps energy counters from everybody else, because
        they tell a local attacker what others compute (CVE-2020-8694).

    Raises
    ------
    ValueError
        Neither right is to be granted, or `group` is no name of a group: at most 32 letters,
        digits, ``_``, ``-`` and ``.``, of which the first is no ``-`` or ``.``.
    """
    if not isinstance(group, str) or not _GROUP.fullmatch(group):
        raise ValueError(f"group: expected the name of a group, got {group!r:.80}")
    if not (caps or energy):
        raise ValueError("caps, energy: expected at least one of them to be true")
    grants = []
    if energy:
        grants += [f"chgrp -f {group} energy_uj max_energy_range_uj"]
        grants += ["chmod -f g+r energy_uj max_energy_range_uj"]
    if caps:
        grants += [f"chgrp -f {group} enabled constraint_*", "chmod -f g+r constraint_*"]
        grants += ["chmod -f g+w enabled constraint_*_power_limit_uw constraint_*_time_window_us"]
    rights = " and ".join(["set power limits"] * bool(caps) + ["read energy"] * bool(energy))
    return f"""\
# /etc/udev/rules.d/60-alert.rules: members of the group {group} may {rights}. In force after:
#   groupadd -f {group}; usermod -aG {group} USER
#   udevadm control --reload; udevadm trigger --subsystem-match=powercap
ACTION=="add|change", SUBSYSTEM=="powercap", KERNEL=="intel-rapl:*", \\
  RUN+="/bin/sh -c 'cd /sys%p; {"; ".join(grants)}'"
"""
