"""Where the pictures lie that a COCO file lists."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from domaingan.adapters.coco.coco_file import CocoFile
from domaingan.adapters.frames.exif_orientation import OrientationLog
from domaingan.adapters.frames.picture_io import read_picture_header
from domaingan.adapters.values import make_problem
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.data import Problem, Record

MAX_NAME_LETTERS = 1000
"""Letters of a picture's path in its folder."""

FoundPicture = tuple[PurePosixPath, Path]
"""A picture's place in its folder, which names its sample, and its file."""


def list_image_records(
    file: CocoFile, subset: str, folders: Sequence[Path], known: set[str], problems: list[Problem], log: OrientationLog
) -> dict[str, Record]:
    """List a file's images as records with shapes, without objects.

    Label tools write places on their own disk (``..\\..\\upload\\4\\a.png``): a picture that is not where the file says
    is looked for by its name alone, and taken if no other image of the file is that.

    Args:
        file: the annotation file.
        subset: its split.
        folders: where pictures may lie, the likeliest first.
        known: names of samples that are taken; added to.
        problems: images that cannot be used; added to.
        log: of pictures that are turned; added to.

    Returns:
        The records by their images' keys.
    """
    pictures, errors = _find_pictures(file, folders)
    records: dict[str, Record] = {}
    for key, image in file.images.items():
        try:
            if key in errors:
                raise errors[key]
            place, path = pictures[key]
            name = (f"{subset}/" if subset else "") + str(place.with_suffix(""))
            if name in known:
                raise DataError(f"a second image called {name!r}", path=file.path)
            known.add(name)
            header = read_picture_header(path)
            shape = image.shape or header.shape
            if shape not in header.possible_shapes:
                raise DataError(f"shape {header.shape}", path=path, expected=f"{shape}, as in {file.path.name}")
            log.add(path.name, header.orientation, is_stored=shape != header.shape)
            records[key] = Record(name, "", "", subset, {}, shape, (1.0, 1.0), files={"image": path})
        except DataError as error:
            problems.append(make_problem(error, file.path))
    return records


def _find_pictures(file: CocoFile, folders: Sequence[Path]) -> tuple[dict[str, FoundPicture], dict[str, DataError]]:
    """The pictures by their images' keys, and what is wrong with the others."""
    found: dict[str, FoundPicture] = {}
    errors: dict[str, DataError] = {}
    for key, image in file.images.items():
        try:
            place = _parse_picture_path(image.file_name, file.path)
            found[key] = place, _find_picture(place, folders, file.path)
        except DataError as error:
            errors[key] = error
    by_name: dict[Path, list[tuple[str, FoundPicture]]] = {}
    for key in errors:
        name = file.images[key].file_name.replace("\\", "/").rpartition("/")[2]
        try:
            place = _parse_picture_path(name, file.path)
            path = _find_picture(place, folders, file.path)
        except DataError:
            continue
        by_name.setdefault(path, []).append((key, (place, path)))
    taken = {path for _, path in found.values()}
    lone = [pairs[0] for path, pairs in by_name.items() if len(pairs) == 1 and path not in taken]
    for key, pair in lone:
        found[key] = pair
        del errors[key]
    if lone:
        said = (
            f"{len(lone)} pictures are found by their names alone, such as {file.images[lone[0][0]].file_name[:200]!a}"
        )
        warnings.warn(f"{file.path}: {said}", AssumptionWarning, stacklevel=2)
    return found, errors


def _parse_picture_path(name: str, path: Path) -> PurePosixPath:
    """An image's place in its folder; Windows' backslashes become slashes.

    Raises:
        DataError: it leads out of the folder, or is no name that a file can have.
    """
    place = PurePosixPath(name.replace("\\", "/"))
    parts = place.parts
    is_odd = any(part.startswith(".") or "\0" in part or len(part.encode()) > 255 for part in parts)
    if not parts or is_odd or len(name) > MAX_NAME_LETTERS or parts[0].endswith(("/", ":")):
        raise DataError(f"file_name {name[:200]!a}", path=path, expected="a path below the images' folder")
    return place


def _find_picture(name: PurePosixPath, folders: Sequence[Path], path: Path) -> Path:
    """Where an image lies.

    Raises:
        DataError: nowhere.
    """
    found = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if found is None:
        raise DataError("no such file", path=folders[0] / name, expected=f"it, as {path.name} lists it")
    return found
