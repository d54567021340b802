"""The output of a command: its folder is checked before the work, its result printed after."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from domaingan.core.errors import DataError


def check_output_folder(out: Path, data: str, overwrite: bool) -> None:
    """Refuse an output folder that must not be written.

    That is a folder that exists already, one that is or holds the data that is read, and one among the samples of the
    data, where it would be read as a sample the next time.

    Args:
        out: the folder that is to be written.
        data: the folder that is read, or the name of phantoms.
        overwrite: whether a folder that exists may be replaced.

    Raises:
        DataError: the folder is one of these.
    """
    from domaingan.core.files import refuse_existing_folder

    source, target = Path(data).resolve(), out.resolve()
    if source.exists() and (target == source or target in source.parents):
        raise DataError("holds the data that is read", path=out, expected="another folder")
    if target.parent == source and _holds_subject_folders(source):
        raise DataError("among the folders of the subjects", path=out, expected=f"a folder outside of {data}")
    refuse_existing_folder(out, overwrite=overwrite)


def _holds_subject_folders(folder: Path) -> bool:
    """Whether each folder in this one is read as a subject: it holds scans, and nnU-Net's description is not there."""
    has_scans = folder.is_dir() and any(folder.glob("*/*.nii*"))
    return has_scans and not (folder / "dataset.json").exists()


def print_result(result: dict[str, Any], as_json: bool, message: str) -> None:
    """End a command by printing its result.

    Args:
        result: what ``--json`` prints.
        as_json: whether to print it.
        message: what is printed for a person otherwise.
    """
    print(json.dumps(result, ensure_ascii=False) if as_json else message, flush=True)
