"""Keep the bank of an albumentations transform in saved and replayed pipelines, and seed its draws."""

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
    """Hold a bank that has no folder, for a pipeline as a dictionary.

    ``A.from_dict`` accepts it. ``A.save`` cannot write it.

    Attributes:
        bank: the bank itself.
    """

    bank: Bank


class BankTransform:
    """Store the bank of a transform by its path when the transform becomes a dictionary.

    Attributes:
        bank: the opened bank.
        bank_folder: the bank's absolute path; None if it is only in memory.
        settings: the transform's other arguments.
    """

    bank: Bank
    bank_folder: Path | None
    settings: dict[str, Any]

    def _open_bank(self, bank: Bank | InMemoryBank | str | Path, kind: BankKind) -> None:
        """Open the bank that a user passes, and note its folder."""
        if isinstance(bank, InMemoryBank):
            bank = bank.bank
        self.bank = open_bank_of_kind(bank, kind)
        folder = bank if isinstance(bank, str | Path) else self.bank.path
        self.bank_folder = None if folder is None else Path(folder).expanduser().absolute()

    def get_transform_init_args(self) -> dict[str, Any]:
        """Return the arguments as plain lists and dictionaries."""
        if self.bank_folder is None:
            return {"bank": InMemoryBank(self.bank), **self.settings}
        return {"bank": str(self.bank_folder), **self.settings}

    def get_dict_with_id(self) -> dict[str, Any]:
        """Return the arguments for ``A.ReplayCompose``, with the opened bank: a replay runs in the same process."""
        return {**super().get_dict_with_id(), "bank": self.bank}  # type: ignore[misc]


class SeededTransform:
    """Seed a transform anew for each image, in any process; see :mod:`domaingan.integrations.call_seeds`.

    Attributes:
        call_seeds: gives each call its seed.
        call_seed: the seed of the last call.
    """

    call_seeds: CallSeeds
    call_seed: int = 0

    def set_random_seed(self, seed: int | None) -> None:
        """Start again from a seed.

        Args:
            seed: a random one if None.
        """
        super().set_random_seed(seed)  # type: ignore[misc]
        self.call_seeds = CallSeeds(seed)

    def set_random_state(self, random_generator: np.random.Generator, py_random: random.Random) -> None:
        """Start again from the next draw of a generator.

        Args:
            random_generator: its next integer is the seed.
            py_random: handed on to albumentations.
        """
        super().set_random_state(random_generator, py_random)  # type: ignore[misc]
        self.call_seeds = CallSeeds(int(random_generator.integers(2**63)))

    def __call__(self, *args: Any, force_apply: bool = False, **kwargs: Any) -> Any:
        """Apply the transform to the targets; all draws follow from the seed of this call."""
        if not self.replay_mode and isinstance(kwargs.get("image"), np.ndarray):  # type: ignore[attr-defined]
            self.call_seed = self.call_seeds.make_seed(kwargs["image"])
            generator = np.random.default_rng(self.call_seed)
            py_random = random.Random(self.call_seed)
            super().set_random_state(generator, py_random)  # type: ignore[misc]
        return super().__call__(*args, force_apply=force_apply, **kwargs)  # type: ignore[misc]
