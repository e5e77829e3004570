"""What "smartdeal" makes of two networks: bytes, accuracy, and the time to unpack.

Run ``python benchmarks/bench_smartdeal.py``: ten minutes on one thread. Every figure of
docs/howto/smartdeal.md comes from one run. Times are CPU seconds of one thread. It needs the extra
"demo".
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from skimage import data
from smartdeal_rivals import Integers, alternated, rounded, rounded_with_feedback
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from alert.store.opening import open_weights
from alert.store.packed_tensor import PackedTensor
from alert.store.tensors import bytes_of
from alert.store.weights import pieces
from alert.variants.smartdeal import Decomposed, decompose
from alert.workloads import efficientnet, patches, photographs, training

STEPS = 300  # batches of 64 that all are trained with
ROUNDS = 10  # of the authors' alternation, in as many steps
RUNS = 15  # of what is timed; the fastest counts

CONSOLE = Console(width=110)


def timed(act: Callable[[], Any]) -> tuple[Any, float]:
    """Return what a function returns, and the CPU seconds it took."""
    begun = time.process_time()
    found = act()
    return found, time.process_time() - begun


def fastest(act: Callable[[], object]) -> float:
    return min(timed(act)[1] for _ in range(RUNS))


def table(title: str, *columns: str) -> Table:
    made = Table(title=title, title_justify="left")
    made.add_column("")
    for column in columns:
        made.add_column(column, justify="right")
    return made


# --------------------------------------------------------------------------------------- patches


class Patches:
    """The network of patches, its training, and 4032 patches that it was not trained on."""

    def __init__(self) -> None:
        self.data = patches.Patches()
        generator = torch.Generator().manual_seed(1)
        draw = self.data.draw
        self.measured = [draw(64, patches.SIZE, generator, held_out=True) for _ in range(63)]
        self.net, _ = training.trained(
            "patches-plain-32",
            training.version(patches.__file__, settings=700),
            lambda: patches.NestedConvolutions([32], self.data.classes),
            lambda generator: draw(64, 40, generator, held_out=False),
            700,
            self.accuracies,
        )
        generator.manual_seed(11)
        self.batches = [draw(64, 40, generator, held_out=False) for _ in range(STEPS)]

    def accuracies(self, net: nn.Module) -> list[float]:
        """Measure the accuracy on the patches held out."""
        with torch.inference_mode():
            return training.hits(net.eval(), self.measured, 1, 1)

    def train(
        self, net: nn.Module, project: Callable[[], None] | None = None, rounds: int = 1
    ) -> None:
        """Train for a cycle of the learning rate; call `project` so many times meanwhile."""
        net.train()
        optimiser = torch.optim.AdamW(net.parameters(), 5e-4)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-4, total_steps=STEPS)
        for step, (x, labels) in enumerate(self.batches, 1):
            loss = cross_entropy(next(iter(net(x))), labels)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            if project is not None and step % (STEPS // rounds) == 0:
                project()


def show_patches() -> None:
    """Compare sizes and accuracies, before and after the same training."""
    task = Patches()
    size = sum(tensor.nbytes for tensor in task.net.state_dict().values())
    shown = table(
        f"plain-32 of patches, 4032 patches held out, {STEPS} steps of training",
        *("times smaller", "as it is", "trained", "CPU s"),
    )

    def accuracy(net: nn.Module) -> str:
        return f"{task.accuracies(net)[0]:.3f}"

    def row(name: str, smaller: float, before: str, after: str, seconds: float) -> None:
        shown.add_row(name, f"{smaller:.1f}", before, after, f"{seconds:.0f}")

    def free() -> nn.Module:
        net = patches.NestedConvolutions([32], task.data.classes)
        net.load_state_dict(task.net.state_dict())
        task.train(net)
        return net

    more, seconds = timed(free)
    row("float32", 1.0, accuracy(task.net), accuracy(more), seconds)
    for bits, keep in ((4, 1.0), (4, 0.5), (4, 0.3), (4, 0.2), (3, 0.5)):
        before = accuracy(decompose(task.net, keep=keep, bits=bits).model)
        make = partial(decompose, task.net, keep=keep, bits=bits, train=task.train)
        done, seconds = timed(make)
        name = f"smartdeal, {bits} bits, {keep:.0%} of the rows"
        row(name, done.accounting.ratio, before, accuracy(done.model), seconds)
    for keep in (0.5, 0.3):
        before = accuracy(decompose(task.net, keep=keep, method="authors").model)
        theirs, seconds = timed(partial(alternated, task.net, keep, task.train, ROUNDS))
        name = f"the authors' alternation, {keep:.0%} of the rows"
        row(name, theirs.accounting.ratio, before, accuracy(theirs.model), seconds)
    rivals = {
        "int4": Integers(15),
        "three levels": Integers(3),
        "50% of the vectors, int4": Integers(15, 0.5),
        "30% of the vectors, int4": Integers(15, 0.3),
    }
    for name, scheme in rivals.items():
        before_net, taken = rounded(task.net, scheme)
        (after, _), seconds = timed(partial(rounded, task.net, scheme, task.train))
        row(name, size / taken, accuracy(before_net), accuracy(after), seconds)
    CONSOLE.print(shown)


# ------------------------------------------------------------------------------ EfficientNet-Lite0

TEXTURES = (
    *("brick", "cell", "clock", "coins", "grass", "gravel", "hubble_deep_field"),
    *("immunohistochemistry", "moon", "retina", "text", "page"),
)


def textures(count: int) -> list[Tensor]:
    """Cut pictures for calibration; none shows what the test pictures show."""
    rng, found = np.random.default_rng(0), []
    for k in range(count):
        image = np.asarray(getattr(data, TEXTURES[k % len(TEXTURES)])())
        image = np.stack([image] * 3, -1) if image.ndim == 2 else image[..., :3]
        image = 255.0 * image / image.max()
        side = int(min(image.shape[:2]) * rng.uniform(0.4, 1.0))
        top, left = (int(rng.integers(0, extent - side + 1)) for extent in image.shape[:2])
        part = torch.from_numpy(np.ascontiguousarray(image[top : top + side, left : left + side]))
        pixels = part.permute(2, 0, 1)[None].float()
        found.append(interpolate(pixels, (224, 224), mode="bilinear", antialias=True).byte())
    return found


class Agreement:
    """Compares networks with the original, on 64 crops of 8 photographs."""

    def __init__(self, net: nn.Module) -> None:
        self.pictures = torch.cat([picture.pixels for picture in photographs.stream(64, 7)])
        self.wanted = self.logits(net)

    def logits(self, net: nn.Module) -> Tensor:
        """Run a network on all pictures."""
        with torch.inference_mode():
            return torch.cat([net(part) for part in torch.split(self.pictures, 16)])

    def of(self, net: nn.Module) -> tuple[str, str]:
        """Return the share of equal classes, and the divergence of the distributions."""
        found = self.logits(net)
        share = (found.argmax(1) == self.wanted.argmax(1)).float().mean()
        wanted = self.wanted.log_softmax(1)
        divergence = (wanted.exp() * (wanted - found.log_softmax(1))).sum(1).mean()
        return f"{share:.3f}", f"{divergence:.2f}"


def show_lite0() -> None:
    """Compare sizes and agreement, without labels and without training; then unpack."""
    net = efficientnet.Classifier(0)
    size = sum(tensor.nbytes for tensor in net.state_dict().values())
    agreement, inputs = Agreement(net), textures(36)
    shown = table(
        "EfficientNet-Lite0, no labels, no training; agreement on 64 pictures",
        *("times smaller", "top-1 agrees", "KL", "CPU s"),
    )
    found: dict[str, Decomposed] = {}
    ways: dict[str, dict[str, Any]] = {
        "smartdeal, as the authors": {"method": "authors"},
        "smartdeal": {},
        "smartdeal, 36 unlabelled pictures": {"calibration": inputs},
    }
    for name, options in ways.items():
        found[name], seconds = timed(partial(decompose, net, **options))
        ratio = found[name].accounting.ratio
        shown.add_row(name, f"{ratio:.2f}", *agreement.of(found[name].model), f"{seconds:.0f}")
    scheme = Integers(15)
    (plain, taken), seconds = timed(lambda: rounded(net, scheme))
    shown.add_row("int4", f"{size / taken:.2f}", *agreement.of(plain), f"{seconds:.0f}")
    given, seconds = timed(lambda: rounded_with_feedback(plain_but(net, plain), scheme, inputs))
    name = "int4, 36 unlabelled pictures"
    shown.add_row(name, f"{size / taken:.2f}", *agreement.of(given), f"{seconds:.0f}")
    CONSOLE.print(shown)
    last = found["smartdeal, 36 unlabelled pictures"]
    CONSOLE.print(f"its file: {last.accounting}")
    show_unpacking(net, last)


def plain_but(net: nn.Module, rounded_net: nn.Module) -> nn.Module:
    """Return the network with all that is rounded in the other one but the layers' weights."""
    from alert.variants.decomposition.layers import chosen

    kept = {name: net.state_dict()[name] for name in chosen(net)}
    rounded_net.load_state_dict({**rounded_net.state_dict(), **kept})
    return rounded_net


def show_unpacking(net: nn.Module, done: Decomposed) -> None:
    """Time the way from the file into tensors, against `torch.load` of the float32 file."""
    with tempfile.TemporaryDirectory() as folder:
        packed, whole = Path(folder, "net.sdw"), Path(folder, "net.pt")
        done.save(packed)
        torch.save(net.state_dict(), whole)
        assert packed.stat().st_size == done.accounting.total
        weights = [p for p in done.tensors.values() if p.tensor.form == "basis"]
        count = sum(p.tensor.spec.size // 4 for p in weights)
        memory = [np.empty(p.tensor.spec.size, np.uint8) for p in weights]
        contents = [np.frombuffer(p.payload, np.uint8) for p in weights]

        def unpack() -> None:
            for p, content, into in zip(weights, contents, memory, strict=True):
                PackedTensor.decode(p.tensor, content, into)

        unpacking, reading = fastest(unpack), fastest(lambda: read(packed))
        loading = fastest(lambda: torch.load(whole, weights_only=True))
    shown = table("from the file to tensors in memory", "")
    shown.add_row("unpacking in C, ns a weight", f"{1e9 * unpacking / count:.2f}")
    shown.add_row("reading and unpacking the file, ms", f"{1e3 * reading:.1f}")
    shown.add_row("torch.load of the float32 file, ms", f"{1e3 * loading:.1f}")
    shown.add_row("unpacking / torch.load", f"{unpacking / loading:.2f}")
    shown.add_row("reading and unpacking / torch.load", f"{reading / loading:.2f}")
    CONSOLE.print(shown)


def read(path: Path) -> dict[str, Tensor]:
    """Read a packed file, as a store does."""
    file = open_weights(path)
    tensors = {name: torch.empty(s.shape, dtype=s.dtype) for name, s in file.specs.items()}
    for piece in pieces(file.specs):
        into = [bytes_of(tensors[part.name])[part.start : part.stop] for part in piece]
        file.read(piece, into)
    file.close()
    return tensors


def main() -> None:
    """Print the tables."""
    torch.set_num_threads(1)
    if "lite0" not in sys.argv:
        show_patches()
    if "patches" not in sys.argv:
        show_lite0()


if __name__ == "__main__":
    main()
