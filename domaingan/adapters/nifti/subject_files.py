"""The files of one subject's folder, sorted by what their names say they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from domaingan.adapters.nifti.label_files import classify_name
from domaingan.adapters.nifti.nifti_streams import NIFTI_SUFFIXES
from domaingan.adapters.nifti.scan_records import ScanFiles
from domaingan.core.errors import DataError
from domaingan.data import Problem

UNREAD_SCAN_SUFFIXES = (".hdr", ".img", ".img.gz", ".mgz", ".mgh", ".nrrd", ".nhdr", ".mha", ".mhd")
"""Suffixes of scans that are not read. They are reported, as one of them may be the mask."""

JUNK_FOLDERS = ("__macosx",)
"""Names in lower case of folders that programs leave behind."""

NAMELESS_IMAGE = "image"
"""Name of the channel of a file that has only the subject's name."""

_SEPARATORS = "_-. "


@dataclass
class SubjectFiles:
    """The files of one subject's folder.

    Attributes:
        folder: the subject's.
        images: files that are no labels, by their names in lower case.
        masks: files whose names end in a word for masks.
        labels: files with a word for labels in their names.
        foregrounds: masks of the body.
        unreadable: what has the name of a scan, but cannot be read.
    """

    folder: Path
    images: dict[str, list[Path]] = field(default_factory=dict)
    masks: list[Path] = field(default_factory=list)
    labels: list[Path] = field(default_factory=list)
    foregrounds: list[Path] = field(default_factory=list)
    unreadable: list[Problem] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The subject's name."""
        return self.folder.name

    def make_scan(self, channels: Sequence[str]) -> ScanFiles:
        """Make the subject's scan.

        Args:
            channels: names of the images in their order.

        Raises:
            DataError: there is no file for one of them, or more than one; or something in the folder cannot be read.
        """
        if self.unreadable:
            raise DataError(self.unreadable[0].reason, path=self.unreadable[0].path)
        masks = self.masks or self.labels
        if not (self.images or masks or self.foregrounds):
            raise DataError("no NIfTI file in it", path=self.folder, expected=", ".join(channels) or "one")
        paths_by_channel = {channel: self.images.get(channel.lower(), []) for channel in channels}
        missing = [channel for channel, paths in paths_by_channel.items() if not paths]
        if missing:
            found = f"no {', '.join(missing)} (it has {', '.join(self.images) or 'none'})"
            raise DataError(found, path=self.folder, expected=", ".join(channels))
        for paths in (*paths_by_channel.values(), masks, self.foregrounds):
            if len(paths) > 1:
                names = ", ".join(path.name for path in paths)
                raise DataError(f"{len(paths)} files for one thing: {names}", path=self.folder, expected="one")
        return ScanFiles(
            self.name,
            self.folder,
            images={channel: paths[0] for channel, paths in paths_by_channel.items()},
            mask=masks[0] if masks else None,
            foreground=self.foregrounds[0] if self.foregrounds else None,
        )


def sort_files(folder: Path, listed_channels: Sequence[str], common_start: str = "") -> SubjectFiles:
    """Sort the files of a subject's folder.

    Args:
        folder: the subject's.
        listed_channels: names of channels. Files of these names are images, whatever words are in them.
        common_start: what is removed from the start of the names.
    """
    subject = SubjectFiles(folder, unreadable=find_unreadable(folder))
    channels = {channel.lower() for channel in listed_channels}
    for path in list_nifti_files(folder):
        name = remove_subject_name(get_stem(path), folder.name).removeprefix(common_start)
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


def list_subject_folders(root: Path) -> Iterator[Path]:
    """Yield the subjects' folders by name, without hidden ones.

    Args:
        root: the dataset's folder.
    """
    for path in sorted(root.iterdir()):
        if path.is_dir() and not path.name.startswith(".") and path.name.lower() not in JUNK_FOLDERS:
            yield path


def list_nifti_files(folder: Path) -> Iterator[Path]:
    """Yield the NIfTI files in a folder by name, without hidden ones.

    Args:
        folder: a subject's, or the dataset's.
    """
    for path in sorted(folder.iterdir()):
        if path.name.lower().endswith(NIFTI_SUFFIXES) and not path.name.startswith(".") and path.is_file():
            yield path


def find_common_start(folder: Path) -> str:
    """Find what the names of a folder's files have in common at the start, up to a separator.

    ``IM_7_`` for ``IM_7_T1.nii`` and ``IM_7_seg.nii``.

    Args:
        folder: a subject's.

    Returns:
        The common start; empty where there are fewer than two files.
    """
    stems = [get_stem(path) for path in list_nifti_files(folder)]
    if len(stems) < 2:
        return ""
    length = 0
    for letters in zip(*stems, strict=False):
        if len(set(letters)) > 1:
            break
        length += 1
    common = stems[0][:length]
    last_separator = max(common.rfind(separator) for separator in _SEPARATORS)
    return common[: last_separator + 1]


def find_unread_formats(folder: Path) -> list[Problem]:
    """Find the scans in a folder whose formats are not read.

    Args:
        folder: a subject's, or the dataset's.

    Returns:
        A problem for each. The folder's other files can be used.
    """
    problems = []
    for path in sorted(folder.iterdir()):
        if path.name.lower().endswith(UNREAD_SCAN_SUFFIXES) and not path.name.startswith("."):
            problems.append(Problem(str(path), "not read; expected a single-file NIfTI (.nii or .nii.gz)"))
    return problems


def find_unreadable(folder: Path) -> list[Problem]:
    """Find what has the name of a scan, but cannot be opened: broken links, folders, pipes.

    Args:
        folder: a subject's, or the dataset's.
    """
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


def get_stem(path: Path) -> str:
    """Get the name of a NIfTI file without its suffix.

    Args:
        path: the file.
    """
    suffix = next(suffix for suffix in NIFTI_SUFFIXES if path.name.lower().endswith(suffix))
    return path.name[: -len(suffix)]


def remove_subject_name(stem: str, subject: str) -> str:
    """Remove the subject's name from the start of a file's name.

    Args:
        stem: the file's name without suffix.
        subject: the subject's name.

    Returns:
        The rest; the whole name where no separator follows the subject's name; ``image`` where nothing follows.

    >>> remove_subject_name("SUB1-T1", "sub1"), remove_subject_name("sub1", "sub1"), remove_subject_name("t1c", "t1")
    ('T1', 'image', 't1c')
    """
    if not stem.lower().startswith(subject.lower()):
        return stem
    rest = stem[len(subject) :]
    if not rest:
        return NAMELESS_IMAGE
    without_separators = rest.lstrip(_SEPARATORS)
    if without_separators and without_separators != rest:
        return without_separators
    return stem
