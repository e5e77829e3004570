"""Serve the tenants of an `alert.Server` over HTTP.

MODULE:FUNCTION names a function without arguments. Python looks for the module in the current
directory too. The function returns an `alert.Server`; each of its tenants is a model of the Open
Inference Protocol (v2), whose clients work, such as `tritonclient`:

    # mymodels.py
    def server():
        server = alert.Server(models, alert.Profile.load("profile.json"))
        server.tenant("camera", max_latency=0.1)
        return server

    $ alert serve mymodels:server --port 8000
    $ curl localhost:8000/v2/models/camera/infer -H "Alert-Max-Latency: 0.05" -d @request.json

The models get arrays of NumPy. The command ends with Ctrl-C or SIGTERM: requests that wait are
served, then the power cap is given back.
"""

from __future__ import annotations

import argparse
import socket
import sys
from typing import TYPE_CHECKING, Any

import alert
from alert.cli.offer import called
from alert.cli.shared_options import add_function, count
from alert.cli.terminal import require

if TYPE_CHECKING:
    from uvicorn import Config
    from uvicorn import Server as UvicornServer


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add_function(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=8000, help="port (default: %(default)s)")
    parser.add_argument(
        "--max-bytes",
        type=count,
        default=64 << 20,
        metavar="N",
        help="longest body of a request (default: 64 MiB)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Serve until a signal comes."""
    require("serve", ["starlette", "uvicorn", "prometheus_client"])
    from uvicorn import Config

    from alert.serving.http import app

    module, function = arguments.function
    server = called(module, function)
    if not isinstance(server, alert.Server):
        kind = type(server).__name__
        raise TypeError(f"{module}:{function}: expected to return an alert.Server, got {kind}")
    with server:
        options = Config(app(server, most_bytes=arguments.max_bytes), log_level="warning")
        listening = _listening(arguments.host, arguments.port)
        _announcing(", ".join(server.tenants) or "no tenants", options).run([listening])


def _port(text: str) -> int:
    """Read a port; 0 stands for a free one. Sockets would take a larger number modulo 65536."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected 0 to 65535, got {text!r}")
    return int(text)


def _listening(host: str, port: int) -> socket.socket:
    """Listen, or raise OSError. Uvicorn would end the process."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


def _announcing(tenants: str, options: Config) -> UvicornServer:
    """Make a server that says where it listens, once it does."""
    import uvicorn

    class Announcing(uvicorn.Server):
        async def startup(self, *arguments: Any, **keywords: Any) -> None:
            await super().startup(*arguments, **keywords)
            for listening in self.servers:
                for each in listening.sockets:
                    host, port = each.getsockname()[:2]
                    at = f"[{host}]" if ":" in host else host
                    print(f"alert: serving {tenants} at http://{at}:{port}", file=sys.stderr)

    return Announcing(options)
