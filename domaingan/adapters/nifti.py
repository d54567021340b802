"""The layout ``nifti``: a folder per subject, in it one NIfTI file per modality, and one for the mask."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

from domaingan.adapters.base import Adapter, file_name
from domaingan.adapters.scan_samples import write_scan
from domaingan.adapters.scans import Scan, open_scans
from domaingan.adapters.tables import read_classes, read_samples, write_classes, write_samples
from domaingan.adapters.values import problem
from domaingan.errors import DataError
from domaingan.sample import Dataset, Problem, Record, Sample, Schema

ENDINGS = (".nii.gz", ".nii")
MASK_WORDS = frozenset(["seg", "segmentation", "label", "labels", "mask", "masks", "lesion", "lesions"])
FOREGROUND_WORDS = ("brainmask", "bodymask", "foreground", "foregroundmask")
JUNK_FOLDERS = ("__macosx",)


class NiftiFolders(Adapter):
    """``root/pat0003/flair.nii.gz``, ``root/pat0003/t1c.nii.gz``, ``root/pat0003/seg.nii.gz``, …

    The subject is the folder's name, a channel the file's without the subject's name before it, in lower case.
    The mask is the file whose name's last word is one of :data:`MASK_WORDS`. A mask of the body
    (:data:`FOREGROUND_WORDS`) is neither channel nor label; it becomes ``meta["foreground"]``.
    """

    layout = "nifti"
    looked_for = "a folder per subject with its .nii or .nii.gz files"

    def detects(self, root: Path) -> bool:
        """Whether any folder in it holds a NIfTI file."""
        return any(next(_nifti_files(folder), None) for folder in _folders(root))

    def open(self, root: Path) -> Dataset:
        """Find the subjects; see :meth:`domaingan.adapters.base.Adapter.open`.

        Channels are those that at least half of the subjects have (or that ``classes.json`` lists); a subject
        that lacks one is a problem. Where no ``classes.json`` names the masks' values, every mask is read once.
        """
        classes = read_classes(root)
        subjects = [_by_name(folder) for folder in _folders(root)]
        if not (classes and classes.channels) and not _shared(subjects):
            # Files that begin with a scan's own number: what a folder's files have in common says nothing of them.
            subjects = [_by_name(folder, _common_start(folder)) for folder in _folders(root)]
        table = read_samples(root, (subject.name for subject in subjects))
        loose = [Problem(str(path), "lies outside a subject's folder") for path in _nifti_files(root)]
        wanted, problems = _channels(subjects, root, classes.channels if classes else [])
        scans = []
        for subject in subjects:
            try:
                scans.append(subject.scan(wanted))
            except DataError as error:
                problems.append(problem(error, subject.folder))
        return open_scans(root, self.layout, scans, loose + problems, classes, table)

    def write_sample(self, out: Path, sample: Sample, schema: Schema) -> None:
        """Write ``out/NAME/CHANNEL.nii.gz`` for each channel, ``seg.nii.gz`` and ``brainmask.nii.gz`` where known."""
        folder = out / file_name(sample)
        for channel in schema.channels:
            if _kind(channel) != "image" or "/" in channel:
                raise DataError(f"a channel called {channel!r}", path=folder, expected="a name that is no mask's")
        images = [folder / f"{channel}.nii.gz" for channel in schema.channels]
        write_scan(sample, images, folder / "seg.nii.gz", folder / "brainmask.nii.gz")

    def finish(self, out: Path, schema: Schema, records: Sequence[Record]) -> None:
        """Write ``samples.csv`` and ``classes.json``."""
        write_samples(out, records, schema.conditions)
        write_classes(out, schema)


# --------------------------------------------------------------------- names


@dataclass
class _Subject:
    """The files of one subject's folder by what their names say they are."""

    folder: Path
    images: dict[str, list[Path]] = field(default_factory=dict)
    masks: list[Path] = field(default_factory=list)
    foregrounds: list[Path] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.folder.name

    def scan(self, channels: Sequence[str]) -> Scan:
        """The subject's scan with these channels in this order.

        Raises:
            DataError: it has no file for one of them, or two.
        """
        if not (self.images or self.masks or self.foregrounds):
            raise DataError("no NIfTI file in it", path=self.folder, expected=", ".join(channels) or "one")
        found = {channel: self.images.get(channel.lower(), []) for channel in channels}
        if missing := [channel for channel, paths in found.items() if not paths]:
            has = ", ".join(self.images) or "none"
            raise DataError(f"no {', '.join(missing)} (it has {has})", path=self.folder, expected=", ".join(channels))
        several = [paths for paths in (*found.values(), self.masks, self.foregrounds) if len(paths) > 1]
        if several:
            names = ", ".join(path.name for path in several[0])
            raise DataError(f"{len(several[0])} files for one thing: {names}", path=self.folder, expected="one")
        images = {channel: paths[0] for channel, paths in found.items()}
        mask, foreground = next(iter(self.masks), None), next(iter(self.foregrounds), None)
        return Scan(self.name, self.folder, images, mask, foreground)


def _folders(root: Path) -> Iterator[Path]:
    for path in sorted(root.iterdir()):
        if path.is_dir() and not path.name.startswith(".") and path.name.lower() not in JUNK_FOLDERS:
            yield path


def _nifti_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.lower().endswith(ENDINGS) and not path.name.startswith(".") and path.is_file():
            yield path


def _common_start(folder: Path) -> str:
    """What a folder's file names begin with alike, up to a separator: ``IM_7_`` for IM_7_T1 and IM_7_seg."""
    stems = [_stem(path) for path in _nifti_files(folder)]
    if len(stems) < 2:
        return ""
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*stems, strict=False))
    start = "".join(letters[0] for letters in alike)
    return start[: max(start.rfind(separator) for separator in "_-. ") + 1]


def _by_name(folder: Path, start: str = "") -> _Subject:
    subject = _Subject(folder)
    for path in _nifti_files(folder):
        name = _without_subject(_stem(path), folder.name).removeprefix(start)
        kind = _kind(name)
        if kind == "mask":
            subject.masks.append(path)
        elif kind == "foreground":
            subject.foregrounds.append(path)
        else:
            subject.images.setdefault(name.lower(), []).append(path)
    return subject


def _stem(path: Path) -> str:
    ending = next(ending for ending in ENDINGS if path.name.lower().endswith(ending))
    return path.name[: -len(ending)]


def _without_subject(stem: str, subject: str) -> str:
    """The file's name without the subject's before it: ``sub1_T1`` is ``T1``, and ``sub1`` alone ``image``.

    >>> _without_subject("SUB1-T1", "sub1"), _without_subject("sub1", "sub1"), _without_subject("t1c", "t1")
    ('T1', 'image', 't1c')
    """
    if not stem.lower().startswith(subject.lower()):
        return stem
    rest = stem[len(subject) :]
    if not rest:
        return "image"
    bare = rest.lstrip("_-. ")
    return bare if bare and bare != rest else stem


def _kind(name: str) -> str:
    """``mask``, ``foreground`` or ``image``, by a file's name without ending.

    >>> [_kind(name) for name in ("x-Lesion", "SEG", "t1", "brain_mask", "sub1_BrainMask", "lesion_map")]
    ['mask', 'mask', 'image', 'foreground', 'foreground', 'image']
    """
    words = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    if words and (words[-1] in FOREGROUND_WORDS or "".join(words[-2:]) in FOREGROUND_WORDS):
        return "foreground"
    return "mask" if words and words[-1] in MASK_WORDS else "image"


def _shared(subjects: Sequence[_Subject]) -> list[str]:
    """The names that at least half of the subjects with images have, sorted."""
    with_images = [subject for subject in subjects if subject.images]
    counts = Counter(name for subject in with_images for name in subject.images)
    return sorted(name for name, n in counts.items() if 2 * n >= len(with_images))


def _channels(subjects: Sequence[_Subject], root: Path, listed: Sequence[str]) -> tuple[list[str], list[Problem]]:
    """The names that at least half of the subjects with images have, sorted; the others are told as problems."""
    if listed:
        return list(listed), []
    with_images = [subject for subject in subjects if subject.images]
    counts = Counter(name for subject in with_images for name in subject.images)
    common = _shared(subjects)
    if not common:
        names = ", ".join(sorted(counts)[:5]) or "none"
        raise DataError(f"no image that most subjects have (found: {names})", path=root, expected="the same names")
    rare = sorted(set(counts) - set(common))
    reason = "only {} of {} subjects have it: not read"
    return common, [Problem(str(root / "*" / name), reason.format(counts[name], len(with_images))) for name in rare]
