"""Disk ↔ samples: the layouts that can be read and written, found out or named."""

from __future__ import annotations

from pathlib import Path

from domaingan.adapters.base import Adapter
from domaingan.adapters.coco.coco_layout import CocoFolders
from domaingan.adapters.frames.mask_folders import MaskFolders
from domaingan.adapters.nifti.nifti_folders import NiftiFolders
from domaingan.adapters.nifti.nnunet_folders import NnUNetFolders
from domaingan.adapters.values import make_no_sample_error, make_problem
from domaingan.core.errors import DataError, check_utf8_name
from domaingan.data import Dataset

LAYOUTS: dict[str, type[Adapter]] = {
    adapter.layout: adapter for adapter in (NnUNetFolders, NiftiFolders, CocoFolders, MaskFolders)
}
"""The layouts by name, in the order in which they are looked for: the more particular first."""

PHANTOM_PREFIX = "phantom:"


def get_adapter(layout: str) -> Adapter:
    """The adapter of a layout.

    Raises:
        DataError: there is no such layout.
    """
    if layout not in LAYOUTS:
        raise DataError(f"no layout {layout!r}", expected=f"one of {', '.join(LAYOUTS)}")
    return LAYOUTS[layout]()


def load(source: str | Path, layout: str | None = None) -> Dataset:
    """The dataset in a folder, or a phantom.

    Args:
        source: a folder in any of :data:`LAYOUTS`, or ``phantom:NAME``.
        layout: its layout; found out where it is not given.

    Raises:
        DataError: there is no such folder, no layout fits it, or what describes it as a whole is wrong.
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
    return _drop_unreadable_names((_detect_layout(root) if layout is None else get_adapter(layout)).open(root))


def _drop_unreadable_names(dataset: Dataset) -> Dataset:
    """The dataset without the samples whose names are no text, which no file of ours could hold: they are problems.

    Raises:
        DataError: the name of a channel is none.
    """
    for channel in dataset.schema.channels:
        check_utf8_name(channel, dataset.root)
    kept, problems = [], list(dataset.problems)
    for record in dataset.records:
        try:
            for name in (record.name, record.subject, record.sequence, record.split):
                check_utf8_name(name, str(next(iter(record.files.values()), dataset.root)))
            kept.append(record)
        except DataError as error:
            problems.append(make_problem(error, Path(dataset.root)))
    if len(kept) == len(dataset):
        return dataset
    if not kept:
        raise make_no_sample_error(Path(dataset.root), problems)
    return Dataset(kept, dataset.read, dataset.schema, dataset.root, problems)


def _detect_layout(root: Path) -> Adapter:
    if not any(root.iterdir()):
        raise DataError("an empty folder", path=root, expected="samples in it")
    for adapter in LAYOUTS.values():
        if adapter().can_open(root):
            return adapter()
    looked_for = "; or ".join(f"{name}: {adapter.expected_files}" for name, adapter in LAYOUTS.items())
    raise DataError("no layout fits", path=root, expected=looked_for)


__all__ = ["LAYOUTS", "Adapter", "get_adapter", "load"]
