"""Writing a whole dataset back in its own layout, or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from domaingan.adapters import adapter_for
from domaingan.files import atomic_folder, write_json
from domaingan.sample import Dataset, Sample


def write_dataset(
    samples: Iterable[Sample],
    dataset: Dataset,
    out: Path,
    *,
    overwrite: bool = False,
    notes: Mapping[str, Any] | None = None,
) -> None:
    """Write samples in the layout of the dataset that they were made from.

    Args:
        samples: one for each record of ``dataset``, in its order; may be made as they are written.
        dataset: gives layout, classes, conditions and splits.
        out: the new folder; it appears when everything is written.
        overwrite: replace a folder that is there.
        notes: further JSON files by name, written last (so they may be filled while the samples are made).

    Raises:
        DataError: the folder exists, or a sample cannot be held by the layout.
    """
    adapter = adapter_for(dataset.schema.layout)
    with atomic_folder(out, overwrite=overwrite) as folder:
        for sample in samples:
            adapter.write_sample(folder, sample, dataset.schema)
        adapter.finish(folder, dataset.schema, dataset.records)
        for name, value in (notes or {}).items():
            write_json(folder / name, value)
