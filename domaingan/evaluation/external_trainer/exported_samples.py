"""The samples of an exported dataset: each training sample several times, blended as its arm does."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from domaingan.adapters import get_adapter
from domaingan.adapters.base import make_record
from domaingan.augmentation.offline.unfinished_folder import get_note_path
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.baselines.unlabelled_hosts import find_unlabelled
from domaingan.core.files import write_json
from domaingan.data import Dataset, Sample
from domaingan.evaluation.external_trainer.exported_hosts import mark_unlabelled
from domaingan.imaging.intensity import with_measurements

TEST_SPLIT = "test"

MAX_TRIES = 10
"""How often a paste into a host without any label is tried."""


@dataclass(frozen=True)
class TrainingSetWriter:
    """Writes the training samples of one arm and seed; item ``i`` is the same in whichever process it is made.

    Attributes:
        hosts: the training samples at the data's own grid; each is read when it is written.
        augment: what the arm does to them.
        folder: of the new dataset.
        copies: how often each sample is written.
        seed: seeds every item, together with its number.
    """

    hosts: Dataset
    augment: TrainingAugmentation
    folder: Path
    copies: int
    seed: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.hosts) * self.copies

    def make_sample(self, item: int) -> Sample:
        """Make an item: copy ``item % copies`` of sample ``item // copies``, blended as the arm does.

        The first copy keeps the sample's name. The others belong to the same subject, so that no split tears a copy
        from its original.
        """
        position, copy = divmod(item, self.copies)
        original = with_measurements(self.hosts[position], self.hosts.schema.domain)
        blended = self._blend(original, np.random.default_rng((*self.seed, item)))
        source = original.source
        if source.split == TEST_SPLIT:  # a fold trains on it, whatever the data call it
            source = replace(source, split="train")
        if copy:
            source = replace(source, name=f"{source.name}_copy{copy}")
            if not (source.subject or source.sequence):
                source = replace(source, subject=original.group)
        return replace(blended, source=source)

    def _blend(self, original: Sample, rng: np.random.Generator) -> Sample:
        """Blend a sample; a host of which nothing is labelled then is blended again, up to :data:`MAX_TRIES` times."""
        for _ in range(MAX_TRIES):
            blended = self.augment.blend(original, rng)
            unlabelled = find_unlabelled(original, blended)
            if unlabelled is None or not unlabelled.all():
                break
        return mark_unlabelled(original, blended, self.hosts.schema)

    def __call__(self, item: int) -> None:
        """Make an item and write it, with a note of its record and of whether the arm changed it."""
        sample = self.make_sample(item)
        schema = self.hosts.schema
        get_adapter(schema.layout).write_sample(self.folder, sample, schema)
        write_note(self.folder, item, sample, [{"is_changed": is_changed(sample)}])


@dataclass(frozen=True)
class TestSetWriter:
    """Writes the images of the test samples, without their labels.

    Attributes:
        test: the test samples at the data's own grid.
        folder: of the new dataset.
    """

    __test__ = False  # pytest would take it for a test

    test: Dataset
    folder: Path

    def __len__(self) -> int:
        return len(self.test)

    def __call__(self, item: int) -> None:
        """Write an item, with a note of its record."""
        adapter = get_adapter(self.test.schema.layout)
        sample = remove_labels(self.test[item], has_boxes=adapter.holds_boxes)
        sample = replace(sample, source=replace(sample.source, split=TEST_SPLIT))
        adapter.write_sample(self.folder, sample, self.test.schema)
        write_note(self.folder, item, sample, [])


def write_note(folder: Path, item: int, sample: Sample, done: list[dict[str, Any]]) -> None:
    """Write the note that an item is written; :func:`domaingan.augmentation.offline.unfinished_folder.read_note` reads
    it.
    """
    record = asdict(make_record(sample))
    stored = {name: value for name, value in record.items() if name not in ("files", "affine")}
    write_json(get_note_path(folder, item), {"record": stored, "done": done})


def is_changed(sample: Sample) -> bool:
    """Return whether something was pasted into a sample, or it got another look."""
    return sample.relight_result is not None or any(crop.is_placed for crop in sample.pasted_crops)


def remove_labels(sample: Sample, *, has_boxes: bool) -> Sample:
    """Remove the labels of a test sample, so that no trainer learns from them.

    Args:
        sample: the test sample; it stays as it is.
        has_boxes: whether its layout needs boxes: then there are none of them, else they are None.
    """
    boxes, labels = None, None
    if has_boxes:
        boxes = np.zeros((0, 2 * sample.spatial_dims), np.float32)
        labels = np.zeros(0, np.int64)
    return replace(sample, mask=None, boxes=boxes, labels=labels, instances=None, areas=None, crowds=(), origins=None)
