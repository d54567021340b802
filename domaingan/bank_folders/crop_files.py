"""Crops with masks as people keep them: which files of a folder belong together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from domaingan.adapters.class_definitions import CLASSES_JSON
from domaingan.adapters.frames.exif_orientation import turn_upright
from domaingan.adapters.frames.picture_files import PICTURE_SUFFIXES, list_pictures
from domaingan.adapters.frames.picture_header import read_picture_header
from domaingan.adapters.nifti.nifti_streams import NIFTI_SUFFIXES
from domaingan.core.errors import DataError
from domaingan.core.reading import check_regular_file, read_json

IMAGE_FOLDERS = ("crops", "images")
"""Names of the folder that holds the images."""

MASK_FOLDER = "masks"
"""Name of the folder that holds their masks."""

MASK_SUFFIX = "_mask"
"""End of the name of a mask that lies beside its crop."""

TRANSPARENT_MODES = ("RGBA", "LA", "PA")
"""Pillow's modes of pictures that can be transparent in parts."""


@dataclass(frozen=True)
class CropFiles:
    """The files of a crop.

    Attributes:
        image: the picture or scan.
        mask: its mask; None if the picture is transparent around its object.
    """

    image: Path
    mask: Path | None


def list_scans(folder: Path, *, is_recursive: bool = False) -> list[Path]:
    """List the NIfTI files in a folder, sorted by name. Hidden files and folders are left out.

    Args:
        folder: where to look.
        is_recursive: whether to look in its subfolders too.

    Returns:
        Paths.
    """
    candidates = folder.rglob("*") if is_recursive else folder.glob("*")
    scans = []
    for path in candidates:
        is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.name.lower().endswith(NIFTI_SUFFIXES) and path.is_file() and not is_hidden:
            scans.append(path)
    return sorted(scans)


def get_stem(path: Path) -> str:
    """Get the name of a file without its suffix. ``.nii.gz`` is one suffix.

    >>> get_stem(Path("a.b.nii.gz")), get_stem(Path("c.d.png"))
    ('a.b', 'c.d')
    """
    for suffix in NIFTI_SUFFIXES:
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.name.removesuffix(path.suffix)


def find_crop_files(root: Path) -> dict[str, CropFiles]:
    """Find the crops in a folder: pictures or NIfTI files with their masks.

    There are three ways to keep them: ``images/`` (or ``crops/``) and ``masks/`` with the same names below them;
    ``NAME.png`` and ``NAME_mask.png`` side by side; or pictures that are all transparent around their object.

    Args:
        root: the folder.

    Returns:
        The files of each crop by name; none if there are no masks.

    Raises:
        DataError: a crop has no mask, a mask has no crop, or two files have one name.
    """
    for name in IMAGE_FOLDERS:
        images, masks = root / name, root / MASK_FOLDER
        if images.is_dir() and masks.is_dir():
            return _find_in_folders(images, masks)
    files = [*list_scans(root), *list_pictures(root)]
    masks_beside = [path for path in files if get_stem(path).endswith(MASK_SUFFIX)]
    if masks_beside:
        crops = [path for path in files if path not in masks_beside]
        return _pair_files(crops, masks_beside, get_stem, _get_masked_stem)
    if _is_cut_out_set(files):
        return {get_stem(path): CropFiles(path, None) for path in files}
    return {}


def is_labelled_set(root: Path) -> bool:
    """Tell a set of labelled frames by its ``classes.json``, which names the objects among all classes."""
    path = root / CLASSES_JSON
    stored = read_json(path) if path.is_file() else None
    return isinstance(stored, dict) and bool(stored.get("objects"))


def drop_mask_files(files: Iterable[Path]) -> list[Path]:
    """Drop the files that are the mask of another one of them.

    Args:
        files: of one folder.

    Returns:
        The others, in the same order.
    """
    listed = list(files)
    stems = {get_stem(path) for path in listed}
    return [path for path in listed if not _is_mask_of_any(path, stems)]


def _is_mask_of_any(path: Path, stems: set[str]) -> bool:
    return get_stem(path).endswith(MASK_SUFFIX) and _get_masked_stem(path) in stems


def _get_masked_stem(path: Path) -> str:
    """Get the stem of the crop that a mask beside it belongs to."""
    return get_stem(path).removesuffix(MASK_SUFFIX)


def _find_in_folders(image_folder: Path, mask_folder: Path) -> dict[str, CropFiles]:
    """Pair the files of two folders that have the same path below them."""
    crops = list_scans(image_folder, is_recursive=True)
    masks = list_scans(mask_folder, is_recursive=True)
    if not crops:
        crops = list_pictures(image_folder, is_recursive=True)
        masks = list_pictures(mask_folder, is_recursive=True)
    if not crops:
        expected = f"NIfTI files or pictures ({', '.join(PICTURE_SUFFIXES)})"
        raise DataError("no crop in it", path=image_folder, expected=expected)

    def get_name(path: Path) -> str:
        folder = image_folder if path.is_relative_to(image_folder) else mask_folder
        return (path.relative_to(folder).parent / get_stem(path)).as_posix()

    return _pair_files(crops, masks, get_name, get_name)


def _pair_files(
    crops: list[Path], masks: list[Path], get_name: Callable[[Path], str], get_masked_name: Callable[[Path], str]
) -> dict[str, CropFiles]:
    """Pair crops and masks by name. Every file must have its counterpart."""
    masks_by_name = _index_by_name(masks, get_masked_name)
    pairs = {}
    for name, path in _index_by_name(crops, get_name).items():
        if name not in masks_by_name:
            raise DataError("a crop without a mask", path=path, expected=f"a mask for {name}")
        pairs[name] = CropFiles(path, masks_by_name.pop(name))
    if masks_by_name:
        name, path = next(iter(masks_by_name.items()))
        raise DataError("a mask without a crop", path=path, expected=f"a crop called {name}")
    return pairs


def _index_by_name(files: list[Path], get_name: Callable[[Path], str]) -> dict[str, Path]:
    by_name: dict[str, Path] = {}
    for path in files:
        name = get_name(path)
        if name in by_name:
            raise DataError(f"a second file called {name}", path=path, expected="one of each name")
        by_name[name] = path
    return by_name


# -------------------------------------------------------------- transparency


def _is_cut_out_set(files: list[Path]) -> bool:
    """Tell whether all files are pictures that can be transparent, and the first one is.

    Screenshots can be transparent too, but are not.
    """
    if not files:
        return False
    for path in files:
        if path.suffix.lower() not in PICTURE_SUFFIXES:
            return False
    for path in files:
        if read_picture_header(path).mode not in TRANSPARENT_MODES:
            return False
    return bool((read_alpha(files[0]) < 1).any())


def read_alpha(path: Path) -> NDArray[np.float32]:
    """Read the alpha channel of a picture.

    Args:
        path: the picture.

    Returns:
        ``(H, W)`` opacity, 0 to 1.

    Raises:
        DataError: the picture has no such channel.
    """
    header = read_picture_header(path)
    if header.mode not in TRANSPARENT_MODES:
        expected = "a picture that is transparent around its object"
        raise DataError(f"pixels of kind {header.mode}", path=path, expected=expected)
    with Image.open(check_regular_file(path)) as picture:
        alpha = np.asarray(picture.convert("RGBA").getchannel("A"))
    upright = turn_upright(alpha, header.orientation)
    return np.divide(upright, 255, dtype=np.float32)
