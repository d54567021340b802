"""Writing an augmented dataset: in parallel, so that it can go on after an interruption, the disk it takes said first.

What is not finished lies beside the target as ``.NAME.unfinished``: a dataset that grows, and in ``.blend`` what was
asked for and one note a sample that is written. When the last one is, it becomes the target at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from domaingan.adapters import get_adapter
from domaingan.adapters.base import make_record
from domaingan.augmentation.offline.augmented_dataset import AugmentedDataset, SampleJob
from domaingan.augmentation.offline.fingerprints import fingerprint_bank, fingerprint_data
from domaingan.augmentation.offline.nnunet_folds import SPLITS_JSON
from domaingan.core.errors import DataError
from domaingan.core.files import LOCK_FILE, clear_folder, refuse_existing_folder, to_json_types, write_json
from domaingan.core.locks import lock_folder
from domaingan.core.reading import read_json_object, refuse_malformed
from domaingan.data import Record, Schema

NOTES_FOLDER = ".blend"
"""The folder in an unfinished dataset that says how far it is."""

FIRST_SAMPLES = 4
"""Samples that are written first, for the disk that all of them will take."""

MIN_SAMPLES_PER_WORKER = 8
"""Samples that are worth starting another process for, which takes seconds."""

CHANGE_MESSAGES = {
    "crops": "another bank than it was begun with",
    "samples": "samples that have changed since it was begun",
    "sides": "other sides of the split than it was begun with",
    "atlas_file": "another atlas than it was begun with",
}
"""What to say of settings that are checksums."""

Note = dict[str, Any]


@dataclass(frozen=True)
class ProgressCallbacks:
    """Whom to tell how it goes.

    Attributes:
        say: a line for a person.
        update: how many of how many samples are written.
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
        offline: makes the samples.
        schema: of what is written: the hosts', and the conditions that looks bring along.
        out: the new folder.
        settings: whatever else the samples follow from, in plain words: a resumed run must have the same.
        workers: processes; as many as there are cores, unless there are few samples.
        resume: go on with what was interrupted.
        overwrite: replace what is at ``out``, and begin anew where something was interrupted.
        told: is told the disk that will be taken, and how it goes.

    Returns:
        What was done to each sample by its name: the records of pastes, or the one of a relight.

    Raises:
        DataError: the folder is taken, or something unfinished lies there and neither ``resume`` nor ``overwrite`` is
            said; it was begun with other settings, another bank or other samples; two samples have one name; the disk
            is too small.
    """
    callbacks, names = callbacks or ProgressCallbacks(), [job.name for job in augmented.jobs]
    refuse_existing_folder(out, overwrite=overwrite)
    if double := [name for name, n in Counter(names).items() if n > 1]:
        raise DataError(f"two samples called {double[0]!r}", path=out, expected="a name of its own for each")
    folder = out.parent / f".{out.name}.unfinished"
    asked = to_json_types({**settings, "names": _compute_checksum(names), **_list_sources(augmented)})
    with lock_folder(folder):
        _prepare_folder(folder, asked, resume=resume, overwrite=overwrite)
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
    """Write what is not there yet in a folder that is ours, and make it the target."""
    adapter, names = get_adapter(schema.layout), [job.name for job in augmented.jobs]
    left = [i for i in range(len(names)) if not _get_note_path(folder, i).is_file()]
    if len(left) < len(names):
        callbacks.say(f"{len(names) - len(left)} of {len(names)} samples are written already")
    first = left[:: max(1, len(left) // FIRST_SAMPLES)][:FIRST_SAMPLES]
    job = partial(_make_and_write, augmented, schema, folder, augmented.jobs)
    try:
        for done, _ in enumerate(map(job, first), start=len(names) - len(left) + 1):
            callbacks.update(done, len(names))
    except DataError:
        if not resume:  # a mistake that shows at once leaves nothing behind
            clear_folder(folder)
        raise
    callbacks.say(_estimate_disk(folder, len(names)))
    rest = [i for i in left if i not in first]
    for done, _ in enumerate(_run_jobs(job, rest, workers), start=len(names) - len(rest) + 1):
        callbacks.update(done, len(names))
    return _publish(
        folder, out, [_read_note(folder, i) for i in range(len(names))], adapter.finish_dataset, schema, augmented
    )


def _list_sources(augmented: AugmentedDataset) -> dict[str, Any]:
    """What the samples follow from, as far as the set itself can tell: a resumed run must have the same."""
    return {
        "seed": augmented.seed,
        "classic": augmented.classic,
        "copies": augmented.copies,
        "strips_text": augmented.is_text_stripped,
        "sides": None if augmented.sides is None else _compute_checksum(sorted(augmented.sides.side_by_sample.items())),
        "own": augmented.sides is not None and augmented.sides.is_own_allowed,
        "crops": None if augmented.blender is None else fingerprint_bank(augmented.blender.bank),
        "samples": fingerprint_data(augmented.data),
    }


def _make_and_write(
    augmented: AugmentedDataset, schema: Schema, folder: Path, jobs: Sequence[SampleJob], index: int
) -> None:
    """Make a sample, write it, and then note that it is written."""
    sample = augmented.make_sample(jobs[index])
    get_adapter(schema.layout).write_sample(folder, sample, schema)
    done = augmented.describe_blend(sample)
    record = {name: value for name, value in asdict(make_record(sample)).items() if name not in ("files", "affine")}
    write_json(_get_note_path(folder, index), {"record": record, "done": done})


def _run_jobs(job: Callable[[int], None], indices: Sequence[int], workers: int | None) -> Iterator[None]:
    n = workers or max(1, min(os.cpu_count() or 1, len(indices) // MIN_SAMPLES_PER_WORKER))
    if n == 1:
        yield from map(job, indices)
        return
    with ProcessPoolExecutor(n, mp_context=get_context("spawn"), initializer=_start_worker, initargs=(job,)) as pool:
        try:
            yield from pool.map(_run_worker_job, indices)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


_WORKER_JOBS: list[Callable[[int], None]] = []
"""What a worker does: sent to it once, as a bank in memory is too large to go along with every sample."""


def _run_worker_job(index: int) -> None:
    _WORKER_JOBS[0](index)


def _start_worker(job: Callable[[int], None]) -> None:
    """One thread a process: there is a process for every core."""
    import cv2
    import torch

    _WORKER_JOBS[:] = [job]

    cv2.setNumThreads(1)
    torch.set_num_threads(1)


# ----------------------------------------------------------------------- the folder


def _prepare_folder(folder: Path, settings: Mapping[str, Any], *, resume: bool, overwrite: bool) -> None:
    """Make the unfinished folder what was asked for: a new one, or one that was begun so."""
    stored = folder / NOTES_FOLDER / "config.json"
    is_begun = any(path.name != LOCK_FILE for path in folder.iterdir())
    if is_begun and resume and stored.is_file() and not (folder / NOTES_FOLDER / "finishing").exists():
        begun = read_json_object(stored)
        if changed := [name for name in settings if begun.get(name) != settings[name]]:
            name = changed[0]
            if name in CHANGE_MESSAGES:
                raise DataError(CHANGE_MESSAGES[name], path=stored, expected="the same, or --overwrite to begin anew")
            raise DataError(f"{name} {settings[name]!r}", path=stored, expected=f"{begun.get(name)!r}, as it was begun")
        return
    if is_begun and not (resume or overwrite):
        raise DataError("something unfinished", path=folder, expected="--resume to go on, or --overwrite")
    clear_folder(folder)
    write_json(stored, settings)


def _get_note_path(folder: Path, index: int) -> Path:
    return folder / NOTES_FOLDER / f"{index:06d}.json"


def _read_note(folder: Path, index: int) -> tuple[Record, list[Note]]:
    note = read_json_object(_get_note_path(folder, index))
    with refuse_malformed(
        _get_note_path(folder, index), "the note of a sample: remove it, and --resume writes it again"
    ):
        record = note["record"] | {name: tuple(note["record"][name]) for name in ("shape", "spacing")}
        return Record(**record), note["done"]


def _estimate_disk(folder: Path, n: int) -> str:
    """How much disk the whole will take, by the samples that are there.

    Raises:
        DataError: it is more than there is.
    """
    files = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != NOTES_FOLDER]
    written = len(list((folder / NOTES_FOLDER).glob("[0-9]*.json")))
    taken = sum(path.stat().st_size for path in files)
    total = taken / max(written, 1) * n
    free = shutil.disk_usage(folder).free + taken
    said = f"about {_bytes(total)} for {n} samples, {100 * total / free:.2g} % of the {_bytes(free)} that are free"
    if total > free:
        raise DataError(said, path=folder.parent, expected="more room on the disk")
    return said


def _bytes(n: float) -> str:
    """A size in words.

    >>> _bytes(1234), _bytes(5.6e7), _bytes(7e12)
    ('1.2 kB', '56 MB', '7000 GB')
    """
    for unit in ("kB", "MB"):
        n /= 1000
        if n < 1000:
            return f"{n:.2g} {unit}" if n < 100 else f"{n:.0f} {unit}"
    n /= 1000
    return f"{n:.2g} GB" if n < 100 else f"{n:.0f} GB"


def _publish(
    folder: Path,
    out: Path,
    written: Iterable[tuple[Record, list[Note]]],
    finish: Callable[[Path, Schema, Sequence[Record]], None],
    schema: Schema,
    augmented: AugmentedDataset,
) -> dict[str, list[Note]]:
    """Write what describes the whole, and make it the target."""
    pairs = list(written)
    done = {record.name: notes for record, notes in pairs}
    (folder / NOTES_FOLDER / "finishing").touch()  # from here on it cannot go on, but only begin anew
    finish(folder, schema, [record for record, _ in pairs])
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
    """The folds of the originals with the copies in them that know nothing of whom a fold validates."""
    assert augmented.sides is not None
    everyone = [] if augmented.blender is None else list(augmented.blender.bank.subjects)
    copies = []
    for job in augmented.jobs:
        if job.copy:
            donors = [note["donor"] for note in done[job.name]]
            # What no subject in particular gave (a GAN drew it) knows everyone in the bank.
            donors = everyone if "" in donors else donors
            copies.append((job.name, augmented.data.records[job.index].name, donors))
    return augmented.sides.extend_splits(copies)


def _compute_checksum(names: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(list(names)).encode()).hexdigest()[:16]
