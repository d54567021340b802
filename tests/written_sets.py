"""Datasets that tests write: by the writer that ``domaingan blend`` uses, with nothing blended into any sample."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from domaingan.adapters.base import make_record
from domaingan.augmentation.offline.augmented_dataset import AugmentedDataset
from domaingan.augmentation.offline.donors import Sides
from domaingan.augmentation.offline.write_augmented import write_augmented_dataset
from domaingan.data import Dataset, Sample

NOBODY_IS_BLENDED = Sides({}, {}, "a side that no sample is on")


def write_dataset(samples: Iterable[Sample], dataset: Dataset, out: Path, *, overwrite: bool = False) -> None:
    """Write samples as they are, in a dataset's layout.

    Args:
        samples: any samples with the dataset's channels and classes.
        dataset: gives layout, channels, classes and the names of the conditions.
        out: the new folder.
        overwrite: whether a folder that is there is replaced.
    """
    listed = list(samples)
    by_name = {sample.name: sample for sample in listed}
    records = [make_record(sample) for sample in listed]
    data = Dataset(records, lambda record: by_name[record.name], dataset.schema)
    augmented = AugmentedDataset(data, blender=None, classic="light", seed=0, sides=NOBODY_IS_BLENDED)
    write_augmented_dataset(augmented, dataset.schema, out, {}, workers=1, overwrite=overwrite)
    (out / "classic.json").unlink()  # it says how samples were augmented, which none was
