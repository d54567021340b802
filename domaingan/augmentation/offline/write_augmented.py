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
from domaingan.adapters.write_dataset import make_record
from domaingan.augmentation.offline.augmented_dataset import Job, Offline
from domaingan.augmentation.offline.fingerprints import fingerprint_bank, fingerprint_data
from domaingan.augmentation.offline.nnunet_folds import SPLITS_JSON
from domaingan.core.errors import DataError
from domaingan.core.files import LOCK, claim_folder, empty_folder, plain, write_json
from domaingan.core.locks import hold_folder
from domaingan.core.reading import read_json_object, refuse_malformed
from domaingan.data import Record, Schema

NOTES = ".blend"
"""The folder in an unfinished dataset that says how far it is."""

TRIED = 4
"""Samples that are written first, for the disk that all of them will take."""

PER_WORKER = 8
"""Samples that are worth starting another process for, which takes seconds."""

CHANGED = {
    "crops": "another bank than it was begun with",
    "samples": "samples that have changed since it was begun",
    "sides": "other sides of the split than it was begun with",
    "atlas_file": "another atlas than it was begun with",
}
"""What to say of settings that are checksums."""

Note = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """Whom to tell how it goes.

    Attributes:
        say: a line for a person.
        update: how many of how many samples are written.
    """

    say: Callable[[str], None] = lambda message: None
    update: Callable[[int, int], None] = lambda done, total: None


def write(
    offline: Offline,
    schema: Schema,
    out: Path,
    settings: Mapping[str, Any],
    *,
    workers: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    told: Told | None = None,
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
    told, names = told or Told(), [job.name for job in offline.jobs]
    claim_folder(out, overwrite=overwrite)
    if double := [name for name, n in Counter(names).items() if n > 1]:
        raise DataError(f"two samples called {double[0]!r}", path=out, expected="a name of its own for each")
    folder = out.parent / f".{out.name}.unfinished"
    asked = plain({**settings, "names": _checksum(names), **_made_from(offline)})
    with hold_folder(folder):
        _claim(folder, asked, resume=resume, overwrite=overwrite)
        return _write(offline, schema, out, folder, workers, told, resume=resume)


def _write(
    offline: Offline, schema: Schema, out: Path, folder: Path, workers: int | None, told: Told, *, resume: bool
) -> dict[str, list[Note]]:
    """Write what is not there yet in a folder that is ours, and make it the target."""
    adapter, names = get_adapter(schema.layout), [job.name for job in offline.jobs]
    left = [i for i in range(len(names)) if not _note(folder, i).is_file()]
    if len(left) < len(names):
        told.say(f"{len(names) - len(left)} of {len(names)} samples are written already")
    first = left[:: max(1, len(left) // TRIED)][:TRIED]
    job = partial(_make, offline, schema, folder, offline.jobs)
    try:
        for done, _ in enumerate(map(job, first), start=len(names) - len(left) + 1):
            told.update(done, len(names))
    except DataError:
        if not resume:  # a mistake that shows at once leaves nothing behind
            empty_folder(folder)
        raise
    told.say(_disk(folder, len(names)))
    rest = [i for i in left if i not in first]
    for done, _ in enumerate(_run(job, rest, workers), start=len(names) - len(rest) + 1):
        told.update(done, len(names))
    return _finish(folder, out, [_read(folder, i) for i in range(len(names))], adapter.finish_dataset, schema, offline)


def _made_from(offline: Offline) -> dict[str, Any]:
    """What the samples follow from, as far as the set itself can tell: a resumed run must have the same."""
    return {
        "seed": offline.seed,
        "classic": offline.classic,
        "copies": offline.copies,
        "strips_text": offline.strips_text,
        "sides": None if offline.sides is None else _checksum(sorted(offline.sides.samples.items())),
        "own": offline.sides is not None and offline.sides.own,
        "crops": None if offline.blender is None else fingerprint_bank(offline.blender.bank),
        "samples": fingerprint_data(offline.data),
    }


def _make(offline: Offline, schema: Schema, folder: Path, jobs: Sequence[Job], index: int) -> None:
    """Make a sample, write it, and then note that it is written."""
    sample = offline.make(jobs[index])
    get_adapter(schema.layout).write_sample(folder, sample, schema)
    done = sample.meta[offline.kind]
    record = {name: value for name, value in asdict(make_record(sample)).items() if name not in ("files", "affine")}
    write_json(_note(folder, index), {"record": record, "done": done})


def _run(job: Callable[[int], None], indices: Sequence[int], workers: int | None) -> Iterator[None]:
    n = workers or max(1, min(os.cpu_count() or 1, len(indices) // PER_WORKER))
    if n == 1:
        yield from map(job, indices)
        return
    with ProcessPoolExecutor(n, mp_context=get_context("spawn"), initializer=_alone, initargs=(job,)) as pool:
        try:
            yield from pool.map(_do, indices)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


_JOBS: list[Callable[[int], None]] = []
"""What a worker does: sent to it once, as a bank in memory is too large to go along with every sample."""


def _do(index: int) -> None:
    _JOBS[0](index)


def _alone(job: Callable[[int], None]) -> None:
    """One thread a process: there is a process for every core."""
    import cv2
    import torch

    _JOBS[:] = [job]

    cv2.setNumThreads(1)
    torch.set_num_threads(1)


# ----------------------------------------------------------------------- the folder


def _claim(folder: Path, asked: Mapping[str, Any], *, resume: bool, overwrite: bool) -> None:
    """Make the unfinished folder what was asked for: a new one, or one that was begun so."""
    stored = folder / NOTES / "config.json"
    is_begun = any(path.name != LOCK for path in folder.iterdir())
    if is_begun and resume and stored.is_file() and not (folder / NOTES / "finishing").exists():
        begun = read_json_object(stored)
        if changed := [name for name in asked if begun.get(name) != asked[name]]:
            name = changed[0]
            if name in CHANGED:
                raise DataError(CHANGED[name], path=stored, expected="the same, or --overwrite to begin anew")
            raise DataError(f"{name} {asked[name]!r}", path=stored, expected=f"{begun.get(name)!r}, as it was begun")
        return
    if is_begun and not (resume or overwrite):
        raise DataError("something unfinished", path=folder, expected="--resume to go on, or --overwrite")
    empty_folder(folder)
    write_json(stored, asked)


def _note(folder: Path, index: int) -> Path:
    return folder / NOTES / f"{index:06d}.json"


def _read(folder: Path, index: int) -> tuple[Record, list[Note]]:
    note = read_json_object(_note(folder, index))
    with refuse_malformed(_note(folder, index), "the note of a sample: remove it, and --resume writes it again"):
        record = note["record"] | {name: tuple(note["record"][name]) for name in ("shape", "spacing")}
        return Record(**record), note["done"]


def _disk(folder: Path, n: int) -> str:
    """How much disk the whole will take, by the samples that are there.

    Raises:
        DataError: it is more than there is.
    """
    files = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != NOTES]
    written = len(list((folder / NOTES).glob("[0-9]*.json")))
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


def _finish(
    folder: Path,
    out: Path,
    written: Iterable[tuple[Record, list[Note]]],
    finish: Callable[[Path, Schema, Sequence[Record]], None],
    schema: Schema,
    offline: Offline,
) -> dict[str, list[Note]]:
    """Write what describes the whole, and make it the target."""
    pairs = list(written)
    done = {record.name: notes for record, notes in pairs}
    (folder / NOTES / "finishing").touch()  # from here on it cannot go on, but only begin anew
    finish(folder, schema, [record for record, _ in pairs])
    if offline.blender is not None:
        write_json(folder / f"{offline.kind}.json", done)
    if offline.sides is not None and offline.sides.splits and offline.copies is not None:
        write_json(folder / SPLITS_JSON, _splits(offline, done))
    if offline.classic:
        write_json(folder / "classic.json", {"level": offline.classic, "seed": offline.seed})
    shutil.rmtree(folder / NOTES)
    replaced = out.parent / f".{out.name}.replaced"
    if out.exists():
        out.rename(replaced)
    (folder / LOCK).unlink(missing_ok=True)  # what is being finished is not gone on with: nobody else can take it
    folder.rename(out)
    shutil.rmtree(replaced, ignore_errors=True)
    return done


def _splits(offline: Offline, done: Mapping[str, Sequence[Note]]) -> list[dict[str, list[str]]]:
    """The folds of the originals with the copies in them that know nothing of whom a fold validates."""
    assert offline.sides is not None
    everyone = [] if offline.blender is None else list(offline.blender.bank.subjects)
    copies = []
    for job in offline.jobs:
        if job.copy:
            donors = [note["donor"] for note in done[job.name]]
            # What no subject in particular gave (a GAN drew it) knows everyone in the bank.
            donors = everyone if "" in donors else donors
            copies.append((job.name, offline.data.records[job.index].name, donors))
    return offline.sides.extend_splits(copies)


def _checksum(names: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(list(names)).encode()).hexdigest()[:16]
