"""Disk ↔ samples: the layouts that can be read and written, found out or named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from domaingan.adapters.base import Adapter
from domaingan.adapters.nifti import NiftiFolders
from domaingan.adapters.nnunet import NnUNet
from domaingan.errors import DataError
from domaingan.files import atomic_folder, write_json
from domaingan.sample import Dataset, Record, Sample

LAYOUTS: dict[str, type[Adapter]] = {adapter.layout: adapter for adapter in (NnUNet, NiftiFolders)}
"""The layouts by name, in the order in which they are looked for: the more particular first."""

PHANTOM = "phantom:"


def adapter_for(layout: str) -> Adapter:
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
    if str(source).startswith(PHANTOM):
        from domaingan import phantoms

        return phantoms.load(str(source).removeprefix(PHANTOM))
    root = Path(source).expanduser()
    if not root.exists():
        raise DataError("no such folder", path=root, expected="a folder of samples, or phantom:NAME")
    if not root.is_dir():
        raise DataError("a file", path=root, expected="the folder that holds the dataset")
    return (_detected(root) if layout is None else adapter_for(layout)).open(root)


def _detected(root: Path) -> Adapter:
    if not any(root.iterdir()):
        raise DataError("an empty folder", path=root, expected="samples in it")
    for adapter in LAYOUTS.values():
        if adapter().detects(root):
            return adapter()
    looked_for = "; or ".join(f"{name}: {adapter.looked_for}" for name, adapter in LAYOUTS.items())
    raise DataError("no layout fits", path=root, expected=looked_for)


def write(
    samples: Iterable[Sample],
    like: Dataset,
    out: str | Path,
    *,
    overwrite: bool = False,
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Write samples in the layout of the dataset that they came from; the folder appears once it is complete.

    To share the work among processes, let each call ``adapter_for(layout).write_sample`` and one ``finish``.

    Args:
        samples: each with its ``name`` in ``meta`` (``subject``, ``sequence`` and ``split`` as well, where known).
        like: whose layout, channels, classes and conditions they have.
        out: the new folder.
        overwrite: replace ``out`` if it exists.
        extra: JSON files to put beside the samples, by name; written last, so they may fill while samples are made.

    Raises:
        DataError: ``out`` exists, two samples have one name, there is no sample, or one cannot be held by the layout.
    """
    adapter, schema = adapter_for(like.schema.layout), like.schema
    records: dict[str, Record] = {}
    with atomic_folder(Path(out), overwrite=overwrite) as folder:
        for sample in samples:
            if sample.name in records:
                raise DataError(f"two samples called {sample.name!r}", path=out, expected="a name of its own for each")
            adapter.write_sample(folder, sample, schema)
            records[sample.name] = _record(sample)
        if not records:
            raise DataError("no sample to write", path=out)
        adapter.finish(folder, schema, list(records.values()))
        for name, value in (extra or {}).items():
            write_json(folder / name, value)


def _record(sample: Sample) -> Record:
    subject, sequence, split = (str(sample.meta.get(name, "")) for name in ("subject", "sequence", "split"))
    return Record(sample.name, subject, sequence, split, sample.condition, sample.shape, sample.spacing)


__all__ = ["LAYOUTS", "Adapter", "adapter_for", "load", "write"]
