"""Which files of a folder are COCO annotation files, and of which split."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

COCO_LAYOUT = "coco"

ANNOTATIONS_FOLDER = "annotations"

DEFAULT_SPLIT = "default"
"""The split in the file name of a dataset without splits, as CVAT writes it: ``instances_default.json``."""

PICTURE_FOLDERS = ("images", "data")

ROBOFLOW_FILE = "_annotations.coco.json"
"""What Roboflow calls the annotation file, in a folder for each split."""

EXPORT_FILES = ("result.json", "labels.json")
"""What Label Studio and FiftyOne call their annotation files, beside a folder of pictures."""

KEYPOINTS_PREFIX = "person_keypoints_"
"""The start of the name of CVAT's file of objects with key points."""

OTHER_TASK_PREFIXES = ("captions_", KEYPOINTS_PREFIX, "panoptic_", "stuff_", "labels_", "image_info_")
"""The start of the names of COCO files for other tasks with the same pictures."""

_ANNOTATION_STEM_PATTERN = re.compile("instances|annotations|coco")
_SEPARATORS = "_. -"
_WORDS_OF_NO_SPLIT = ("instances", "annotations", "annotation", "coco", "labels", "label", "default")


def find_annotation_files(root: Path) -> list[Path]:
    """Find the annotation files of a dataset.

    Args:
        root: the dataset's folder.

    Returns:
        The files in order of their names. Where files of other tasks stand beside those of detection, only the latter.
    """
    candidates = sorted((root / ANNOTATIONS_FOLDER).glob("*.json"))
    candidates += sorted(root.glob(f"*/{ROBOFLOW_FILE}"))
    for path in sorted(root.glob("*.json")):
        if _ANNOTATION_STEM_PATTERN.search(path.stem):
            candidates.append(path)
    has_pictures = any((root / folder).is_dir() for folder in PICTURE_FOLDERS)
    if not candidates and has_pictures and not (root / "masks").is_dir():
        candidates = [root / name for name in EXPORT_FILES if (root / name).is_file()]
    return [path for path in _choose_task(candidates) if not path.name.startswith(".")]


def _choose_task(paths: Sequence[Path]) -> list[Path]:
    """Choose the files of detection, else all files but those of other tasks, else the files of key points."""
    detection = [path for path in paths if path.name.startswith("instances")]
    if detection:
        return detection
    unnamed = [path for path in paths if not path.name.startswith(OTHER_TASK_PREFIXES)]
    if unnamed:
        return unnamed
    return [path for path in paths if path.name.startswith(KEYPOINTS_PREFIX)]


def parse_split_name(path: Path, root: Path) -> str:
    """Parse the split in the name of an annotation file: ``train2017`` for ``instances_train2017.json``.

    Args:
        path: the file.
        root: the dataset's folder.

    Returns:
        The split. Where the name has none it is the name of the file's folder (Roboflow), or empty.
    """
    name = ""
    if path.name not in EXPORT_FILES:
        name = _remove_words_of_no_split(path.stem.removeprefix(KEYPOINTS_PREFIX))
    if name:
        return name
    is_in_own_folder = path.parent not in (root, root / ANNOTATIONS_FOLDER)
    return path.parent.name if is_in_own_folder else ""


def _remove_words_of_no_split(name: str) -> str:
    """Remove words that name no split, and separators, from the start and the end of a name.

    >>> [_remove_words_of_no_split(name) for name in ("instances_train2017", "_annotations.coco", "val-labels", "x")]
    ['train2017', '', 'val', 'x']
    """
    changed = True
    while changed:
        before = name
        name = name.strip(_SEPARATORS)
        for word in _WORDS_OF_NO_SPLIT:
            if name == word:
                return ""
            rest = name.removeprefix(word)
            if rest.startswith(tuple(_SEPARATORS)):
                name = rest
            rest = name.removesuffix(word)
            if rest.endswith(tuple(_SEPARATORS)):
                name = rest
        changed = name != before
    return name
