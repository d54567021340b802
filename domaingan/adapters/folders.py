"""Banks as people have them: a folder that was written as one, or simply a folder of pictures."""

from __future__ import annotations

from pathlib import Path

from domaingan.adapters.frames import PICTURES, pictures_in, read_picture
from domaingan.bank import Bank
from domaingan.errors import DataError
from domaingan.sample import Dataset, Record, Sample, Schema
from domaingan.scenery import scenes

REFERENCE_SIZE = 256
"""Edge of the scenes made of pictures: looks are in coarse colours, and memory is short."""

SCHEMA = Schema("pictures", "frame", 2, ("red", "green", "blue"), {})


def open_bank(path: str | Path) -> Bank:
    """The bank in a folder; a folder of pictures (:data:`~domaingan.adapters.frames.PICTURES`) is one of scenes.

    Such pictures are reference frames: real ones, without conditions, each known by its file's name, 256 pixels an
    edge, in memory.

    Raises:
        DataError: there is no such folder, nothing in it can be a bank, or a picture cannot be read.
    """
    path = Path(path).expanduser()
    if not path.is_dir():
        raise DataError("a file" if path.exists() else "no such folder", path=path, expected="a bank, or pictures")
    if (path / "bank.json").exists():
        return Bank.load(path)
    files = pictures_in(path)
    if not files:
        expected = f"a folder that crops or sample wrote, or one of pictures ({', '.join(PICTURES)})"
        raise DataError("no bank", path=path, expected=expected)
    records = [Record(file.stem, files={"image": file}) for file in files]
    return scenes(Dataset(records, _read, SCHEMA, path), REFERENCE_SIZE, ())


def _read(record: Record) -> Sample:
    return Sample(read_picture(record.files["image"]), meta=record.facts())
