"""A dataset that is augmented offline: every sample is blended with a bank, and augmented in the classic way after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from domaingan.adapters.nifti.scan_samples import strip_header_text
from domaingan.augmentation.classic import CLASSIC_LEVELS, Classic
from domaingan.augmentation.label_transforms import move_boxes, move_masks
from domaingan.augmentation.offline.donors import Sides
from domaingan.augmentation.offline.slice_pasting import make_slice_schema, paste_slices
from domaingan.augmentation.thick_stacks import InPlaneClassic, find_thick_axis
from domaingan.blend import Paste, Relight
from domaingan.blend.checks import is_finite
from domaingan.core.errors import DataError
from domaingan.data import (
    Dataset,
    PasteResult,
    Record,
    RelightResult,
    Sample,
)
from domaingan.data.slice_axes import find_slice_axis
from domaingan.imaging.intensity import (
    from_scaled,
    get_intensity_range,
    to_scaled,
)


@dataclass(frozen=True)
class SampleJob:
    """One sample that is written.

    Attributes:
        index: of its host in the data.
        copy: 0 for the host as it is, else the number of the augmented copy.
        name: of the sample that is written.
    """

    index: int
    copy: int
    name: str


@dataclass(frozen=True)
class AugmentedDataset:
    """Make augmented samples: each host is pasted into or relit, and then augmented in the classic way.

    Attributes:
        data: the hosts.
        blender: pastes or relights; None for classic augmentation alone. A 2D bank of crops goes into the slices of
            volumes.
        classic: level of the classic augmentation that follows, one of :data:`domaingan.augmentation.CLASSIC_LEVELS`;
            None for none.
        seed: sample ``i`` follows from the seed and ``i``, in whichever process it is made.
        sides: who may give to whom, and what is blended into; None where everyone may give to everyone.
        copies: number of augmented copies that stand beside each sample under new names (``NAME_pasted1``); None for
            one in its place, under its name.
        is_text_stripped: whether free text in the headers of scans is left out of what is written.

    Raises:
        DataError: there is neither a blender nor a level of classic augmentation, or the blender's bank does not fit
            the hosts.
    """

    data: Dataset
    blender: Paste | Relight | None
    classic: str | None
    seed: int
    sides: Sides | None = None
    copies: int | None = None
    is_text_stripped: bool = False

    def __post_init__(self) -> None:
        if self.copies is not None and self.copies < 1:
            raise DataError(f"{self.copies} copies", expected="at least 1")
        if self.sides is not None and self.blender is not None:
            self.sides.check_bank(self.blender.bank)
        schema = self.data.schema
        if self.classic:
            Classic(schema.spatial_dims, schema.domain, self.classic)
        if isinstance(self.blender, Relight):
            self.blender.check_schema(schema)
        elif self.blender is not None:
            self.blender.check_schema(make_slice_schema(schema, self.blender.bank.info.spatial_dims))
        elif not self.classic:
            raise DataError("nothing to do", expected="a bank to blend with, or classic augmentation")

    @property
    def kind(self) -> str:
        """What is done first: ``pasted``, ``relit`` or ``classic``."""
        if self.blender is None:
            return "classic"
        return "relit" if isinstance(self.blender, Relight) else "pasted"

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng((self.seed, index))
        blended = self.apply_blend(index, rng)
        return self.apply_classic(blended, rng) if self.classic else blended

    def __iter__(self) -> Iterator[Sample]:
        return (self[i] for i in range(len(self.data)))

    @cached_property
    def jobs(self) -> list[SampleJob]:
        """What is written: every sample, and behind it its copies, where there are any and somebody gives to them."""
        jobs = []
        without_donors = set(self.samples_without_donors)
        for index, record in enumerate(self.data.records):
            is_blended = self.sides is None or self.sides.is_blended(record)
            if self.copies is None:
                jobs.append(SampleJob(index, int(is_blended), record.name))
                continue
            jobs.append(SampleJob(index, 0, record.name))
            if is_blended and (self.classic or record.name not in without_donors):
                for number in range(1, self.copies + 1):
                    jobs.append(SampleJob(index, number, f"{record.name}_{self.kind}{number}"))
        return jobs

    @cached_property
    def samples_without_donors(self) -> list[str]:
        """Names of the samples that get nothing, as nobody on their side has anything to give."""
        if self.sides is None or self.blender is None:
            return []
        names = []
        for record in self.data.records:
            if not self.sides.is_blended(record):
                continue
            blender = self.blender.restrict_to(self.sides.find_donors(self.blender.bank, record))
            if blender is None or (isinstance(blender, Paste) and not blender.sampler.has_entries(record.name)):
                names.append(record.name)
        return names

    def make_sample(self, job: SampleJob) -> Sample:
        """Make a sample as it is written, with its name, its host and its donors.

        Args:
            job: one of :attr:`jobs`.
        """
        record = self.data.records[job.index]
        if job.copy == 0:
            sample = self.data[job.index]
        elif job.copy == 1:
            sample = self[job.index]
        else:
            rng = np.random.default_rng((self.seed, job.index, job.copy))
            sample = self.apply_blend(job.index, rng)
            sample = self.apply_classic(sample, rng) if self.classic else sample
        source = replace(sample.source, name=job.name)
        if job.name != record.name and not (record.subject or record.sequence):
            source = replace(source, subject=record.group)  # no split tears a copy from its original
        sample = self._add_donors(replace(sample, source=source), record)
        return strip_header_text(sample) if self.is_text_stripped else sample

    def describe_blend(self, sample: Sample) -> list[dict[str, Any]]:
        """Describe what was done to a sample, as ``pasted.json`` and ``relit.json`` hold it.

        Args:
            sample: as of :meth:`make_sample`.

        Returns:
            One entry for each crop that was tried, or one for the look that was given.
        """
        if self.kind == "pasted":
            return [crop.to_dict() for crop in sample.pasted_crops]
        look = None if sample.relight_result is None else sample.relight_result.to_dict()
        return [] if look is None else [look]

    def _add_donors(self, sample: Sample, record: Record) -> Sample:
        """Name the host and the donors in what was done; the donor is empty where the bank names none."""
        pasted, relit = sample.paste_result, sample.relight_result
        if pasted is not None:
            crops = [replace(crop, host=record.name, donor=self._find_donor(crop.index)) for crop in pasted.crops]
            return replace(sample, paste_result=replace(pasted, crops=tuple(crops)))
        if relit is not None and relit.index is not None:
            relit = replace(relit, host=record.name, donor=self._find_donor(relit.index))
        return replace(sample, relight_result=relit)

    def _find_donor(self, index: int) -> str:
        """Find the subject of an entry of the bank; empty where it is of none in particular."""
        assert self.blender is not None
        bank = self.blender.bank
        code = int(bank.entries["subject"][index])
        return bank.subjects[code] if code >= 0 else ""

    def apply_blend(self, index: int, rng: np.random.Generator) -> Sample:
        """Paste into a host, or relight it; without a bank the host is returned as it is.

        Args:
            index: of the host in the data.
            rng: source of every draw.

        Raises:
            DataError: the host holds NaN or infinity.
        """
        record = self.data.records[index]
        sample = self.data[index]
        if not is_finite(sample.image):
            raise DataError("NaN or infinite values", path=record.name, expected="finite intensities")
        if self.blender is None:
            return sample
        blender: Paste | Relight | None = self.blender
        if self.sides is not None:
            allowed = self.sides.find_donors(self.blender.bank, sample)
            blender = self.blender if allowed.all() else self.blender.restrict_to(allowed)
        if blender is None:
            if self.kind == "pasted":
                return replace(sample, paste_result=PasteResult())
            return replace(sample, relight_result=RelightResult())
        if isinstance(blender, Relight) or blender.bank.info.spatial_dims == sample.spatial_dims:
            return blender(sample, rng)
        return paste_slices(blender, sample, find_slice_axis(record), self.data.schema, rng)

    def apply_classic(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Augment a sample in the classic way. Its foreground is not known after, as the body moved.

        Args:
            sample: as of :meth:`apply_blend`.
            rng: source of every draw.

        Raises:
            DataError: the sample has boxes and a mask, and no instances that say which pixels are whose.
        """
        schema = self.data.schema
        ends = get_intensity_range(sample, schema.domain)
        scaled = to_scaled(sample.image, ends)
        has_boxes_alone = sample.boxes is not None and len(sample.boxes) > 0 and sample.instances is None
        if has_boxes_alone and sample.mask is not None:
            raise DataError("boxes without instances", path=sample.name, expected="instances, or no classic")
        if has_boxes_alone:
            classic = Classic(2, schema.domain, self.classic or CLASSIC_LEVELS[0])
            image, moved = move_boxes(sample, classic, scaled, rng)
        else:
            image, moved = move_masks(sample, self._build_classic(sample), scaled, rng)
        return replace(moved, image=from_scaled(image, ends))

    def _build_classic(self, sample: Sample) -> Classic | InPlaneClassic:
        level = self.classic or CLASSIC_LEVELS[0]
        if sample.spatial_dims == 3:
            axis = find_thick_axis(sample.shape, sample.spacing)
            if axis is not None:
                return InPlaneClassic(axis, level)
        return Classic(sample.spatial_dims, self.data.schema.domain, level)
