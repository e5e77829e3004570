"""The real Zeus as a meter: over a stub of NVIDIA's library, a tree of RAPL, a stub of its daemon.

Zeus keeps one object for each vendor as long as the process lives: so each test has a process.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from gpus import Gpus, compile_stub

from alert import power
from alert.power import zeus

SUPPORT = Path(__file__).parents[1] / "support"

PRELUDE = f"""
import sys, warnings
sys.path.insert(0, {str(SUPPORT)!r})
from pathlib import Path
from alert import power
def say(*words):
    print(*words, flush=True)
def names(device):
    return ", ".join(f"{{part['source']}}: {{part['name']}}" for part in device.parts)
"""

# A machine that shows RAPL, in a mount namespace of its own: psys is no package.
TREE = """
from rapl_tree import PSYS, Zone, build, package, zone_path
dram = Zone("dram", energy_uj=2_000_000)
root = build(Path("/sys/class/powercap"), [PSYS, package(children=[dram])])
zone = zone_path(root, 1)
def draw(microjoules, of=zone):
    file = of / "energy_uj"
    file.write_text(f"{int(file.read_text()) + microjoules}\\n")
"""
MOUNT = 'mount -t tmpfs none /sys/class && exec "$0" "$@"'


def needs(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.needs("zeus", *names)


@contextmanager
def running(code: str, mount: bool = False, **environment: str) -> Iterator[Any]:
    """Run a program; yield a function that lets it go on, and returns what it says next."""
    command = [sys.executable, "-c", PRELUDE + code]
    if mount:
        command = ["unshare", "-m", "sh", "-c", MOUNT, *command]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def go_on(word: str = "") -> str:
            if word:
                stdin.write(f"{word}\n")
                stdin.flush()
            return stdout.readline().strip()

        yield go_on
        stdin.close()


@needs("gcc", "root")
def test_gpus_through_nvml(tmp_path: Path) -> None:
    gpus = Gpus(tmp_path / "driver", compile_stub())
    code = """
with power.open("zeus", gpus=[int(i) for i in sys.argv[1:]] or None) as device:
    say(device.kind, device.can_cap, device.can_read, device.tick, names(device))
    for line in sys.stdin:
        say(device.energy())
say(device)
"""
    with running(code, LD_LIBRARY_PATH=str(gpus.library.parent), CUDA_VISIBLE_DEVICES="0,1") as go:
        assert go() == "zeus False True 0.02 gpu: GPU 0, gpu: GPU 1"
        assert float(go("energy")) == 0.0
        gpus.advance(2.0)
        assert float(go("energy")) == pytest.approx(2.0 * (220.0 + 300.0))
        gpus.gpu[0].energy_mj = 5  # the driver was loaded anew
        assert float(go("energy")) == pytest.approx(2.0 * (220.0 + 300.0))
        gpus.gpu[0].energy_mj = 1005
        assert float(go("energy")) == pytest.approx(2.0 * (220.0 + 300.0) + 1.0)


@needs("gcc", "root")
def test_a_gpu_that_is_lost_gives_one_warning(tmp_path: Path) -> None:
    gpus = Gpus(tmp_path / "driver", compile_stub())
    code = """
device = power.open("zeus", gpus=[1])
say(len(device.parts))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for line in sys.stdin:
        say(device.energy(), [(w.category.__name__, str(w.message)) for w in caught])
"""
    with running(code, LD_LIBRARY_PATH=str(gpus.library.parent), CUDA_VISIBLE_DEVICES="0,1") as go:
        assert go() == "1"
        gpus.fault("energy", 15, 1)
        told = go("energy")
        assert told == "None [('PowerWarning', 'zeus: GPU is lost')]"
        assert go("energy") == told
        gpus.fault("energy", 0, 1)
        assert go("energy").startswith("0.0")


@needs("gcc", "root")
def test_a_runner_chooses_models_and_measures_their_joules(tmp_path: Path) -> None:
    gpus = Gpus(tmp_path / "driver", compile_stub())
    code = """
import alert, time
def ask():
    time.sleep(1.1)  # many steps of the counter
    say("run")
    sys.stdin.readline()
models = {"small": lambda x: ask(), "large": lambda x: ask()}
profile = alert.Profile([[0.5], [1.0]], [[50.0], [60.0]], [0.5, 0.9], [None], 1.0, list(models))
warnings.simplefilter("error")
goal = alert.Goal.max_accuracy(deadline=10.0)
with alert.Runner(models, profile, goal, power="zeus") as runner:
    for x in range(2):
        runner(x)
    report = runner.report()
    say(runner.history["power_cap"].tolist(), report.power, report.estimated, report.energy)
"""
    with running(code, LD_LIBRARY_PATH=str(gpus.library.parent), CUDA_VISIBLE_DEVICES="0,1") as go:
        assert go() == "run"
        gpus.advance(1.1)
        assert go("done") == "run"
        gpus.advance(1.1)
        *said, joules = go("done").split()
        assert said == ["[inf,", "inf]", "zeus", "False"]
        assert float(joules) == pytest.approx(2 * 1.1 * (220.0 + 300.0))


@needs("gcc", "root")
def test_indices_that_zeus_does_not_have(tmp_path: Path) -> None:
    gpus = Gpus(tmp_path / "driver", compile_stub())
    code = """
try:
    power.open("zeus", gpus=[2])
except ValueError as error:
    say(error)
"""
    with running(code, LD_LIBRARY_PATH=str(gpus.library.parent), CUDA_VISIBLE_DEVICES="0,1") as go:
        assert go() == "gpus: expected indices below 2, got 2"


@needs("libpowercap", "root")  # to mount
def test_processors_where_there_is_nothing_else() -> None:
    code = f"""
{TREE}
device = power.combine(power.open("threads"), power.open("zeus"))
say(names(device.meter))
for line in sys.stdin:
    draw(3_000_000)
    draw(500_000, zone / "intel-rapl:1:0")
    draw(9_000_000, zone_path(root, 0))
    say(device.energy(), device.kind, device.unit)
device.close()
"""
    with running(code, mount=True) as go:
        assert go() == "cpu: package-0"
        assert go("draw") == "3.5 threads threads"
        assert go("draw") == "7.0 threads threads"


class Daemon(BaseHTTPRequestHandler):
    """Answers as zeusd does, of one processor; its rights are its own."""

    energy_uj: ClassVar[int] = 10_000_000

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        energy = {"cpu_energy_uj": self.energy_uj, "dram_energy_uj": 1_000}
        answers: dict[str, Any] = {
            "/discover": {
                "gpus": [],
                "cpus": [{"id": 0, "dram_available": True}],
                "enabled_api_groups": ["cpu-read"],
                "auth_required": False,
            },
            "/cpu/get_cumulative_energy": {"0": energy},
        }
        body = json.dumps(answers[path]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@needs("libpowercap", "root")  # to mount
def test_the_daemon_of_zeus() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Daemon)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    code = """
from rapl_tree import build, package
build(Path("/sys/class/powercap"), [package(energy_uj=None)])  # which this process cannot read
with power.open("zeus", sources=["cpu"]) as device:
    say(names(device))
    for line in sys.stdin:
        say(device.energy())
"""
    address = f"127.0.0.1:{server.server_address[1]}"
    with running(code, mount=True, ZEUSD_HOST_PORT=address, NO_PROXY="*") as go:
        assert go() == "cpu: CPU 0"
        Daemon.energy_uj += 4_000_000
        assert float(go("energy")) == pytest.approx(4.0)
    server.shutdown()
    server.server_close()


@needs()
def test_where_zeus_finds_nothing_its_reasons_are_told() -> None:
    code = """
for options in ({}, {"gpus": [0]}, {"sources": ["soc"]}):
    try:
        power.open("zeus", **options)
    except power.PowerError as error:
        say(error.what, "|", error.why, "|", error.remedy)
"""
    with running(code, LD_LIBRARY_PATH="", PATH=os.environ["PATH"]) as go:
        every, gpus, soc = go(), go(), go()
    if "gpu: NVML and AMDSMI unavailable" not in gpus:
        pytest.skip("this machine has something that Zeus can read")
    assert every.startswith("zeus | gpu: NVML and AMDSMI unavailable")
    assert "; soc: No observable SoC" in every
    assert "; cpu: " in every or "package" in every
    assert every.endswith("| `python -m zeus.show_env` says what Zeus finds")
    assert "soc" not in gpus
    assert "gpu" not in soc


def test_without_zeus_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zeus", None)
    monkeypatch.setitem(sys.modules, "zeus.device", None)
    with pytest.raises(power.PowerError, match=r"pip install 'alert-runtime\[zeus\]'"):
        power.open("zeus")


@pytest.mark.parametrize("sources", [[], ["gpus"], "board", ["gpu", "psu"]])
def test_sources_that_there_are_not(sources: Any) -> None:
    with pytest.raises(ValueError, match=r"^sources: expected some of 'gpu', 'soc', 'cpu', got"):
        power.open("zeus", sources=sources)


def test_a_meter_caps_nothing() -> None:
    device = zeus.Zeus.__new__(zeus.Zeus)
    with pytest.raises(power.PowerPermissionError, match=r"alert\.power\.combine"):
        device.set_cap(20.0)


@needs()
def test_the_sum_of_a_board_counts_each_domain_once() -> None:
    from zeus.device.soc.apple import AppleSiliconMeasurement
    from zeus.device.soc.jetson import JetsonMeasurement

    assert zeus.total(JetsonMeasurement(1.0, 2.0, 5.0)) == 5.0
    assert zeus.total(JetsonMeasurement(1.0, 2.0, None)) == 3.0
    apple = AppleSiliconMeasurement(
        cpu_total_mj=100,
        efficiency_cores_mj=[10, 10],
        performance_cluster_mj=[80],
        dram_mj=20,
        gpu_mj=7,
        ane_mj=None,
    )
    assert zeus.total(apple) == 127.0
    known = {*zeus._DOMAINS, *zeus._OF_JETSON}
    fields = {field.name for of in (apple, JetsonMeasurement()) for field in dataclasses.fields(of)}
    assert known <= fields  # a newer Zeus that calls them otherwise would count nothing
