"""The command line, in this process and as a program of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from killing import is_dead, wait_for, watchdogs
from rapl_tree import build, constraint_file, package, read, zone_path

import alert
from alert import cli, power
from alert.cli import main

Status = Callable[..., tuple[int, str, str]]


@pytest.fixture
def status(capsys: pytest.CaptureFixture[str]) -> Status:
    """Run a command in this process: exit status, standard output and error."""

    def run(*words: str) -> tuple[int, str, str]:
        try:
            code = main(words)
        except SystemExit as stopped:
            code = int(str(stopped.code))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def program(
    *words: str, without: tuple[str, ...] = (), cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command as a program, as if some packages were not installed."""
    hide = "".join(f"sys.modules[{name!r}] = None; " for name in without)
    code = f"import sys; {hide}from alert.cli import main; sys.exit(main(sys.argv[1:]))"
    path = os.pathsep.join([str(Path(alert.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path},
    )


# -------------------------------------------------------------------------------------- all of them


def test_module_and_console_script_are_one() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "alert", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"alert {alert.__version__}\n"
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert 'alert = "alert.cli:main"' in text


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_help_of_every_command(status: Status, command: str) -> None:
    code, out, err = status(command, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"usage: alert {command} ")
    assert (cli.COMMANDS[command].__doc__ or "") in out
    assert "Exit status: 0 done; 1 failed" in out
    assert command in status("--help")[1]


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("frobnicate",),
        ("info", "--frobnicate"),
        ("profile",),
        ("profile", "module"),
        ("profile", ":function"),
        ("profile", "m:f", "--caps", "10,x"),
        ("profile", "m:f", "--power", "solar"),
        ("demo", "--inputs", "0"),
        ("demo", "--seed", "-1"),
        ("evaluate", "--jobs", "0"),
        ("family", "m:f", "--deadline", "0"),
        ("family", "m:f", "--accuracy", "76"),
        ("family", "m:f", "--budget", "20 apples"),
        ("family", "m:f", "--inputs", "-3"),
        ("serve", "m:f", "--max-bytes", "-1"),
        ("video", "clip", "--fps", "nan"),
        ("video", "clip", "--most", "0"),
    ],
)
def test_wrong_usage_is_status_2(status: Status, words: tuple[str, ...]) -> None:
    code, out, err = status(*words)
    assert (code, out) == (2, "")
    assert err.startswith("usage: alert")
    assert "error: " in err


def test_a_failure_is_one_line_and_status_1(
    status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Any) -> None:
        raise OSError("no\n  luck")

    monkeypatch.setattr(power, "describe", fail)
    assert status("info") == (1, "", "alert: no luck\n")
    with pytest.raises(OSError, match="luck"):
        main(["--traceback", "info"])


def test_the_number_of_an_error_of_the_system_is_left_out(status: Status) -> None:
    assert status("replay", "none.npz") == (
        1,
        "",
        "alert: No such file or directory: 'none.npz'\n",
    )


def test_an_error_without_words_is_named(status: Status, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(power, "describe", fail)
    assert status("info") == (1, "", "alert: MemoryError\n")


def test_a_warning_is_one_line(status: Status, monkeypatch: pytest.MonkeyPatch) -> None:
    found = power.describe()

    def warn(_: Any) -> Any:
        warnings.warn("it is late", power.PowerWarning, stacklevel=1)
        return found

    monkeypatch.setattr(power, "describe", warn)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        code, _, err = status("info")
    assert (code, err) == (0, "alert: warning: it is late\n")


def test_interrupted_is_status_130(status: Status, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(power, "describe", interrupt)
    assert status("info") == (130, "", "alert: interrupted\n")


def test_a_reader_that_leaves_is_no_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "alert", "info", "--json"],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_a_closed_stream_is_no_failure(closed: str, tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$0" -m alert restore --directory "$1" {closed}', sys.executable, tmp_path],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    words = "" if closed.startswith(">") else "nothing to give back\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, words, "")


def test_names_that_a_terminal_cannot_show_are_no_failure(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "def offer():\n"
        "    models = {'réseau': abs, '網': abs}\n"
        "    return {'models': models, 'example': 1, 'accuracy': [0.5, 0.6]}\n",
        "utf-8",
    )
    words = ["profile", "mine:offer", "--power", "none", "--precision", "1", "--max-seconds", "0"]
    done = subprocess.run(
        [sys.executable, "-m", "alert", *words, "--quiet"],
        capture_output=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"},
    )
    assert done.returncode == 0, done.stderr
    assert "réseau".encode("latin-1") in done.stdout
    assert rb"\u7db2" in done.stdout


def test_commands_run_without_docstrings(tmp_path: Path) -> None:
    """As `python -OO` leaves them out."""
    run = [sys.executable, "-OO", "-m", "alert", "restore", "--directory", str(tmp_path)]
    done = subprocess.run(run, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_commands_need_neither_torch_nor_rich_to_be_listed() -> None:
    done = program("--help", without=("rich", "torch", "matplotlib", "tqdm"))
    assert (done.returncode, done.stderr) == (0, "")


# --------------------------------------------------------------------------------------------- info


def test_info_as_json_is_what_describe_says(status: Status, tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [package(), package("package-1", energy_uj=None)])
    code, out, err = status("info", "--json", "--root", str(root))
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["power"] == power.describe(root)
    assert found["version"] == alert.__version__
    assert found["machine"]["cores"] == len(os.sched_getaffinity(0))


def test_info_names_what_is_missing_and_the_remedy(status: Status, tmp_path: Path) -> None:
    code, out, err = status("info", "--root", str(tmp_path / "none"))
    assert (code, err) == (0, "")
    (lack,) = power.describe(tmp_path / "none")["rapl"]["missing"]
    assert f"missing: {lack['what']}: {lack['why']}" in out
    assert f"remedy: {lack['remedy']}" in out
    assert "RAPL: no power cap, no energy" in out
    assert 'power="auto" is "none": models alone are chosen' in out


def test_info_lists_zones(status: Status, tmp_path: Path) -> None:
    zones = [package(), package("package-1", energy_uj=None, enabled=0)]
    root = build(tmp_path / "powercap", zones)
    out = status("info", "--root", str(root))[1]
    rows = {line.split()[1]: line for line in out.splitlines() if "package-" in line[:14]}
    assert "45 W" in rows["package-0"]
    assert rows["package-0"].count("yes") == 2
    assert "not enabled" in rows["package-1"]
    assert rows["package-1"].count("no ") == 1
    assert "RAPL: power caps from 2 to 90 W, no energy" in out


def test_info_on_a_machine_that_can_do_it_all(status: Status, tmp_path: Path) -> None:
    root = build(tmp_path / "powercap", [package()])
    out = status("info", "--root", str(root))[1]
    assert "RAPL: power caps from 1 to 45 W, energy" in out
    assert 'power="auto" is rapl: real caps, real joules' in out
    assert "missing" not in out.partition("NVML")[0]


def test_info_prints_the_rule_that_grants_what_is_missing(
    status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = power.describe()
    found["rapl"]["rule"] = "KERNEL==[a-z]\nRUN+=/bin/chgrp\n"  # no markup
    monkeypatch.setattr(power, "describe", lambda root: found)
    out = status("info")[1]
    assert f"The rule that grants it:\n\n{found['rapl']['rule']}" in out


def test_info_lists_gpus(status: Status, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = {"name": "Some GPU", "limit": 250.0, "can_cap": True, "can_read": True}
    found = power.describe()
    found["nvml"] |= {"can_cap": True, "can_read": True, "cap_range": [100.0, 300.0], "gpus": [gpu]}
    found["nvml"]["missing"] = []
    monkeypatch.setattr(power, "describe", lambda root: found)
    out = status("info")[1]
    (row,) = [line for line in out.splitlines() if "Some GPU" in line]
    assert "250 W" in row
    assert row.count("yes") == 2
    assert "NVML: power caps from 100 to 300 W, energy" in out


def test_info_lists_cores_that_are_alike_once(
    status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [
        {"name": f"policy{n}", "limit": 3.6 if n < 9 else 2.4, "can_cap": False, "can_read": False}
        for n in range(12)
    ]
    found = power.describe()
    lacks = [{"what": p["name"], "why": "denied", "remedy": "the rule"} for p in parts]
    found["cpufreq"] |= {"can_cap": False, "can_read": False, "policies": parts, "missing": lacks}
    monkeypatch.setattr(power, "describe", lambda root: found)
    out = status("info")[1]
    (fast,) = [line for line in out.splitlines() if "policy0 … policy8" in line]
    assert "3.6 GHz" in fast
    (slow,) = [line for line in out.splitlines() if "policy9 … policy11" in line]
    assert "2.4 GHz" in slow
    assert "missing: policy0, and 11 more: denied" in out
    assert out.count("remedy: the rule") == 1
    assert 'power="cpufreq"' not in out
    found["cpufreq"] |= {"can_cap": True, "cap_range": [0.8, 3.6], "missing": []}
    out = status("info")[1]
    assert "Frequencies: caps from 0.8 to 3.6 GHz, no energy" in out
    assert 'power="cpufreq" caps frequencies' in out or "real caps" in out


def test_info_without_rich_says_what_to_install() -> None:
    done = program("info", without=("rich",))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "alert: this needs rich: pip install 'alert-runtime[cli]'\n"
    done = program("info", "--json", without=("rich",))
    assert done.returncode == 0
    json.loads(done.stdout)


# ------------------------------------------------------------------------------------------ profile


@pytest.fixture
def offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write a module of models into the current directory, where no `sys.path` entry but '' is."""
    source = """
        import time

        def pause(seconds):
            return lambda x: time.sleep(seconds)

        def offer():
            return {
                "models": {"small": pause(1e-3), "large": pause(3e-3)},
                "example": None,
                "accuracy": {"small": 0.6, "large": 0.8},
                "progress": False,
                "idle_seconds": 0.01,
                "max_seconds": 0.5,
                "precision": 1.0,
            }

        def broken():
            raise KeyError("weights")

        def incomplete():
            return {"models": []}

        def tuple():
            return [], None, []
    """
    name = f"offered_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    return name


@pytest.mark.filterwarnings("ignore:.*medians are less precise")
def test_profile_measures_saves_and_prints(status: Status, offer: str, tmp_path: Path) -> None:
    words = ("profile", f"{offer}:offer", "--power", "emulated", "--caps", "10,25", "-o", "p.json")
    code, out, err = status(*words)
    assert (code, err) == (0, "")
    profile = alert.Profile.load(tmp_path / "p.json")
    assert profile.models == ("small", "large")
    assert profile.power_caps.tolist() == [10.0, 25.0]
    assert profile.origin["emulated"]
    assert "emulated" in out
    for i, name in enumerate(profile.models):
        (row,) = [line for line in out.splitlines() if name in line]
        assert f"{1e3 * profile.latency[i, 0]:.3g} ms" in row
        assert f"{1e3 * profile.latency[i, 1]:.3g} ms" in row


@pytest.mark.filterwarnings("ignore:.*medians are less precise")
def test_profile_as_json_is_the_file(status: Status, offer: str, tmp_path: Path) -> None:
    words = ("--power", "emulated", "--caps", "25", "--precision", "1", "--max-seconds", "0.5")
    code, out, err = status("profile", f"{offer}:offer", *words, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == json.loads((tmp_path / "profile.json").read_text())


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("no_such_module_:offer", "ModuleNotFoundError: No module named 'no_such_module_'"),
        ("{}:nothing", "AttributeError: "),
        ("{}:broken", "KeyError: 'weights'"),
        ("{}:incomplete", "expected to return a dict with models, example, accuracy"),
        ("{}:tuple", "expected to return a dict with models, example, accuracy, got tuple"),
    ],
)
def test_profile_says_whose_fault_it_is(
    status: Status, offer: str, function: str, reason: str
) -> None:
    target = function.format(offer)
    code, out, err = status("profile", target, "--power", "emulated")
    assert (code, out) == (1, "")
    assert err.startswith(f"alert: {target}: ")
    assert reason in err
    assert err.count("\n") == 1


def test_what_a_model_raises_comes_with_its_type(
    status: Status, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "failing.py").write_text(
        "def model(x):\n    return {}['weights']\n"
        "def offer():\n    return {'models': [model], 'example': 1, 'accuracy': [0.5]}\n"
    )
    code, out, err = status("profile", "failing:offer", "--power", "none")
    assert (code, out, err) == (1, "", "alert: KeyError: 'weights'\n")


def test_profile_refuses_caps_the_device_does_not_take(status: Status, offer: str) -> None:
    code, _, err = status("profile", f"{offer}:offer", "--power", "emulated", "--caps", "10,300")
    assert code == 1
    assert err.startswith("alert: power_caps[1]: expected ")
    assert not Path("profile.json").exists()


# ------------------------------------------------------------------------------------------ restore

VICTIM = """
import sys
from alert import power

power.journal_directory = lambda: sys.argv[2]
device = power.open("rapl", root=sys.argv[1])
device.set_cap(20.0)
print(flush=True)
sys.stdin.read()
"""


def test_restore_gives_back_what_a_killed_process_left(status: Status, tmp_path: Path) -> None:
    root, journals = build(tmp_path / "powercap", [package()]), tmp_path / "journals"
    limit = constraint_file(zone_path(root), "long_term", "power_limit_uw")
    with subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(root), str(journals)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as victim:
        assert victim.stdout is not None
        victim.stdout.readline()
        (watchdog,) = watchdogs(victim.pid)
        for pid in (watchdog, victim.pid):
            os.kill(pid, signal.SIGKILL)
    wait_for(lambda: is_dead(watchdog))
    assert read(limit) == 20_000_000
    code, out, err = status("restore", "--directory", str(journals))
    assert (code, err) == (0, "")
    assert f"{limit} = 45000000 given back" in out
    assert read(limit) == 45_000_000
    assert status("restore", "--directory", str(journals)) == (0, "nothing to give back\n", "")
    code, out, _ = status("restore", "--directory", str(journals), "--json")
    assert (code, json.loads(out)) == (0, {"files": []})


def test_restore_that_fails_is_status_1(status: Status, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [
        {"path": "/a", "value": 1, "error": None},
        {"path": "/b", "value": 2, "error": "Input/output error"},
    ]
    monkeypatch.setattr(power, "restore", lambda directory: files)
    failed = "alert: 1 of 2 limits could not be given back\n"
    told = "/a = 1 given back\n/b = 2 not given back: Input/output error\n"
    assert status("restore") == (1, told, failed)
    code, out, err = status("restore", "--json")
    assert (code, json.loads(out), err) == (1, {"files": files}, failed)


def test_restore_where_others_may_write(status: Status, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    code, out, err = status("restore", "--directory", str(tmp_path))
    assert (code, out) == (1, "")
    assert err.startswith("alert: ")
    assert str(tmp_path) in err
