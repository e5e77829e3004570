"""What `alert.Server` itself costs: a round trip, a refusal, a million requests; LitServe beside.

    python benchmarks/bench_server.py [--requests 1000000]

The models do nothing, so all of the time is that of the server. LitServe runs where it is
installed.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import importlib.util
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import alert


class Board(alert.power.Device):
    """A power device that only remembers its cap."""

    kind, can_cap, cap_range, cap = "board", True, (10.0, 40.0), 20.0

    def set_cap(self, watts: float, /) -> None:
        """Take a cap."""
        self.cap = watts

    def energy(self) -> float | None:
        """Read nothing."""
        return None


def server(model: Any) -> alert.Server:
    profile = alert.Profile([[2e-6, 1e-6]], [[10.0, 20.0]], [0.8], [10.0, 20.0], 4.0)
    return alert.Server([model], profile, Board())


def quantiles(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    cuts = (ordered[int(q * (len(ordered) - 1))] for q in (0.5, 0.9, 0.99))
    return ", ".join(f"p{p} {1e6 * cut:.0f} µs" for p, cut in zip((50, 90, 99), cuts, strict=True))


async def round_trips(count: int) -> list[float]:
    async with server(lambda x: x) as made:
        tenant = made.tenant("a", max_latency=1.0)
        found = []
        for n in range(count):
            begun = time.perf_counter()
            await tenant(n)
            found.append(time.perf_counter() - begun)
        return found


def refusals(count: int) -> list[float]:
    """Measure how long after it became hopeless a request is answered, 200 ms of work running."""
    late = []
    with server(lambda x: time.sleep(x)) as made:
        tenant = made.tenant("a")
        for _ in range(count):
            runs = tenant.submit(0.2)
            time.sleep(0.02)
            begun = time.perf_counter()
            answer = tenant.submit(0.0, max_latency=0.05)
            assert isinstance(answer.exception(), alert.Overloaded)
            late.append(time.perf_counter() - begun - 0.05)
            runs.result()
    return late


def soak(count: int) -> None:
    """Send requests from four threads and from asyncio; print the memory after each tenth."""

    def send(tenant: Any, requests: int) -> None:
        for start in range(0, requests, 100):
            answers = [tenant.submit(n) for n in range(start, start + 100)]
            for n, answer in enumerate(answers, start):
                assert answer.result() == n

    async def send_async(tenant: Any, requests: int) -> None:
        for start in range(0, requests, 100):
            await asyncio.gather(*(tenant(n) for n in range(start, start + 100)))

    with server(lambda x: x) as made:
        tenants = [made.tenant(f"thread {n}") for n in range(4)] + [made.tenant("asyncio")]
        begun = time.perf_counter()
        for tenth in range(10):
            share = count // 50
            threads = [threading.Thread(target=send, args=(t, share)) for t in tenants[:4]]
            for thread in threads:
                thread.start()
            asyncio.run(send_async(tenants[4], share))
            for thread in threads:
                thread.join()
            most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"  {tenth + 1}/10: {most:.1f} MiB, {time.perf_counter() - begun:.0f} s")
        assert all(t.answered == count // 5 for t in made.report().tenants)


LITSERVE = """
import sys
import litserve

class Api(litserve.LitAPI):
    def setup(self, device):
        pass

    def predict(self, x):
        return x

if __name__ == "__main__":
    litserve.LitServer(Api(), accelerator="cpu").run(port=int(sys.argv[1]))
"""


def litserve_round_trips(count: int, port: int = 8123) -> list[float] | None:
    """Measure the same of LitServe around a model that does nothing, over HTTP."""
    if importlib.util.find_spec("litserve") is None:
        return None
    with tempfile.TemporaryDirectory() as directory:
        script = Path(directory, "serve.py")
        script.write_text(LITSERVE)
        process = subprocess.Popen(
            [sys.executable, script.name, str(port)],
            cwd=directory,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port)
            wait_for(connection)
            found = []
            for n in range(count):
                begun = time.perf_counter()
                body = json.dumps({"input": n})
                connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
                connection.getresponse().read()
                found.append(time.perf_counter() - begun)
            return found
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(connection: http.client.HTTPConnection) -> None:
    """Wait until a server answers."""
    for _ in range(300):
        try:
            connection.request("GET", "/health")
            if connection.getresponse().read() == b"ok":
                return
        except OSError:
            connection.close()
        time.sleep(0.2)
    raise TimeoutError("LitServe did not start")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000, help="of the soak")
    arguments = parser.parse_args()
    ours = asyncio.run(round_trips(5000))
    print(f"round trip, asyncio: {quantiles(ours)}")
    theirs = litserve_round_trips(1000)
    if theirs is not None:
        ratio = statistics.median(theirs) / statistics.median(ours)
        print(f"round trip, LitServe: {quantiles(theirs)}; {ratio:.0f} x ours")
    print(f"refusal after it became hopeless: {quantiles(refusals(20))}")
    print(f"soak of {arguments.requests} requests, 4 threads and asyncio:")
    soak(arguments.requests)


if __name__ == "__main__":
    main()
