"""Crops, and the Bank that draws them from mapped files."""

from __future__ import annotations

import mmap
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from domaingan.banks.info import BANK_FORMAT, CLASS_CONDITIONS, HEALTHY_VALUE, BankInfo, entry_dtype
from domaingan.banks.verify_files import check_bank_info, check_entries, open_array
from domaingan.core.errors import DataError
from domaingan.core.files import write_folder_atomically, write_json
from domaingan.core.reading import read_json


@dataclass(frozen=True, eq=False)
class Crop:
    """One entry of a bank.

    Attributes:
        image: ``(C, *size)`` float32 in scaled units (see :mod:`domaingan.imaging.intensity`).
        mask: ``(*size)`` uint8 class values, 0 outside the object.
        entry: its row of ``entries.npy``.
        index: its position in the bank.
        condition: its class conditions by name.
    """

    image: NDArray[np.float32]
    mask: NDArray[np.uint8]
    entry: np.void
    index: int
    condition: dict[str, str]

    @property
    def spacing(self) -> tuple[float, ...]:
        """Size of a pixel along each axis, in mm."""
        return tuple(float(s) for s in self.entry["spacing"])

    @property
    def is_bound(self) -> bool:
        """Whether it was made for one place in one host."""
        return int(self.entry["host"]) >= 0

    @property
    def is_healthy(self) -> bool:
        """Whether its mask marks no object, but where what is normal was painted."""
        return any(self.condition.get(name) == HEALTHY_VALUE for name in CLASS_CONDITIONS)


class Bank(Sequence[Crop]):
    """Crops or scenes with their masks and where they come from.

    Args:
        info: what all entries share.
        images: ``(N, C, *size)``, float16 on disk, scaled units.
        masks: ``(N, *size)`` uint8.
        entries: ``(N,)`` rows of :func:`entry_dtype`.
        path: the folder it was loaded from; a bank with a path is sent to workers as its path.
    """

    def __init__(
        self,
        info: BankInfo,
        images: NDArray[Any],
        masks: NDArray[np.uint8],
        entries: NDArray[Any],
        path: Path | None = None,
    ) -> None:
        if not len(images) == len(masks) == len(entries):
            raise DataError(f"{len(images)} images, {len(masks)} masks, {len(entries)} entries", path=path)
        shape = (len(entries), len(info.channels), *masks.shape[1:])
        if images.shape != shape or masks.ndim != 1 + info.spatial_dims:
            wanted = f"{len(info.channels)} channels and {info.spatial_dims}D masks of the same size"
            raise DataError(f"images {images.shape} and masks {masks.shape}", path=path, expected=wanted)
        self.info, self.images, self.masks, self.entries, self.path = info, images, masks, entries, path

    # ---------------------------------------------------------------- disk

    @classmethod
    def load(cls, path: str | Path) -> Bank:
        """Open a bank folder; images and masks stay on disk until they are drawn.

        Raises:
            DataError: a file is missing, torn or of another shape or type, says what no entry has, or the format is
                newer than this package.
        """
        path = Path(path)
        if not (path / "bank.json").is_file():
            raise DataError("no bank", path=path, expected="a folder with bank.json")
        stored = read_json(path / "bank.json")
        if isinstance(stored, dict) and isinstance(stored.get("format"), int) and stored["format"] != BANK_FORMAT:
            advice = "update domaingan" if stored["format"] > BANK_FORMAT else "make the bank again"
            raise DataError(f"bank format {stored['format']}", path=path, expected=f"{BANK_FORMAT}: {advice}")
        try:
            info = BankInfo.model_validate(stored)
        except ValidationError as error:
            first = error.errors()[0]
            reason = ": ".join(filter(None, [".".join(map(str, first["loc"])), first["msg"]]))
            raise DataError(reason, path=path / "bank.json") from None
        check_bank_info(info, path / "bank.json")
        entries = open_array(path / "entries.npy", 1)
        if entries.dtype != entry_dtype(info):
            raise DataError(f"columns {entries.dtype.names}", path=path / "entries.npy", expected="those of bank.json")
        check_entries(entries, info, path / "entries.npy")
        images = open_array(path / "images.npy", 2 + info.spatial_dims, (np.float16, np.float32))
        masks = open_array(path / "masks.npy", 1 + info.spatial_dims, (np.uint8,))
        return cls(info, images, masks, entries, path)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Bank:
        """Write the bank as a folder (atomically) and return it opened from there."""
        needed = 2 * self.images.size + self.masks.size + self.entries.nbytes
        with write_folder_atomically(Path(path), overwrite=overwrite, needed_bytes=needed) as folder:
            np.save(folder / "images.npy", np.asarray(self.images, dtype=np.float16))
            np.save(folder / "masks.npy", self.masks.astype(np.uint8, casting="safe", copy=False))
            np.save(folder / "entries.npy", np.asarray(self.entries))
            write_json(folder / "bank.json", self.info.model_dump())
        return Bank.load(path)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.path is not None:
            return (Bank.load, (self.path.absolute(),))
        return (Bank, (self.info, self.images, self.masks, self.entries))

    # ---------------------------------------------------------------- entries

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> Crop:  # type: ignore[override]  # a slice of a bank is Bank.take
        index = range(len(self))[int(index)]
        image, mask = np.array(self.images[index], dtype=np.float32), np.array(self.masks[index])
        _release_pages(self.images, self.masks)
        if not np.isfinite(image).all():
            raise DataError(f"NaN or infinity in entry {index}", path=self.path, expected="finite pixels")
        return Crop(
            image=image,
            mask=mask,
            entry=self.entries[index],
            index=index,
            condition={
                name: values[code]
                for name, values in self.info.conditions.items()
                if (code := int(self.entries[f"condition:{name}"][index])) >= 0
            },
        )

    def __iter__(self) -> Iterator[Crop]:
        return (self[i] for i in range(len(self)))

    @property
    def size(self) -> tuple[int, ...]:
        """The spatial shape of every entry."""
        return tuple(self.images.shape[2:])

    @property
    def subjects(self) -> tuple[str, ...]:
        """Everyone whose images went into this bank."""
        return tuple(self.info.subjects)

    def find_matching(self, **condition: str) -> NDArray[np.int64]:
        """Positions of the entries with these class conditions.

        Raises:
            DataError: the bank has no such condition or value.
        """
        keep = np.ones(len(self), dtype=bool)
        for name, value in condition.items():
            if name not in self.info.conditions:
                raise DataError(f"no condition {name!r}", path=self.path, expected=_list_names(self.info.conditions))
            values = self.info.conditions[name]
            if value not in values:
                raise DataError(f"no {name}={value}", path=self.path, expected=_list_names(values))
            keep &= self.entries[f"condition:{name}"] == values.index(value)
        return np.flatnonzero(keep)

    def take(self, indices: Sequence[int] | NDArray[Any]) -> Bank:
        """A bank in memory of the entries at these positions (or a boolean each); it still knows all subjects."""
        chosen = np.asarray(indices)
        chosen = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
        images, masks, entries = (np.asarray(part[chosen]) for part in (self.images, self.masks, self.entries))
        return Bank(self.info, images, masks, entries)

    def select_subjects(self, subjects: Sequence[str]) -> Bank:
        """The entries made from these subjects alone, and a bank that knows only them.

        Raises:
            DataError: an entry's subject is not known (generated banks), so that it cannot be told apart.
        """
        if (self.entries["subject"] < 0).any():
            raise DataError("entries of no particular subject", path=self.path, expected="a bank of real crops")
        asked = set(subjects)
        wanted = [s for s in self.info.subjects if s in asked]
        codes = {self.info.subjects.index(s): new for new, s in enumerate(wanted)}
        bank = self.take(np.flatnonzero(np.isin(self.entries["subject"], list(codes))))
        bank.entries["subject"] = [codes[int(code)] for code in bank.entries["subject"]]
        sums = {one: subject for one, subject in self.info.checksums.items() if subject in asked}
        info = self.info.model_copy(update={"subjects": wanted, "checksums": sums})
        return Bank(info, bank.images, bank.masks, bank.entries)

    def describe_entry(self, crop: Crop) -> str:
        """Say what one of its entries shows, and whose it is."""
        code = int(crop.entry["subject"])
        donor = f"from {self.info.subjects[code]}" if code >= 0 else "generated"
        return ", ".join([*crop.condition.values(), donor])

    def count_conditions(self) -> dict[str, dict[str, int]]:
        """For each class condition the number of entries of each value (the values that occur)."""
        result = {}
        for name, values in self.info.conditions.items():
            seen = Counter(int(code) for code in self.entries[f"condition:{name}"])
            result[name] = {value: seen[code] for code, value in enumerate(values) if seen[code]}
        return result

    def __repr__(self) -> str:
        made = "generated" if self.info.generated else "real"
        size = "×".join(map(str, self.size))
        conditions = self.count_conditions()
        return f"Bank({len(self)} {made} {self.info.kind}, {size}, {conditions}, {len(self.subjects)} subjects)"


def _release_pages(*arrays: NDArray[Any]) -> None:
    """Hand the pages of mapped files back: they stay in the system's cache, but do not pile up in every worker."""
    for array in arrays:
        file: Any = array.base
        if isinstance(file, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
            file.madvise(mmap.MADV_DONTNEED)


def _list_names(names: Any) -> str:
    return f"one of {', '.join(names)}" if names else "none: it has no conditions"


BankKind = Literal["crops", "scenes"]
FolderOpener = Callable[[Path, BankKind | None], Bank]

_folder_openers: list[FolderOpener] = []


def register_opener(open_folder: FolderOpener) -> None:
    """Let a layer above open folders that no bank was written to: pictures, scans, crops with masks."""
    _folder_openers[:] = [open_folder]


def resolve_bank(bank: Bank | str | Path, kind: BankKind | None = None) -> Bank:
    """A bank, or the one in a folder.

    Args:
        bank: a bank or its folder.
        kind: what is wanted of a folder that could be either.

    Raises:
        DataError: as :meth:`Bank.load` (or as what was registered opens it), or it is something else.
    """
    if isinstance(bank, Bank):
        return bank
    if not isinstance(bank, str | Path):
        raise DataError(f"a {type(bank).__name__}", expected="a bank, or the folder of one")
    path = Path(bank).expanduser()
    return _folder_openers[0](path, kind) if _folder_openers and path.is_dir() else Bank.load(path)
