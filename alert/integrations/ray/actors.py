"""Actors of Ray that every program finds by their names. They outlive the one that starts them."""

from __future__ import annotations

from typing import Any

import ray

NAMESPACE = "alert"
"""Of Ray, in which our actors are found."""


def start(kind: type, name: str, *args: Any) -> Any:
    """Start an actor of this name, unless there is one. Ray starts it anew where it is lost."""
    options = {
        "name": name,
        "namespace": NAMESPACE,
        "get_if_exists": True,
        "lifetime": "detached",
        "max_restarts": -1,
        "num_cpus": 0,
    }
    return ray.remote(kind).options(**options).remote(*args)


def ask(name: str, method: str, *args: Any, timeout: float) -> Any:
    """Call a method of an actor, and return its result; raise what the method raised."""
    call = getattr(ray.get_actor(name, NAMESPACE), method)
    try:
        return ray.get(call.remote(*args), timeout=timeout)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None


def end(name: str) -> None:
    """End an actor."""
    ray.kill(ray.get_actor(name, NAMESPACE))
