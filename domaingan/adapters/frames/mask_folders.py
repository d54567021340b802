"""The layout ``masks``: pictures in one folder, in another, under the same names, their masks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from domaingan.adapters.base import Adapter, check_sample_name
from domaingan.adapters.frames.exif_orientation import OrientationLog
from domaingan.adapters.frames.frame_samples import (
    DEFAULT_FRAME_RATE,
    FrameReader,
    add_suffix,
    assign_drives,
    assign_times,
    find_object_components,
    get_frame_header,
    list_mask_values,
    make_frame_schema,
    write_frame,
    write_mask,
)
from domaingan.adapters.frames.lossy_masks import warn_of_lossy_masks
from domaingan.adapters.frames.picture_io import (
    PICTURE_SUFFIXES,
    find_common_shape,
    find_unread_pictures,
    list_pictures,
    read_mask_picture,
    read_picture_header,
    write_mask_picture,
)
from domaingan.adapters.tables import read_classes, read_sample_table, write_classes, write_sample_table
from domaingan.adapters.values import find_classes_in_masks, make_no_sample_error, make_problem
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Problem, Record, Sample, Schema

SPLIT_FOLDER_NAMES = frozenset(["train", "training", "val", "valid", "validation", "test", "testing"])

FolderTriple = tuple[Path, Path, Path]
"""Of the pictures, of their masks and of their instances."""


@dataclass(frozen=True)
class _FolderStyle:
    """Where a layout of pictures keeps its files, by the first folder of a sample's name and the rest of it.

    ``{}`` stands for the first folder; a style without it has one place for all samples.
    """

    image: str
    mask: str
    instances: str

    @property
    def has_split_folders(self) -> bool:
        return "{}" in self.image

    def find_folders(self, root: Path) -> Iterator[tuple[str, FolderTriple]]:
        """Each pair of folders that is there, with what comes before the names of its samples."""
        heads = [path.name for path in sorted(root.iterdir()) if path.is_dir()] if self.has_split_folders else [""]
        for head in heads:
            image, mask, instances = (root / part.format(head) for part in (self.image, self.mask, self.instances))
            if image.is_dir() and mask.is_dir() and not head.startswith("."):
                yield f"{head}/" if head else "", (image, mask, instances)

    def build_stems(self, out: Path, name: str) -> FolderTriple:
        """Where the picture, the mask and the instances of a sample go, without endings."""
        head, _, rest = name.partition("/") if self.has_split_folders else ("", "", name)
        image, mask, instances = (out / part.format(head) / rest for part in (self.image, self.mask, self.instances))
        return image, mask, instances


FOLDER_STYLES = {
    "images": _FolderStyle("images", "masks", "instances"),
    "folders": _FolderStyle("{}/images", "{}/masks", "{}/instances"),
    "annot": _FolderStyle("{}", "{}annot", "{}instances"),
}


class MaskFolders(Adapter):
    """``images/a.jpg`` and ``masks/a.png``; the same in ``train/``, ``val/``, …; or ``train/`` and ``trainannot/``.

    A sample is named by its path below ``images``, or with its first folder: ``train/0001TP_006690`` for
    ``train/0001TP_006690.jpg``. The first folder is its split where it is called so (:data:`SPLIT_FOLDER_NAMES`) or
    has an ``annot`` folder beside it; any other folder is its sequence. Frames are PNG, JPEG, TIFF or WebP; masks have
    a
    palette or are grey. Frames without a mask are not labelled.

    Written back, every file keeps its folder and its kind (JPEG becomes PNG). Where touching or hidden objects are
    told apart otherwise than by connected components, ``instances/`` says how, in grey of 16 bits.
    """

    layout = "masks"
    expected_files = "images/ and masks/ (or train/ and trainannot/, …) with pictures of the same names"

    def can_open(self, root: Path) -> bool:
        """Whether it has one of the pairs of folders."""
        return any(next(style.find_folders(root), None) for style in FOLDER_STYLES.values())

    def open(self, root: Path) -> Dataset:
        """Find the frames; see :meth:`domaingan.adapters.base.Adapter.open`.

        Where no ``classes.json`` names the masks' values, every mask is read once.
        """
        styles = [name for name, style in FOLDER_STYLES.items() if next(style.find_folders(root), None)]
        if not styles:
            raise DataError("no pictures and masks", path=root, expected=self.expected_files)
        classes, style = read_classes(root), styles[0]
        problems: list[Problem] = []
        known: set[str] = set()
        records: list[Record] = []
        log, lossy = OrientationLog(), list[str]()
        for head, folders in FOLDER_STYLES[style].find_folders(root):
            for name, files in _pair_files(head, folders, problems).items():
                known.add(name)
                try:
                    records.append(_survey_sample(name, files, head[:-1] if style == "annot" else "", log, lossy))
                except DataError as error:
                    problems.append(make_problem(error, files["image"]))
        log.warn(root)
        warn_of_lossy_masks(lossy, root)
        table = read_sample_table(root, known)
        records = [table.merge_into(record) for record in assign_drives(records)]
        records = assign_times(records, classes.frame_rate if classes else DEFAULT_FRAME_RATE)
        if classes is None:
            records, classes = find_classes_in_masks(records, problems, _list_values_in_file)
        if not records:
            raise make_no_sample_error(root, problems)
        schema = make_frame_schema(self.layout, classes, table.conditions)
        return Dataset(records, FrameReader(schema, style), schema, root, problems)

    def write_sample(self, out: Path, sample: Sample, schema: Schema) -> None:
        """Write the frame, its mask where it has one, and its instances where the mask does not tell them."""
        name, header = check_sample_name(sample, allow_folders=True), get_frame_header(sample)
        style = FOLDER_STYLES.get(header.layout_style if header else "", FOLDER_STYLES["images"])
        if style.has_split_folders and "/" not in name:
            style = FOLDER_STYLES["images"]
        image, mask, instances = style.build_stems(out, name)
        if sample.mask is None and sample.boxes is not None:
            raise DataError(f"sample {name!r} has boxes but no mask", path=mask, expected="a mask in this layout")
        mask.parent.mkdir(parents=True, exist_ok=True)  # its folder says what layout it is, filled or not
        write_frame(sample, image)
        if sample.mask is None:
            return
        write_mask(sample, mask)
        if sample.instances is not None:
            plain = find_object_components(sample.mask, schema).instances if schema.objects else None
            if plain is None or not np.array_equal(plain, sample.instances):
                write_mask_picture(add_suffix(instances, ".png"), sample.instances.astype(np.uint16))

    def finish_dataset(self, out: Path, schema: Schema, records: Sequence[Record]) -> None:
        """Write ``samples.csv`` and ``classes.json``."""
        write_sample_table(out, records, schema.conditions)
        write_classes(out, schema)


# ---------------------------------------------------------------------- files


def _pair_files(head: str, folders: FolderTriple, problems: list[Problem]) -> dict[str, dict[str, Path]]:
    """The files of each sample by its name; a mask without a frame, or two files of one name, are problems."""
    frames, masks, instances = (_index_by_name(folder, problems) for folder in folders)
    bare = frames.keys() - masks.keys()
    for folder, expected in zip(folders, (set[str](), bare, set[str]()), strict=True):
        for ending, files in find_unread_pictures(folder, expected).items():
            found = f"{len(files)} files that end in {ending or 'nothing'} are not read"
            problems.append(Problem(str(files[0]), f"{found}; expected one of {', '.join(PICTURE_SUFFIXES)}"))
    others = {"mask": masks, "instances": instances}
    for name, path in masks.items():
        if name not in frames:
            problems.append(
                Problem(str(path), f"a mask without a frame; expected {folders[0].name}/{name}.png or alike")
            )
    return {
        head + name: {"image": path} | {kind: found[name] for kind, found in others.items() if name in found}
        for name, path in frames.items()
    }


def _index_by_name(folder: Path, problems: list[Problem]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in list_pictures(folder, recursive=True):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            problems.append(Problem(str(path), f"a second file called {name}; {found[name].name} is used"))
        else:
            found[name] = path
    return found


def _survey_sample(name: str, files: Mapping[str, Path], split: str, log: OrientationLog, lossy: list[str]) -> Record:
    """The record of a sample whose headers agree; what EXIF data and lossy files made of it is added to the lists.

    Raises:
        DataError: one cannot be read, or is of another size than the frame; or labels were stored with loss.
    """
    image = read_picture_header(files["image"])
    labels = [read_picture_header(files[kind]) for kind in ("mask", "instances") if kind in files]
    shape = find_common_shape(image, labels)
    for header in labels:
        if header.is_lossy and header.path is not None:
            read_mask_picture(header.path, shape)
            lossy.append(header.path.name)
    log.add(files["image"].name, image.orientation, is_stored=shape != image.shape)
    folders = name.split("/")[:-1]
    if not split and folders and folders[0].lower() in SPLIT_FOLDER_NAMES:
        split = folders[0]
    sequence = "/".join(folders[1:] if split else folders)
    return Record(name, "", sequence, split, {}, shape, (1.0, 1.0), files=dict(files))


def _list_values_in_file(path: Path) -> list[int]:
    return list_mask_values(read_mask_picture(path)[0])
