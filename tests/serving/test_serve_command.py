"""`alert serve`: starts, answers, and ends by a signal with everything given back."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from needs import require

from alert.cli import main

require("starlette", "uvicorn", "prometheus_client")

MODULE = """
import alert

def server():
    profile = alert.Profile([[1e-6]], [[20.0]], [0.8], [20.0], 4.0, models=["net"])
    made = alert.Server({"net": lambda x: x + 1}, profile, "emulated")
    made.tenant("camera", max_latency=60.0)
    close = made.machine_close = made.close
    def closing(**options):
        close(**options)
        print("given back", flush=True)
    made.close = closing
    return made

def nothing():
    return 3

def broken():
    raise KeyError("lost")
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "served.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    return tmp_path


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_serves_until_a_signal_comes(module: Path, end: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "alert", "serve", "served:server", "--port", "0"],
        cwd=module,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            line = ""
            while "serving camera at" not in line:
                line = process.stderr.readline()
                assert line, "it has ended"
            tensor = {"name": "x", "shape": [2], "datatype": "FP32", "data": [1.0, 2.0]}
            place = line.split()[-1] + "/v2/models/camera/infer"
            body = json.dumps({"inputs": [tensor]}).encode()
            with urllib.request.urlopen(place, body, timeout=30) as reply:
                assert json.load(reply)["outputs"][0]["data"] == [2.0, 3.0]
            process.send_signal(end)
            out, err = process.communicate(timeout=30)
        except BaseException:
            process.kill()
            raise
    assert "given back" in out
    assert "Traceback" not in err
    assert process.returncode in (0, 130, -signal.SIGTERM)


def test_a_port_that_is_taken_is_a_failure_in_one_line(
    module: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "served:server", f"--port={port}"]) == 1
    said = capsys.readouterr()
    assert "given back" in said.out
    [line] = [line for line in said.err.splitlines() if "warning" not in line]
    assert line.startswith("alert: ")
    assert "Address already in use" in line


@pytest.mark.parametrize("port", ["80000", "-1", "http"])
def test_a_port_is_one(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "served:server", f"--port={port}"])
    assert f"expected 0 to 65535, got '{port}'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("nothing", "served:nothing: expected to return an alert.Server, got int"),
        ("broken", "served:broken: KeyError: 'lost'"),
        ("missing", "served:missing: AttributeError"),
    ],
)
def test_says_what_is_wrong_with_the_function(
    module: Path, function: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sys.modules.pop("served", None)
    assert main(["serve", f"served:{function}"]) == 1
    assert said in capsys.readouterr().err
