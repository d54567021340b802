"""Writing a whole dataset back in its own layout, or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from domaingan.adapters import get_adapter
from domaingan.core.errors import DataError
from domaingan.core.files import write_folder_atomically, write_json
from domaingan.data import Dataset, Record, Sample


def write_dataset(
    samples: Iterable[Sample],
    dataset: Dataset,
    out: Path,
    *,
    overwrite: bool = False,
    notes: Mapping[str, Any] | None = None,
) -> None:
    """Write samples in the layout of the dataset that they were made from.

    To share the work among processes, let each call ``get_adapter(layout).write_sample`` and one ``finish``.

    Args:
        samples: each with its ``name`` in ``meta``, and ``subject``, ``sequence`` and ``split`` where known; may be
            made as they are written.
        dataset: gives layout, channels, classes and the names of the conditions.
        out: the new folder; it appears when everything is written.
        overwrite: replace a folder that is there.
        notes: further JSON files by name, written last (so they may be filled while the samples are made).

    Raises:
        DataError: the folder exists, two samples have one name, there is none, or one cannot be held by the layout.
    """
    adapter, schema = get_adapter(dataset.schema.layout), dataset.schema
    records: dict[str, Record] = {}
    with write_folder_atomically(out, overwrite=overwrite) as folder:
        for sample in samples:
            if sample.name in records:
                raise DataError(f"two samples called {sample.name!r}", path=out, expected="a name of its own for each")
            adapter.write_sample(folder, sample, schema)
            records[sample.name] = make_record(sample)
        if not records:
            raise DataError("no sample to write", path=out)
        adapter.finish_dataset(folder, schema, list(records.values()))
        for name, value in (notes or {}).items():
            write_json(folder / name, value)


def make_record(sample: Sample) -> Record:
    """What a dataset's tables say of a sample that is written."""
    source = sample.source
    return Record(
        source.name,
        source.subject,
        source.sequence,
        source.split,
        condition=sample.condition,
        shape=sample.shape,
        spacing=sample.spacing,
        time=source.time,
    )
