"""What a server does now, for the live view: a stream for each tenant."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from alert.live.sender import Sender
from alert.live.snapshot import Snapshot, Stream
from alert.running.verdict import Verdict
from alert.serving.account import Account
from alert.serving.report import TenantReport

if TYPE_CHECKING:
    from alert.serving.server import Server


def show(server: Server, name: str) -> Sender:
    """Show a server to `alert watch` under a name, until the sender is closed."""
    return Sender(server, lambda server: look(server, name))


def look(server: Server, name: str) -> Snapshot:
    """Take the snapshot of a server. It belongs to this room, so it knows the server's parts."""
    report = server.report()
    with server._worker.lock:
        streams = tuple(_stream(account, report.energy is None) for account in server._accounts)
    return Snapshot(
        name=name,
        pid=os.getpid(),
        power=report.power,
        unit=server.profile.unit,
        energy=report.energy,
        mark="estimated" if report.estimated else "emulated" if report.emulated else "measured",
        waiting=report.waiting,
        streams=streams,
    )


def _stream(account: Account, knows_no_energy: bool) -> Stream:
    tenant, last = TenantReport.of(account), account.last
    decision = None if last is None else last.decision
    return Stream(
        name=tenant.name,
        inputs=tenant.requests,
        late=tenant.late,
        refused=tenant.refused,
        model=None if decision is None else account.scheduler.profile.models[decision.model],
        exit=None if last is None else last.exit,
        power_cap=None if decision is None else decision.power_cap,
        slowdown=account.scheduler.slowdown[0],
        response=None if last is None else last.response,
        deadline=None if last is None else last.allowed,
        energy=None if knows_no_energy else tenant.energy,
        accuracy=tenant.accuracy,
        kept=Verdict.of(account.scheduler).kept,
    )
