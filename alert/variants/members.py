"""A family: the variants of one network that are worth having."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from alert import files
from alert.variants import saving, skeleton, table
from alert.variants.variant import Variant


class Family(Mapping[str, Callable[..., Any]]):
    """Variants of one network: a mapping from names to callables.

    `Profile.measure` and `Runner` take it in the place of a dict, and `alert.Store` takes it once
    it has been saved or loaded.

    Attributes
    ----------
    variants : list of Variant
        All that were measured, also those that are left out.
    failed : list of str
        For each variant that could not be made its name and the reason.
    estimated : bool
        Accuracies are estimated from the agreement with the original.
    compared : int
        Inputs on which outputs were compared with those of the original.
    """

    def __init__(
        self,
        network: nn.Module | None,
        variants: Sequence[Variant],
        failed: Sequence[str],
        estimated: bool,
        compared: int,
        stored: Mapping[str, Path] | None = None,
    ) -> None:
        self.variants = list(variants)
        self.failed = list(failed)
        self.estimated = estimated
        self.compared = compared
        self._network = network
        self._kept = {variant.name: variant for variant in variants if not variant.why}
        self._stored = dict(stored or {})

    def __getitem__(self, name: str) -> Callable[..., Any]:
        model = self._kept[name].model
        assert model is not None
        return model

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def accuracy(self) -> dict[str, float]:
        """Accuracy of each variant, in the form that `Profile.measure` takes."""
        return {name: variant.accuracy for name, variant in self._kept.items()}

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Save the variants into a directory, whole or not at all.

        Parameters
        ----------
        directory : str or path
            It is made, or must be empty, or hold a family, which is replaced.

        Raises
        ------
        OSError
            The directory cannot be written, or holds something else.
        ValueError
            A variant cannot be stored: a function made it, and its modules, or their settings, are
            others than those of the original.
        """
        rest = {"failed": self.failed, "estimated": self.estimated, "compared": self.compared}
        self._stored = saving.save(files.as_path(directory), self.variants, rest)

    def stored(self) -> dict[str, tuple[Callable[[], nn.Module], Path]]:
        """Return how each variant is built, and its file, in the form that `alert.Store` takes.

        Raises
        ------
        ValueError
            The family has not been saved.
        """
        if not self._stored:
            raise ValueError("the family has no files yet: call its method save first")
        return {
            name: (skeleton.builder(self._network, self._kept[name].steps), path)
            for name, path in self._stored.items()
        }

    def __str__(self) -> str:
        return table.text(self.variants, self.failed, self.estimated, self.compared)

    def __repr__(self) -> str:
        return f"<alert.variants.Family of {len(self)}: {', '.join(self)}>"
