"""Laws of a paste into scans that is told where to go: random shapes, spacings and types, in 2D and 3D."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from balls import ball
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from domaingan.banks import Bank, BankInfo, Crop, create_entries
from domaingan.blend import Paste
from domaingan.blend.methods import METHODS
from domaingan.blend.placed_crop import PlacedCrop
from domaingan.blend.placement import find_overlap
from domaingan.blend.variation import IDENTITY
from domaingan.data import SCAN, Sample
from domaingan.imaging.instances import find_corner_box, find_mask_objects
from domaingan.imaging.intensity import get_intensity_range, to_scaled
from domaingan.imaging.padded_crops import crop_padded

TYPES = (np.float32, np.float64, np.int16, np.uint16)


@dataclass
class Case:
    """A host with room around its body, and where in it a crop of it lies."""

    host: Sample
    crop: Crop
    bank: Bank
    corner: np.ndarray
    rng: np.random.Generator

    @property
    def own(self) -> np.ndarray:
        """Where the first pixel of the crop's object lies in the host."""
        return self.corner + first(self.crop.mask)


def first(mask: np.ndarray) -> np.ndarray:
    return np.argwhere(mask > 0).min(axis=0)


@st.composite
def cases(draw: st.DrawFn, room: int = 12) -> Case:
    dims = draw(st.sampled_from([2, 3]))
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    size, kind = draw(st.integers(20, 24)), draw(st.sampled_from(TYPES))
    inner = tuple(int(n) for n in rng.integers(32, 38, dims))
    spacing = tuple(float(s) for s in rng.uniform(0.5, 3, dims))
    body = np.pad(ball(inner, np.array(inner) / 2, 1.0 * max(inner)), room)
    image = np.zeros((2, *body.shape))
    image[:, body] = ndimage.gaussian_filter(rng.uniform(300, 900, (2, *body.shape)), (0, *[0.7] * dims))[:, body]
    host = Sample(image.astype(kind), np.zeros(body.shape, np.uint8), meta={"name": "host", "spacing": spacing})
    corner = room + rng.integers(3, np.array(inner) - size - 2 + 1)
    mask = np.zeros((size,) * dims, dtype=np.uint8)
    # Methods reach 6 pixels around an object at most: so much of its surroundings is in the crop.
    mask[(slice(8, -8),) * dims] = ndimage.gaussian_filter(rng.random([size - 16] * dims), 1) > 0.5
    mask[(size // 2,) * dims] = 2
    scaled = to_scaled(host.image.astype(np.float32), get_intensity_range(host, SCAN))
    info = BankInfo(spatial_dims=dims, channels=["a", "b"], classes={"one": 1, "two": 2}, hosts=["host"])
    entries = create_entries(info, 1)
    entries["spacing"] = spacing
    entries["source_size"] = [round(n * s) for n, s in zip(host.shape, spacing, strict=True)]
    bank = Bank(info, crop_padded(scaled, corner, size)[None], mask[None], entries)
    return Case(host, bank[0], bank, corner, rng)


def spotted(case: Case, method: str = "feather", crop: Crop | None = None) -> PlacedCrop:
    """The crop, not varied, where it was cut from."""
    bank = replace(case, bank=case.bank).bank
    found = Paste(bank, method, variation=IDENTITY).prepare_host(case.host).place_crop(crop or case.crop, case.rng)
    assert found is not None
    return replace(found, corner=case.own - first(found.mask))


def done(paste: Paste, host: Sample, what: PlacedCrop) -> Sample:
    into = paste.prepare_host(host)
    into.paste_crop(what, np.random.default_rng(0))
    return into.to_sample()


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=12)
@given(case=cases())
def test_a_hosts_own_background_gives_back_the_host(method: str, case: Case) -> None:
    after = done(Paste(case.bank, method, variation=IDENTITY), case.host, spotted(case, method))
    span = float(np.ptp(get_intensity_range(case.host, SCAN)[0]))
    off = np.abs(after.image.astype(float) - case.host.image.astype(float)).max()
    assert off <= (2e-5 * span if case.host.image.dtype.kind == "f" else 0), off
    assert after.mask is not None and after.image.dtype == case.host.image.dtype
    mask = np.zeros_like(after.mask)
    mask[find_overlap(case.crop.mask.shape, mask.shape, case.corner)[1]] = case.crop.mask
    assert (after.mask == mask).all()


@pytest.mark.parametrize("method", [*METHODS, "feather+noise", "poisson+histogram"])
@settings(max_examples=8)
@given(case=cases(), data=st.data())
def test_host_and_place_moved_alike_move_the_result(method: str, case: Case, data: st.DataObject) -> None:
    crop = replace(case.crop, image=case.crop.image + np.float32(0.3) * (case.crop.mask > 0))
    what, dims = spotted(case, method, crop), case.host.spatial_dims
    paste = Paste(case.bank, method, variation=IDENTITY)
    shift = np.array(data.draw(st.lists(st.integers(-4, 4), min_size=dims, max_size=dims)))

    def moved(array: np.ndarray) -> np.ndarray:
        return np.roll(array, shift, axis=tuple(range(array.ndim - dims, array.ndim)))

    assert case.host.mask is not None
    other = replace(case.host, image=moved(case.host.image), mask=moved(case.host.mask))
    one, two = done(paste, case.host, what), done(paste, other, replace(what, corner=what.corner + shift))
    assert one.mask is not None and two.mask is not None and one.mask.any()
    assert np.array_equal(moved(one.mask), two.mask) and np.array_equal(moved(one.image), two.image)


@settings(max_examples=20)
@given(case=cases(), method=st.sampled_from(list(METHODS)))
def test_an_empty_mask_is_identity(case: Case, method: str) -> None:
    paste = Paste(case.bank, method, variation=IDENTITY)
    nothing = replace(case.crop, mask=np.zeros_like(case.crop.mask), image=case.crop.image + 1)
    assert paste.prepare_host(case.host).place_crop(nothing, case.rng) is None
    what = spotted(case, method)
    empty = replace(what, mask=np.zeros_like(what.mask), image=what.image + 1)
    after = done(paste, case.host, empty)
    assert np.array_equal(after.image, case.host.image) and np.array_equal(after.mask, case.host.mask)


@settings(max_examples=30)
@given(case=cases(), method=st.sampled_from(list(METHODS)), data=st.data())
def test_at_the_border_it_is_clipped(case: Case, method: str, data: st.DataObject) -> None:
    """Wherever it sticks out, all that is in the host is there, and nothing comes in on the other side."""
    what, host = spotted(case, method), case.host
    assert host.mask is not None
    known = find_mask_objects(host.mask, [1])
    host = replace(host, boxes=known.boxes, labels=known.labels, instances=known.instances)
    ends = [st.integers(-n - 2, side + 2) for n, side in zip(what.mask.shape, host.shape, strict=True)]
    corner = np.array(data.draw(st.tuples(*ends)))
    after = done(Paste(case.bank, method, variation=IDENTITY), host, replace(what, corner=corner))
    padded = np.zeros([side + 2 * n + 4 for n, side in zip(what.mask.shape, host.shape, strict=True)], int)
    start = corner + what.mask.shape + 2
    padded[tuple(slice(a, a + n) for a, n in zip(start, what.mask.shape, strict=True))] = what.mask
    inner = tuple(slice(n + 2, n + 2 + side) for n, side in zip(what.mask.shape, host.shape, strict=True))
    assert after.mask is not None and after.boxes is not None
    assert np.array_equal(after.mask, padded[inner])
    far = ndimage.distance_transform_edt(np.pad(after.mask, 1) == 0)[(slice(1, -1),) * host.spatial_dims]
    far = far > METHODS[method]().reach if after.mask.any() else np.ones(host.shape, dtype=bool)
    assert np.array_equal(after.image[:, far], host.image[:, far])
    boxes = [find_corner_box(after.mask > 0, np.zeros(host.spatial_dims, int))] if after.mask.any() else []
    assert np.array_equal(after.boxes, np.array(boxes).reshape(-1, 2 * host.spatial_dims))


@settings(max_examples=20)
@given(case=cases())
def test_a_bound_piece_of_its_host_gives_it_back_and_clips(case: Case) -> None:
    case.bank.entries["host"], case.bank.entries["place"] = 0, case.corner
    paste = Paste(case.bank, per_image=(3, 3))
    after = paste(case.host, case.rng)
    records = after.pasted_crops
    assert len(records) == 1 and records[0].is_placed  # once is enough
    span = float(np.ptp(get_intensity_range(case.host, SCAN)[0]))
    off = np.abs(after.image.astype(float) - case.host.image.astype(float)).max()
    assert off <= (1e-6 * span if case.host.image.dtype.kind == "f" else 0)
    mask = np.zeros(case.host.shape)
    mask[find_overlap(case.crop.mask.shape, mask.shape, case.corner)[1]] = case.crop.mask
    assert after.mask is not None and np.array_equal(after.mask, mask)
