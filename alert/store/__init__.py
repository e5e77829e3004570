"""Models that come and go: a store keeps as many in memory as its budget allows."""

from alert.store.store import Store

__all__ = ["Store"]
