"""Crops with masks as people keep them: which files of a folder belong together, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domaingan.adapters.frames.exif_orientation import turn_upright
from domaingan.adapters.frames.picture_io import PICTURE_SUFFIXES, list_pictures, read_picture_header
from domaingan.adapters.nifti.nifti_folders import NIFTI_SUFFIXES
from domaingan.adapters.tables import CLASSES_JSON, ClassDefinitions, parse_classes
from domaingan.core.errors import DataError
from domaingan.core.reading import check_regular_file, read_json

IMAGE_FOLDERS = ("crops", "images")
MASK_FOLDER = "masks"
MASK_SUFFIX = "_mask"
"""What the name of a mask ends in that lies beside its crop."""

TRANSPARENT_MODES = ("RGBA", "LA", "PA")
"""Kinds of pictures, in Pillow's words, of which a part can be transparent."""


@dataclass(frozen=True)
class CropFiles:
    """The files of a crop.

    Attributes:
        image: the picture or scan.
        mask: its mask; None where it is a picture's transparency.
    """

    image: Path
    mask: Path | None


def list_scans(folder: Path, *, is_recursive: bool = False) -> list[Path]:
    """The NIfTI files in a folder by name (in its folders too where ``deep``), hidden ones left out."""
    found = folder.rglob("*") if is_recursive else folder.glob("*")
    scans = (path for path in found if path.name.lower().endswith(NIFTI_SUFFIXES) and path.is_file())
    return sorted(path for path in scans if not any(part[0] == "." for part in path.relative_to(folder).parts))


def get_stem(path: Path) -> str:
    """A file's name without its ending.

    >>> get_stem(Path("a.b.nii.gz")), get_stem(Path("c.d.png"))
    ('a.b', 'c.d')
    """
    ending = next((end for end in NIFTI_SUFFIXES if path.name.lower().endswith(end)), path.suffix)
    return path.name[: -len(ending)]


def find_crop_files(root: Path) -> dict[str, CropFiles]:
    """The crops in a folder by name: pictures or NIfTI files with their masks; none where there are no masks.

    ``images/`` (or ``crops/``) and ``masks/`` with the same names below them; or ``NAME.png`` and ``NAME_mask.png``
    side by side; or pictures that all can be transparent, and are, around what they show.

    Raises:
        DataError: a crop without a mask, a mask without a crop, or two files of one name.
    """
    for name in IMAGE_FOLDERS:
        images, masks = root / name, root / MASK_FOLDER
        if images.is_dir() and masks.is_dir():
            return _find_in_folders(images, masks)
    flat = [*list_scans(root), *list_pictures(root)]
    masks_beside = [path for path in flat if get_stem(path).endswith(MASK_SUFFIX)]
    if masks_beside:
        crops = [path for path in flat if path not in masks_beside]
        return _pair_files(crops, masks_beside, get_stem, _get_masked_stem)
    return {get_stem(path): CropFiles(path, None) for path in flat} if _is_cut_out_set(flat) else {}


def is_labelled_set(root: Path) -> bool:
    """Whether a ``classes.json`` names objects among all that pictures show, as that of a set of frames does."""
    path = root / CLASSES_JSON
    stored = read_json(path) if path.is_file() else None
    return isinstance(stored, dict) and bool(stored.get("objects"))


def drop_mask_files(files: Iterable[Path]) -> list[Path]:
    """The files that are not the mask of another one of them."""
    kept = list(files)
    names = {get_stem(path) for path in kept}
    return [path for path in kept if not (get_stem(path).endswith(MASK_SUFFIX) and _get_masked_stem(path) in names)]


def _get_masked_stem(path: Path) -> str:
    return get_stem(path).removesuffix(MASK_SUFFIX)


def _find_in_folders(images: Path, masks: Path) -> dict[str, CropFiles]:
    crops, labels = list_scans(images, is_recursive=True), list_scans(masks, is_recursive=True)
    if not crops:
        crops, labels = list_pictures(images, recursive=True), list_pictures(masks, recursive=True)
    if not crops:
        raise DataError(
            "no crop in it", path=images, expected=f"NIfTI files or pictures ({', '.join(PICTURE_SUFFIXES)})"
        )

    def name(path: Path) -> str:
        folder = images if path.is_relative_to(images) else masks
        return (path.relative_to(folder).parent / get_stem(path)).as_posix()

    return _pair_files(crops, labels, name, name)


def _pair_files(
    crops: list[Path], masks: list[Path], get_name: Callable[[Path], str], get_masked_name: Callable[[Path], str]
) -> dict[str, CropFiles]:
    by_name = _index_by_name(masks, get_masked_name)
    pairs = {}
    for own, path in _index_by_name(crops, get_name).items():
        if own not in by_name:
            raise DataError("a crop without a mask", path=path, expected=f"a mask for {own}")
        pairs[own] = CropFiles(path, by_name.pop(own))
    if by_name:
        own, path = next(iter(by_name.items()))
        raise DataError("a mask without a crop", path=path, expected=f"a crop called {own}")
    return pairs


def _index_by_name(files: list[Path], get_name: Callable[[Path], str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in files:
        if get_name(path) in found:
            raise DataError(f"a second file called {get_name(path)}", path=path, expected="one of each name")
        found[get_name(path)] = path
    return found


def _is_cut_out_set(files: list[Path]) -> bool:
    """Whether all files are pictures with transparency, and that of the first is used: screenshots have it, too."""
    if not files or not all(path.suffix.lower() in PICTURE_SUFFIXES for path in files):
        return False
    return all(read_picture_header(path).mode in TRANSPARENT_MODES for path in files) and bool(
        (read_alpha(files[0]) < 1).any()
    )


def read_alpha(path: Path) -> NDArray[np.float32]:
    """How opaque a picture is, ``(H, W)`` from 0 to 1.

    Raises:
        DataError: it has no such channel.
    """
    header = read_picture_header(path)
    if header.mode not in TRANSPARENT_MODES:
        expected = "a picture that is transparent around its object"
        raise DataError(f"pixels of kind {header.mode}", path=path, expected=expected)
    with Image.open(check_regular_file(path)) as picture:
        alpha = np.asarray(picture.convert("RGBA").getchannel("A"))
    return np.divide(turn_upright(alpha, header.orientation), 255, dtype=np.float32)


# ------------------------------------------------------------------- what is said of them


EdgeLength = Annotated[int, Field(ge=1, lt=2**20)]
"""Of a frame, in pixels."""


class CropMetadata(BaseModel):
    """What ``classes.json`` says of crops beside what :class:`~domaingan.adapters.tables.Classes` does.

    Attributes:
        ground: of frames the classes of hosts that objects stand on: for all of them, or a list for each class.
        frame: height and width, in pixels, of the frames that crops were cut from: it makes large what was near.
        range: of scans the stored values that are 0 and 1 in scaled units (see :mod:`domaingan.imaging.intensity`),
            those of the whole scans' 0.5th and 99.5th percentiles: for all channels, or a pair for each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ground: list[str] | dict[str, list[str]] = []
    frame: tuple[EdgeLength, EdgeLength] | None = None
    range: tuple[float, float] | list[tuple[float, float]] | None = None

    def count_supporting_classes(self, class_names: Iterable[str]) -> dict[str, dict[str, int]]:
        """For each class of objects what it stands on, as in :class:`domaingan.banks.BankInfo`."""
        named = self.ground if isinstance(self.ground, dict) else dict.fromkeys(class_names, self.ground)
        return {name: dict.fromkeys(below, 1) for name, below in named.items() if below}


def read_crop_metadata(root: Path) -> tuple[ClassDefinitions, CropMetadata]:
    """Classes (none where nothing names them) and what else is said of crops.

    Raises:
        DataError: a ``classes.json`` that is not as it should be.
    """
    path = root / CLASSES_JSON
    stored = read_json(path) if path.exists() else {}
    if not isinstance(stored, dict):
        raise DataError("no JSON object", path=path, expected='{"classes": {name: value}}')
    own = {name: stored.pop(name) for name in CropMetadata.model_fields if name in stored}
    try:
        classes = parse_classes({"classes": {}} | stored, path, tuple(CropMetadata.model_fields))
        if classes.region:
            raise DataError("'region' for crops", path=path, expected="it in the hosts' classes.json, or --region")
        return classes, CropMetadata.model_validate(own)
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"{first['loc'][0]}: {first['msg']}", path=path) from None
