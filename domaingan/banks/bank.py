"""Crops, and the Bank that draws them from mapped files."""

from __future__ import annotations

import mmap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.banks.bank_files import load_bank_files
from domaingan.banks.info import CLASS_CONDITIONS, HEALTHY_VALUE, BankInfo, BankKind
from domaingan.core.errors import DataError
from domaingan.core.files import write_folder_atomically, write_json


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
        """Size of a pixel along each axis, in mm; of a crop of a frame in the frame's own pixels."""
        return tuple(float(step) for step in self.entry["spacing"])

    @property
    def is_bound(self) -> bool:
        """Whether the crop was made for one place in one host."""
        return int(self.entry["host"]) >= 0

    @property
    def is_healthy(self) -> bool:
        """Whether the crop shows healthy tissue or empty ground: its mask then marks the place, but no object."""
        return any(self.condition.get(name) == HEALTHY_VALUE for name in CLASS_CONDITIONS)


class Bank(Sequence[Crop]):
    """Crops or scenes with their masks and where they come from.

    Args:
        info: what all entries share.
        images: ``(N, C, *size)``, float16 on disk, scaled units.
        masks: ``(N, *size)`` uint8.
        entries: ``(N,)`` rows of :func:`domaingan.banks.entry_dtype`.
        path: the folder the bank was loaded from. A bank with a path is sent to workers as its path.

    Raises:
        DataError: the arrays differ in length or size, or do not fit the info.
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
        expected_shape = (len(entries), len(info.channels), *masks.shape[1:])
        if images.shape != expected_shape or masks.ndim != 1 + info.spatial_dims:
            expected = f"{len(info.channels)} channels and {info.spatial_dims}D masks of the same size"
            raise DataError(f"images {images.shape} and masks {masks.shape}", path=path, expected=expected)
        self.info = info
        self.images = images
        self.masks = masks
        self.entries = entries
        self.path = path

    # ---------------------------------------------------------------- disk

    @classmethod
    def load(cls, path: str | Path) -> Bank:
        """Open a bank folder. Images and masks stay on disk until they are drawn.

        Args:
            path: the folder.

        Returns:
            The bank, with its path.

        Raises:
            DataError: a file is missing, damaged, or of another shape or type; a row has impossible values; or the
                format is newer than this package.
        """
        path = Path(path)
        info, images, masks, entries = load_bank_files(path)
        return cls(info, images, masks, entries, path)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Bank:
        """Write the bank as a folder, atomically.

        Args:
            path: the folder to write.
            overwrite: replace a folder that exists.

        Returns:
            The bank, opened from the new folder.

        Raises:
            DataError: the folder exists, or cannot be written.
        """
        needed_bytes = 2 * self.images.size + self.masks.size + self.entries.nbytes
        with write_folder_atomically(Path(path), overwrite=overwrite, needed_bytes=needed_bytes) as folder:
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
        image = np.array(self.images[index], dtype=np.float32)
        mask = np.array(self.masks[index])
        _release_pages(self.images, self.masks)
        if not np.isfinite(image).all():
            raise DataError(f"NaN or infinity in entry {index}", path=self.path, expected="finite pixels")
        condition = self._get_condition(index)
        return Crop(image, mask, self.entries[index], index, condition)

    def __iter__(self) -> Iterator[Crop]:
        return (self[index] for index in range(len(self)))

    def _get_condition(self, index: int) -> dict[str, str]:
        """Read the class conditions of an entry; those that are not known are left out."""
        condition = {}
        for name, values in self.info.conditions.items():
            code = int(self.entries[f"condition:{name}"][index])
            if code >= 0:
                condition[name] = values[code]
        return condition

    @property
    def size(self) -> tuple[int, ...]:
        """The spatial shape of every entry."""
        return tuple(self.images.shape[2:])

    @property
    def subjects(self) -> tuple[str, ...]:
        """All subjects whose images went into this bank."""
        return tuple(self.info.subjects)

    def find_matching(self, **condition: str) -> NDArray[np.int64]:
        """Find the entries with these class conditions.

        Args:
            condition: the wanted value of each condition, such as ``lesion="enhancing"``.

        Returns:
            ``(M,)`` positions in the bank, in order.

        Raises:
            DataError: the bank has no such condition or value.
        """
        is_match = np.ones(len(self), dtype=bool)
        for name, value in condition.items():
            if name not in self.info.conditions:
                raise DataError(f"no condition {name!r}", path=self.path, expected=_list_names(self.info.conditions))
            values = self.info.conditions[name]
            if value not in values:
                raise DataError(f"no {name}={value}", path=self.path, expected=_list_names(values))
            is_match &= self.entries[f"condition:{name}"] == values.index(value)
        return np.flatnonzero(is_match)

    def take(self, indices: Sequence[int] | NDArray[Any]) -> Bank:
        """Take some entries into a bank in memory. The new bank still names all subjects of this one.

        Args:
            indices: ``(M,)`` positions, or ``(N,)`` booleans.

        Returns:
            A bank of these entries, in the order of the positions.
        """
        positions = np.asarray(indices)
        if positions.dtype == bool:
            positions = np.flatnonzero(positions)
        positions = positions.astype(np.int64)
        images = np.asarray(self.images[positions])
        masks = np.asarray(self.masks[positions])
        entries = np.asarray(self.entries[positions])
        return Bank(self.info, images, masks, entries)

    def select_subjects(self, subjects: Sequence[str]) -> Bank:
        """Take the entries that were made from these subjects alone.

        Args:
            subjects: names of subjects; names that the bank does not know are ignored.

        Returns:
            A bank in memory that names only these subjects.

        Raises:
            DataError: the subject of an entry is not known, as in generated banks.
        """
        if (self.entries["subject"] < 0).any():
            raise DataError("entries of no particular subject", path=self.path, expected="a bank of real crops")
        requested = set(subjects)
        selected = [subject for subject in self.info.subjects if subject in requested]
        new_codes = {self.info.subjects.index(subject): code for code, subject in enumerate(selected)}
        bank = self.take(np.isin(self.entries["subject"], list(new_codes)))
        bank.entries["subject"] = [new_codes[int(code)] for code in bank.entries["subject"]]
        checksums = {value: subject for value, subject in self.info.checksums.items() if subject in requested}
        info = self.info.model_copy(update={"subjects": selected, "checksums": checksums})
        return Bank(info, bank.images, bank.masks, bank.entries)

    def describe_entry(self, crop: Crop) -> str:
        """Describe a crop of this bank in a few words: its conditions and its donor.

        Args:
            crop: one of this bank's.

        Returns:
            A text such as ``enhancing, from patient_7``.
        """
        code = int(crop.entry["subject"])
        donor = f"from {self.info.subjects[code]}" if code >= 0 else "generated"
        return ", ".join([*crop.condition.values(), donor])

    def count_conditions(self) -> dict[str, dict[str, int]]:
        """Count the entries of each value of each class condition.

        Returns:
            The number of entries by condition and value; values that do not occur are left out.
        """
        counts = {}
        for name, values in self.info.conditions.items():
            entries_per_code = Counter(self.entries[f"condition:{name}"].tolist())
            counts[name] = {
                value: entries_per_code[code] for code, value in enumerate(values) if entries_per_code[code]
            }
        return counts

    def __repr__(self) -> str:
        origin = "generated" if self.info.generated else "real"
        size = "×".join(map(str, self.size))
        kind = f"{len(self)} {origin} {self.info.kind}"
        return f"Bank({kind}, {size}, {self.count_conditions()}, {len(self.subjects)} subjects)"


def _release_pages(*arrays: NDArray[Any]) -> None:
    """Hand the pages of mapped files back: they stay in the system's cache, but do not pile up in every worker."""
    for array in arrays:
        file: Any = array.base
        if isinstance(file, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
            file.madvise(mmap.MADV_DONTNEED)


def _list_names(names: Iterable[str] | Mapping[str, Any]) -> str:
    """List the names that a condition or a value can have, for a message."""
    listed = ", ".join(names)
    return f"one of {listed}" if listed else "none: it has no conditions"


# -------------------------------------------------------------------- folders

FolderOpener = Callable[[Path, BankKind | None], Bank]

_folder_openers: list[FolderOpener] = []


def register_opener(open_folder: FolderOpener) -> None:
    """Register the function that opens folders of pictures, scans, or crops with masks as banks.

    A layer above this one knows their layouts. Without it only folders that :meth:`Bank.save` wrote can be opened.

    Args:
        open_folder: takes the folder and the kind of bank that is wanted, or None for either.
    """
    _folder_openers[:] = [open_folder]


def resolve_bank(bank: Bank | str | Path, kind: BankKind | None = None) -> Bank:
    """Return a bank as it is, or open the one in a folder.

    Args:
        bank: a bank or its folder.
        kind: the kind of bank that is wanted where a folder could be either.

    Returns:
        The bank.

    Raises:
        DataError: ``bank`` is neither a bank nor a path, or the folder cannot be opened (see :meth:`Bank.load`).
    """
    if isinstance(bank, Bank):
        return bank
    if not isinstance(bank, str | Path):
        raise DataError(f"a {type(bank).__name__}", expected="a bank, or the folder of one")
    path = Path(bank).expanduser()
    if _folder_openers and path.is_dir():
        return _folder_openers[0](path, kind)
    return Bank.load(path)
