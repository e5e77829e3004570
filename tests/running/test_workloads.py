"""The networks and pictures of the demo, and the loops that contend with them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import torch

from alert.workloads import contention, efficientnet, photographs
from alert.workloads.contention import CONTENDED, Contention, Environment, schedule

# ----------------------------------------------------------------------------------------- networks

RIGHT = {
    "cat": {"tabby", "tiger cat", "Egyptian cat"},
    "coffee": {"espresso", "coffee mug", "cup"},
    "photographer": {"tripod"},
    "motorcycle": {"moped", "motor scooter"},
    "palace": {"palace"},
}
"""What the photographs show, where ImageNet has a class for it."""


def test_pretrained_networks_know_what_the_pictures_show() -> None:
    labels = photographs.labels()
    stream = [picture for picture in photographs.stream(24, seed=5) if picture.name in RIGHT]
    networks = efficientnet.load()
    assert list(networks) == list(efficientnet.ACCURACY)
    with torch.inference_mode():
        for network in networks.values():
            seen = [labels[int(network(picture.pixels).argmax())] for picture in stream]
            right = [label in RIGHT[p.name] for label, p in zip(seen, stream, strict=True)]
            assert len(right) == 15
            assert sum(right) >= 12, seen


def test_a_network_takes_pictures_of_any_size() -> None:
    network = efficientnet.Classifier(0)
    assert not network.training
    with torch.inference_mode():
        for height, width in ((224, 224), (260, 260), (300, 400)):
            pixels = torch.zeros(2, 3, height, width, dtype=torch.uint8)
            assert network(pixels).shape == (2, 1000)


def test_class_names() -> None:
    labels = photographs.labels()
    assert len(labels) == len(set(labels)) == 1000
    assert (labels[0], labels[285], labels[999]) == ("tench", "Egyptian cat", "toilet tissue")


# ----------------------------------------------------------------------------------------- pictures


def test_a_stream_depends_on_its_seed_alone() -> None:
    first, again = photographs.stream(20, seed=3, size=32), photographs.stream(20, seed=3, size=32)
    other = photographs.stream(20, seed=4, size=32)
    assert [p.name for p in first] == [p.name for p in again]
    assert all(torch.equal(a.pixels, b.pixels) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a.pixels, b.pixels) for a, b in zip(first, other, strict=True))


def test_no_two_inputs_of_a_stream_are_alike() -> None:
    stream = photographs.stream(80, seed=0, size=32)
    assert set(Counter(p.name for p in stream).values()) == {80 // len(photographs.NAMES)}
    assert len({p.pixels.numpy().tobytes() for p in stream}) == 80
    for picture in stream:
        assert picture.pixels.shape == (1, 3, 32, 32)
        assert picture.pixels.dtype == torch.uint8


@pytest.mark.parametrize("name", photographs.NAMES)
def test_photographs_come_with_the_packages(name: str) -> None:
    image = photographs.photograph(name)
    assert image.ndim == 3
    assert image.shape[2] == 3
    assert min(image.shape[:2]) >= 224
    assert image.std() > 20


# ----------------------------------------------------------------------------------------- schedule


def phases(drawn: tuple[Environment, ...]) -> list[tuple[Environment, int]]:
    found: list[tuple[Environment, int]] = []
    for environment in drawn:
        if found and found[-1][0] == environment:
            found[-1] = (environment, found[-1][1] + 1)
        else:
            found.append((environment, 1))
    return found


@pytest.mark.parametrize("seed", range(8))
def test_quiet_and_contended_phases_take_turns(seed: int) -> None:
    drawn = schedule(1000, seed, shortest=20, longest=40)
    assert drawn == schedule(1000, seed, shortest=20, longest=40)
    assert drawn != schedule(1000, seed + 1, shortest=20, longest=40)
    assert len(drawn) == 1000
    kinds = [kind for kind, _ in phases(drawn)]
    assert set(kinds[::2]) == {"quiet"}
    contended = kinds[1::2]
    for pair in zip(contended[::2], contended[1::2], strict=False):
        assert set(pair) == set(CONTENDED)
    assert all(20 <= length <= 40 for _, length in phases(drawn)[:-1])


def test_lengths_of_phases_are_checked() -> None:
    with pytest.raises(ValueError, match=r"shortest: expected 1 to longest \(3\), got 4"):
        schedule(10, 0, shortest=4, longest=3)


# --------------------------------------------------------------------------------------- contention


def state(pid: int) -> str:
    """Of a process, as the kernel has it: R runs, S sleeps, T is stopped; "" when it is no more."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def reaches(pid: int, wanted: str) -> bool:
    """Wait until a process is in one of the states `wanted`."""
    until = time.monotonic() + 60.0
    while time.monotonic() < until:
        if state(pid) in tuple(wanted.split("|")):
            return True
        time.sleep(0.001)
    return False


def loops(running: Contention, kind: str) -> list[int]:
    return [loop.pid for loop in running._loops[kind]]


def test_only_what_is_switched_on_runs() -> None:
    cpus = sorted(os.sched_getaffinity(0))[:1]
    with Contention(cpus) as running:
        (memory,), (compute,) = loops(running, "memory"), loops(running, "compute")
        assert os.sched_getaffinity(memory) == os.sched_getaffinity(compute) == set(cpus)
        for environment, expected in (
            ("quiet", "TT"),
            ("memory", "RT"),
            ("compute", "TR"),
            ("compute", "TR"),
            ("quiet", "TT"),
        ):
            running.switch(environment)  # type: ignore[arg-type]
            assert running.environment == environment
            assert reaches(memory, expected[0])
            assert reaches(compute, expected[1])
    assert state(memory) == state(compute) == ""
    running.close()


def test_one_loop_of_each_kind_on_every_cpu_by_default() -> None:
    with Contention() as running:
        for kind in CONTENDED:
            found = [os.sched_getaffinity(pid) for pid in loops(running, kind)]
            assert found == [{cpu} for cpu in sorted(os.sched_getaffinity(0))]


def test_a_loop_that_died_is_reported() -> None:
    with Contention([min(os.sched_getaffinity(0))]) as running:
        (pid,) = loops(running, "memory")
        os.kill(pid, signal.SIGKILL)
        assert reaches(pid, "Z")
        with pytest.raises(RuntimeError, match="a memory loop is not running: exit status -9"):
            running.switch("memory")
        assert running.environment == "quiet"
        running.switch("compute")


def test_a_loop_that_cannot_start_leaves_none_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []
    start = contention._start

    def watched(kind: str, cpu: int) -> subprocess.Popen[bytes]:
        loop = start(kind, cpu if kind == "memory" else 1 << 20)
        started.append(loop.pid)
        return loop

    monkeypatch.setattr(contention, "_start", watched)
    with pytest.raises(RuntimeError, match="did not start: exit status 1"):
        Contention([min(os.sched_getaffinity(0))])
    assert len(started) == 2
    assert [state(pid) for pid in started] == ["", ""]


def test_bad_environments_and_cpus_are_refused() -> None:
    with pytest.raises(ValueError, match="cpus: expected at least one"):
        Contention([])
    with Contention([min(os.sched_getaffinity(0))]) as running:
        running.switch("memory")
        with pytest.raises(ValueError, match=r"environment: expected one of .* got 'loud'"):
            running.switch("loud")  # type: ignore[arg-type]
        assert running.environment == "memory"


PARENT = """
import os, signal, sys, time
from alert.workloads.contention import Contention
running = Contention([min(os.sched_getaffinity(0))])
running.switch(sys.argv[1])
print(*(loop.pid for loops in running._loops.values() for loop in loops), flush=True)
if sys.argv[2] == "exit":
    os._exit(0)
time.sleep(60)
"""


@pytest.mark.parametrize("environment", contention.ENVIRONMENTS)
@pytest.mark.parametrize("ending", ["SIGKILL", "SIGINT", "SIGTERM", "exit"])
def test_loops_end_with_their_parent_however_it_ends(environment: str, ending: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, environment, ending],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        if ending != "exit":
            parent.send_signal(signal.Signals[ending])
    assert len(pids) == 2
    for pid in pids:
        assert reaches(pid, "|Z")  # Z where nobody reaps orphans


def test_a_loop_whose_parent_is_gone_does_not_start() -> None:
    command = [sys.executable, "-I", "-S", str(contention._CONTENDER), "memory", "1", "0"]
    done = subprocess.run(command, timeout=120, check=False)
    assert done.returncode == 0
