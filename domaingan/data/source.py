"""The Source: which sample of which dataset something is, and whom it belongs to."""

from __future__ import annotations

from dataclasses import dataclass

BLOCK_SECONDS = 5.0
"""Seconds of a drive that count as one in statistics, and that must lie between what is trained on and what is tested:
at the speed of town traffic the view has changed by then."""


@dataclass(frozen=True)
class Source:
    """Name a sample of a dataset and say whom it belongs to.

    Attributes:
        name: the sample's name, unique in its dataset.
        subject: the person.
        sequence: the drive.
        split: the named split, such as ``train``.
        time: seconds since its sequence began (or any other moment, the same for the whole sequence).
        parent: of a slice the name of its volume.
        index: of a slice its number in that volume.
        checksums: of the image as it was read, before its grid was changed. See
            :mod:`domaingan.imaging.near_duplicates`. None where they were not kept.
    """

    name: str = ""
    subject: str = ""
    sequence: str = ""
    split: str = ""
    time: float | None = None
    parent: str = ""
    index: int | None = None
    checksums: tuple[str, ...] | None = None

    @property
    def group(self) -> str:
        """What a split must never tear apart: the subject, else the sequence, else the sample."""
        return self.subject or self.sequence or self.name

    @property
    def statistical_unit(self) -> str:
        """What counts as one in statistics: the subject; of a drive a block of :data:`BLOCK_SECONDS`; else the sample.

        >>> Source("b7", sequence="b", time=7.0).statistical_unit
        'b@5s'
        """
        if self.subject or not self.sequence or self.time is None:
            return self.group
        start = self.time // BLOCK_SECONDS * BLOCK_SECONDS
        return f"{self.sequence}@{start:g}s"
