"""A varied crop: image and mask move together, an unvaried one does not change."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from balls import a_bank, a_host
from hypothesis import given, settings
from hypothesis import strategies as st

from domaingan.banks import Bank, BankInfo, Crop, create_entries
from domaingan.blend import Paste
from domaingan.blend.deformation import MAX_STRETCH, Deformation, draw_grid_displacements
from domaingan.blend.frame.frame_patch import resample_crop as frame_patch
from domaingan.blend.methods import METHODS
from domaingan.blend.methods.blending import parse_method
from domaingan.blend.variation import IDENTITY, SampledVariation, Variation, read_variation
from domaingan.blend.warp import SamplingGrid, warp_crop
from domaingan.core.errors import DataError
from domaingan.data import Geometry
from domaingan.imaging.intensity import label_components


def crop_of(mask: np.ndarray, spacing: float = 1.0) -> Crop:
    info = BankInfo(spatial_dims=mask.ndim, channels=["a"], classes={"x": 1})
    entries = create_entries(info, 1)
    entries["spacing"] = spacing
    return Bank(info, mask[None, None].astype(np.float16), mask[None].astype(np.uint8), entries)[0]


def warp_image_and_mask(
    crop: Crop,
    sampled: SampledVariation,
    spacing: tuple[float, ...],
    margin: int,
    max_shape: tuple[int, ...] | None = None,
) -> tuple[np.ndarray, np.ndarray] | None:
    """The varied crop's image and mask, or None where it cannot be made."""
    warped = warp_crop(crop, sampled, spacing, margin, max_shape)
    return None if warped is None else (warped.sample_image(), warped.mask)


@pytest.mark.parametrize("dims", [2, 3])
def test_nothing_varied_gives_back_the_object(dims: int, rng: np.random.Generator) -> None:
    mask = np.zeros((16,) * dims, dtype=np.uint8)
    mask[(slice(4, 11),) * dims] = rng.integers(0, 2, (7,) * dims)
    patch = warp_image_and_mask(crop_of(mask), IDENTITY.draw(dims, rng), (1.0,) * dims, margin=0)
    assert patch is not None
    where = tuple(slice(s.min(), s.max() + 1) for s in np.nonzero(mask))
    assert (patch[1] == mask[where]).all()
    assert patch[0][0] == pytest.approx(mask[where].astype(float), abs=1e-3)


@settings(max_examples=30, deadline=None)
@given(dims=st.sampled_from([2, 3]), seed=st.integers(0, 2**16))
def test_image_and_mask_move_together(dims: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = np.zeros((24,) * dims, dtype=np.uint8)
    mask[(slice(6, 18),) + (slice(8, 14),) * (dims - 1)] = 1
    patch = warp_image_and_mask(crop_of(mask), Variation().draw(dims, rng), (1.0,) * dims, margin=2)
    assert patch is not None
    image, moved = patch
    assert ((image[0] > 0.5) == (moved > 0)).mean() > 0.9


@settings(max_examples=30, deadline=None)
@given(dims=st.sampled_from([2, 3]), seed=st.integers(0, 2**16))
def test_volume_grows_with_the_drawn_scale(dims: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = np.zeros((32,) * dims, dtype=np.uint8)
    mask[(slice(10, 22),) * dims] = 1
    draw = Variation(scale=(0.7, 1.4)).draw(dims, rng)
    patch = warp_image_and_mask(crop_of(mask), draw, (1.0,) * dims, margin=0)
    assert patch is not None
    # A cube that is turned by next to nothing gains or loses a layer of pixels at once: up to 0.23 in 5,500 draws.
    assert (patch[1] > 0).sum() == pytest.approx(12**dims * draw.scale**dims, rel=0.3)


@settings(max_examples=40, deadline=None)
@given(dims=st.sampled_from([2, 3]), seed=st.integers(0, 2**16), elastic=st.sampled_from([0.05, 0.3, 2.0]))
def test_a_deformation_is_smooth_and_does_not_fold(dims: int, seed: int, elastic: float) -> None:
    rng = np.random.default_rng(seed)
    spacing = rng.uniform(0.3, 3, dims)
    points = np.argwhere(np.ones(rng.integers(4, 20, dims))) * spacing
    bend = Deformation.fit(elastic * draw_grid_displacements(dims, rng), points, float(np.prod(spacing)))
    lines = [np.linspace(a - 1, b + 1, 61) for a, b in zip(bend.start, bend.stop, strict=True)]
    shift = bend.compute_displacement(lines)
    steps = [line[1] - line[0] for line in lines]
    slopes = np.stack([np.stack(np.gradient(part, *steps)) for part in shift])
    slopes = np.moveaxis(slopes, (0, 1), (-2, -1))
    assert np.linalg.norm(slopes, 2, axis=(-2, -1)).max() < MAX_STRETCH + 0.1
    assert (np.linalg.det(np.eye(dims) + slopes) > 0).all()
    assert np.abs(shift).max() <= bend.max_displacement


@settings(max_examples=30, deadline=None)
@given(dims=st.sampled_from([2, 3]), seed=st.integers(0, 2**16))
def test_a_deformed_object_is_whole_and_its_image_goes_with_it(dims: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = np.zeros((24,) * dims, dtype=np.uint8)
    mask[(slice(5, 19),) + (slice(6, 18),) * (dims - 1)] = 1
    still, bent = (Variation(flip=False, rotate=0, scale=(1, 1), elastic=e) for e in (0.0, 0.3))
    one, two = (warp_image_and_mask(crop_of(mask), v.draw(dims, rng), (1.0,) * dims, margin=4) for v in (still, bent))
    assert one is not None and two is not None
    assert label_components(two[1])[1] == 1
    assert one[1].shape != two[1].shape or (one[1] != two[1]).any()
    assert ((two[0][0] > 0.5) == (two[1] > 0)).mean() > 0.97
    assert (two[1] > 0).sum() == pytest.approx((mask > 0).sum(), rel=0.7)


def test_frames_objects_are_deformed_too(rng: np.random.Generator) -> None:
    mask = np.zeros((32, 32), dtype=np.uint8)
    mask[8:24, 12:20] = 1
    crop = crop_of(mask)
    plain, bent = (frame_patch(crop, (2.0, 2.0), False, 0.0, b) for b in (None, 0.2 * draw_grid_displacements(2, rng)))
    assert plain is not None and bent is not None
    assert label_components(bent[1])[1] == 1 and bent[1].sum() == pytest.approx(plain[1].sum(), rel=0.5)
    assert ((bent[0][0] > 0.5) == bent[1]).mean() > 0.98
    nothing = frame_patch(crop, (2.0, 2.0), False, 0.0, 0 * draw_grid_displacements(2, rng))
    assert nothing is not None and np.array_equal(nothing[1], plain[1])
    assert nothing[0] == pytest.approx(plain[0], abs=0.02)


@settings(max_examples=20, deadline=None)
@given(dims=st.sampled_from([2, 3]), seed=st.integers(0, 2**16))
def test_cubic_keeps_detail_that_linear_blurs_and_the_crops_range(dims: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = np.zeros((20,) * dims, dtype=np.uint8)
    mask[(slice(5, 15),) * dims] = 1
    crop = crop_of(mask)
    crop.image[...] = rng.random(crop.image.shape, dtype=np.float32)
    spread = []
    for order in (1, 3):
        turned = Variation(flip=False, scale=(1, 1), order=order).draw(dims, np.random.default_rng(seed))
        made = warp_image_and_mask(crop, turned, (1.0,) * dims, margin=0)
        assert made is not None and made[0].min() >= crop.image.min() and made[0].max() <= crop.image.max()
        spread.append(made[0][0][made[1] > 0].std())
    assert spread[0] < spread[1] < 1.1 * crop.image.std()


@pytest.mark.parametrize("dims", [2, 3])
def test_what_is_only_mirrored_is_not_interpolated(dims: int, rng: np.random.Generator) -> None:
    crop = crop_of(rng.integers(0, 2, (12,) * dims).astype(np.uint8))
    crop.image[...] = rng.random(crop.image.shape, dtype=np.float32)
    made = warp_image_and_mask(crop, Variation(rotate=0, scale=(1, 1)).draw(dims, rng), (1.0,) * dims, margin=0)
    assert made is not None
    assert np.isin(made[0], crop.image).all()


def test_widths_are_drawn_and_methods_take_them(rng: np.random.Generator) -> None:
    drawn = {Variation(width=(1, 5)).draw(2, rng).blend_width for _ in range(60)}
    assert drawn == {1, 2, 3, 4, 5} and Variation().draw(2, rng).blend_width is None
    for name in METHODS:
        blend = parse_method(name)
        assert blend.with_reach(None) is blend
        assert blend.with_reach(5).reach == (5 if blend.reach else 0)


def test_a_crop_of_nothing_comes_to_nothing(rng: np.random.Generator) -> None:
    assert warp_image_and_mask(crop_of(np.zeros((8, 8))), Variation().draw(2, rng), (1.0, 1.0), 2) is None


@pytest.mark.parametrize("wrong", [{"elastic": -1}, {"width": (5, 1)}, {"order": 2}, {"scale": (0, 1)}])
def test_ranges_that_make_no_sense_are_refused(wrong: dict) -> None:
    with pytest.raises(DataError, match=next(iter(wrong))):
        Variation(**wrong)


def test_what_is_larger_than_its_host_is_not_even_made() -> None:
    bank = a_bank(3, np.random.default_rng(0), size=32)
    draw = Variation().draw(3, np.random.default_rng(1))
    tracemalloc.start()
    assert (
        warp_image_and_mask(bank[0], draw, (0.001, 0.001, 0.001), 8, max_shape=(64, 64, 64)) is None
    )  # 32,000 pixels an edge
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
    assert warp_image_and_mask(bank[0], draw, (1.0, 1.0, 1.0), 8, max_shape=(64, 64, 64)) is not None
    assert warp_image_and_mask(bank[0], draw, (1.0, 1.0, 1.0), 8, max_shape=(64, 64, 3)) is None


def test_a_host_in_wrong_units_is_left_alone_in_no_time(rng: np.random.Generator) -> None:
    bank, host = a_bank(3, rng), a_host(3, rng)
    host.geometry = Geometry((1e-3, 1e-3, 1e-3))
    after = Paste(bank, per_image=(2, 2))(host, rng)
    assert [record.place for record in after.pasted_crops] == [None, None]


def test_a_warped_crop_s_image_is_made_only_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    mask = np.zeros((9, 9), dtype=np.uint8)
    mask[3:6, 3:6] = 1
    crop, draw = crop_of(mask), Variation().draw(2, rng)
    calls: list[int] = []
    sampled = SamplingGrid.sample
    monkeypatch.setattr(SamplingGrid, "sample", lambda *args: calls.append(args[2]) or sampled(*args))
    warped = warp_crop(crop, draw, (1.0, 1.0), 2)
    assert warped is not None and calls == [0]
    made = warp_image_and_mask(crop, draw, (1.0, 1.0), 2)
    assert made is not None and (warped.sample_image() == made[0]).all() and (warped.mask == made[1]).all()


def test_a_variation_is_read_from_its_settings() -> None:
    varied = read_variation({"rotate": 3, "scale": [0.5, 2.0]})
    assert varied == Variation(rotate=3, scale=(0.5, 2.0))
    assert read_variation(varied) is varied
    assert read_variation(None) is None
    with pytest.raises(DataError, match="no variation 'spin'; expected some of flip, rotate, scale"):
        read_variation({"rotate": 3, "spin": 1})
    with pytest.raises(DataError, match="variation 3"):
        read_variation(3)
