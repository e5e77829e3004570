"""The report of a server: what each tenant asked for and got."""

from __future__ import annotations

import math
from dataclasses import dataclass

from alert import _html
from alert.serving.account import Account


@dataclass(frozen=True)
class TenantReport:
    """Sums up the requests of one tenant.

    Attributes
    ----------
    name : str
    requests : int
        Requests that ended.
    answered, late, refused, failed, cancelled : int
        Requests with an output, with a late one, given up, with an exception of the model, and
        taken back.
    energy : float
        Joules an output; NaN before the first.
    accuracy : float
        Mean accuracy delivered; a request that was not in time counts as the goal's `q_fail`. NaN
        before the first.
    wait : float
        Seconds before the model began, on average over the outputs; NaN before the first.
    """

    name: str
    requests: int
    answered: int
    late: int
    refused: int
    failed: int
    cancelled: int
    energy: float
    accuracy: float
    wait: float

    @classmethod
    def of(cls, account: Account) -> TenantReport:
        """Sum up an account."""
        tally = account.tally
        booked = tally.answered + tally.refused
        return cls(
            account.name,
            tally.requests,
            tally.answered,
            tally.late,
            tally.refused,
            tally.failed,
            tally.cancelled,
            tally.energy / tally.answered if tally.answered else math.nan,
            tally.accuracy / booked if booked else math.nan,
            tally.waited / tally.answered if tally.answered else math.nan,
        )


@dataclass(frozen=True, repr=False)
class ServerReport:
    """Sums up the requests of a `Server`.

    Attributes
    ----------
    tenants : tuple of TenantReport
    energy : float or None
        Joules from the first request to the last output, idle time included; None where they are
        neither read nor estimated.
    waiting : int
        Requests that wait now.
    price : float
        Price of a second of the machine now, in watts.
    overhead : float
        Seconds that a request takes besides its model.
    power : str
        Kind of the power device.
    emulated : bool
        True where caps and energy are computed, not measured.
    estimated : bool
        True where the energy is the profile's power times the time, because nothing is read.
    """

    tenants: tuple[TenantReport, ...]
    energy: float | None
    waiting: int
    price: float
    overhead: float
    power: str
    emulated: bool
    estimated: bool

    def _mark(self) -> str:
        return " estimated" if self.estimated else " emulated" if self.emulated else ""

    def _table(self) -> list[tuple[str, ...]]:
        mark = self._mark()
        header = (
            "tenant",
            "requests",
            "late",
            "given up",
            "failed",
            f"J a request{mark}",
            "accuracy",
            "wait, ms",
        )
        rows = [
            (
                t.name,
                f"{t.requests}",
                f"{t.late}",
                f"{t.refused}",
                f"{t.failed}",
                "not read" if self.energy is None else _cell(t.energy, ".3g"),
                _cell(t.accuracy, ".4f"),
                _cell(1e3 * t.wait, ".3g"),
            )
            for t in self.tenants
        ]
        return [header, *rows]

    def _title(self) -> str:
        drawn = "energy not read" if self.energy is None else f"{self.energy:.4g} J"
        mark = "" if self.energy is None else self._mark()
        return (
            f"power: {self.power}, {drawn}{mark}, {self.waiting} waiting, a second of the machine "
            f"at {self.price:.3g} W, overhead {1e6 * self.overhead:.0f} µs"
        )

    def __repr__(self) -> str:
        table = self._table()
        widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
        lines = []
        for name, *cells in table:
            numbers = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
            lines.append("  ".join([f"  {name.ljust(widths[0])}", *numbers]))
        return "\n".join([f"alert.Server: {self._title()}", *lines])

    def _repr_html_(self) -> str:
        header, *rows = self._table()
        return _html.table(header, rows, self._title())


def _cell(number: float, form: str) -> str:
    """Return a number as text; "-" where there is none."""
    return "-" if math.isnan(number) else f"{number:{form}}"
