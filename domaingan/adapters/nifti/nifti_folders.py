"""The layout ``nifti``: a folder per subject, in it one NIfTI file per modality, and one for the mask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

from domaingan.adapters.base import Adapter, check_sample_name
from domaingan.adapters.nifti.label_files import classify_name, count_label_values
from domaingan.adapters.nifti.scan_records import ScanFiles, open_scans
from domaingan.adapters.nifti.scan_samples import write_scan
from domaingan.adapters.tables import read_classes, read_sample_table, write_classes, write_sample_table
from domaingan.adapters.values import make_problem
from domaingan.core.errors import DataError
from domaingan.data import SCAN, Dataset, Problem, Record, Sample, Schema

NIFTI_SUFFIXES = (".nii.gz", ".nii")
UNREAD_SCAN_SUFFIXES = (".hdr", ".img", ".img.gz", ".mgz", ".mgh", ".nrrd", ".nhdr", ".mha", ".mhd")
"""Scans in files that are not read: told, lest a mask among them is missed in silence."""

MAX_INSPECTED_SUBJECTS = 3
"""So many subjects' files of one name are looked at to tell labels from an image by what they hold."""

JUNK_FOLDERS = ("__macosx",)


class NiftiFolders(Adapter):
    """``root/pat0003/flair.nii.gz``, ``root/pat0003/t1c.nii.gz``, ``root/pat0003/seg.nii.gz``, …

    The subject is the folder's name, a channel the file's without the subject's name before it, in lower case.
    The mask is the file whose name's last word is one of :data:`domaingan.adapters.nifti.label_files.MASK_WORDS`, else
    the one that has a label's word in its name (``FLAIR_roi``, ``lesionSeg``). What else is called so, or holds labels
    though it is not called so, is a problem and no channel, unless ``classes.json`` lists it among the channels. A mask
    of the body is neither channel nor label; it becomes ``Sample.foreground``.
    """

    layout = "nifti"
    expected_files = "a folder per subject with its .nii or .nii.gz files"

    def can_open(self, root: Path) -> bool:
        """Whether any folder in it holds a NIfTI file."""
        return any(next(_list_nifti_files(folder), None) for folder in _list_subject_folders(root))

    def open(self, root: Path) -> Dataset:
        """Find the subjects; see :meth:`domaingan.adapters.base.Adapter.open`.

        Channels are those that at least half of the subjects have (or that ``classes.json`` lists); a subject
        that lacks one is a problem. Where no ``classes.json`` names the masks' values, every mask is read once.
        """
        classes = read_classes(root, SCAN)
        listed = classes.channels if classes else []
        subjects = [_sort_files(folder, listed) for folder in _list_subject_folders(root)]
        if not listed and not _find_common_names(subjects):
            # Files that begin with a scan's own number: what a folder's files have in common says nothing of them.
            subjects = [
                _sort_files(folder, listed, _find_common_start(folder)) for folder in _list_subject_folders(root)
            ]
        table = read_sample_table(root, (subject.name for subject in subjects))
        problems = [Problem(str(path), "lies outside a subject's folder") for path in _list_nifti_files(root)]
        problems += [*_find_unreadable(root), *_find_unread_formats(root)]
        problems += [one for subject in subjects for one in _find_unread_formats(subject.folder)]
        wanted, others = _choose_channels(subjects, root, listed)
        if not listed:
            wanted, labels = _drop_label_channels(wanted, subjects, root)
            others += labels
        problems += others + _find_surplus_labels(subjects, root)
        scans = []
        for subject in subjects:
            try:
                scans.append(subject.make_scan(wanted))
            except DataError as error:
                problems.append(make_problem(error, subject.folder))
        return open_scans(root, self.layout, scans, problems, classes, table)

    def write_sample(self, out: Path, sample: Sample, schema: Schema) -> None:
        """Write ``out/NAME/CHANNEL.nii.gz`` for each channel, ``seg.nii.gz`` and ``brainmask.nii.gz`` where known."""
        folder = out / check_sample_name(sample)
        for channel in schema.channels:
            if classify_name(channel) in ("mask", "foreground") or "/" in channel:
                raise DataError(f"a channel called {channel!r}", path=folder, expected="a name that is no mask's")
        images = [folder / f"{channel}.nii.gz" for channel in schema.channels]
        write_scan(sample, images, folder / "seg.nii.gz", folder / "brainmask.nii.gz")

    def finish_dataset(self, out: Path, schema: Schema, records: Sequence[Record]) -> None:
        """Write ``samples.csv`` and ``classes.json``."""
        write_sample_table(out, records, schema.conditions)
        write_classes(out, schema)


# --------------------------------------------------------------------- names


@dataclass
class _SubjectFiles:
    """The files of one subject's folder by what their names say they are.

    Attributes:
        folder: the subject's.
        images: for each name, in lower case, its files.
        masks: those whose names end as a mask's.
        labels: those with a label's word in their names.
        foregrounds: masks of the body.
        unreadable: what is called as a scan is and is no file that can be read.
    """

    folder: Path
    images: dict[str, list[Path]] = field(default_factory=dict)
    masks: list[Path] = field(default_factory=list)
    labels: list[Path] = field(default_factory=list)
    foregrounds: list[Path] = field(default_factory=list)
    unreadable: list[Problem] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.folder.name

    def make_scan(self, channels: Sequence[str]) -> ScanFiles:
        """The subject's scan with these channels in this order.

        Raises:
            DataError: it has no file for one of them, or two; or something in it is no file that can be read.
        """
        if self.unreadable:
            raise DataError(self.unreadable[0].reason, path=self.unreadable[0].path)
        masks = self.masks or self.labels
        if not (self.images or masks or self.foregrounds):
            raise DataError("no NIfTI file in it", path=self.folder, expected=", ".join(channels) or "one")
        found = {channel: self.images.get(channel.lower(), []) for channel in channels}
        if missing := [channel for channel, paths in found.items() if not paths]:
            has = ", ".join(self.images) or "none"
            raise DataError(f"no {', '.join(missing)} (it has {has})", path=self.folder, expected=", ".join(channels))
        several = [paths for paths in (*found.values(), masks, self.foregrounds) if len(paths) > 1]
        if several:
            names = ", ".join(path.name for path in several[0])
            raise DataError(f"{len(several[0])} files for one thing: {names}", path=self.folder, expected="one")
        images = {channel: paths[0] for channel, paths in found.items()}
        mask, foreground = next(iter(masks), None), next(iter(self.foregrounds), None)
        return ScanFiles(self.name, self.folder, images, mask, foreground)


def _list_subject_folders(root: Path) -> Iterator[Path]:
    for path in sorted(root.iterdir()):
        if path.is_dir() and not path.name.startswith(".") and path.name.lower() not in JUNK_FOLDERS:
            yield path


def _list_nifti_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.lower().endswith(NIFTI_SUFFIXES) and not path.name.startswith(".") and path.is_file():
            yield path


def _find_common_start(folder: Path) -> str:
    """What a folder's file names begin with alike, up to a separator: ``IM_7_`` for IM_7_T1 and IM_7_seg."""
    stems = [_get_stem(path) for path in _list_nifti_files(folder)]
    if len(stems) < 2:
        return ""
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*stems, strict=False))
    start = "".join(letters[0] for letters in alike)
    return start[: max(start.rfind(separator) for separator in "_-. ") + 1]


def _find_unreadable(folder: Path) -> list[Problem]:
    """What is called as a scan is and cannot be opened: dead links, folders, pipes."""
    problems = []
    for path in sorted(folder.iterdir()):
        name = path.name.lower()
        if name.startswith("."):
            continue
        if path.is_symlink() and not path.exists():
            problems.append(Problem(str(path), "a link to a file that is not there"))
        elif name.endswith(NIFTI_SUFFIXES) and not path.is_file():
            problems.append(Problem(str(path), "a folder or no regular file; expected a NIfTI file"))
    return problems


def _find_unread_formats(folder: Path) -> list[Problem]:
    """The scans in formats that are not read; the subject's other files are."""
    paths = [path for path in sorted(folder.iterdir()) if path.name.lower().endswith(UNREAD_SCAN_SUFFIXES)]
    reason = "not read; expected a single-file NIfTI (.nii or .nii.gz)"
    return [Problem(str(path), reason) for path in paths if not path.name.startswith(".")]


def _sort_files(folder: Path, listed: Sequence[str], start: str = "") -> _SubjectFiles:
    """Sort a subject's files; what is listed among the channels is an image, whatever it is called."""
    subject = _SubjectFiles(folder, unreadable=_find_unreadable(folder))
    channels = {channel.lower() for channel in listed}
    for path in _list_nifti_files(folder):
        name = _remove_subject_name(_get_stem(path), folder.name).removeprefix(start)
        kind = "image" if name.lower() in channels else classify_name(name)
        if kind == "mask":
            subject.masks.append(path)
        elif kind == "label":
            subject.labels.append(path)
        elif kind == "foreground":
            subject.foregrounds.append(path)
        else:
            subject.images.setdefault(name.lower(), []).append(path)
    return subject


def _get_stem(path: Path) -> str:
    ending = next(ending for ending in NIFTI_SUFFIXES if path.name.lower().endswith(ending))
    return path.name[: -len(ending)]


def _remove_subject_name(stem: str, subject: str) -> str:
    """The file's name without the subject's before it: ``sub1_T1`` is ``T1``, and ``sub1`` alone ``image``.

    >>> _remove_subject_name("SUB1-T1", "sub1"), _remove_subject_name("sub1", "sub1"), _remove_subject_name("t1c", "t1")
    ('T1', 'image', 't1c')
    """
    if not stem.lower().startswith(subject.lower()):
        return stem
    rest = stem[len(subject) :]
    if not rest:
        return "image"
    bare = rest.lstrip("_-. ")
    return bare if bare and bare != rest else stem


def _find_common_names(subjects: Sequence[_SubjectFiles]) -> list[str]:
    """The names that at least half of the subjects with images have, sorted."""
    with_images = [subject for subject in subjects if subject.images]
    counts = Counter(name for subject in with_images for name in subject.images)
    return sorted(name for name, n in counts.items() if 2 * n >= len(with_images))


def _choose_channels(
    subjects: Sequence[_SubjectFiles], root: Path, listed: Sequence[str]
) -> tuple[list[str], list[Problem]]:
    """The names that at least half of the subjects with images have, sorted; the others are told as problems."""
    if listed:
        return list(listed), []
    with_images = [subject for subject in subjects if subject.images]
    counts = Counter(name for subject in with_images for name in subject.images)
    common = _find_common_names(subjects)
    if not common and not counts and any(subject.masks or subject.labels for subject in subjects):
        called = next(path.name for subject in subjects for path in (*subject.masks, *subject.labels))
        expected = 'images beside them, or "channels" in classes.json that lists them'
        raise DataError(f"only files that are called as labels are ({called})", path=root, expected=expected)
    if not common:
        names = ", ".join(sorted(counts)[:5]) or "none"
        raise DataError(f"no image that most subjects have (found: {names})", path=root, expected="the same names")
    rare = sorted(set(counts) - set(common))
    reason = "only {} of {} subjects have it: not read"
    return common, [Problem(str(root / "*" / name), reason.format(counts[name], len(with_images))) for name in rare]


def _drop_label_channels(
    names: Sequence[str], subjects: Sequence[_SubjectFiles], root: Path
) -> tuple[list[str], list[Problem]]:
    """The channels without those that hold labels beside images, which are told as problems.

    Args:
        names: of the channels; some subjects' files of each are looked into.
        subjects: all of them.
        root: the dataset's folder.
    """
    labels: dict[str, int] = {}
    for name in names if len(names) > 1 else []:
        paths = [subject.images[name][0] for subject in subjects if name in subject.images][:MAX_INSPECTED_SUBJECTS]
        try:
            count = count_label_values(paths)
        except DataError:  # told as the subject's problem when its files are compared
            continue
        if count is not None:
            labels[name] = count
    if len(labels) == len(names):
        return list(names), []
    expected = 'a mask called seg, or its name among "channels" in classes.json'
    problems = [
        Problem(
            str(root / "*" / name), f"holds labels by its values ({n} whole numbers): not read; expected {expected}"
        )
        for name, n in labels.items()
    ]
    return [name for name in names if name not in labels], problems


def _find_surplus_labels(subjects: Sequence[_SubjectFiles], root: Path) -> list[Problem]:
    """The files that are called as labels are beside the mask that is read, one problem a name."""
    beside: dict[str, str] = {}
    for subject in subjects:
        for path in subject.labels if subject.masks else []:
            beside.setdefault(_remove_subject_name(_get_stem(path), subject.name), subject.masks[0].name)
    reason = (
        'called as labels are, beside {}: not read; expected one mask, or its name among "channels" in classes.json'
    )
    return [Problem(str(root / "*" / name), reason.format(mask)) for name, mask in beside.items()]
