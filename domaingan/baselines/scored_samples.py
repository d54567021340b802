"""Test samples, grouped into batches of one shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from domaingan.data import Dataset, Sample


@dataclass(frozen=True)
class ScoredSample:
    """A sample that is scored.

    Attributes:
        unit: the subject, or the block of time of a drive, that it counts for.
        sample: at the grid that a network was trained on.
        original: at the data's own grid, with the truth.
    """

    unit: str
    sample: Sample
    original: Sample


def iterate_scored_samples(
    test: Dataset, original_test: Dataset, is_scored: Callable[[Sample], bool]
) -> Iterator[ScoredSample]:
    """Iterate over the samples that are scored.

    Args:
        test: test samples at the grid that a network was trained on.
        original_test: the same samples at the data's own grid.
        is_scored: tells of an original sample whether it has the labels that are scored.
    """
    is_same_grid = test is original_test
    for number, record in enumerate(test.records):
        original = original_test[number]
        if is_scored(original):
            sample = original if is_same_grid else test[number]
            yield ScoredSample(record.statistical_unit, sample, original)


def batch_by_shape(tested: Iterable[ScoredSample], max_pixels: int) -> Iterator[list[ScoredSample]]:
    """Group neighbouring samples of one shape into batches.

    Args:
        tested: the samples, in order; the order stays.
        max_pixels: pixels or voxels of all images of a batch together; an image larger than that is a batch of its own.

    Yields:
        The batches.
    """
    batch: list[ScoredSample] = []
    for item in tested:
        pixels = int(np.prod(item.sample.shape))
        is_full = bool(batch) and (len(batch) + 1) * pixels > max_pixels
        if batch and (is_full or item.sample.shape != batch[0].sample.shape):
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch
