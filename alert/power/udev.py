"""The udev rules that grant the rights RAPL and cpufreq need."""

from __future__ import annotations

import re

_GROUP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}")  # the rule is a line of a shell script


def rule(
    *, caps: bool = True, energy: bool = True, frequencies: bool = False, group: str = "power"
) -> str:
    """Return a udev rule that grants the rights RAPL or cpufreq needs, ready to paste.

    Parameters
    ----------
    caps, energy : bool, default True
        The rights to grant for RAPL: to set limits, time windows and `enabled`; to read energy
        counters.
    frequencies : bool, default False
        The right to grant for cpufreq: to set the highest frequency of every core.
    group : str, default "power"
        Its members get the rights. The kernel keeps energy counters from everybody else, because
        they tell a local attacker what others compute (CVE-2020-8694).

    Raises
    ------
    ValueError
        No right is to be granted, or `group` is no name of a group: at most 32 letters, digits,
        ``_``, ``-`` and ``.``, of which the first is no ``-`` or ``.``.
    """
    if not isinstance(group, str) or not _GROUP.fullmatch(group):
        raise ValueError(f"group: expected the name of a group, got {group!r:.80}")
    granted = {"set power limits": caps, "read energy": energy, "set frequencies": frequencies}
    rights = [right for right, wanted in granted.items() if wanted]
    if not rights:
        raise ValueError("caps, energy, frequencies: expected at least one of them to be true")
    rapl = bool(caps or energy)
    subsystems = [name for name, wanted in (("powercap", rapl), ("cpu", frequencies)) if wanted]
    trigger = "; ".join(f"udevadm trigger --subsystem-match={name}" for name in subsystems)
    name = "alert" if rapl else "alert-cpufreq"
    text = f"""\
# /etc/udev/rules.d/60-{name}.rules: members of the group {group} may {" and ".join(rights)}.
# In force after:
#   groupadd -f {group}; usermod -aG {group} USER
#   udevadm control --reload; {trigger}
"""
    if rapl:
        text += _line(
            "powercap", "intel-rapl:*|intel-rapl-mmio:*", "%p", _zone(caps, energy, group)
        )
    if frequencies:
        text += _line("cpu", "cpu[0-9]*", "%p/cpufreq", _policy(group))
    return text


def _line(subsystem: str, kernel: str, directory: str, commands: list[str]) -> str:
    """Return the line that runs shell commands in the directory of a device that appears."""
    return f"""\
ACTION=="add|change", SUBSYSTEM=="{subsystem}", KERNEL=="{kernel}", \\
  RUN+="/bin/sh -c 'cd /sys{directory} && {{ {"; ".join(commands)}; }}'"
"""


def _zone(caps: bool, energy: bool, group: str) -> list[str]:
    grants = []
    if energy:
        grants += [f"chgrp -f {group} energy_uj max_energy_range_uj"]
        grants += ["chmod -f g+r energy_uj max_energy_range_uj"]
    if caps:
        grants += [f"chgrp -f {group} enabled constraint_*", "chmod -f g+r constraint_*"]
        grants += ["chmod -f g+w enabled constraint_*_power_limit_uw constraint_*_time_window_us"]
    return grants


def _policy(group: str) -> list[str]:
    return [f"chgrp -f {group} scaling_max_freq", "chmod -f g+w scaling_max_freq"]
