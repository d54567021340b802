"""Augmenting a dataset on disk: every sample blended with what a bank holds, then classic where asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.blend import Paste, Relight
from domaingan.blend.fitting import is_finite
from domaingan.errors import DataError
from domaingan.sample import Dataset, Sample, Schema
from domaingan.slices import slice_axis
from domaingan.tissue import foreground, from_scaled, intensity_range, to_scaled
from domaingan.transforms.classic import LEVELS, Classic, InPlane, thick_axis
from domaingan.transforms.moved import move_boxes, move_masks


@dataclass(frozen=True)
class Offline:
    """Makes the augmented sample of a record.

    Attributes:
        data: the hosts.
        blender: pastes or relights; a 2D bank of crops goes into the slices of volumes. None: classic alone.
        classic: the level of the classic pipeline that follows, one of :data:`domaingan.transforms.LEVELS`, or none.
        seed: sample ``i`` follows from the seed and ``i``, whoever makes it.

    Raises:
        DataError: neither is asked for, or the blender's bank does not fit the hosts.
    """

    data: Dataset
    blender: Paste | Relight | None
    classic: str | None
    seed: int

    def __post_init__(self) -> None:
        schema = self.data.schema
        if self.classic:
            Classic(schema.spatial_dims, schema.domain, self.classic)
        if isinstance(self.blender, Relight):
            self.blender.check(schema)
        elif self.blender is not None:
            self.blender.check(slice_schema(schema, self.blender.bank.info.spatial_dims))
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
        blended = self.blended(index, rng)
        return self.finished(blended, rng) if self.classic else blended

    def __iter__(self) -> Iterator[Sample]:
        return (self[i] for i in range(len(self.data)))

    def blended(self, index: int, rng: np.random.Generator) -> Sample:
        """A host after pasting or relighting; the host itself where there is no bank.

        Raises:
            DataError: it holds NaN or infinity.
        """
        record, sample = self.data.records[index], self.data[index]
        if not is_finite(sample.image):
            raise DataError("NaN or infinite values", path=record.name, expected="finite intensities")
        if self.blender is None:
            return sample
        if isinstance(self.blender, Relight) or self.blender.bank.info.spatial_dims == sample.spatial_dims:
            return self.blender(sample, rng)
        return paste_slices(self.blender, sample, slice_axis(record), self.data.schema, rng)

    def finished(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """A sample after the classic pipeline; what describes the body is not known any more, as it moved.

        Raises:
            DataError: boxes that no instances or masks tell where they are, beside a mask.
        """
        schema = self.data.schema
        ends = intensity_range(sample, schema.domain)
        scaled = to_scaled(sample.image, ends)
        boxed = sample.boxes is not None and len(sample.boxes) > 0 and sample.instances is None
        if boxed and sample.mask is not None:
            raise DataError("boxes without instances", path=sample.name, expected="instances, or no classic")
        if boxed:
            image, moved = move_boxes(sample, Classic(2, schema.domain, self.classic or LEVELS[0]), scaled, rng)
        else:
            image, moved = move_masks(sample, self._classic(sample), scaled, rng)
        return replace(moved, image=from_scaled(image, ends))

    def _classic(self, sample: Sample) -> Classic | InPlane:
        level = self.classic or LEVELS[0]
        axis = thick_axis(sample.shape, sample.spacing) if sample.spatial_dims == 3 else None
        return Classic(sample.spatial_dims, self.data.schema.domain, level) if axis is None else InPlane(axis, level)


def slice_schema(schema: Schema, dims: int) -> Schema:
    """The schema of the hosts as a bank of ``dims`` sees them: volumes are slices to a 2D bank."""
    return replace(schema, spatial_dims=2) if dims == 2 and schema.domain == "scan" else schema


def paste_slices(
    paste: Paste,
    sample: Sample,
    axis: int,
    schema: Schema,
    rng: np.random.Generator,
    records: Sequence[Mapping[str, Any]] | None = None,
) -> Sample:
    """A volume with 2D crops pasted into its slices; foreground and range are those of the volume.

    Slices are called as :func:`domaingan.slices.as_slices` calls them, so that crops bound to them find them.

    Args:
        paste: of a 2D bank.
        sample: the volume.
        axis: across the slices.
        schema: the volumes'.
        rng: source of every draw.
        records: do again what these say (``meta["pasted"]`` of the volume as it was pasted into before).
    """
    if sample.mask is None:
        return replace(sample, meta=sample.meta | {"pasted": []})
    inside, ends = foreground(sample), intensity_range(sample, schema.domain)
    image, mask = sample.image.copy(), sample.mask.copy()
    done, digits = list[dict[str, Any]](), len(str(sample.shape[axis] - 1))
    for index in range(sample.shape[axis]):
        body = np.take(inside, index, axis)
        if not body.any():
            continue
        spacing = tuple(np.delete(sample.spacing, axis).tolist())
        meta = {"name": f"{sample.name}_{index:0{digits}d}", "spacing": spacing, "foreground": body, "range": ends}
        piece = Sample(np.take(image, index, axis + 1), np.take(mask, index, axis), meta=meta)
        again = None if records is None else [record for record in records if record["slice"] == index]
        after = paste(piece, rng) if again is None else paste.redo(piece, again)
        _slot(image, index, axis + 1)[...] = after.image
        _slot(mask, index, axis)[...] = after.mask
        done += [record | {"slice": index} for record in after.meta["pasted"]]
    return replace(sample, image=image, mask=mask, meta=sample.meta | {"pasted": done})


def _slot(array: NDArray[Any], index: int, axis: int) -> NDArray[Any]:
    return np.moveaxis(array, axis, 0)[index]
