"""The application: every tenant of a server is a model of the Open Inference Protocol (v2)."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from alert._version import __version__
from alert.serving.answer import Answer
from alert.serving.http import tensors
from alert.serving.overloaded import Overloaded
from alert.serving.server import Server
from alert.serving.tenant import Tenant

MOST_BYTES = 64 << 20
"""Length of the longest body that is read."""

_LENGTH = "inference-header-content-length"
_DIGITS = 20  # of a length

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


class _StatusError(Exception):
    """A request that is answered with the status of an error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def app(server: Server, *, most_bytes: int = MOST_BYTES) -> Starlette:
    """Make an application of a server. It closes the server when it shuts down.

    Parameters
    ----------
    server : Server
        Its tenants are the models that clients name.
    most_bytes : int
        Length of the longest body that is read; longer ones get status 413.

    Notes
    -----
    The headers Alert-Max-Latency (seconds), Alert-Min-Accuracy and Alert-Max-Energy (joules) bound
    one request. A request that the machine has no
    time for gets status 429 and a header Retry-After. A client that goes away takes its request
    back.
    """

    @asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(server.close)

    async def alive(request: Request) -> Response:
        return Response(status_code=503 if server.closed else 200)

    async def described(request: Request) -> Response:
        extensions = ["binary_tensor_data"]
        return JSONResponse({"name": "alert", "version": __version__, "extensions": extensions})

    async def model(request: Request) -> Response:
        name = _tenant(server, request).name
        document = {"name": name, "versions": ["1"], "platform": "alert"}
        return JSONResponse({**document, "inputs": [], "outputs": []})

    async def ready(request: Request) -> Response:
        _tenant(server, request)
        return await alive(request)

    async def infer(request: Request) -> Response:
        tenant = _tenant(server, request)
        body = await _body(request, most_bytes)
        try:
            asked = tensors.parse(body, request.headers.get(_LENGTH))
            answer = tenant.submit(asked.call(), **_bounds(request))
        except ValueError as error:
            raise _StatusError(400, str(error)) from None
        except RuntimeError as error:  # the server has just been closed
            raise _StatusError(503 if server.closed else 500, str(error)) from None
        output = await _output(request, answer)
        text, length = tensors.response(asked, tenant.name, output, _told(server, answer))
        headers = {} if length is None else {_LENGTH: str(length)}
        kind = "application/json" if length is None else "application/octet-stream"
        return Response(text, headers=headers, media_type=kind)

    async def metrics(request: Request) -> Response:
        from alert.serving.http.metrics import exposition

        text, kind = exposition(server)
        return Response(text, media_type=kind)

    async def failed(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        text = f"{request.method} {request.url.path}: {error.detail}"
        return JSONResponse({"error": text}, error.status_code, error.headers)

    return Starlette(
        exception_handlers={HTTPException: failed},
        routes=[
            Route("/healthz", alive),
            Route("/metrics", metrics),
            Route("/v2", described),
            Route("/v2/health/live", alive),
            Route("/v2/health/ready", alive),
            Route("/v2/models/{tenant}", _answered(model)),
            Route("/v2/models/{tenant}/ready", _answered(ready)),
            Route("/v2/models/{tenant}/infer", _answered(infer), methods=["POST"]),
        ],
        lifespan=lifespan,
    )


def _answered(endpoint: Endpoint) -> Endpoint:
    """Answer every exception with the status and the text that clients of the protocol expect."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except _StatusError as error:
            return JSONResponse({"error": str(error)}, error.status)
        except Overloaded as error:
            after = {"retry-after": str(max(math.ceil(error.retry_after), 1))}
            return JSONResponse({"error": str(error)}, 429, after)
        except ClientDisconnect:
            return Response(status_code=499)  # nobody reads it
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            return JSONResponse({"error": text}, 500)

    return answer


def _tenant(server: Server, request: Request) -> Tenant:
    name = request.path_params["tenant"]
    if name not in server.tenants:
        known = ", ".join(server.tenants) or "none"
        raise _StatusError(404, f"tenant: expected one of {known}, got {name!r}")
    return server.tenants[name]


async def _body(request: Request, most_bytes: int) -> bytes:
    """Read a body, and no more than may be."""
    too_long = _StatusError(413, f"body: expected at most {most_bytes} bytes")
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and (len(stated) > _DIGITS or int(stated) > most_bytes):
        raise too_long
    parts, read = [], 0
    async for part in request.stream():  # it may be longer, or not have stated its length
        read += len(part)
        if read > most_bytes:
            raise too_long
        parts.append(part)
    return b"".join(parts)


def _bounds(request: Request) -> dict[str, float]:
    """Read the bounds of one request from its headers."""
    found = {}
    for name in ("max_latency", "min_accuracy", "max_energy"):
        header = f"alert-{name.replace('_', '-')}"
        text = request.headers.get(header)
        if text is not None:
            try:
                found[name] = float(text)
            except ValueError:
                raise ValueError(f"{header}: expected a number, got {text[:40]!r}") from None
    return found


async def _output(request: Request, answer: Answer) -> Any:
    """Wait for the output; take the request back when the client goes away."""
    output = asyncio.ensure_future(asyncio.wrap_future(answer))
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({output, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not output.done():
            raise ClientDisconnect
        return output.result()
    finally:
        gone.cancel()
        output.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _told(server: Server, answer: Answer) -> dict[str, Any]:
    """Say in a response what ran."""
    decision = answer.decision
    assert decision is not None  # it has an output
    name = server.profile.models[decision.model]
    return {"model": name, "power_cap": decision.power_cap}
