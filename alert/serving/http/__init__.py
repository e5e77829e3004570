"""The server over HTTP, by the Open Inference Protocol (v2). It needs Starlette."""

from alert.serving.http.app import app

__all__ = ["app"]
