"""Writing an augmented dataset: in parallel, and so that it can be continued after an interruption.

An unfinished dataset lies beside the target as ``.NAME.unfinished``. In its folder ``.blend`` are the settings and one
note for each sample that is written. When the last sample is written, the folder becomes the target at once.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from domaingan.adapters import get_adapter
from domaingan.adapters.base import make_record
from domaingan.augmentation.offline.augmented_dataset import AugmentedDataset, SampleJob
from domaingan.augmentation.offline.fingerprints import fingerprint_bank, fingerprint_data
from domaingan.augmentation.offline.nnunet_folds import SPLITS_JSON
from domaingan.augmentation.offline.sample_workers import run_jobs
from domaingan.augmentation.offline.unfinished_folder import (
    NOTES_FOLDER,
    Note,
    estimate_disk,
    get_note_path,
    prepare_folder,
    read_note,
)
from domaingan.core.errors import DataError
from domaingan.core.files import LOCK_FILE, clear_folder, refuse_existing_folder, to_json_types, write_json
from domaingan.core.locks import lock_folder
from domaingan.data import Record, Schema

FIRST_SAMPLES = 4
"""Samples that are written first, to estimate the disk that all of them will take."""


@dataclass(frozen=True)
class ProgressCallbacks:
    """What is called while the dataset is written.

    Attributes:
        say: with a line for a person.
        update: with the number of samples that are written, and that of all samples.
    """

    say: Callable[[str], None] = lambda message: None
    update: Callable[[int, int], None] = lambda done, total: None


def write_augmented_dataset(
    augmented: AugmentedDataset,
    schema: Schema,
    out: Path,
    settings: Mapping[str, Any],
    *,
    workers: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    callbacks: ProgressCallbacks | None = None,
) -> dict[str, list[Note]]:
    """Write the augmented dataset in its own layout.

    Args:
        augmented: makes the samples.
        schema: of what is written: the hosts', and the conditions that looks bring along.
        out: the new folder.
        settings: whatever else the samples follow from, in plain words: a resumed run must have the same.
        workers: number of processes; as many as there are cores, unless there are few samples.
        resume: continue what was interrupted.
        overwrite: replace what is at ``out``, and begin anew where something was interrupted.
        callbacks: get the disk that will be taken, and how far the work has come.

    Returns:
        What was done to each sample by its name: the records of pastes, or the one of a relight.

    Raises:
        DataError: the folder is taken, or something unfinished lies there and neither ``resume`` nor ``overwrite`` is
            said; it was begun with other settings, another bank or other samples; two samples have one name; the disk
            is too small.
    """
    callbacks = callbacks or ProgressCallbacks()
    names = [job.name for job in augmented.jobs]
    refuse_existing_folder(out, overwrite=overwrite)
    doubled = [name for name, count in Counter(names).items() if count > 1]
    if doubled:
        raise DataError(f"two samples called {doubled[0]!r}", path=out, expected="a name of its own for each")
    folder = out.parent / f".{out.name}.unfinished"
    all_settings = {**settings, "names": _compute_checksum(names), **_list_sources(augmented)}
    with lock_folder(folder):
        prepare_folder(folder, to_json_types(all_settings), resume=resume, overwrite=overwrite)
        return _write_samples(augmented, schema, out, folder, workers, callbacks, resume=resume)


def _write_samples(
    augmented: AugmentedDataset,
    schema: Schema,
    out: Path,
    folder: Path,
    workers: int | None,
    callbacks: ProgressCallbacks,
    *,
    resume: bool,
) -> dict[str, list[Note]]:
    """Write the samples that are not written yet, and make the folder the target."""
    n_samples = len(augmented.jobs)
    left = [index for index in range(n_samples) if not get_note_path(folder, index).is_file()]
    n_done = n_samples - len(left)
    if n_done:
        callbacks.say(f"{n_done} of {n_samples} samples are written already")
    step = max(1, len(left) // FIRST_SAMPLES)
    first = left[::step][:FIRST_SAMPLES]
    job = partial(_make_and_write, augmented, schema, folder, augmented.jobs)
    try:
        for index in first:
            job(index)
            n_done += 1
            callbacks.update(n_done, n_samples)
    except DataError:
        if not resume:  # a mistake that shows at once leaves nothing behind
            clear_folder(folder)
        raise
    callbacks.say(estimate_disk(folder, n_samples))
    rest = [index for index in left if index not in first]
    for _ in run_jobs(job, rest, workers):
        n_done += 1
        callbacks.update(n_done, n_samples)
    notes = [read_note(folder, index) for index in range(n_samples)]
    return _publish(folder, out, notes, get_adapter(schema.layout).finish_dataset, schema, augmented)


def _list_sources(augmented: AugmentedDataset) -> dict[str, Any]:
    """List what the samples follow from, as far as the dataset knows it: a resumed run must have the same."""
    sides, blender = augmented.sides, augmented.blender
    return {
        "seed": augmented.seed,
        "classic": augmented.classic,
        "copies": augmented.copies,
        "strips_text": augmented.is_text_stripped,
        "sides": None if sides is None else _compute_checksum(sorted(sides.side_by_sample.items())),
        "own": sides is not None and sides.is_own_allowed,
        "crops": None if blender is None else fingerprint_bank(blender.bank),
        "samples": fingerprint_data(augmented.data),
    }


def _make_and_write(
    augmented: AugmentedDataset, schema: Schema, folder: Path, jobs: Sequence[SampleJob], index: int
) -> None:
    """Make a sample, write it, and then note that it is written."""
    sample = augmented.make_sample(jobs[index])
    get_adapter(schema.layout).write_sample(folder, sample, schema)
    done = augmented.describe_blend(sample)
    record = asdict(make_record(sample))
    stored = {name: value for name, value in record.items() if name not in ("files", "affine")}
    write_json(get_note_path(folder, index), {"record": stored, "done": done})


def _publish(
    folder: Path,
    out: Path,
    notes: Sequence[tuple[Record, list[Note]]],
    finish: Callable[[Path, Schema, Sequence[Record]], None],
    schema: Schema,
    augmented: AugmentedDataset,
) -> dict[str, list[Note]]:
    """Write what describes the whole dataset, and make the folder the target."""
    done = {record.name: made for record, made in notes}
    (folder / NOTES_FOLDER / "finishing").touch()  # from here on it cannot go on, but only begin anew
    finish(folder, schema, [record for record, _ in notes])
    if augmented.blender is not None:
        write_json(folder / f"{augmented.kind}.json", done)
    if augmented.sides is not None and augmented.sides.splits and augmented.copies is not None:
        write_json(folder / SPLITS_JSON, _extend_splits(augmented, done))
    if augmented.classic:
        write_json(folder / "classic.json", {"level": augmented.classic, "seed": augmented.seed})
    shutil.rmtree(folder / NOTES_FOLDER)
    replaced = out.parent / f".{out.name}.replaced"
    if out.exists():
        out.rename(replaced)
    (folder / LOCK_FILE).unlink(missing_ok=True)  # what is being finished is not gone on with: nobody else can take it
    folder.rename(out)
    shutil.rmtree(replaced, ignore_errors=True)
    return done


def _extend_splits(augmented: AugmentedDataset, done: Mapping[str, Sequence[Note]]) -> list[dict[str, list[str]]]:
    """Add the copies to the folds: each to those in which nothing of it is of a subject that the fold validates."""
    assert augmented.sides is not None
    everyone = [] if augmented.blender is None else list(augmented.blender.bank.subjects)
    copies = []
    for job in augmented.jobs:
        if not job.copy:
            continue
        donors = [note["donor"] for note in done[job.name]]
        if "" in donors:  # a generated crop is of no subject in particular: it may show any subject of the bank
            donors = everyone
        host = augmented.data.records[job.index].name
        copies.append((job.name, host, donors))
    return augmented.sides.extend_splits(copies)


def _compute_checksum(names: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(list(names)).encode()).hexdigest()[:16]
