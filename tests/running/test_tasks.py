"""The tasks of the evaluation, trained for a few batches: enough to see that they fit together."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import alert
from alert import cli
from alert.workloads import patches, prose, record_task, training, words
from alert.workloads.task import Task


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


@pytest.fixture(scope="module")
def text() -> words.Text:
    return words.Text()


def check(task: Task, outputs: int, steps: int, load: Any, patch: pytest.MonkeyPatch) -> None:
    """Run every model once; load again, which trains nothing and finds the same."""
    inputs, group = task.inputs(12, 5)
    assert len(inputs) == len(group) == 12
    assert list(task.models) == list(task.accuracy)
    with torch.inference_mode():
        for name, model in task.models.items():
            accuracy = task.accuracy[name]
            got = model(inputs[0])
            exits = list(got) if isinstance(accuracy, list) else [got]
            assert len(exits) == (len(accuracy) if isinstance(accuracy, list) else 1)
            assert all(logits.shape == (1, outputs) for logits in exits)
    again, _ = task.inputs(12, 5)
    assert all(torch.equal(a, b) for a, b in zip(inputs, again, strict=True))
    other, _ = task.inputs(12, 6)
    assert not all(torch.equal(a, b) for a, b in zip(inputs, other, strict=True))

    patch.setattr(training, "_learn", None)
    kept = load(steps)
    assert kept.accuracy == task.accuracy
    name = next(iter(task.models))
    with torch.inference_mode():
        assert torch.equal(kept.models[name](inputs[1]), task.models[name](inputs[1]))


def test_patches(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    task = patches.load(2)
    check(task, patches.Patches().classes, 2, patches.load, monkeypatch)
    assert len(list((cache / "alert").glob("patches-*.pt"))) == len(task.models) == 5


def test_patches_to_measure_with_overlap_none_to_learn_from() -> None:
    """Put every pixel's coordinates where its brightness would be."""
    photographs = patches.Patches()
    height, width = 400, 500
    photographs._pictures = [torch.arange(height * width).float().view(height, width)]
    photographs.classes = 1
    generator = torch.Generator().manual_seed(0)
    seen = {
        held_out: {
            int(pixel)
            for _ in range(200)
            for pixel in photographs._patch(0, 40, generator, held_out)[::39, ::39].flatten()
        }
        for held_out in (False, True)
    }
    blocks = {
        held_out: {(p // width // 112, p % width // 112) for p in pixels}
        for held_out, pixels in seen.items()
    }
    assert blocks[True]
    assert blocks[False]
    assert not blocks[True] & blocks[False]


def test_words(monkeypatch: pytest.MonkeyPatch, text: words.Text) -> None:
    monkeypatch.setattr(words, "Text", lambda: text)
    task = words.load(2)
    check(task, text.words, 2, words.load, monkeypatch)


def test_words_of_a_sentence_share_a_group_and_follow_each_other(text: words.Text) -> None:
    windows, group = text.stream(80, 3)
    spelled = {number: word for word, number in text.vocabulary.items()}
    assert group[0] != group[-1]
    assert (np.diff(group) >= 0).all()
    for t in range(79):
        assert torch.equal(windows[t][0, 1:], windows[t + 1][0, :-1])
        last = spelled.get(int(windows[t + 1][0, -1]), "")  # the word that was to be predicted
        if group[t + 1] != group[t]:
            assert last in {".", ""}  # ends its sentence; or one with a mark outside the text
    assert spelled.get(int(windows[0][0, -1])) == "."


def test_prose(monkeypatch: pytest.MonkeyPatch, text: words.Text) -> None:
    monkeypatch.setattr(prose, "Text", lambda: text)
    task = prose.load(2)
    check(task, text.words, 2, prose.load, monkeypatch)
    _, group = task.inputs(40, 3)
    assert group.tolist() == list(range(40))  # each word has a deadline of its own


def test_a_transformer_sees_nothing_of_the_words_to_come() -> None:
    network = prose.Transformer([1, 1], 64, 20)
    seen = torch.randint(20, (2, prose.CONTEXT))
    changed = seen.clone()
    changed[:, 9] = (changed[:, 9] + 1) % 20
    for before, after in zip(network(seen), network(changed), strict=True):
        assert torch.allclose(before[:, :9], after[:, :9], atol=1e-6)
        assert not torch.allclose(before[:, 9:], after[:, 9:], atol=1e-3)
    every = list(network(seen))
    for last, words_before in zip(network.eval()(seen), every, strict=True):
        assert torch.allclose(last, words_before[:, -1], atol=1e-5)


def test_every_sentence_of_prose_counts_once() -> None:
    text = """Heading

    The default is to compute the mean
    of all elements. Don't use it, as ``x = 3`` is code here.  Short one. It is
    deprecated, and will be removed!

    The default is to compute the mean of all elements.
    """
    assert [" ".join(found) for found in words._sentences([text, text])] == [
        "the default is to compute the mean of all elements .",
        "it is deprecated , and will be removed",
    ]


@pytest.mark.parametrize("kind", ["convolutions", "recurrence", "attention"])
def test_a_later_exit_leaves_the_earlier_ones_as_they_were(kind: str) -> None:
    torch.manual_seed(0)
    nested: Any
    if kind == "convolutions":
        x, nested = torch.rand(1, 1, 16, 16), patches.NestedConvolutions([4, 4, 8], 10)
        last = [layer[2] for layer in nested.layers]
    elif kind == "attention":
        x, nested = torch.arange(6)[None], prose.Transformer([1, 1, 1], 32, 10)
        last = [nested.stages[2]]
    else:
        x, nested = torch.arange(6)[None], words.NestedRecurrence([4, 4, 8], 10)
        last = [nested.stripes[2]]
    with torch.inference_mode():
        before = list(nested.eval()(x))
        for module in (*last, nested.exits[2]):
            for weights in module.parameters():
                weights.add_(1.0)
        after = list(nested(x))
    assert torch.equal(before[0], after[0])
    assert torch.equal(before[1], after[1])
    assert not torch.equal(before[2], after[2])


class Net(torch.nn.Linear):
    def forward(self, x: torch.Tensor) -> Any:
        yield super().forward(x)


def test_training_learns_and_is_repeatable() -> None:
    def draw(generator: torch.Generator) -> training.Batch:
        x = torch.randn(64, 2, generator=generator)
        return x, (x[:, 0] > x[:, 1]).long()

    measured = [draw(torch.Generator().manual_seed(9))]

    def learn(name: str, steps: int) -> tuple[torch.nn.Module, float]:
        network, (accuracy,) = training.trained(
            *(name, "key", lambda: Net(2, 2), draw, steps),
            lambda network: training.hits(network, measured, 1, 1),
        )
        return network, accuracy

    first, accuracy = learn("one", 400)
    assert accuracy > 0.75
    assert learn("short", 2)[1] < accuracy
    again, _ = learn("two", 400)
    assert all(map(torch.equal, first.state_dict().values(), again.state_dict().values()))


def test_a_network_that_cannot_be_kept_serves_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train() -> None:
        batch = torch.zeros(4, 200), torch.zeros(4, dtype=torch.long)
        network, accuracy = training.trained(
            *("net", "key", lambda: Net(200, 200), lambda _: batch, 1), lambda _: [0.5]
        )
        assert accuracy == [0.5]
        assert not network.training

    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match=r"could not be kept \(.*Not a directory"):
        train()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))  # like a disk that is full
    try:
        with pytest.warns(UserWarning, match=r"could not be kept \(.*File too large"):
            train()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not any((tmp_path / "alert").iterdir())


@pytest.fixture
def _busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine of a test need not be quiet."""
    monkeypatch.setattr("alert.measuring.record._NOT_QUIET", 1e9)


@pytest.mark.usefixtures("_busy")
def test_records_a_task_beside_contention(monkeypatch: pytest.MonkeyPatch) -> None:
    task = Task("patches", lambda n, seed: ([torch.ones(40, 40)] * n, np.arange(n)))
    task.add("one", lambda x: x.sum(), 0.5)
    task.add("two", lambda x: (x @ x).sum(), 0.6)
    monkeypatch.setattr(record_task, "load_task", lambda name, **_: task)
    trace = record_task.record("patches", "compute", 50, 0, power="emulated", progress=False)
    assert trace.latency.shape == (50, 2, 5)
    assert trace.phases == ("quiet", "compute")
    assert 0 < trace.phase.sum() < 50
    assert trace.emulated
    assert (trace.task, trace.environment, trace.seed) == ("patches", "compute", 0)


def test_refuses_a_task_that_is_none() -> None:
    with pytest.raises(ValueError, match=r"task: expected one of .*'images'.*, got 'chess'"):
        record_task.load_task("chess")


def test_the_cascade_gives_the_answers_of_its_networks() -> None:
    task = record_task.load_task("images")
    (pixels, _), group = task.inputs(2, 0)
    assert group.tolist() == [0, 1]
    assert len(task.models) == 4
    with torch.inference_mode():
        first, last = task.models["cascade"](pixels)
        assert torch.equal(first, task.models["EfficientNet-Lite0"](pixels))
        assert torch.equal(last, task.models["EfficientNet-Lite2"](pixels))
    assert task.accuracy["cascade"] == [0.751, 0.776]


@pytest.mark.usefixtures("_busy")
def test_the_command_records_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = Task("words", lambda n, seed: ([torch.ones(40, 40)] * n, np.arange(n) // 4))
    task.add("one", lambda x: (x @ x).sum(), 0.5)
    monkeypatch.setattr(record_task, "load_task", lambda name, **_: task)
    path = tmp_path / "t.npz"
    command = [
        "record",
        "words",
        "quiet",
        "--power",
        "emulated",
        "--caps",
        "10,20",
        "-o",
        str(path),
    ]
    assert cli.main([*command, "-n", "5"]) == 0
    assert cli.main([*command, "-n", "6", "--seed", "4", "--append"]) == 0
    assert "emulated" in capsys.readouterr().out
    trace = alert.Trace.load(path)
    assert trace.group.tolist() == [0, 0, 0, 0, 1, 2, 2, 2, 2, 3, 3]
    assert trace.profile.power_caps.tolist() == [10.0, 20.0]
    assert trace.origin["seeds"] == [0, 4]
    assert cli.main([*command, "-n", "0"]) == 1
    assert "inputs: expected an integer >= 1, got 0" in capsys.readouterr().err
