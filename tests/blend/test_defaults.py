"""Defaults and rare cases of blending: what a user gets who names nothing, and hosts that are unusual."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from balls import a_bank, a_host

from domaingan import phantoms
from domaingan.banks.crops import crops
from domaingan.banks.scenes import scenes
from domaingan.blend import Paste, Relight, Variation
from domaingan.blend.looks import FDA, HistogramLook, Reinhard, ReinhardPerClass
from domaingan.blend.methods import METHODS
from domaingan.blend.methods.matching import HistogramMatch
from domaingan.blend.methods.soft import Soft
from domaingan.blend.variation import IDENTITY
from domaingan.blend.warp import warp_crop
from domaingan.data import Sample
from domaingan.imaging.intensity import find_ring

STREET = phantoms.load_phantom("driving", sequences=4, frames=2).load_into_memory()
REACH = {"alpha": 0, "feather": 3, "soft": 0, "laplacian": 6, "poisson": 4, "poisson-mixed": 4}


@pytest.mark.parametrize(("name", "reach"), REACH.items())
def test_a_method_changes_so_many_pixels_around_an_object(name: str, reach: int) -> None:
    assert METHODS[name]().reach == reach


def test_the_outermost_pixels_of_a_soft_object_count_six_tenths() -> None:
    body = np.zeros((7, 7), dtype=bool)
    body[2:5, 2:5] = True
    weight = Soft().compute_weight(body)
    assert weight[3, 3] == 1 and weight[2, 2] == np.float32(0.6) and weight[1, 1] == 0


def test_variations_are_flips_any_rotation_and_sizes_from_four_fifths_to_five_quarters() -> None:
    assert Variation() == Variation(True, 180.0, (0.8, 1.25), (1.0, 1.0), 0.0, None, 3)
    drawn = Variation().draw(2, np.random.default_rng(0))
    assert drawn.contrast == 1 and drawn.displacements is None and drawn.blend_width is None


def test_frames_are_varied_less_than_scans(rng: np.random.Generator) -> None:
    frames = Paste(crops(STREET, size=32), schema=STREET.schema)
    assert frames.rules.variation == Variation(rotate=3.0, scale=(0.7, 1.4)) and frames.method_name == "soft"
    scans = Paste(a_bank(2, rng))
    assert scans.rules.variation == Variation() and scans.method_name == "feather" and scans.per_image == (1, 3)


def test_frames_get_colour_statistics_and_scans_get_histograms() -> None:
    heads = phantoms.load_phantom("medical", subjects=2, shape=(20, 20, 16))
    of_frames, of_scans = Relight(scenes(STREET, 8)), Relight(scenes(heads, 8))
    assert of_frames.method_name == "reinhard" and of_scans.method_name == "histogram"
    assert of_frames.strength == of_scans.strength == (0.7, 1.0)


def test_looks_have_the_settings_of_their_pages() -> None:
    assert FDA() == FDA(0.002) and HistogramLook() == HistogramLook(33, 3.0) and Reinhard() == Reinhard(8, 2.0)
    assert ReinhardPerClass() == ReinhardPerClass(Reinhard(), 2e-3, 5e-3)


@pytest.mark.parametrize("dims", [2, 3])
def test_a_crop_goes_into_a_host_of_twice_its_spacing_half_as_long(dims: int, rng: np.random.Generator) -> None:
    bank = a_bank(dims, rng, n=1)
    host = a_host(dims, rng)
    coarse = Sample(host.image, host.mask, meta={"name": "host", "spacing": (2.0,) * dims})
    pixels = []
    for sample in (host, coarse):
        after = Paste(bank, per_image=(1, 1), variation=IDENTITY)(sample, np.random.default_rng(3))
        assert after.mask is not None
        pixels.append(int((after.mask != host.mask).sum()))
    assert pixels[0] == (bank.masks[0] > 0).sum()
    assert pixels[1] == pytest.approx(pixels[0] / 2**dims, rel=0.35)


def test_a_frame_without_objects_is_pasted_into() -> None:
    schema, frame = STREET.schema, STREET[0]
    objects = [schema.classes[name] for name in schema.objects]
    assert frame.mask is not None
    mask = np.where(np.isin(frame.mask, objects), schema.classes["road"], frame.mask)
    nothing = {"boxes": np.zeros((0, 4), np.float32), "labels": np.zeros(0, np.int64)}
    empty = replace(frame, mask=mask, instances=np.zeros(mask.shape, np.int32), **nothing)
    paste = Paste(crops(STREET, size=32), schema=schema, per_image=(2, 2))
    for host in (empty, replace(empty, boxes=None, labels=None, instances=None)):
        results = [paste(host, np.random.default_rng(seed)) for seed in range(4)]
        placed = [crop for after in results for crop in after.pasted_crops if crop.is_placed]
        assert placed and all((after.mask != mask).any() for after in results if after.pasted_crops[0].is_placed)


def test_a_flat_crop_takes_the_median_of_its_hosts_ring() -> None:
    """All quantiles of a flat ring are one value, and the middle one goes to the host's median."""
    body = np.zeros((20, 20), dtype=bool)
    body[8:12, 8:12] = True
    everywhere = np.ones_like(body)
    host = np.random.default_rng(0).random((1, 20, 20)).astype(np.float32)
    flat = np.full_like(host, 0.4)
    matched = HistogramMatch()(host, flat, body, everywhere, everywhere, np.random.default_rng(0))
    np.testing.assert_allclose(matched, np.median(host[0, find_ring(body)]), atol=1e-5)


@pytest.mark.parametrize("dims", [2, 3])
def test_a_crop_that_is_not_varied_keeps_its_pixels_to_the_bit(dims: int, rng: np.random.Generator) -> None:
    crop = a_bank(dims, rng, n=1)[0]
    warped = warp_crop(crop, IDENTITY.draw(dims, rng), (1.0,) * dims, margin=1)
    assert warped is not None
    places = np.argwhere(crop.mask > 0)
    region = tuple(slice(a - 1, b + 2) for a, b in zip(places.min(axis=0), places.max(axis=0), strict=True))
    assert np.array_equal(warped.sample_image(), crop.image[(slice(None), *region)])
    assert np.array_equal(warped.mask, crop.mask[region])
