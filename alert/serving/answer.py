"""The answer to a request: a future that also tells what was decided."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from alert._core import Decision


class Answer(Future[Any]):
    """The future output of one request.

    Attributes
    ----------
    decision : Decision or None
        What ran, or runs, for the request; None before that.
    ticket : int or None
        To rate the output with; None before the output is out, and without feedback.
    """

    decision: Decision | None
    ticket: int | None

    def __init__(self) -> None:
        super().__init__()
        self.decision = None
        self.ticket = None
        self.withdraw: Callable[[], object] = lambda: None

    def cancel(self) -> bool:
        """Take the request back, unless its model runs already. Return whether that was done."""
        if not super().cancel():
            return False
        self.withdraw()
        return True

    def fail(self, error: BaseException) -> None:
        """Set an exception, unless the request was cancelled."""
        if self.running() or self.set_running_or_notify_cancel():
            self.set_exception(error)
