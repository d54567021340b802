"""The laws of pasting: what may change, what must not, in 2D and 3D, whatever the shapes and units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from balls import a_bank, a_host
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from domaingan.blend import Paste, Variation
from domaingan.blend.methods import METHODS
from domaingan.blend.placement import find_overlap
from domaingan.core.errors import DataError
from domaingan.data import SCAN, Sample, Schema
from domaingan.imaging.instances import find_corner_box, find_mask_objects
from domaingan.imaging.intensity import find_nonzero, find_ring, get_intensity_range, measure_contrast, to_scaled


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=25, deadline=None)
@given(dims=st.sampled_from([2, 3]), seed=st.integers(0, 2**16), gain=st.sampled_from([1.0, 0.01, 700.0]))
def test_outside_the_dilated_mask_the_host_is_bit_identical(method: str, dims: int, seed: int, gain: float) -> None:
    rng = np.random.default_rng(seed)
    host, paste = a_host(dims, rng, gain=gain), Paste(a_bank(dims, rng), method=method)
    before = host.image.copy(), host.mask.copy()
    after = paste(host, rng)
    assert (host.image == before[0]).all() and (host.mask == before[1]).all()
    pasted = after.mask != host.mask
    if not pasted.any():
        return
    far = ndimage.distance_transform_edt(~pasted) > METHODS[method]().reach
    assert (after.image[:, far] == host.image[:, far]).all()
    assert after.image.dtype == np.float32 and after.mask.dtype == host.mask.dtype
    assert not (pasted & (host.mask > 0)).any()


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=60, deadline=None)
@given(
    dims=st.sampled_from([2, 3]),
    seed=st.integers(0, 2**16),
    gain=st.sampled_from([1.0, 300.0]),
    width=st.sampled_from([None, (1, 5)]),
    elastic=st.sampled_from([0.0, 0.3]),
)
@example(dims=2, seed=3588, gain=1.0, width=None, elastic=0.0)
def test_contrast_to_the_ring_is_the_crops_own(
    method: str, dims: int, seed: int, gain: float, width: tuple[int, int] | None, elastic: float
) -> None:
    rng, varied = np.random.default_rng(seed), Variation(width=width, elastic=elastic)
    bank = a_bank(dims, rng, n=1)
    host = a_host(dims, rng, gain=gain)
    after = Paste(bank, method=method, per_image=(1, 1), variation=varied)(host, rng)
    pasted = (after.mask != host.mask).astype(np.uint8)
    if not pasted.any():
        return
    ends = get_intensity_range(host, SCAN)
    around = find_ring(pasted, inside=(host.image > 0).any(0) & (host.mask == 0))
    found = measure_contrast(to_scaled(after.image, ends), pasted, around)
    own = measure_contrast(bank[0].image, bank[0].mask, find_ring(bank[0].mask, inside=find_nonzero(bank[0].image)))
    np.testing.assert_allclose(found, own, rtol=0.1)


@settings(max_examples=15, deadline=None)
@given(dims=st.sampled_from([2, 3]), seed=st.integers(0, 2**16))
def test_same_seed_same_bytes(dims: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    host, paste = a_host(dims, rng), Paste(a_bank(dims, rng))
    one, two = (paste(host, np.random.default_rng(seed)) for _ in range(2))
    assert one.image.tobytes() == two.image.tobytes() and one.mask.tobytes() == two.mask.tobytes()
    assert one.pasted_crops == two.pasted_crops


def test_a_crop_of_twice_the_spacing_comes_out_twice_as_large(rng: np.random.Generator) -> None:
    bank = a_bank(2, rng, n=1)
    still = Variation(flip=False, rotate=0, scale=(1, 1))
    host = a_host(2, rng, edge=80)
    sizes = []
    for spacing in (1.0, 2.0):
        bank.entries["spacing"] = spacing
        after = Paste(bank, per_image=(1, 1), variation=still)(host, np.random.default_rng(3))
        sizes.append(int((after.mask != host.mask).sum()))
    assert sizes[0] == (bank.masks[0] > 0).sum()
    assert sizes[1] == pytest.approx(4 * sizes[0], rel=0.25)


def test_objects_stay_inside_the_body(rng: np.random.Generator) -> None:
    host, paste = a_host(2, rng), Paste(a_bank(2, rng), per_image=(3, 3))
    for seed in range(20):
        after = paste(host, np.random.default_rng(seed))
        assert (host.image[:, (after.mask > 0) & (host.mask == 0)] > 0).all()


def test_nothing_becomes_darker_than_the_host(rng: np.random.Generator) -> None:
    bank = a_bank(2, rng, n=1)
    bank.images[0][:, bank.masks[0] > 0] = -3
    host = a_host(2, rng)
    after = Paste(bank, per_image=(1, 1))(host, rng)
    assert (after.mask != host.mask).any() and after.image.min() == host.image.min()


def test_what_finds_no_place_is_recorded_and_changes_nothing(rng: np.random.Generator) -> None:
    host = a_host(2, rng)
    host.mask[...] = 1
    after = Paste(a_bank(2, rng), per_image=(2, 2))(host, rng)
    assert [record.place for record in after.pasted_crops] == [None, None]
    assert (after.image == host.image).all() and (after.mask == host.mask).all()


def test_a_host_without_a_mask_comes_back_as_it_is(rng: np.random.Generator) -> None:
    host = a_host(2, rng)
    host.mask = None
    after = Paste(a_bank(2, rng))(host, rng)
    assert after.mask is None and after.image is host.image and after.pasted_crops == ()


def test_only_the_classes_asked_for_are_pasted(rng: np.random.Generator) -> None:
    bank = a_bank(2, rng, n=6)
    paste = Paste(bank, per_image=(3, 3), only=["rare"])
    drawn = [
        r.condition["lesion"] for s in range(10) for r in paste(a_host(2, rng), np.random.default_rng(s)).pasted_crops
    ]
    assert set(drawn) == {"rare"}


def test_mask_values_are_the_hosts(rng: np.random.Generator) -> None:
    paste = Paste(a_bank(2, rng), classes={"rare": 70, "common": 60})
    after = paste(a_host(2, rng), rng)
    assert set(np.unique(after.mask)) <= {0, 1, 60, 70}


def test_bound_entries_go_where_they_were_made_and_nowhere_else(rng: np.random.Generator) -> None:
    bank = a_bank(2, rng, n=2)
    bank.info.hosts.append("host")
    bank.entries["host"], bank.entries["place"], bank.entries["source_size"] = [0, -1], [[4, 12], [-1, -1]], 40
    paste = Paste(bank, per_image=(1, 1), method="alpha")
    host = a_host(2, rng, edge=40)
    host.mask[...] = 0
    for seed in range(12):
        after = paste(host, np.random.default_rng(seed))
        record = after.pasted_crops[0]
        if record.index == 0:
            changed = after.mask[4:20, 12:28]
            assert (changed == bank.masks[0]).all() and (after.mask > 0).sum() == (changed > 0).sum()
    other = Sample(host.image, host.mask, meta={"name": "another"})
    drawn = {paste(other, np.random.default_rng(s)).pasted_crops[0].index for s in range(12)}
    assert drawn == {1}


@pytest.mark.parametrize(
    ("settings_", "said"),
    [
        ({"method": "poissonn"}, "no method 'poissonn'"),
        ({"per_image": (3, 1)}, "3 to 1"),
        ({"only": ["blue"]}, "no class blue"),
        ({"classes": {"rare": 1}}, "class 'common'"),
    ],
)
def test_nonsense_is_refused_by_name(rng: np.random.Generator, settings_: dict, said: str) -> None:
    with pytest.raises(DataError, match=said):
        Paste(a_bank(2, rng), **settings_)


def test_hosts_that_do_not_fit_are_refused(rng: np.random.Generator) -> None:
    paste = Paste(a_bank(2, rng))
    with pytest.raises(DataError, match="2D bank"):
        paste.check_schema(Schema("nifti", "scan", 3, ("c0", "c1"), {}))
    with pytest.raises(DataError, match="channels c0, c1"):
        paste.check_schema(Schema("nifti", "scan", 2, ("t1",), {}))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("shift", [1, 4])
def test_of_scans_boxes_instances_and_origins_agree_whatever_is_hidden(dims: int, shift: int) -> None:
    rng = np.random.default_rng(0)
    host = a_host(dims, rng)
    assert host.mask is not None
    known = find_mask_objects(host.mask, [1])
    assert len(known.boxes) == 1
    host = replace(host, boxes=known.boxes, labels=known.labels, instances=known.instances)
    paste = Paste(a_bank(dims, rng, n=1), per_image=(1, 1))
    found = paste.prepare_host(host)
    spotted = found.place_crop(paste.bank[0], rng)
    assert spotted is not None and (found.image == host.image).all() and (found.mask == host.mask).all()
    # No place that is searched for hides anything; a paste that is told where to go may.
    middles = [np.argwhere(part).mean(axis=0) for part in (known.instances, spotted.mask)]
    over = np.rint(middles[0] - middles[1]).astype(int) + np.eye(dims, dtype=int)[0] * shift
    found.paste_crop(replace(spotted, corner=over), rng)
    after = found.to_sample()
    assert after.boxes is not None and after.labels is not None and after.instances is not None
    assert after.mask is not None
    left = known.instances.astype(bool)
    source, where = find_overlap(spotted.mask.shape, host.shape, over)
    left[where] &= spotted.mask[source] == 0
    stays = left.sum() >= 0.2 * (known.instances > 0).sum()
    assert after.origins.tolist() == [0, -1][0 if stays else 1 :]
    for number, box in enumerate(after.boxes, start=1):
        assert np.array_equal(box, find_corner_box(after.instances == number, np.zeros(dims, dtype=int)))
    assert ((after.instances > 0) == (after.mask > 0)).all()


@pytest.mark.parametrize("dims", [2, 3])
def test_on_what_is_labelled_only_where_asked(dims: int) -> None:
    rng = np.random.default_rng(0)
    host, bank = a_host(dims, rng), a_bank(dims, rng)
    bottom = np.indices(host.shape)[0] >= host.shape[0] // 2
    host = replace(host, mask=np.where(bottom, 5, 0))  # half of it is one object
    known = find_mask_objects(np.asarray(host.mask), [5])
    host = replace(host, boxes=known.boxes, labels=known.labels, instances=known.instances)
    visible = {}
    for asked in (False, True):
        paste = Paste(bank, per_image=(3, 3), overlap=asked)
        visible[asked] = [paste(host, np.random.default_rng(seed)) for seed in range(4)]
        new = [np.asarray(after.mask) != host.mask for after in visible[asked]]
        assert all(part.any() for part in new) and any((part & bottom).any() for part in new) == asked
    for after in visible[True]:
        assert after.instances is not None and after.boxes is not None and after.mask is not None
        assert np.array_equal(after.instances > 0, after.mask > 0) and 0 in after.origins
        for number, box in enumerate(after.boxes, start=1):
            assert np.array_equal(box, find_corner_box(after.instances == number, np.zeros(dims, dtype=int)))
        assert np.isfinite(after.image).all()


def test_a_class_that_is_always_part_of_larger_objects_can_be_asked_for(rng: np.random.Generator) -> None:
    bank = a_bank(2, rng, n=6)
    bank.entries["condition:lesion"] = bank.info.conditions["lesion"].index("rare")
    bank.masks[0][bank.masks[0] == 1] = 2  # no common part
    holds = [i for i in range(6) if (bank.masks[i] == 1).any()]
    paste, host = Paste(bank, only=["common"], per_image=(2, 2)), a_host(2, rng)
    used = {record.index for s in range(20) for record in paste(host, np.random.default_rng(s)).pasted_crops}
    assert used == set(holds) and 0 not in used
    assert {*Paste(bank, only=["rare"]).sampler.free.tolist()} == set(range(6))
    with pytest.raises(DataError, match="no class gone"):
        Paste(bank, only=["gone"])
