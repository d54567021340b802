"""Finding the pictures that a COCO file lists."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from domaingan.adapters.coco.coco_file import CocoFile, CocoImage
from domaingan.adapters.frames.exif_orientation import OrientationLog
from domaingan.adapters.frames.frame_samples import PIXEL_SPACING
from domaingan.adapters.frames.picture_header import read_picture_header
from domaingan.adapters.problems import make_problem
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.data import Problem, Record

MAX_NAME_LETTERS = 1000
"""Letters of a picture's path in its folder."""

MAX_FILE_NAME_BYTES = 255
"""Bytes of a file's name that file systems allow."""

MAX_SHOWN_LETTERS = 200
"""Letters of a picture's path that a message shows."""


class FoundPicture(NamedTuple):
    """A picture that an image of a COCO file is.

    Attributes:
        name: path in its folder. It names the sample.
        path: the file.
    """

    name: PurePosixPath
    path: Path


def list_image_records(
    file: CocoFile,
    split: str,
    folders: Sequence[Path],
    sample_names: set[str],
    problems: list[Problem],
    orientations: OrientationLog,
) -> dict[str, Record]:
    """List the records of a file's images, with shapes and without objects.

    Label tools write paths on their own disk (``..\\..\\upload\\4\\a.png``). A picture that is not where the file says
    is looked for by its name alone, and used if it is no other image of the file.

    Args:
        file: the annotation file.
        split: its split.
        folders: where pictures may lie, the likeliest first.
        sample_names: names of samples that are taken. The new ones are added.
        problems: images that cannot be used are added here.
        orientations: pictures with an EXIF orientation are added here.

    Returns:
        The records by their images' ids.
    """
    pictures, errors = _find_pictures(file, folders)
    records: dict[str, Record] = {}
    for image_id, image in file.images.items():
        try:
            if image_id in errors:
                raise errors[image_id]
            picture = pictures[image_id]
            name = str(picture.name.with_suffix(""))
            if split:
                name = f"{split}/{name}"
            if name in sample_names:
                raise DataError(f"a second image called {name!r}", path=file.path)
            sample_names.add(name)
            records[image_id] = _make_record(name, split, image, picture.path, file.path, orientations)
        except DataError as error:
            problems.append(make_problem(error, file.path))
    return records


def _make_record(
    name: str, split: str, image: CocoImage, path: Path, annotation_path: Path, orientations: OrientationLog
) -> Record:
    """Make the record of an image by its picture's header.

    Raises:
        DataError: the picture cannot be read, or has another shape than the file says.
    """
    header = read_picture_header(path)
    shape = image.shape or header.shape
    if shape not in header.possible_shapes:
        raise DataError(f"shape {header.shape}", path=path, expected=f"{shape}, as in {annotation_path.name}")
    orientations.add(path.name, header.orientation, is_stored=shape != header.shape)
    return Record(name, split=split, shape=shape, spacing=PIXEL_SPACING, files={"image": path})


def _find_pictures(file: CocoFile, folders: Sequence[Path]) -> tuple[dict[str, FoundPicture], dict[str, DataError]]:
    """Find the pictures by their images' ids, and what is wrong with the others."""
    pictures: dict[str, FoundPicture] = {}
    errors: dict[str, DataError] = {}
    for image_id, image in file.images.items():
        try:
            pictures[image_id] = _find_picture(image.file_name, folders, file.path)
        except DataError as error:
            errors[image_id] = error
    found_by_name = _find_by_name_alone(file, folders, errors, pictures)
    if found_by_name:
        for image_id, picture in found_by_name.items():
            pictures[image_id] = picture
            del errors[image_id]
        first_name = file.images[next(iter(found_by_name))].file_name[:MAX_SHOWN_LETTERS]
        found = f"{len(found_by_name)} pictures are found by their names alone, such as {first_name!a}"
        warnings.warn(f"{file.path}: {found}", AssumptionWarning, stacklevel=2)
    return pictures, errors


def _find_by_name_alone(
    file: CocoFile,
    folders: Sequence[Path],
    missing_ids: Mapping[str, DataError],
    pictures: Mapping[str, FoundPicture],
) -> dict[str, FoundPicture]:
    """Find missing pictures by the last part of their paths, where no other image of the file is that picture."""
    candidates: dict[Path, list[tuple[str, FoundPicture]]] = {}
    for image_id in missing_ids:
        name = file.images[image_id].file_name.replace("\\", "/").rpartition("/")[2]
        try:
            picture = _find_picture(name, folders, file.path)
        except DataError:
            continue
        candidates.setdefault(picture.path, []).append((image_id, picture))
    taken_paths = {picture.path for picture in pictures.values()}
    found: dict[str, FoundPicture] = {}
    for path, candidates_of_path in candidates.items():
        if len(candidates_of_path) == 1 and path not in taken_paths:
            image_id, picture = candidates_of_path[0]
            found[image_id] = picture
    return found


def _find_picture(file_name: str, folders: Sequence[Path], annotation_path: Path) -> FoundPicture:
    """Find the picture of an image.

    Raises:
        DataError: the name cannot be a path in a folder, or no folder has such a file.
    """
    name = _parse_picture_path(file_name, annotation_path)
    for folder in folders:
        if (folder / name).is_file():
            return FoundPicture(name, folder / name)
    raise DataError("no such file", path=folders[0] / name, expected=f"it, as {annotation_path.name} lists it")


def _parse_picture_path(file_name: str, annotation_path: Path) -> PurePosixPath:
    """Parse an image's path in its folder. Windows' backslashes become slashes.

    Raises:
        DataError: the path leads out of the folder, or no file can have it.
    """
    path = PurePosixPath(file_name.replace("\\", "/"))
    parts = path.parts
    is_invalid = not parts or len(file_name) > MAX_NAME_LETTERS or parts[0].endswith(("/", ":"))
    for part in parts:
        if part.startswith(".") or "\0" in part or len(part.encode()) > MAX_FILE_NAME_BYTES:
            is_invalid = True
    if is_invalid:
        found = f"file_name {file_name[:MAX_SHOWN_LETTERS]!a}"
        raise DataError(found, path=annotation_path, expected="a path below the images' folder")
    return path
