"""What travels with a transform of albumentations: its bank, in saved and replayed pipelines, and its draws."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from domaingan.banks import Bank, BankKind
from domaingan.integrations.bank_and_classes import open_bank_of_kind
from domaingan.integrations.call_seeds import CallSeeds


@dataclass(frozen=True)
class InMemoryBank:
    """A bank that is in memory alone, in a pipeline as a dictionary: ``A.from_dict`` takes it, ``A.save`` cannot."""

    bank: Bank


class BankTransform:
    """A transform with a bank: as a dictionary it has the bank's path."""

    bank: Bank
    bank_folder: Path | None
    settings: dict[str, Any]

    def _open_bank(self, bank: Bank | InMemoryBank | str | Path, kind: BankKind) -> None:
        """Open the bank that a user gives."""
        self.bank = open_bank_of_kind(bank.bank if isinstance(bank, InMemoryBank) else bank, kind)
        folder = bank if isinstance(bank, str | Path) else self.bank.path
        self.bank_folder = None if folder is None else Path(folder).expanduser().absolute()

    def get_transform_init_args(self) -> dict[str, Any]:
        """The arguments in plain lists and dictionaries."""
        return {"bank": InMemoryBank(self.bank) if self.bank_folder is None else str(self.bank_folder), **self.settings}

    def get_dict_with_id(self) -> dict[str, Any]:
        """The same for ``A.ReplayCompose``, with the bank itself: replays happen where it was opened."""
        return {**super().get_dict_with_id(), "bank": self.bank}  # type: ignore[misc]


class SeededTransform:
    """A transform that draws anew for each image, in any process; see :mod:`domaingan.integrations.call_seeds`."""

    call_seeds: CallSeeds
    call_seed: int = 0

    def set_random_seed(self, seed: int | None) -> None:
        """Begin anew from a seed, or from a random one."""
        super().set_random_seed(seed)  # type: ignore[misc]
        self.call_seeds = CallSeeds(seed)

    def set_random_state(self, random_generator: np.random.Generator, py_random: random.Random) -> None:
        """Begin anew from what a generator draws next."""
        super().set_random_state(random_generator, py_random)  # type: ignore[misc]
        self.call_seeds = CallSeeds(int(random_generator.integers(2**63)))

    def __call__(self, *args: Any, force_apply: bool = False, **kwargs: Any) -> Any:
        """Apply to the targets; everything that is drawn follows from the seed of this call."""
        if not self.replay_mode and isinstance(kwargs.get("image"), np.ndarray):  # type: ignore[attr-defined]
            self.call_seed = self.call_seeds.make_seed(kwargs["image"])
            generator, py_random = np.random.default_rng(self.call_seed), random.Random(self.call_seed)
            super().set_random_state(generator, py_random)  # type: ignore[misc]
        return super().__call__(*args, force_apply=force_apply, **kwargs)  # type: ignore[misc]
