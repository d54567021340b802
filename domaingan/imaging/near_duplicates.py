"""Whether two images show the same, whatever they are called and however they are stored.

Checksums find the same values (another header, packing or number type changes nothing); small pictures find what was
re-encoded or scaled, and frames of one drive; names find one person in two spellings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from domaingan.data import Dataset, Reader, Record, Sample
from domaingan.imaging.body_axes import get_body_axes

THUMBNAIL_GRIDS = {2: (12, 16), 3: (8, 8, 8)}
"""Pixels of a small picture along each axis, by the number of spatial dimensions."""

MIN_DUPLICATE_CORRELATION = {2: 0.9, 3: 0.99}
"""Correlation, less what all images share, from which two small pictures show nearly the same. Of 39,514 pairs of
frames of different drives the most alike reach 0.81; one in five frames reaches it with the frame a second later."""

MIN_DRIVE_CORRELATION = 0.5
"""Median correlation of each frame with the next by name from which frames are of drives: 0.76 within drives a second
apart, -0.10 between drives."""

MIN_FRAMES = 8
"""What all images share is only known of at least this many images."""

MAX_COMPARED_IMAGES = 20_000
"""Of more images only the first so many are compared one with another."""


# ------------------------------------------------------------------- checksums


def get_checksums(sample: Sample) -> tuple[str, ...]:
    """Get the checksums of a sample's image: those that were kept when it was read, or of what it holds now.

    Args:
        sample: any; a slice of a volume that kept none has none.

    Returns:
        One a channel that is not constant; of frames a single one of all channels.
    """
    if sample.source.checksums is not None:
        return sample.source.checksums
    if sample.source.index is not None:
        return ()
    return compute_checksums(rotate_to_body_axes(sample))


def rotate_to_body_axes(sample: Sample) -> NDArray[np.float32]:
    """Turn a sample's image so that its axes run to the right, the front and the head, as far as that is known."""
    axes = get_body_axes(sample)
    if axes == tuple((axis, 1) for axis in range(sample.spatial_dims)):
        return sample.image
    order = np.argsort([axis for axis, _ in axes], kind="stable")
    flipped = [i + 1 for i, (_, sign) in enumerate(axes) if sign < 0]
    return np.transpose(np.flip(sample.image, flipped), [0, *(order + 1)])


def compute_checksums(image: NDArray[np.float32]) -> tuple[str, ...]:
    """Compute the checksum of each channel of an image by its values alone; constant channels have none.

    What was padded around it changes nothing.

    Args:
        image: ``(C, *spatial)``.
    """
    found = []
    for channel in image:
        if not _is_constant(channel):
            values = _trim_padding(channel).astype("<f4", order="C", copy=False) + np.float32(0)  # -0 is 0
            # Two quick ones: no file is forged here, and a scan of 36 MB takes 10 ms instead of 50.
            found.append(f"{isal_zlib.crc32(values.data):08x}{isal_zlib.adler32(values.data):08x}")
    return tuple(found)


def _trim_padding(channel: NDArray[np.float32]) -> NDArray[np.float32]:
    """A channel that is not constant without the planes at its ends that hold nothing but the value of its corner."""
    first_value, last_value = channel[(0,) * channel.ndim], channel[(-1,) * channel.ndim]
    for axis in range(channel.ndim):
        along = np.moveaxis(channel, axis, 0)
        first, last = 0, len(along)
        while last - first > 1 and _is_filled_with(along[first], first_value):
            first += 1
        while last - first > 1 and _is_filled_with(along[last - 1], last_value):
            last -= 1
        channel = np.moveaxis(along[first:last], 0, axis)
    return channel


def _is_filled_with(plane: NDArray[np.float32], value: np.float32) -> bool:
    return bool(plane[(0,) * plane.ndim] == value) and bool((plane == value).all())


def _is_constant(channel: NDArray[np.float32]) -> bool:
    few = channel[..., ::16]
    return bool(not few.size or few.min() == few.max()) and bool(not channel.size or channel.min() == channel.max())


def keep_checksums(dataset: Dataset) -> Dataset:
    """The dataset whose samples keep the checksums of what was read, through any change of their grid."""
    return Dataset(dataset.records, _ChecksumReader(dataset.read), dataset.schema, dataset.root, dataset.problems)


@dataclass(frozen=True)
class _ChecksumReader:
    read: Reader

    def __call__(self, record: Record) -> Sample:
        sample = self.read(record)
        if sample.source.checksums is not None or sample.source.index is not None:
            return sample
        checksums = compute_checksums(rotate_to_body_axes(sample))
        return replace(sample, source=replace(sample.source, checksums=checksums))


# -------------------------------------------------------------- small pictures


def make_thumbnail(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Make a small picture of an image: means over a coarse grid, less their mean, of unit length.

    Args:
        image: ``(C, *spatial)``; of scans the first channel counts, of frames the mean colour.

    Returns:
        ``(n,)``, all 0 where nothing is to be seen.
    """
    grid = THUMBNAIL_GRIDS[image.ndim - 1]
    steps = [max(1, n // (8 * cells)) for n, cells in zip(image.shape[1:], grid, strict=True)]
    some = image[(slice(None), *(slice(None, None, step) for step in steps))]  # eight samples a cell are enough
    seen = some.mean(axis=0) if len(image) == 3 and image.ndim == 3 else some[0]
    for axis, cells in enumerate(grid):
        ends = np.linspace(0, seen.shape[axis], cells + 1).astype(int)
        starts = np.minimum(ends[:-1], seen.shape[axis] - 1)
        counts = np.maximum(np.diff(ends), 1)
        seen = np.add.reduceat(seen, starts, axis=axis, dtype=np.float64)
        seen = seen / np.expand_dims(counts, [a for a in range(len(grid)) if a != axis])
    return _normalise_rows(seen.reshape(1, -1))[0]


def _normalise_rows(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    """Rows less their mean, of unit length."""
    rows = rows - rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 1e-6).astype(np.float32)


# ------------------------------------------------------------------------- names


def normalise_name(name: str) -> tuple[str, ...]:
    """Fold a name to what stays when it is spelled otherwise: case, separators and leading zeros do not count.

    >>> normalise_name("sub-01") == normalise_name("SUB_1") == normalise_name("Sub1")
    True
    >>> normalise_name("a-1-1") == normalise_name("a-11")
    False
    """
    words = re.findall(r"\d+|[^\W\d_]+", name.casefold())
    return tuple(word.lstrip("0") or "0" if word.isdecimal() else word for word in words)


# --------------------------------------------------------------- a whole dataset


@dataclass(frozen=True)
class DuplicatePair:
    """Name two samples of different groups that show the same.

    Attributes:
        first: position of the first sample.
        second: position of the second sample.
        is_exact: whether their values are the same; else they are nearly alike.
    """

    first: int
    second: int
    is_exact: bool


class DuplicateFinder:
    """Collects what samples show, and finds those that show the same.

    Attributes:
        records: of the samples, in the order in which they were added.
        checksums: of each.
    """

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.checksums: list[tuple[str, ...]] = []
        self._thumbnails: list[NDArray[np.float32]] = []
        self._spatial_dims = 2

    def add(self, record: Record, sample: Sample) -> None:
        """Add a sample.

        Args:
            record: of the sample.
            sample: as it was read.
        """
        self.records.append(record)
        self.checksums.append(get_checksums(sample))
        self._thumbnails.append(make_thumbnail(sample.image))
        self._spatial_dims = sample.spatial_dims

    def find_duplicates(self) -> list[DuplicatePair]:
        """Find the pairs of samples of different groups that show the same.

        Returns:
            At most one pair a sample, exact ones first.
        """
        exact = list(self._find_exact_duplicates())
        known = {pair.second for pair in exact}
        everyone = range(len(self.records))
        near = self.find_near_duplicates(everyone, everyone, is_earlier_only=True)
        return exact + [pair for pair in near if pair.second not in known]

    def _find_exact_duplicates(self) -> Iterator[DuplicatePair]:
        first: dict[str, int] = {}
        for i, sums in enumerate(self.checksums):
            earlier = [first[one] for one in sums if one in first]
            others = [j for j in earlier if self.records[j].group != self.records[i].group]
            if others:
                yield DuplicatePair(others[0], i, is_exact=True)
            for one in sums:
                first.setdefault(one, i)

    def _centre_thumbnails(self) -> NDArray[np.float32]:
        """Subtract from the small pictures what all of them share."""
        rows = np.array(self._thumbnails[:MAX_COMPARED_IMAGES], dtype=np.float64)
        if len(rows) < MIN_FRAMES:
            return np.zeros((0, 1), np.float32)
        return _normalise_rows(rows - rows.mean(axis=0))

    def find_near_duplicates(
        self, positions: Sequence[int], other_positions: Sequence[int], *, is_earlier_only: bool = False
    ) -> list[DuplicatePair]:
        """Find samples that look nearly the same as a sample of another group.

        Args:
            positions: which samples are looked at, as positions in the data.
            other_positions: which samples they are compared with.
            is_earlier_only: whether a sample is compared only with those before it, so that a pair is found once.

        Returns:
            One pair for each sample that has a near duplicate. The sample is ``second``, and what it looks most like
            is ``first``.
        """
        rows = self._centre_thumbnails()
        groups = np.unique([record.group for record in self.records[: len(rows)]], return_inverse=True)[1]
        mine = np.array([i for i in positions if i < len(rows)], dtype=int)
        theirs = np.array([i for i in other_positions if i < len(rows)], dtype=int)
        found = []
        for start in range(0, len(mine), 1000):
            rows_here = mine[start : start + 1000, None]
            alike = rows[rows_here[:, 0]] @ rows[theirs].T
            alike[groups[rows_here] == groups[theirs]] = -1
            if is_earlier_only:
                alike[rows_here <= theirs] = -1
            is_duplicate = alike.max(axis=1, initial=-1) >= MIN_DUPLICATE_CORRELATION[self._spatial_dims]
            for i in np.flatnonzero(is_duplicate).tolist():
                most_alike = int(theirs[alike[i].argmax()])
                found.append(DuplicatePair(most_alike, int(mine[start + i]), is_exact=False))
        return found

    def is_from_drives(self) -> bool:
        """Whether frames whose names say nothing of drives follow one another as the frames of a drive do."""
        rows = self._centre_thumbnails()
        if not len(rows) or any(r.subject or r.sequence for r in self.records) or self._spatial_dims != 2:
            return False
        order = np.argsort([_make_natural_key(record.name) for record in self.records[: len(rows)]], kind="stable")
        following = (rows[order[1:]] * rows[order[:-1]]).sum(axis=1)
        return bool(np.median(following) >= MIN_DRIVE_CORRELATION)


def _make_natural_key(name: str) -> str:
    """A key by which ``a9`` comes before ``a10``."""
    return re.sub(r"\d+", lambda digits: digits[0].zfill(12), name)


def find_alternative_spellings(names: Iterable[str]) -> list[tuple[str, str]]:
    """Find the pairs of different names that are one when they are folded."""
    first: dict[tuple[str, ...], str] = {}
    pairs = []
    for name in dict.fromkeys(names):
        key = normalise_name(name)
        if key in first:
            pairs.append((first[key], name))
        elif key:
            first[key] = name
    return pairs


def collect_datasets(datasets: Sequence[Dataset]) -> DuplicateFinder:
    """Read every sample of some datasets once, and keep what is needed to compare them."""
    survey = DuplicateFinder()
    for dataset in datasets:
        for record in dataset.records:
            survey.add(record, dataset.read(record))
    return survey
