"""The folder of a dataset that is being written: what it was begun with, what is written, how much disk it takes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from domaingan.core.errors import DataError
from domaingan.core.files import clear_folder, write_json
from domaingan.core.reading import read_json_object, refuse_malformed
from domaingan.core.run_folder import RunFolder
from domaingan.data import Record

NOTES_FOLDER = ".blend"
"""The folder in an unfinished dataset that says how far it is."""

CHANGE_MESSAGES = {
    "crops": "another bank than it was begun with",
    "samples": "samples that have changed since it was begun",
    "sides": "other sides of the split than it was begun with",
    "atlas_file": "another atlas than it was begun with",
}
"""What to say of settings that are checksums."""

Note = dict[str, Any]


def prepare_folder(folder: Path, settings: Mapping[str, Any], *, resume: bool, overwrite: bool) -> None:
    """Prepare the unfinished folder: a new one, or one that was begun with the same settings.

    Args:
        folder: beside the target; it exists and is locked.
        settings: what the samples follow from.
        resume: whether to continue what was begun.
        overwrite: whether to begin anew where something was begun.

    Raises:
        DataError: it was begun with other settings, or something lies there and neither is asked for.
    """
    run_folder = RunFolder(folder, f"{NOTES_FOLDER}/config.json")
    is_being_finished = (folder / NOTES_FOLDER / "finishing").exists()
    if resume and run_folder.config_path.is_file() and not is_being_finished:
        run_folder.check_config(settings, change_messages=CHANGE_MESSAGES)
        return
    if run_folder.is_filled and not (resume or overwrite):
        raise DataError("something unfinished", path=folder, expected="--resume to go on, or --overwrite")
    clear_folder(folder)
    write_json(run_folder.config_path, settings)


def get_note_path(folder: Path, index: int) -> Path:
    """Get the path of the note that says that a sample is written."""
    return folder / NOTES_FOLDER / f"{index:06d}.json"


def read_note(folder: Path, index: int) -> tuple[Record, list[Note]]:
    """Read the note of a sample: its record, and what was done to it.

    Raises:
        DataError: the note is damaged.
    """
    path = get_note_path(folder, index)
    note = read_json_object(path)
    with refuse_malformed(path, "the note of a sample: remove it, and --resume writes it again"):
        fields = dict(note["record"])
        for name in ("shape", "spacing"):
            fields[name] = tuple(fields[name])
        return Record(**fields), note["done"]


def estimate_disk(folder: Path, n: int) -> str:
    """Estimate the disk that the whole dataset will take from the samples that are written.

    Args:
        folder: the unfinished folder.
        n: number of samples of the whole.

    Returns:
        The estimate as a line for a person.

    Raises:
        DataError: it is more than is free.
    """
    files = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != NOTES_FOLDER]
    n_written = len(list((folder / NOTES_FOLDER).glob("[0-9]*.json")))
    taken = sum(path.stat().st_size for path in files)
    total = taken / max(n_written, 1) * n
    free = shutil.disk_usage(folder).free + taken
    share = f"{100 * total / free:.2g} % of the {format_bytes(free)} that are free"
    estimate = f"about {format_bytes(total)} for {n} samples, {share}"
    if total > free:
        raise DataError(estimate, path=folder.parent, expected="more room on the disk")
    return estimate


def format_bytes(n: float) -> str:
    """Format a size with its unit.

    >>> format_bytes(1234), format_bytes(5.6e7), format_bytes(7e12)
    ('1.2 kB', '56 MB', '7000 GB')
    """
    for unit in ("kB", "MB"):
        n /= 1000
        if n < 1000:
            return f"{n:.2g} {unit}" if n < 100 else f"{n:.0f} {unit}"
    n /= 1000
    return f"{n:.2g} GB" if n < 100 else f"{n:.0f} GB"
