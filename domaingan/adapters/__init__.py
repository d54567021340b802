"""Datasets on disk: the layouts that can be read and written. A layout is detected, or chosen by name."""

from __future__ import annotations

from pathlib import Path

from domaingan.adapters.base import Adapter
from domaingan.adapters.coco.coco_layout import CocoFolders
from domaingan.adapters.frames.mask_folders import MaskFolders
from domaingan.adapters.nifti.nifti_folders import NiftiFolders
from domaingan.adapters.nifti.nnunet_folders import NnUNetFolders
from domaingan.adapters.object_files.kitti_layout import KittiFolders
from domaingan.adapters.object_files.voc_layout import VocFolders
from domaingan.adapters.object_files.yolo_layout import YoloFolders
from domaingan.adapters.problems import make_no_sample_error, make_problem
from domaingan.core.errors import DataError, check_utf8_name
from domaingan.data import Dataset, Record

ADAPTERS: tuple[type[Adapter], ...] = (
    NnUNetFolders,
    NiftiFolders,
    CocoFolders,
    KittiFolders,
    VocFolders,
    YoloFolders,
    MaskFolders,
)
"""The adapters, in the order in which :func:`load` tries them. An adapter stands before those that accept more folders
than it does."""

LAYOUTS: dict[str, type[Adapter]] = {adapter.layout: adapter for adapter in ADAPTERS}
"""The adapters by the names of their layouts."""

PHANTOM_PREFIX = "phantom:"


def get_adapter(layout: str) -> Adapter:
    """Get the adapter of a layout.

    Args:
        layout: its name.

    Raises:
        DataError: there is no such layout.
    """
    if layout not in LAYOUTS:
        raise DataError(f"no layout {layout!r}", expected=f"one of {', '.join(LAYOUTS)}")
    return LAYOUTS[layout]()


def load(source: str | Path, layout: str | None = None) -> Dataset:
    """Open the dataset in a folder, or a phantom.

    Args:
        source: a folder in any of :data:`LAYOUTS`, or ``phantom:NAME``.
        layout: name of the folder's layout. None: it is detected.

    Returns:
        The dataset. Its samples are read when they are asked for.

    Raises:
        DataError: there is no such folder, it has no known layout, or what describes the whole dataset is wrong.
    """
    if not isinstance(source, str | Path):
        raise DataError(f"a source that is a {type(source).__name__}", expected="a folder of samples, or phantom:NAME")
    if str(source).startswith(PHANTOM_PREFIX):
        from domaingan import phantoms

        return phantoms.load_phantom(str(source).removeprefix(PHANTOM_PREFIX))
    root = Path(source).expanduser()
    if not root.exists():
        raise DataError("no such folder", path=root, expected="a folder of samples, or phantom:NAME")
    if not root.is_dir():
        raise DataError("a file", path=root, expected="the folder that holds the dataset")
    check_utf8_name(str(root), root)
    adapter = _detect_layout(root) if layout is None else get_adapter(layout)
    return _drop_unreadable_names(adapter.open(root))


def _detect_layout(root: Path) -> Adapter:
    """Find the first adapter that can open a folder.

    Raises:
        DataError: the folder is empty, or no adapter can open it.
    """
    if not any(root.iterdir()):
        raise DataError("an empty folder", path=root, expected="samples in it")
    for adapter_type in ADAPTERS:
        adapter = adapter_type()
        if adapter.can_open(root):
            return adapter
    expected = "; or ".join(f"{name}: {adapter.expected_files}" for name, adapter in LAYOUTS.items())
    raise DataError("no layout fits", path=root, expected=expected)


def _drop_unreadable_names(dataset: Dataset) -> Dataset:
    """Drop the samples whose names are no valid UTF-8, as no file of ours could hold them. They become problems.

    Raises:
        DataError: the name of a channel is no valid UTF-8, or no sample is left.
    """
    for channel in dataset.schema.channels:
        check_utf8_name(channel, dataset.root)
    readable: list[Record] = []
    problems = list(dataset.problems)
    for record in dataset.records:
        try:
            _check_names(record, dataset.root)
        except DataError as error:
            problems.append(make_problem(error, Path(dataset.root)))
        else:
            readable.append(record)
    if len(readable) == len(dataset):
        return dataset
    if not readable:
        raise make_no_sample_error(Path(dataset.root), problems)
    return Dataset(readable, dataset.read, dataset.schema, dataset.root, problems)


def _check_names(record: Record, root: str | Path) -> None:
    path = next(iter(record.files.values()), root)
    for name in (record.name, record.subject, record.sequence, record.split):
        check_utf8_name(name, str(path))


__all__ = ["ADAPTERS", "LAYOUTS", "Adapter", "get_adapter", "load"]
