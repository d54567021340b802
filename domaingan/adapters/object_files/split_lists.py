"""Splits as text files, one for each split, with a frame's name on each line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from domaingan.adapters.problems import make_problem
from domaingan.core.errors import DataError
from domaingan.core.files import write_file_atomically
from domaingan.core.reading import read_text
from domaingan.data import Problem, Record

SPLIT_NAMES = ("train", "val", "test")
"""Splits whose files are read. ``trainval.txt`` says nothing beyond them."""


def read_split_lists(folder: Path, problems: list[Problem]) -> dict[str, str]:
    """Read the splits of frames.

    Args:
        folder: of ``train.txt``, ``val.txt`` and ``test.txt``, any of which may be missing.
        problems: files that cannot be read, and frames in two splits, are added here.

    Returns:
        The split of each frame by its name.
    """
    splits: dict[str, str] = {}
    for split in SPLIT_NAMES:
        path = folder / f"{split}.txt"
        if not path.exists():
            continue
        try:
            lines = read_text(path).split("\n")
        except DataError as error:
            problems.append(make_problem(error, path))
            continue
        for line in lines:
            name = line.split()[0] if line.split() else ""
            if name in splits and splits[name] != split:
                problems.append(Problem(str(path), f"{name} is in {splits[name]}.txt too; it stays there"))
            elif name:
                splits[name] = split
    return splits


def write_split_lists(folder: Path, records: Sequence[Record]) -> None:
    """Write a file for each of :data:`SPLIT_NAMES` that any frame is in.

    Args:
        folder: where they are written.
        records: of all frames.
    """
    for split in SPLIT_NAMES:
        names = sorted(record.name for record in records if record.split == split)
        if not names:
            continue
        folder.mkdir(parents=True, exist_ok=True)
        with write_file_atomically(folder / f"{split}.txt") as temporary:
            temporary.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
