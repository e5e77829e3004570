"""The error that a request gets which the machine has no time for."""

from __future__ import annotations

from typing import Any


class Overloaded(RuntimeError):  # noqa: N818  # it says what the machine is
    """Tells that a request was given up: no model would be done with it in time.

    Attributes
    ----------
    tenant : str
        Name of the tenant whose request it was.
    retry_after : float
        Seconds after which the same request has a chance, by what waits now.
    """

    tenant: str
    retry_after: float

    def __init__(self, tenant: str, retry_after: float) -> None:
        super().__init__(
            f"the machine is overloaded: a request of {tenant!r} was given up; try again in "
            f"{retry_after:.3g} s"
        )
        self.tenant = tenant
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.tenant, self.retry_after)
