"""Augmenting a dataset on disk: every sample blended with what a bank holds, then classic where asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.nifti.scan_samples import strip_header_text
from domaingan.augmentation.classic import LEVELS, Classic, InPlaneClassic, thick_axis
from domaingan.augmentation.label_transforms import move_boxes, move_masks
from domaingan.augmentation.offline.donors import Sides
from domaingan.blend import Paste, Relight
from domaingan.blend.checks import is_finite
from domaingan.blend.scan.host_range import find_host_range
from domaingan.core.errors import DataError
from domaingan.data import (
    SCAN,
    Dataset,
    IntensityRange,
    PastedCrop,
    PasteResult,
    Record,
    RelightResult,
    Sample,
    Schema,
    Source,
    read_pasted_crops,
)
from domaingan.data.slice_axes import find_slice_axis, make_slice_name
from domaingan.imaging.body_axes import get_body_axes, slice_geometry
from domaingan.imaging.intensity import (
    from_scaled,
    get_foreground,
    get_intensity_range,
    to_scaled,
    with_foreground,
)


@dataclass(frozen=True)
class SampleJob:
    """One sample that is written.

    Attributes:
        index: of its host in the data.
        copy: 0 for the host as it is, else the number of the augmented copy.
        name: its own.
    """

    index: int
    copy: int
    name: str


@dataclass(frozen=True)
class AugmentedDataset:
    """Makes the augmented sample of a record.

    Attributes:
        data: the hosts.
        blender: pastes or relights; a 2D bank of crops goes into the slices of volumes. None: classic alone.
        classic: the level of the classic pipeline that follows, one of :data:`domaingan.augmentation.LEVELS`, or none.
        seed: sample ``i`` follows from the seed and ``i``, whoever makes it.
        sides: who may give to whom, and who is blended into at all; everyone to everyone unless given.
        copies: so many augmented copies of a sample stand beside it under names of their own (``NAME_pasted1``); None:
            one in its place, under its name.
        strips_text: whether free text in the headers of scans is left out of what is made for writing.

    Raises:
        DataError: neither is asked for, or the blender's bank does not fit the hosts.
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
        """What is written: every sample once, and its copies behind it where there are any and anyone gives to them."""
        jobs, without = [], set(self.samples_without_donors)
        for index, record in enumerate(self.data.records):
            is_blended = self.sides is None or self.sides.is_blended(record)
            if self.copies is None:
                jobs.append(SampleJob(index, int(is_blended), record.name))
                continue
            jobs.append(SampleJob(index, 0, record.name))
            if is_blended and (self.classic or record.name not in without):
                numbers = range(1, self.copies + 1)
                jobs += [SampleJob(index, number, f"{record.name}_{self.kind}{number}") for number in numbers]
        return jobs

    @cached_property
    def samples_without_donors(self) -> list[str]:
        """The names of the samples that nothing may be blended into, as nobody on their side has anything to give."""
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
        """Make a sample as it is written: its name and what was done to it, donors and host too, are in its ``meta``.

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
            One entry a crop that was tried, or one for the look that was given.
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
        """A host after pasting or relighting; the host itself where there is no bank.

        Raises:
            DataError: it holds NaN or infinity.
        """
        record, sample = self.data.records[index], self.data[index]
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
        """A sample after the classic pipeline; what describes the body is not known any more, as it moved.

        Raises:
            DataError: boxes that no instances or masks tell where they are, beside a mask.
        """
        schema = self.data.schema
        ends = get_intensity_range(sample, schema.domain)
        scaled = to_scaled(sample.image, ends)
        boxed = sample.boxes is not None and len(sample.boxes) > 0 and sample.instances is None
        if boxed and sample.mask is not None:
            raise DataError("boxes without instances", path=sample.name, expected="instances, or no classic")
        if boxed:
            image, moved = move_boxes(sample, Classic(2, schema.domain, self.classic or LEVELS[0]), scaled, rng)
        else:
            image, moved = move_masks(sample, self._build_classic(sample), scaled, rng)
        return replace(moved, image=from_scaled(image, ends))

    def _build_classic(self, sample: Sample) -> Classic | InPlaneClassic:
        level = self.classic or LEVELS[0]
        axis = thick_axis(sample.shape, sample.spacing) if sample.spatial_dims == 3 else None
        return (
            Classic(sample.spatial_dims, self.data.schema.domain, level)
            if axis is None
            else InPlaneClassic(axis, level)
        )


def make_slice_schema(schema: Schema, dims: int) -> Schema:
    """The schema of the hosts as a bank of ``dims`` sees them: volumes are slices to a 2D bank."""
    return replace(schema, spatial_dims=2) if dims == 2 and schema.domain.has_body else schema


def paste_volume(paste: Paste, sample: Sample, schema: Schema, rng: np.random.Generator) -> Sample:
    """Paste 2D crops into a volume that is no record of a dataset, across the axis that its shape and spacing tell.

    Args:
        paste: of a 2D bank.
        sample: the volume, of known spacing.
        schema: the hosts'.
        rng: source of every draw.

    Returns:
        The volume, as of :func:`paste_slices`.
    """
    affine = np.zeros((4, 4))
    for i, (body_axis, sign) in enumerate(get_body_axes(sample)):
        affine[body_axis, i] = sign
    rows = tuple(map(tuple, affine.tolist()))
    axis = find_slice_axis(Record(sample.name, shape=sample.shape, spacing=sample.spacing, affine=rows))
    return paste_slices(paste, sample, axis, schema, rng)


def paste_slices(
    paste: Paste,
    sample: Sample,
    axis: int,
    schema: Schema,
    rng: np.random.Generator,
    crops: Sequence[PastedCrop | Mapping[str, Any]] | None = None,
) -> Sample:
    """A volume with 2D crops pasted into its slices; foreground and range are those of the volume.

    Slices are called as :func:`domaingan.views.slices.as_slices` calls them, so that crops bound to them find them.

    Args:
        paste: of a 2D bank.
        sample: the volume.
        axis: across the slices.
        schema: the volumes'.
        rng: source of every draw.
        crops: do again what these say (``pasted_crops`` of the volume as it was pasted into before).
    """
    if sample.mask is None:
        return replace(sample, paste_result=PasteResult())
    measured = with_foreground(sample, SCAN)
    inside = get_foreground(measured)
    intensity = IntensityRange(find_host_range(measured, paste.bank.info))
    geometry = slice_geometry(sample, axis)
    image, mask = sample.image.copy(), sample.mask.copy()
    done: list[PastedCrop] = []
    for index in range(sample.shape[axis]):
        body = np.take(inside, index, axis)
        if not body.any():
            continue
        piece = Sample(
            np.take(image, index, axis + 1),
            np.take(mask, index, axis),
            source=Source(make_slice_name(sample.name, index, sample.shape[axis])),
            geometry=geometry,
            foreground=body,
            intensity_range=intensity,
        )
        if crops is None:
            after = paste(piece, rng)
        else:
            after = paste.redo(piece, [crop for crop in read_pasted_crops(crops) if crop.slice_index == index])
        _get_slice(image, index, axis + 1)[...] = after.image
        _get_slice(mask, index, axis)[...] = after.mask
        done += [replace(crop, slice_index=index) for crop in after.pasted_crops]
    return replace(sample, image=image, mask=mask, paste_result=PasteResult(tuple(done)))


def _get_slice(array: NDArray[Any], index: int, axis: int) -> NDArray[Any]:
    return np.moveaxis(array, axis, 0)[index]
