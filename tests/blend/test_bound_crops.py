"""Bound crops: exactly where they were made, whatever their pixels' size, or nowhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from balls import a_bank, a_host
from hypothesis import given, settings
from hypothesis import strategies as st

from domaingan import phantoms
from domaingan.augmentation.offline.slice_pasting import paste_slices
from domaingan.banks import Bank, create_entries
from domaingan.banks.crops import crops
from domaingan.blend import Paste
from domaingan.blend.bound_crops import BOUND_REACH_PIXELS, resample_to_host
from domaingan.core.errors import DataError
from domaingan.data import Sample
from domaingan.imaging.instances import find_corner_box, find_mask_objects
from domaingan.imaging.padded_crops import crop_padded
from domaingan.imaging.resample import resize
from domaingan.views.slices import slice_volumes

FRAMES = phantoms.load_phantom("driving", sequences=3, frames=2).load_into_memory()
SCHEMA = FRAMES.schema
BANK: Bank = crops(FRAMES, size=32)


def bound_to(host: Sample, bank: Bank, place: list[int], ratio: float = 1.0) -> Bank:
    """The bank's first entry, made for one place in a host, its pixels ``ratio`` times as large."""
    one = bank.take([0])
    info = one.info.model_copy(update={"hosts": [host.name]})
    entries = one.entries.copy()
    entries["host"], entries["place"], entries["spacing"] = 0, place, np.array(host.spacing) * ratio
    entries["source_size"] = [round(n * s) for n, s in zip(host.shape, host.spacing, strict=True)]
    return Bank(info, one.images, one.masks, entries)


@settings(max_examples=30)
@given(dims=st.sampled_from([2, 3]), extent=st.integers(16, 40), seed=st.integers(0, 2**16))
def test_half_pixels_are_right_whatever_the_spacing(dims: int, extent: int, seed: int) -> None:
    """A window of a ramp, shrunk as a generator sees it, and put back, is the ramp: no shift, no other size."""
    rng = np.random.default_rng(seed)
    shape, spacing = (64,) * dims, tuple(rng.uniform(0.5, 2, dims).tolist())
    slopes = rng.uniform(-1, 1, dims)
    ramp = np.tensordot(slopes, np.indices(shape, dtype=float), 1)[None].astype(np.float32)
    host = Sample(ramp, np.zeros(shape, np.uint8), meta={"name": "host", "spacing": spacing})
    corner = rng.integers(0, 64 - extent, dims)
    mask = np.zeros((16,) * dims, np.uint8)
    mask[(slice(7, 9),) * dims] = 1
    entry = create_entries(a_bank(dims, rng).info, 1)
    entry["host"], entry["place"], entry["spacing"] = 0, corner, np.array(spacing) * extent / 16
    entry["source_size"] = [round(64 * s) for s in spacing]
    crop = replace(a_bank(dims, rng)[0], image=resize(crop_padded(ramp, corner, extent), (16,) * dims), mask=mask)
    found = resample_to_host(replace(crop, entry=entry[0]), host, np.array([[0, 1]], np.float32))
    assert found is not None
    image, body, replaced, start = found
    assert image.shape[1:] == body.shape == replaced.shape
    where = tuple(slice(a, a + n) for a, n in zip(start, body.shape, strict=True))
    np.testing.assert_allclose(image[0], ramp[0][where], atol=1e-4 * extent)
    middle = start + np.argwhere(body).mean(axis=0)
    np.testing.assert_allclose(middle, corner + extent / 2 - 0.5, atol=0.51)
    assert (np.abs(np.ptp(np.argwhere(body), axis=0) + 1 - 2 * extent / 16) < 1).all()


@pytest.mark.parametrize("dims", [2, 3])
def test_its_pixels_replace_the_hosts_around_its_mask_and_no_others(dims: int, rng: np.random.Generator) -> None:
    host = a_host(dims, rng)
    assert host.mask is not None
    known = find_mask_objects(host.mask, [1])
    host = replace(host, boxes=known.boxes, labels=known.labels, instances=known.instances)
    bank = bound_to(host, a_bank(dims, rng, size=24), [14] * dims)
    after = Paste(bank, "poisson+noise", (1, 1))(host, rng)
    record = after.pasted_crops[0]
    assert record.is_placed and record.scale == 1
    assert after.mask is not None and after.instances is not None and after.boxes is not None
    here = (slice(14, 38),) * dims
    body = bank.masks[0] > 0
    assert (after.mask[here][body] == bank.masks[0][body]).all() and after.instances.max() == 2
    assert np.array_equal(after.boxes[1], find_corner_box(after.instances == 2, np.zeros(dims, dtype=int)))
    spots = np.argwhere(body)
    reached = np.indices(body.shape).reshape(dims, -1).T
    near = np.array([np.abs(spots - spot).max(axis=1).min() <= BOUND_REACH_PIXELS for spot in reached]).reshape(
        body.shape
    )
    changed = np.zeros(host.shape, bool)
    changed[here] = near
    assert np.array_equal(after.image[:, ~changed], host.image[:, ~changed])
    low, high = np.percentile(host.image[0][host.image[0] > 0], (0.5, 99.5))
    expected = low + bank[0].image[0][near] * (high - low)
    np.testing.assert_allclose(after.image[0][here][near], np.maximum(expected, host.image.min()), atol=0.01)


def test_another_size_of_the_host_is_refused_by_name(rng: np.random.Generator) -> None:
    bank = bound_to(a_host(2, rng, edge=40), a_bank(2, rng), [12, 12])
    with pytest.raises(DataError, match=r"host: a host of 48 × 48 .*expected 40 × 40"):
        Paste(bank)(a_host(2, rng, edge=48), rng)


def test_it_does_not_overlap_what_is_there_and_goes_there_once(rng: np.random.Generator) -> None:
    host = a_host(2, rng)  # with a labelled disc around (13, 13)
    on_it = Paste(bound_to(host, a_bank(2, rng), [8, 8]), per_image=(3, 3))(host, rng)
    assert [record.place for record in on_it.pasted_crops] == [None]
    assert np.array_equal(on_it.image, host.image) and np.array_equal(on_it.mask, host.mask)
    twice = bound_to(host, a_bank(2, rng), [14, 20]).take([0, 0])
    after = Paste(twice, per_image=(5, 5))(host, rng)
    assert sorted(record.place is None for record in after.pasted_crops) == [False, True]


@pytest.mark.parametrize("dims", [2, 3])
def test_hosts_without_an_entry_are_left_as_they_are(dims: int, rng: np.random.Generator) -> None:
    paste = Paste(bound_to(a_host(dims, rng), a_bank(dims, rng), [14] * dims), per_image=(2, 2))
    other = a_host(dims, rng)
    other.source = replace(other.source, name="another")
    after = paste(other, rng)
    assert after.pasted_crops == () and np.array_equal(after.image, other.image)
    assert np.array_equal(after.mask, other.mask)
    with pytest.raises(DataError, match="only entries that are bound"):
        paste.draw_entry(rng)


def a_frames_entry(host: Sample) -> tuple[Bank, np.ndarray]:
    """A red square painted into a window of a frame where nothing is, its pixels twice as large as the frame's."""
    assert host.instances is not None
    taken, size = host.instances > 0, 24
    free = [
        (r, c)
        for r in range(20, host.shape[0] - size, 2)
        for c in range(0, host.shape[1] - size, 2)
        if not taken[r : r + size, c : c + size].any()
    ]
    bank = bound_to(host, BANK, list(free[-1]), 2.0)
    images, masks = (
        resize(crop_padded(host.image, free[-1], size), (12, 12))[None].copy(),
        np.zeros((1, 12, 12), np.uint8),
    )
    images[0, :, 3:9, 3:9], masks[0, 4:8, 4:8] = np.array([1, 0, 0]).reshape(3, 1, 1), BANK.info.classes["car"]
    return Bank(bank.info, images, masks, bank.entries), np.array(free[-1])


def test_of_frames_too() -> None:
    host, rng = FRAMES[0], np.random.default_rng(0)
    bank, place = a_frames_entry(host)
    after = Paste(bank, per_image=(2, 2), schema=SCHEMA)(host, rng)
    assert [record.place is None for record in after.pasted_crops] == [False]
    assert after.boxes is not None and after.instances is not None and after.mask is not None
    top, left = place + 8
    assert after.boxes[-1].tolist() == [left, top, left + 8, top + 8] and len(after.boxes) == len(host.boxes) + 1
    assert (after.mask[top : top + 8, left : left + 8] == SCHEMA.classes["car"]).all()
    red = (after.image == np.array([1, 0, 0]).reshape(3, 1, 1)).all(axis=0)
    assert red[top : top + 8, left : left + 8].all()
    off = np.abs(after.image - host.image).max(axis=0)
    off[top - 3 : top + 11, left - 3 : left + 11] = 0  # what was painted, interpolated
    assert off.max() < 1e-6  # the finer detail of the host stays
    again = Paste(bank, per_image=(2, 2), schema=SCHEMA)(after, rng)
    assert again.pasted_crops[0].place is None  # its box would be that of the one that is there
    with pytest.raises(DataError, match="expected"):
        Paste(bank, schema=SCHEMA)(Sample(host.image[:, :-8], host.mask[:-8], source=host.source), rng)


def test_of_slices_bound_crops_find_theirs_in_volumes() -> None:
    volume = phantoms.load_phantom("medical", subjects=1, shape=(40, 40, 16))
    pieces = slice_volumes(volume)
    piece = next(p for p in pieces if p.mask is not None and (p.mask > 0).sum() > 10)
    bank = bound_to(piece, crops(pieces, size=16), [10, 10])
    bare = replace(volume[0], mask=np.zeros(volume[0].shape, np.uint8))
    after = paste_slices(Paste(bank), bare, 2, volume.schema, np.random.default_rng(0))
    assert [f"{bare.name}_{record.slice_index:02d}" for record in after.pasted_crops] == [piece.name]
    assert after.mask is not None and set(np.nonzero(after.mask)[2]) == {after.pasted_crops[0].slice_index}


def test_an_entry_of_impossible_pixels_is_refused_before_it_is_made(rng: np.random.Generator) -> None:
    host = a_host(2, rng)
    bank = bound_to(host, a_bank(2, rng), [3, 3], ratio=1e7)
    with pytest.raises(DataError, match=r"entry 0 of 160000000 × 160000000 of the host's pixels"):
        Paste(bank, per_image=(1, 1))(host, rng)
