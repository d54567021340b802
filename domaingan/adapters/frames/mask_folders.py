"""The layout ``masks``: frames in one folder, and their masks under the same names in another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from domaingan.adapters.base import Adapter, check_sample_name
from domaingan.adapters.class_definitions import DEFAULT_FRAME_RATE, read_classes, write_classes
from domaingan.adapters.frames.drive_names import assign_drives, assign_times
from domaingan.adapters.frames.exif_orientation import OrientationLog
from domaingan.adapters.frames.frame_samples import (
    PIXEL_SPACING,
    FrameReader,
    find_object_components,
    list_mask_values,
    make_frame_schema,
)
from domaingan.adapters.frames.frame_writing import add_suffix, get_frame_header, write_frame, write_mask
from domaingan.adapters.frames.lossy_masks import warn_of_lossy_masks
from domaingan.adapters.frames.mask_folder_styles import ANNOT_STYLE, FOLDER_STYLES, FolderStyle, FrameFolders
from domaingan.adapters.frames.picture_files import PICTURE_SUFFIXES, find_unread_pictures, list_pictures
from domaingan.adapters.frames.picture_header import find_common_shape, read_picture_header
from domaingan.adapters.frames.picture_io import read_mask_picture, write_mask_picture
from domaingan.adapters.mask_values import find_classes_in_masks
from domaingan.adapters.problems import make_no_sample_error, make_problem
from domaingan.adapters.sample_table import read_sample_table, write_sample_table
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Problem, Record, Sample, Schema

SPLIT_FOLDER_NAMES = frozenset(["train", "training", "val", "valid", "validation", "test", "testing"])
"""Names of folders, in lower case, that are splits. Other folders are sequences."""


class MaskFolders(Adapter):
    """``images/a.jpg`` and ``masks/a.png``; the same in ``train/``, ``val/``, …; or ``train/`` and ``trainannot/``.

    A sample is named by its path below ``images``, or with its first folder: ``train/0001TP_006690`` for
    ``train/0001TP_006690.jpg``. The first folder is the split where its name is one of :data:`SPLIT_FOLDER_NAMES` or
    an ``annot`` folder stands beside it. Any other folder is the sequence. Frames are PNG, JPEG, TIFF or WebP. Masks
    have a palette or are grey. Frames without a mask are not labelled; ``images/`` alone is a set of such frames.

    A dataset that is written keeps the folder and the kind of every file (JPEG becomes PNG). ``instances/`` holds the
    numbers of the objects in grey of 16 bits, where connected components do not separate touching or hidden objects.
    """

    layout = "masks"
    expected_files = (
        "images/ and masks/ (or train/ and trainannot/, …) with pictures of the same names; images/ alone for what is "
        "not labelled"
    )

    def can_open(self, root: Path) -> bool:
        """Whether a folder has frames and masks in any of the styles; see
        :meth:`domaingan.adapters.base.Adapter.can_open`.
        """
        return _find_style(root) is not None

    def open(self, root: Path) -> Dataset:
        """Open a folder; see :meth:`domaingan.adapters.base.Adapter.open`.

        Every mask is read once where no ``classes.json`` names the masks' values.
        """
        style_name = _find_style(root)
        if style_name is None:
            raise DataError("no pictures and masks", path=root, expected=self.expected_files)
        classes = read_classes(root)
        problems: list[Problem] = []
        records, names = _survey_samples(root, style_name, problems)
        table = read_sample_table(root, names)
        records = [table.merge_into(record) for record in assign_drives(records)]
        records = assign_times(records, classes.frame_rate if classes else DEFAULT_FRAME_RATE)
        if classes is None:
            records, classes = find_classes_in_masks(records, problems, _list_values_in_file)
        if not records:
            raise make_no_sample_error(root, problems)
        schema = make_frame_schema(self.layout, classes, table.conditions)
        return Dataset(records, FrameReader(schema, style_name), schema, root, problems)

    def write_sample(self, out: Path, sample: Sample, schema: Schema) -> None:
        """Write a frame, its mask if it has one, and its instances where the mask does not separate them; see
        :meth:`domaingan.adapters.base.Adapter.write_sample`.
        """
        name = check_sample_name(sample, allow_folders=True)
        stems = _choose_style(sample, name).build_stems(out, name)
        if sample.mask is None and sample.boxes is not None:
            found = f"sample {name!r} has boxes but no mask"
            raise DataError(found, path=stems.mask, expected="a mask in this layout")
        stems.mask.parent.mkdir(parents=True, exist_ok=True)  # even an empty folder of masks shows the layout
        write_frame(sample, stems.image)
        if sample.mask is None:
            return
        write_mask(sample, stems.mask)
        if sample.instances is not None and not _is_told_by_mask(sample, schema):
            write_mask_picture(add_suffix(stems.instances, ".png"), sample.instances.astype(np.uint16))

    def finish_dataset(self, out: Path, schema: Schema, records: Sequence[Record]) -> None:
        """Write ``samples.csv`` and ``classes.json``; see :meth:`domaingan.adapters.base.Adapter.finish_dataset`."""
        write_sample_table(out, records, schema.conditions)
        write_classes(out, schema)


def _find_style(root: Path) -> str | None:
    """Find the name of the first style whose folders are there."""
    for name, style in FOLDER_STYLES.items():
        if next(style.find_folders(root), None) is not None:
            return name
    return None


def _choose_style(sample: Sample, name: str) -> FolderStyle:
    """Choose the style that a sample is written in: the one it was read in, where its name suits that style."""
    header = get_frame_header(sample)
    style = FOLDER_STYLES.get(header.layout_style if header else "", FOLDER_STYLES["images"])
    if style.has_split_folders and "/" not in name:
        return FOLDER_STYLES["images"]
    return style


def _is_told_by_mask(sample: Sample, schema: Schema) -> bool:
    """Whether the connected components of a sample's mask are its instances."""
    if not schema.objects or sample.mask is None or sample.instances is None:
        return False
    components = find_object_components(sample.mask, schema)
    return np.array_equal(components.instances, sample.instances)


# ------------------------------------------------------------------- finding samples


def _survey_samples(root: Path, style_name: str, problems: list[Problem]) -> tuple[list[Record], set[str]]:
    """Find all samples.

    Args:
        root: the dataset's folder.
        style_name: name of the style that its folders have.
        problems: samples whose files cannot be read or do not fit together are added here.

    Returns:
        The records of the samples that can be used, and the names of all samples.
    """
    records: list[Record] = []
    names: set[str] = set()
    orientations = OrientationLog()
    lossy_names: list[str] = []
    for head, folders in FOLDER_STYLES[style_name].find_folders(root):
        split = head.removesuffix("/") if style_name == ANNOT_STYLE else ""
        for name, files in _pair_files(head, folders, problems).items():
            names.add(name)
            try:
                record = _survey_sample(name, files, split, orientations, lossy_names)
            except DataError as error:
                problems.append(make_problem(error, files["image"]))
            else:
                records.append(record)
    orientations.warn(root)
    warn_of_lossy_masks(lossy_names, root)
    return records, names


def _pair_files(head: str, folders: FrameFolders, problems: list[Problem]) -> dict[str, dict[str, Path]]:
    """Pair frames with their masks and instances by name.

    Masks without a frame, files that are not read and second files of one name are added to the problems.
    """
    frames = _index_by_name(folders.image, problems)
    masks = _index_by_name(folders.mask, problems)
    instances = _index_by_name(folders.instances, problems)
    names_without_mask = frames.keys() - masks.keys()
    _add_unread_files(folders.image, set(), problems)
    _add_unread_files(folders.mask, names_without_mask, problems)
    _add_unread_files(folders.instances, set(), problems)
    for name, path in masks.items():
        if name not in frames:
            expected = f"{folders.image.name}/{name}.png or alike"
            problems.append(Problem(str(path), f"a mask without a frame; expected {expected}"))
    paired: dict[str, dict[str, Path]] = {}
    for name, path in frames.items():
        files = {"image": path}
        if name in masks:
            files["mask"] = masks[name]
        if name in instances:
            files["instances"] = instances[name]
        paired[head + name] = files
    return paired


def _add_unread_files(folder: Path, expected_names: set[str], problems: list[Problem]) -> None:
    """Add files that seem to be pictures, but are of no kind that is read, to the problems: one for each suffix."""
    for suffix, files in find_unread_pictures(folder, expected_names).items():
        found = f"{len(files)} files that end in {suffix or 'nothing'} are not read"
        problems.append(Problem(str(files[0]), f"{found}; expected one of {', '.join(PICTURE_SUFFIXES)}"))


def _index_by_name(folder: Path, problems: list[Problem]) -> dict[str, Path]:
    """Index the pictures in a folder and below by their paths without suffix."""
    pictures: dict[str, Path] = {}
    for path in list_pictures(folder, is_recursive=True):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in pictures:
            problems.append(Problem(str(path), f"a second file called {name}; {pictures[name].name} is used"))
        else:
            pictures[name] = path
    return pictures


def _survey_sample(
    name: str, files: Mapping[str, Path], split: str, orientations: OrientationLog, lossy_names: list[str]
) -> Record:
    """Make the record of a sample. EXIF orientations and masks that were stored with loss are added to the lists.

    Raises:
        DataError: a file cannot be read, the shapes differ, or a mask was stored with loss and cannot be restored.
    """
    image = read_picture_header(files["image"])
    labels = [read_picture_header(files[key]) for key in ("mask", "instances") if key in files]
    shape = find_common_shape(image, labels)
    for header in labels:
        if header.is_lossy and header.path is not None:
            read_mask_picture(header.path, shape)
            lossy_names.append(header.path.name)
    orientations.add(files["image"].name, image.orientation, is_stored=shape != image.shape)
    folders = name.split("/")[:-1]
    if not split and folders and folders[0].lower() in SPLIT_FOLDER_NAMES:
        split = folders[0]
    sequence = "/".join(folders[1:] if split else folders)
    return Record(name, sequence=sequence, split=split, shape=shape, spacing=PIXEL_SPACING, files=dict(files))


def _list_values_in_file(path: Path) -> list[int]:
    mask, _ = read_mask_picture(path)
    return list_mask_values(mask)
