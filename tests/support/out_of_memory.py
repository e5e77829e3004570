"""Walks every allocation of every call and lets it fail; run by test_no_memory.py.

LD_PRELOAD=failing_malloc.so PYTHONMALLOC=malloc python out_of_memory.py POWERCAP_ROOT JOURNALS

The powercap tree has a package with memory, and one whose energy cannot be read.
"""

from __future__ import annotations

import ctypes
import errno
import gc
import os
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from importlib.util import module_from_spec
from pathlib import Path

import journals
import numpy as np
from policies import tree
from two_models import PROFILE, table_arrays

import alert
from alert import _core, power
from alert.scheduler import _restored as restored

ALLOCATOR = ctypes.CDLL(None)
GOAL = alert.Goal.min_energy(deadline=0.1, accuracy=0.69, window=5)
OTHER = alert.Goal.max_accuracy(deadline=0.1, energy=1.0, window=50)
TABLE = table_arrays()
ROOT, JOURNALS = sys.argv[1], sys.argv[2]
SETTINGS = [f"{ROOT}/intel-rapl/{name}enabled" for name in ("", "intel-rapl:0/")]
CORES = str(tree(Path(ROOT) / "cores", [3_600_000]))
JOURNAL = journals.write(Path(JOURNALS), [journals.Entry(path, 0, 1) for path in SETTINGS])
LEFT = JOURNAL.read_bytes()
NUMPY = b"_multiarray_umath"

scheduler = alert.Scheduler(PROFILE, GOAL, history=7)
streams = [alert.Scheduler(PROFILE, GOAL, history=0) for _ in range(5)]
latencies = np.full(5, 0.03)
recorded = np.full((2, 3, 2), 0.03)  # of the three outputs of PROFILE under its two caps
# Python keeps the integers below 257: those of this decision want memory.
many = alert.Scheduler(
    alert.Profile(
        latency=np.full((300, 1), 0.01),
        power=np.full((300, 1), 10.0),
        accuracy=np.linspace(0.1, 1.0, 300),
        power_caps=[10.0],
        idle_power=1.0,
        exits={299: [(k / 300, k / 300) for k in range(1, 301)]},
    ),
    alert.Goal.max_accuracy(deadline=10.0, energy=100.0),
    history=0,
)
assert many.decision == (299, 10.0)
assert many.decision.exit == 299
device = power.open("emulated")
zones = _core.open_power("rapl", {"root": ROOT, "observe": True})


def set_goal() -> None:
    scheduler.goal = OTHER
    scheduler.goal = GOAL


def bad_step() -> None:
    try:
        scheduler.step(-1.0, 1.0)
    except ValueError:
        return
    raise AssertionError("took a negative latency")


def bad_name() -> None:
    try:
        alert.Scheduler(PROFILE, GOAL, constants={"odd": 1.0})
    except ValueError:
        return
    raise AssertionError("took an unknown constant")


def bad_method() -> None:
    try:
        _core.constants("odd")
    except ValueError as error:
        # Early versions of Python 3.11 raise it without words when there is no memory for them.
        assert not error.args or "'paper'" in str(error)  # noqa: PT017
        return
    raise AssertionError("took an unknown method")


def cap() -> None:
    opened = _core.open_power("rapl", {"root": ROOT, "dram": True, "package": 0})
    opened.set_cap(opened.cap_range[1])
    opened.energy()
    opened.close()


def warning() -> None:
    opened = _core.open_power("rapl", {"root": ROOT, "package": 1})
    assert opened.energy() is None
    opened.close()


def gpus() -> None:
    opened = _core.open_power("nvml", {"observe": True, "directory": JOURNALS})
    assert len(opened.gpus) == 2
    opened.close()


def frequencies() -> None:
    opened = _core.open_power("cpufreq", {"root": CORES})
    opened.set_cap(1.0)
    assert len(opened.parts) == 1
    opened.close()


def leave_behind() -> None:
    """Write what a process that died has left."""
    for path, data in ((SETTINGS[0], b"1\n"), (SETTINGS[1], b"1\n"), (JOURNAL, LEFT)):
        with open(path, "wb") as file:  # pathlib would keep some memory
            file.write(data)


def restore() -> None:
    try:
        told = _core.restore(JOURNALS)
    except OSError as error:
        if error.errno != errno.ENOMEM:
            raise
        raise MemoryError from error
    assert len(told) == 2


def lock_of_a_forked_child() -> None:
    """A child needs a lock of its own, which may be refused; it gets it the next time."""
    for use in (device.energy, device.close):
        child = os.fork()
        if child == 0:
            for n in range(1, 20):
                with suppress(MemoryError):
                    ALLOCATOR.failing_malloc_arm(n)
                    use()
                    break
            ALLOCATOR.failing_malloc_arm(0)
            use()
            os._exit(n < 2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def no_rapl() -> None:
    try:
        _core.open_power("rapl", {"root": "/nowhere"})
    except power.PowerError:
        return
    raise AssertionError("opened what is not there")


def module() -> None:
    """Make all of the module once more: its types, dtypes and constants."""
    assert _core.__spec__ is not None
    assert _core.__spec__.loader is not None
    another = module_from_spec(_core.__spec__)
    ALLOCATOR.failing_malloc_spare(NUMPY)  # it crashes when memory runs out for a dtype
    try:
        _core.__spec__.loader.exec_module(another)
    except ImportError as error:
        assert "numpy" in str(error)  # noqa: PT017
        raise MemoryError from error  # its word for it
    finally:
        ALLOCATOR.failing_malloc_spare(None)
    assert another.Scheduler is not _core.Scheduler


KEEPS: dict[str, Callable[[], object]] = {
    "table": lambda: _core.Profile(**TABLE),
    "scheduler": lambda: alert.Scheduler(PROFILE, OTHER, method="paper", constants={"alpha": 0.4}),
    "decision": lambda: scheduler.decision,
    "slowdown": lambda: scheduler.slowdown,
    "history": lambda: scheduler.history,
    "save": lambda: scheduler._save()[0],
    "restored": lambda: restored(*scheduler.__reduce__()[1]),
    "repr": lambda: repr(scheduler),
    "bad step": bad_step,
    "bad name": bad_name,
    "bad method": bad_method,
    "large numbers": lambda: (many.decision, many.decision),  # the second is made anew
    "constants": lambda: alert.constants("paper"),
    # `power.open` goes through a dict's items: CPython 3.11 crashes there when memory runs out.
    "emulated": lambda: _core.open_power("emulated", {"idle_power": 4.0}).close(),
    "kinds": lambda: _core.power_kinds(),
    "energy": lambda: device.energy(),
    "zones": lambda: zones.zones,
    "rapl": cap,
    "warning": warning,
    "gpus": gpus,
    "frequencies": frequencies,
    "restore": restore,
    "no rapl": no_rapl,
}
# These may have done their work before memory for the result ran out.
STEPS: dict[str, Callable[[], object]] = {
    "step": lambda: scheduler.step(0.03, 0.5, idle_power=4.0),
    "decide": lambda: scheduler.decide(0.2),
    "share": lambda: scheduler.share(0.2, 3),
    "goal": set_goal,
    "many": lambda: alert.step_many(streams, latencies, latencies),
    "replay": lambda: scheduler._replay(recorded, recorded, 5.0),
    "set_cap": lambda: device.set_cap(device.cap_range[0]),
}
ROUNDS = 7
# Blocks that CPython 3.11 itself leaks in a round: of a frame without memory for its first cell,
# and of a warning. What "large numbers" keeps is freed by "step".
LEAKED = {"repr": 6, "warning": 10, "large numbers": 3}


def walk(call: Callable[[], object], keeps: bool) -> int:
    """Let the first, the second, ... allocation of `call` fail until none is left to fail."""
    gc.freeze()
    for n in range(1, 5000):
        before = scheduler._save()[0] if keeps else b""
        if call is restore:
            leave_behind()
        hit = True
        gc.collect()  # empties the lists of freed objects: a float wants memory then
        try:
            ALLOCATOR.failing_malloc_arm(n)
            call()
            reached = ALLOCATOR.failing_malloc_disarm()
            hit = False
        except (MemoryError, power.PowerError):
            pass
        except SystemError as error:
            # CPython loses an exception when it cannot make the frame object for the traceback: of
            # a function written in Python, never of one of ours. Nor does it set one when it has no
            # memory to copy the name of a type.
            told = str(error)
            assert "<function" in told or "execution of module alert._core" in told
        ALLOCATOR.failing_malloc_arm(0)
        if keeps:
            assert scheduler._save()[0] == before
        else:
            scheduler.step(0.03, 0.5)
        if not hit and reached:
            return n
    raise AssertionError("no end")


def main() -> None:
    warnings.simplefilter("ignore")
    calls = {**{name: (call, True) for name, call in KEEPS.items()}}
    calls |= {name: (call, False) for name, call in STEPS.items()}
    modules = walk(module, True)  # Python's cache of attributes keeps some of its names
    walked = dict.fromkeys(calls, 0)
    grown = {name: np.zeros(ROUNDS, int) for name in calls}  # blocks, in each round
    lock_of_a_forked_child()
    for k in range(ROUNDS):
        for name, (call, keeps) in calls.items():
            living = ALLOCATOR.failing_malloc_living()
            walked[name] = walk(call, keeps)
            gc.collect()
            grown[name][k] = ALLOCATOR.failing_malloc_living() - living
    print(walked)
    print(modules + sum(walked.values()), "allocations failed")
    # One leak of ours would be there in every round; the first two fill the caches of Python.
    leaked = {name: sum(blocks[2:]) / (ROUNDS - 2) for name, blocks in grown.items()}
    assert all(leaked[name] < LEAKED.get(name, 1) for name in calls), leaked


main()
