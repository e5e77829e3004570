"""The C tests of power, under AddressSanitizer and UndefinedBehaviorSanitizer."""

from __future__ import annotations

from pathlib import Path

import pytest
from programs import ROOT, SANITIZE, build, run

POWER = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("csrc/power/**/*.c"))


@pytest.mark.parametrize("name", ["test_power", "test_parts", "test_counter", "test_cpufreq"])
def test_under_the_sanitizers(tmp_path: Path, name: str) -> None:
    sources = [f"tests/c/{name}.c", *POWER]
    result = run(build(tmp_path / name, *SANITIZE, *sources, "-lm", "-ldl"))
    assert result.returncode == 0, result.stderr


@pytest.mark.needs("powercap-headers")
def test_private_declarations_match_the_library_header(tmp_path: Path) -> None:
    source = "tests/c/powercap_layout.c"
    ours = run(build(tmp_path / "ours", source))
    real = run(build(tmp_path / "real", "-DREAL", source, "-lpowercap"))
    assert ours.returncode == real.returncode == 0
    assert len(real.stdout.splitlines()) == 27
    assert ours.stdout == real.stdout


def test_libpowercap_is_spoken_to_in_one_place_only() -> None:
    for path in (ROOT / "csrc").glob("**/*.[ch]"):
        text = path.read_text()
        if path.parent.name != "rapl":
            assert "powercap_dl.h" not in text, path
            assert "powercap.h" not in text, path
        if path.parent.name != "python":
            assert "Python.h" not in text, path
    for path in [
        ROOT / "csrc/power/rapl/rapl.c",
        ROOT / "csrc/power/power.c",
        ROOT / "csrc/alert_power.h",
    ]:
        for unit in ("_uw", "_uj", "_us;"):
            assert unit not in path.read_text(), path
