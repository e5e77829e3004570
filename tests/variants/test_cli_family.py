"""`alert family`: a family made, measured, stored, and run in less memory than it takes."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import small_networks as small
import torch
from needs import require

import alert
from alert import cli, variants

require("rich", "matplotlib", "safetensors", "torch_pruning")
require("skimage", "sklearn", "efficientnet_lite_pytorch")

from alert.workloads import efficientnet, families, patches  # noqa: E402

SOURCE = """
    import small_networks as small

    def offer():
        return {
            "model": small.network(),
            "example": small.pictures(1)[0],
            "calibration": small.pictures(8),
            "train": small.nothing,
            "kinds": ["pruned:0.4", "lowres:0.5"],
            # The pruned one is smaller, the other one is faster and better.
            "evaluate": lambda model: sum(p.numel() for p in model.parameters()) / 3000,
        }

    def bare():
        return {"model": small.network()}

    def interrupted():
        def train(module):
            raise KeyboardInterrupt

        return {**offer(), "train": train, "kinds": ["lowres:0.5", "pruned:0.4"]}
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"mynetwork_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(textwrap.dedent(SOURCE))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    clock = small.Clock(**{"original": 0.004, "pruned:0.4": 0.002, "lowres:0.5": 0.001})
    monkeypatch.setattr("alert.variants.measuring.latencies", clock)
    return name


@pytest.mark.filterwarnings("ignore:.* medians are less precise")
def test_everything_is_done_and_said(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--power", "emulated", "-n", "20", "--quiet"]
    assert cli.main(["family", f"{module}:offer", *words]) == 0
    printed = capsys.readouterr().out
    assert "agrees: with the original, on 4 inputs" in printed
    assert "alert.Report: 20 inputs" in printed
    assert "deadline=0.008" in printed
    assert "<alert.Store of" in printed
    family = variants.load("family/variants", small.network())
    assert list(family) == ["pruned:0.4", "lowres:0.5"]
    assert alert.Profile.load("family/profile.json").models == tuple(family)
    assert Path("family/family.png").read_bytes().startswith(b"\x89PNG")


def test_what_was_made_is_saved_when_it_is_interrupted(
    module: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["family", f"{module}:interrupted", "--quiet"]) == 130
    said = capsys.readouterr().err
    assert "family/variants holds what was measured before it stopped: <alert.variants.Fam" in said
    assert list(variants.load("family/variants", small.network())) == ["original", "lowres:0.5"]


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_made(
    module: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("family/variants").mkdir(parents=True)
    Path("family/variants/thesis.tex").write_text("dear")
    assert cli.main(["family", f"{module}:interrupted", "--quiet"]) == 1
    assert "there is a directory already, and no family in it" in capsys.readouterr().err


def test_a_function_that_offers_too_little(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["family", f"{module}:bare"]) == 1
    assert "expected to return a dict with model, example" in capsys.readouterr().err


# ------------------------------------------------------------------------- the two that are offered


def test_the_patches_are_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_MEASURED", "_CALIBRATION", "_BATCH"):
        monkeypatch.setattr(families, name, 4)
    monkeypatch.setattr(families, "_AGAIN", 2)
    network = patches.NestedConvolutions([8], 19)
    monkeypatch.setattr(families, "_trained", lambda *_: network)
    offered = families.of_patches()
    weight = next(network.parameters())
    before = weight.detach().clone()
    offered["train"](offered["model"])
    assert not torch.equal(weight, before)
    with torch.inference_mode():
        assert 0.0 <= offered["evaluate"](offered["model"].eval()) <= 1.0
        assert offered["model"](offered["example"]).shape == (1, 19)


def test_the_photographs_are_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(families, "_CALIBRATION", 2)
    offered: Any = families.of_photographs()
    whole = efficientnet.Classifier(0)
    with torch.inference_mode():
        x = offered["example"]
        assert torch.allclose(offered["model"](x), whole(x))
        assert offered["model"](x[..., ::2, ::2]).shape == (1, 1000)
