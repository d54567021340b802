"""The bank of a transform of albumentations, as it travels: in a pipeline that is saved, in one that is replayed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domaingan.adapters.folders import Kind
from domaingan.bank import Bank
from domaingan.transforms.hosts import opened


@dataclass(frozen=True)
class Unsaved:
    """A bank that is in memory alone, in a pipeline as a dictionary: ``A.from_dict`` takes it, ``A.save`` cannot."""

    bank: Bank


class OfBank:
    """A transform with a bank: as a dictionary it has the bank's path."""

    bank: Bank
    folder: Path | None
    settings: dict[str, Any]

    def _open(self, bank: Bank | Unsaved | str | Path, kind: Kind) -> None:
        """Open the bank that a user gives."""
        self.bank = opened(bank.bank if isinstance(bank, Unsaved) else bank, kind)
        folder = bank if isinstance(bank, str | Path) else self.bank.path
        self.folder = None if folder is None else Path(folder).expanduser().absolute()

    def get_transform_init_args(self) -> dict[str, Any]:
        """The arguments in plain lists and dictionaries."""
        return {"bank": Unsaved(self.bank) if self.folder is None else str(self.folder), **self.settings}

    def get_dict_with_id(self) -> dict[str, Any]:
        """The same for ``A.ReplayCompose``, with the bank itself: replays happen where it was opened."""
        return {**super().get_dict_with_id(), "bank": self.bank}  # type: ignore[misc]
