"""Paste: crops from a bank into a host sample, its mask and boxes merged."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.banks import Bank, resolve_bank
from domaingan.blend.checks import check_host, read_schema
from domaingan.blend.frame.frame_host import FrameHost, FrameRules
from domaingan.blend.frame.frame_place import GroundSampler
from domaingan.blend.frame.ground import describe_guess, find_ground
from domaingan.blend.frame.perspective import Perspective
from domaingan.blend.methods.blending import parse_method
from domaingan.blend.sampler import EntrySampler, select_entries
from domaingan.blend.scan.prior import build_placement, get_class_codes
from domaingan.blend.scan.scan_host import ScanHost, ScanRules
from domaingan.blend.variation import Variation, read_variation
from domaingan.core.arguments import RngOrSeed, read_count_range, read_generator, read_names
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.data import (
    FRAME,
    SCAN,
    Dataset,
    PastedCrop,
    PasteResult,
    Sample,
    Schema,
    parse_region,
    read_pasted_crops,
)

DEPTH_QUANTILE = 0.1
"""Objects are pasted at least as deep below the body's surface as this quantile of the real ones lay. It keeps
them off scalp and skull where those are in the image, and is all that is learned of their places unless a prior is
asked for: a narrow one from few subjects costs more than it brings."""

DEFAULT_PLACEMENT, ANYWHERE = "uniform", "anywhere"
"""Names of placements: where an object fits, and anywhere in the image."""

DEFAULT_VARIATIONS = {SCAN: Variation(), FRAME: Variation(rotate=3.0, scale=(0.7, 1.4))}
"""How crops of a domain are varied, unless it is said."""


class Paste:
    """Pastes crops from a bank into samples where they fit, and records what it did in ``Sample.paste_result``.

    Crops keep their size, whatever a host's spacing: they are resampled.

    - Scans: crops go anywhere in the body unless a placement is chosen, on nothing that is labelled, with the host's
      intensity around them (:mod:`domaingan.blend.scan.scan_host`).
    - Frames: crops go onto the ground that supports their class, scaled by perspective, behind what is nearer
      (:mod:`domaingan.blend.frame.frame_host`). Where no ground is labelled, rows are learned from where the boxes of
      the bank's objects stood, and any column will do. Then ``notes`` and a warning say so.
    - Entries that are bound to a host go exactly where they were made, once, and into no other host
      (:mod:`domaingan.blend.bound_crops`).

    Args:
        bank: crops of the hosts' dimensions and channels, or the folder of such a bank.
        method: a name in :data:`domaingan.blend.methods.METHODS`; unless given ``feather`` for scans and ``soft`` for
            frames. With what the crop takes over from the host first: ``feather+noise``, ``poisson+histogram``. See
            :func:`domaingan.blend.methods.blending.parse_method`.
        per_image: number of crops a sample, or the smallest and the largest, drawn uniformly.
        only: values of the bank's class conditions to paste, such as ``"enhancing"`` or a list of them. All unless
            given.
        variation: how crops are varied. Flips, rotation and scale unless given.
        schema: of the hosts. Frames need it, as it names their objects and grounds.
        classes: the hosts' mask values by name, where they differ from the bank's and no schema is given.
        placement: where in scans crops are tried. ``uniform``: anywhere in the body. ``prior``: where the bank's crops
            of their class were found relative to the body's box, as far as enough subjects support it; see
            :class:`domaingan.blend.scan.prior.PlacementPrior`. ``anywhere``, also in frames: where nothing fits, which
            is a control that tells what the place is worth.
        atlas: instead of a placement, a map of relative weights over the body's box: an array or a file of one; see
            :func:`domaingan.blend.scan.atlas.read_atlas`.
        overlap: whether in scans crops may also cover what is labelled. What is then less than 20 % visible is
            dropped. Objects in frames hide what is farther away in any case.
        region: where in frames objects must stand, as shares of width and height: a box ``(left, top, right, bottom)``
            or at least three corners ``(x, y)``. The schema's unless given.
        donors: subjects whose crops are pasted, and from whose crops depth and placement are learned. Everyone's unless
            given. Entries of no particular subject are pasted in any case.

    Attributes:
        notes: what was guessed, in a line each.

    Raises:
        DataError: a method, class or placement is unknown, nothing is left to paste, the bank holds scenes, frames have
            no schema, the atlas does not fit, or the region is none.
    """

    def __init__(
        self,
        bank: Bank | str | Path,
        method: str | None = None,
        per_image: int | Sequence[int] = (1, 3),
        only: str | Sequence[str] = (),
        variation: Variation | Mapping[str, Any] | None = None,
        schema: Schema | Dataset | None = None,
        classes: Mapping[str, int] | None = None,
        placement: str = DEFAULT_PLACEMENT,
        atlas: NDArray[Any] | str | Path | None = None,
        overlap: bool = False,
        region: Sequence[float] | Sequence[Sequence[float]] | None = None,
        donors: Sequence[str] | None = None,
    ) -> None:
        bank = resolve_bank(bank, "crops")
        schema = read_schema(schema)
        if bank.info.kind != "crops":
            raise DataError(f"a bank of {bank.info.kind}", path=bank.path, expected="a bank of crops")
        domain = bank.info.domain
        variation = read_variation(variation) or DEFAULT_VARIATIONS[domain]
        self.bank = bank
        self.method_name = domain.blend_method if method is None else method
        blend = parse_method(self.method_name)
        self.per_image = read_count_range(per_image, "crops an image")
        self.only = read_names(only, "only")
        self.notes: list[str] = []
        if region is not None and domain.has_body:
            raise DataError("a region for scans", path=bank.path, expected="placement or an atlas")
        class_table = _build_class_table(bank, classes if schema is None else schema.classes)
        entries = _select_from_donors(bank, select_entries(bank, self.only), donors)
        is_free = bank.entries["host"][entries] < 0
        self.is_anywhere = placement == ANYWHERE
        body_placement = DEFAULT_PLACEMENT if self.is_anywhere else placement
        host_placement = build_placement(bank, entries[is_free], body_placement, atlas)
        self.rules: ScanRules | FrameRules
        if domain.has_body:
            self.rules = ScanRules(
                info=bank.info,
                class_table=class_table,
                blend=blend,
                variation=variation,
                min_depth_mm=_measure_min_depth(bank, entries[is_free]),
                placement=host_placement,
                class_codes=get_class_codes(bank),
                can_overlap=overlap,
            )
        elif schema is None:
            raise DataError("a bank of frames' crops", path=bank.path, expected="the hosts' schema beside it")
        else:
            perspective = Perspective.from_bank(bank, class_table)
            entries = np.union1d(entries[~is_free], perspective.select_usable(entries[is_free]))
            ground = find_ground(bank, schema, () if region is None else parse_region(region))
            _check_source_sizes(bank)
            self.notes = describe_guess(bank, schema, ground, perspective)
            self.rules = FrameRules(
                ground_sampler=GroundSampler(perspective, ground, variation.flip, variation.scale),
                blend=blend,
                variation=variation,
                object_values=tuple(schema.classes[name] for name in schema.objects),
                ignored_value=next(iter(schema.ignore), None),
            )
        self.sampler = EntrySampler.from_bank(bank, entries)
        for note in self.notes:
            warnings.warn(note, AssumptionWarning, stacklevel=1)  # from one place, so that Python says it once

    def restrict_to(self, allowed: NDArray[np.bool_]) -> Paste:
        """Return the same paste for some of the bank's entries alone.

        Args:
            allowed: for each entry of the bank whether it may be pasted.
        """
        limited = copy.copy(self)
        limited.sampler = self.sampler.restrict_to(allowed)
        return limited

    def check_schema(self, schema: Schema) -> None:
        """Refuse a schema whose samples the bank's crops do not fit.

        Args:
            schema: of the hosts.

        Raises:
            DataError: the hosts have other dimensions or channels.
        """
        info = self.bank.info
        if schema.spatial_dims != info.spatial_dims:
            raise DataError(
                f"a {info.spatial_dims}D bank",
                path=self.bank.path,
                expected=f"{schema.spatial_dims}D, as the hosts are",
            )
        if list(schema.channels) != info.channels:
            found, expected = ", ".join(info.channels), ", ".join(schema.channels)
            raise DataError(f"channels {found}", path=self.bank.path, expected=f"the hosts' {expected}")

    def __call__(self, sample: Sample, rng: RngOrSeed) -> Sample:
        """Paste crops into a sample.

        Samples without a mask, and frames without boxes either, come back as they are: nothing says where their objects
        are. Frames with boxes alone count as occupied wherever a box is, and get boxes alone.

        Args:
            sample: the host; it is not changed. Its image may be of integers, too (frames of bytes have a range of 0 to
                255): what is pasted is rounded.
            rng: a generator, or a seed.

        Returns:
            The sample with crops. ``paste_result.touched`` are the parts of the image outside of which it is
            bit-identical to the host's. Inside them, so is every pixel farther from the visible part of a pasted mask
            than the method's reach. ``pasted_crops`` has one entry a crop, see :class:`domaingan.data.PastedCrop`.
            Where the sample's objects are known, ``origins`` has their former numbers (-1: pasted).

        Raises:
            DataError: :func:`domaingan.blend.checks.check_host` refuses the sample, or a bound crop's host had another
                size.
        """
        rng = read_generator(rng)
        check_host(sample, self.bank.info)
        if not self.can_host(sample):
            return replace(sample, paste_result=PasteResult())
        host, crops = self.prepare_host(sample), list[PastedCrop]()
        for _ in range(int(rng.integers(self.per_image[0], self.per_image[1] + 1))):
            index = self.sampler.draw_entry(rng, sample.name, {crop.index for crop in crops})
            if index is None:  # every entry is bound, and none (left) to this host
                break
            crops.append(self._paste_one(host, index, int(rng.integers(2**63))))
        return _finish_sample(host, crops)

    def redo(self, sample: Sample, crops: Sequence[PastedCrop | Mapping[str, Any]]) -> Sample:
        """Repeat a paste from its record; the result has the same bytes.

        Args:
            sample: the host as it was.
            crops: the ``pasted_crops`` of a paste with the same bank and settings, or what ``pasted.json`` holds.

        Returns:
            The sample with the crops.

        Raises:
            DataError: the bank has no such entry, or the host does not fit, as when the paste is called.
        """
        check_host(sample, self.bank.info)
        if not self.can_host(sample):
            return replace(sample, paste_result=PasteResult())
        host = self.prepare_host(sample)
        done = read_pasted_crops(crops)
        for crop in done:
            if not 0 <= crop.index < len(self.bank):
                expected = f"an entry of the bank, 0 to {len(self.bank) - 1}"
                raise DataError(f"index {crop.index}", path=sample.name, expected=expected)
        return _finish_sample(host, [self._paste_one(host, crop.index, crop.seed) for crop in done])

    def can_host(self, sample: Sample) -> bool:
        """Whether it is known where a sample's objects are: by its mask, in frames also by its boxes."""
        boxed = self.bank.info.domain.has_ground and sample.boxes is not None and sample.labels is not None
        return sample.mask is not None or boxed

    def needs_mask(self) -> bool:
        """Whether only a host's mask says where crops may go: in scans, and on a ground that is labelled."""
        if not isinstance(self.rules, FrameRules):
            return True
        return any(values is not None for values in self.rules.ground_sampler.ground.supporting_values.values())

    def prepare_host(self, sample: Sample) -> ScanHost | FrameHost:
        """Prepare a sample that :meth:`can_host` for ``place_crop`` and ``paste_crop``."""
        return self.rules.prepare_host(sample)

    def draw_entry(self, rng: RngOrSeed) -> int:
        """Draw a free entry, rare classes more often than they occur.

        Args:
            rng: a generator, or a seed.

        Returns:
            The entry's position in the bank.

        Raises:
            DataError: every entry is bound to a host.
        """
        index = self.sampler.draw_entry(read_generator(rng))
        if index is None:
            raise DataError("only entries that are bound to hosts", path=self.bank.path, expected="free ones")
        return index

    def _paste_one(self, host: ScanHost | FrameHost, index: int, seed: int) -> PastedCrop:
        """Paste an entry if it finds a place. Everything about it follows from the seed."""
        crop, rng = self.bank[index], np.random.default_rng(seed)
        pasted = PastedCrop(index, crop.condition, self.method_name, seed)
        spotted = host.place_crop(crop, rng)
        if spotted is not None and self.is_anywhere and not crop.is_bound:
            spotted = host.move_anywhere(spotted, rng)
        if spotted is None:
            return pasted
        host.paste_crop(spotted, rng)
        return spotted.complete(pasted)


def _finish_sample(host: ScanHost | FrameHost, crops: Sequence[PastedCrop]) -> Sample:
    """Return the host with everything that was pasted."""
    return replace(host.to_sample(), paste_result=PasteResult(tuple(crops), tuple(host.touched)))


def _select_from_donors(bank: Bank, entries: NDArray[np.int64], donors: Sequence[str] | None) -> NDArray[np.int64]:
    """Keep the entries of these subjects, and those of no particular subject. None keeps all."""
    if donors is None:
        return entries
    codes = [code for code, subject in enumerate(bank.subjects) if subject in set(donors)]
    kept = entries[np.isin(bank.entries["subject"][entries], [-1, *codes])]
    if not len(kept):
        raise DataError("no crops of these subjects", path=bank.path, expected=", ".join(list(donors)[:5]))
    return kept


def _measure_min_depth(bank: Bank, entries: NDArray[np.int64]) -> float:
    """Measure how deep, in mm, pasted objects lie at least below a body's surface."""
    depths = bank.entries["depth"][entries]
    return float(np.quantile(depths, DEPTH_QUANTILE)) if len(depths) else 0.0


def _check_source_sizes(bank: Bank) -> None:
    """Refuse crops of which nothing says how large they were in their frames."""
    if not bank.entries["source_size"].any():
        expected = '"frame": [height, width] in classes.json, of those they were cut from'
        path = bank.path or bank.info.source
        raise DataError("no word of how large crops were in their frames", path=path, expected=expected)


def _build_class_table(bank: Bank, classes: Mapping[str, int] | None) -> NDArray[np.int64]:
    """Build the table of the host's mask value for every mask value of the bank: ``(256,)``."""
    table = np.zeros(256, dtype=np.int64)
    for name, value in bank.info.classes.items():
        if classes is not None and name not in classes:
            raise DataError(f"class {name!r}", path=bank.path, expected=f"the hosts' {', '.join(classes)}")
        table[value] = value if classes is None else classes[name]
    return table
