"""The layout ``nifti``: a folder for each subject, with one NIfTI file for each modality and one for the mask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from domaingan.adapters.base import Adapter, check_sample_name
from domaingan.adapters.class_definitions import read_classes, write_classes
from domaingan.adapters.nifti.label_files import classify_name, count_label_values
from domaingan.adapters.nifti.scan_records import ScanFiles, open_scans
from domaingan.adapters.nifti.scan_writing import write_scan
from domaingan.adapters.nifti.subject_files import (
    SubjectFiles,
    find_common_start,
    find_unread_formats,
    find_unreadable,
    get_stem,
    list_nifti_files,
    list_subject_folders,
    remove_subject_name,
    sort_files,
)
from domaingan.adapters.problems import make_problem
from domaingan.adapters.sample_table import read_sample_table, write_sample_table
from domaingan.core.errors import DataError
from domaingan.data import SCAN, Dataset, Problem, Record, Sample, Schema

MAX_INSPECTED_SUBJECTS = 3
"""The most subjects whose files of one name are looked into, to see whether they hold labels."""

MAX_LISTED_NAMES = 5

MASK_NAME = "seg"
FOREGROUND_NAME = "brainmask"


class NiftiFolders(Adapter):
    """``root/pat0003/flair.nii.gz``, ``root/pat0003/t1c.nii.gz``, ``root/pat0003/seg.nii.gz``, …

    The subject is the folder's name. A channel is a file's name in lower case, without the subject's name before it.
    The mask is the file whose name ends in one of :data:`domaingan.adapters.nifti.label_files.MASK_WORDS`, else the
    file with a word for labels in its name (``FLAIR_roi``, ``lesionSeg``). Other files with such names, and files that
    hold labels under another name, are problems and no channels, unless ``classes.json`` lists them among the
    channels. A mask of the body is neither channel nor label: it is the sample's foreground.
    """

    layout = "nifti"
    expected_files = "a folder per subject with its .nii or .nii.gz files"

    def can_open(self, root: Path) -> bool:
        """Whether any folder in a folder holds a NIfTI file; see :meth:`domaingan.adapters.base.Adapter.can_open`."""
        return any(next(list_nifti_files(folder), None) for folder in list_subject_folders(root))

    def open(self, root: Path) -> Dataset:
        """Open a folder; see :meth:`domaingan.adapters.base.Adapter.open`.

        Channels are those that ``classes.json`` lists, or that at least half of the subjects have. A subject that
        lacks one is a problem. Every mask is read once where no ``classes.json`` names the masks' values.
        """
        classes = read_classes(root, SCAN)
        listed_channels = classes.channels if classes else []
        subjects = [sort_files(folder, listed_channels) for folder in list_subject_folders(root)]
        if not listed_channels and not _find_common_names(subjects):
            # The files' names begin with the scan's own number, which says nothing about what they hold.
            subjects = []
            for folder in list_subject_folders(root):
                subjects.append(sort_files(folder, listed_channels, find_common_start(folder)))
        table = read_sample_table(root, [subject.name for subject in subjects])
        problems = [Problem(str(path), "lies outside a subject's folder") for path in list_nifti_files(root)]
        problems += find_unreadable(root)
        problems += find_unread_formats(root)
        for subject in subjects:
            problems += find_unread_formats(subject.folder)
        channels = listed_channels
        if not listed_channels:
            channels, rare_names = _choose_channels(subjects, root)
            channels, label_names = _drop_label_channels(channels, subjects, root)
            problems += rare_names + label_names
        problems += _find_surplus_labels(subjects, root)
        scans: list[ScanFiles] = []
        for subject in subjects:
            try:
                scans.append(subject.make_scan(channels))
            except DataError as error:
                problems.append(make_problem(error, subject.folder))
        return open_scans(root, self.layout, scans, problems, classes, table)

    def write_sample(self, out: Path, sample: Sample, schema: Schema) -> None:
        """Write ``out/NAME/CHANNEL.nii.gz`` for each channel, ``seg.nii.gz`` and ``brainmask.nii.gz`` where they are
        known; see :meth:`domaingan.adapters.base.Adapter.write_sample`.
        """
        folder = out / check_sample_name(sample)
        for channel in schema.channels:
            if classify_name(channel) in ("mask", "foreground") or "/" in channel:
                raise DataError(f"a channel called {channel!r}", path=folder, expected="a name that is no mask's")
        images = [folder / f"{channel}.nii.gz" for channel in schema.channels]
        write_scan(sample, images, folder / f"{MASK_NAME}.nii.gz", folder / f"{FOREGROUND_NAME}.nii.gz")

    def finish_dataset(self, out: Path, schema: Schema, records: Sequence[Record]) -> None:
        """Write ``samples.csv`` and ``classes.json``; see :meth:`domaingan.adapters.base.Adapter.finish_dataset`."""
        write_sample_table(out, records, schema.conditions)
        write_classes(out, schema)


# ------------------------------------------------------------------- channels


def _count_names(subjects: Sequence[SubjectFiles]) -> Counter[str]:
    """Count the subjects that have an image of each name."""
    counts: Counter[str] = Counter()
    for subject in subjects:
        counts.update(subject.images.keys())
    return counts


def _find_common_names(subjects: Sequence[SubjectFiles]) -> list[str]:
    """Find the names that at least half of the subjects with images have, sorted."""
    n_with_images = sum(bool(subject.images) for subject in subjects)
    return sorted(name for name, count in _count_names(subjects).items() if 2 * count >= n_with_images)


def _choose_channels(subjects: Sequence[SubjectFiles], root: Path) -> tuple[list[str], list[Problem]]:
    """Choose the channels by the names that most subjects have.

    Returns:
        The names, and a problem for each of the others.

    Raises:
        DataError: no name is common.
    """
    common_names = _find_common_names(subjects)
    counts = _count_names(subjects)
    if not common_names:
        raise _make_no_channel_error(subjects, counts, root)
    n_with_images = sum(bool(subject.images) for subject in subjects)
    problems = []
    for name in sorted(set(counts) - set(common_names)):
        reason = f"only {counts[name]} of {n_with_images} subjects have it: not read"
        problems.append(Problem(str(root / "*" / name), reason))
    return common_names, problems


def _make_no_channel_error(subjects: Sequence[SubjectFiles], counts: Counter[str], root: Path) -> DataError:
    label_files: list[Path] = []
    for subject in subjects:
        label_files += subject.masks + subject.labels
    if label_files and not counts:
        found = f"only files that are called as labels are ({label_files[0].name})"
        expected = 'images beside them, or "channels" in classes.json that lists them'
        return DataError(found, path=root, expected=expected)
    names = ", ".join(sorted(counts)[:MAX_LISTED_NAMES]) or "none"
    return DataError(f"no image that most subjects have (found: {names})", path=root, expected="the same names")


def _drop_label_channels(
    channels: Sequence[str], subjects: Sequence[SubjectFiles], root: Path
) -> tuple[list[str], list[Problem]]:
    """Drop the channels that hold labels beside images.

    Args:
        channels: their names. The files of some subjects are looked into.
        subjects: all subjects.
        root: the dataset's folder.

    Returns:
        The other channels, and a problem for each that was dropped. All channels where each of them holds labels.
    """
    if len(channels) < 2:
        return list(channels), []
    value_counts: dict[str, int] = {}
    for channel in channels:
        paths = [subject.images[channel][0] for subject in subjects if channel in subject.images]
        try:
            count = count_label_values(paths[:MAX_INSPECTED_SUBJECTS])
        except DataError:  # it becomes the subject's problem when its headers are compared
            continue
        if count is not None:
            value_counts[channel] = count
    if len(value_counts) == len(channels):
        return list(channels), []
    expected = 'a mask called seg, or its name among "channels" in classes.json'
    problems = []
    for channel, count in value_counts.items():
        found = f"holds labels by its values ({count} whole numbers): not read"
        problems.append(Problem(str(root / "*" / channel), f"{found}; expected {expected}"))
    return [channel for channel in channels if channel not in value_counts], problems


def _find_surplus_labels(subjects: Sequence[SubjectFiles], root: Path) -> list[Problem]:
    """Find the files with a word for labels in their names beside a mask: a problem for each name."""
    mask_name_beside: dict[str, str] = {}
    for subject in subjects:
        if subject.masks:
            for path in subject.labels:
                name = remove_subject_name(get_stem(path), subject.name)
                mask_name_beside.setdefault(name, subject.masks[0].name)
    problems = []
    for name, mask_name in mask_name_beside.items():
        found = f"called as labels are, beside {mask_name}: not read"
        expected = 'one mask, or its name among "channels" in classes.json'
        problems.append(Problem(str(root / "*" / name), f"{found}; expected {expected}"))
    return problems
