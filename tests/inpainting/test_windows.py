"""Windows of hosts: where a generator may paint, bound to their places; and what is healthy beside the crops."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domaingan import phantoms
from domaingan.banks import Bank
from domaingan.banks.crops import crops
from domaingan.blend import Paste
from domaingan.core.errors import DataError
from domaingan.data import SCAN, Dataset
from domaingan.gan import GAN
from domaingan.gan.conditioning import MAX_SPACING_RATIO
from domaingan.imaging.intensity import get_intensity_range, to_scaled
from domaingan.imaging.padded_crops import crop_padded
from domaingan.inpainting.windows import add_healthy_windows, mark_healthy_share, sample_windows
from domaingan.views.slices import slice_volumes


def scans(dims: int, subjects: int = 3) -> Dataset:
    data = phantoms.load_phantom("medical", subjects=subjects, shape=(40, 40, 24))
    return slice_volumes(data).load_into_memory() if dims == 2 else data.load_into_memory()


@pytest.mark.parametrize("dims", [2, 3])
def test_windows_show_their_hosts_and_lie_on_nothing_labelled(dims: int) -> None:
    data = scans(dims)
    real = crops(data, 16)
    found = sample_windows(data, real, 12, seed=1)
    assert found.info.hosts == [record.name for record in data.records] and found.size == (16,) * dims
    for crop in found:
        sample = data[int(crop.entry["host"])]
        assert sample.mask is not None
        extent = [round(16 * c / s) for c, s in zip(crop.spacing, sample.spacing, strict=True)]
        place = np.array(crop.entry["place"])
        if extent == [16] * dims:
            host = to_scaled(crop_padded(sample.image, place, extent), get_intensity_range(sample, SCAN))
            assert np.allclose(crop.image, host, atol=2e-3)
            assert not (crop_padded(sample.mask, place, extent, fill=0)[crop.mask > 0] > 0).any()
        assert crop.mask.any() and crop.condition
        assert (
            crop.entry["source_size"] == [round(n * s) for n, s in zip(sample.shape, sample.spacing, strict=True)]
        ).all()


def test_a_window_follows_from_the_seed_and_its_number() -> None:
    data = scans(2)
    real = crops(data, 16)
    many, few = sample_windows(data, real, 40, seed=3), sample_windows(data, real, 8, seed=3)
    n = len(few)
    assert n + sum(few.info.left_out.values()) == 8 and few.images.tobytes() == many.images[:n].tobytes()
    assert sample_windows(data, real, 8, seed=4).images.tobytes() != few.images.tobytes()


def test_crops_are_pasted_into_windows_where_asked() -> None:
    data = scans(2)
    real = crops(data, 16)
    plain, pasted = sample_windows(data, real, 10, seed=1), sample_windows(data, real, 10, seed=1, pasted=True)
    assert (plain.masks == pasted.masks).all() and (plain.entries["place"] == pasted.entries["place"]).all()
    assert not np.allclose(plain.images, pasted.images, atol=0.02)


@pytest.mark.parametrize("dims", [2, 3])
def test_some_masks_may_be_of_new_shapes(dims: int) -> None:
    data = scans(dims)
    real = crops(data, 16)
    plain, new = sample_windows(data, real, 20, seed=1), sample_windows(data, real, 20, seed=1, reshaped=True)
    same = [bool((a.mask == b.mask).all()) for a, b in zip(plain, new, strict=False)]
    assert not all(same)
    assert set(np.unique(new.masks)) <= set(np.unique(real.masks))
    assert 0.6 < new.entries["radius_mm"].mean() / plain.entries["radius_mm"].mean() < 1.5


def test_no_window_is_shrunk_more_than_the_crops_were() -> None:
    data = scans(2, subjects=6)
    real = crops(data, 8)
    found = sample_windows(data, real, 200, seed=0, reshaped=True)
    assert sum(found.info.left_out.values()) > 0
    assert (found.entries["spacing"] <= real.entries["spacing"].max(axis=0) * MAX_SPACING_RATIO + 1e-5).all()


def test_hosts_may_be_unlabelled_and_their_subjects_are_known() -> None:
    data = scans(2)
    real = crops(data, 16)
    others = phantoms.load_phantom("medical", subjects=2, shape=(40, 40, 24), seed=9)
    bare = slice_volumes(others).load_into_memory().map(lambda sample: replace(sample, mask=None))
    found = sample_windows(bare, real, 6)
    assert set(found.subjects) == {*real.subjects, *bare.subjects}


@pytest.mark.parametrize("pasted", [False, True])
def test_what_is_painted_goes_where_it_was_made(pasted: bool) -> None:
    data = scans(2)
    real = crops(data, 16)
    trained = real if pasted else add_healthy_windows(real, data, 20)
    gan = GAN.for_crops(
        trained, conditioning=("paste", "mask") if pasted else ("mask", "ring"), width=4, latent=8, batch=4
    )
    gan.fit(trained, 2, device="cpu", eval_every=0)
    bank = gan.sample(20, hosts=sample_windows(data, real, 20, seed=1, pasted=pasted))
    paste = Paste(bank, per_image=(1, 1), schema=data.schema)
    placed = 0
    for sample in data:
        result = paste(sample, np.random.default_rng(0))
        for record in result.pasted_crops:
            assert bank.info.hosts[int(bank.entries["host"][record.index])] == sample.name
            placed += record.is_placed
    assert placed >= 10


def test_healthy_windows_are_beside_the_crops() -> None:
    data = scans(2)
    real = crops(data, 16)
    both = add_healthy_windows(real, data, 15)
    assert len(both) == len(real) + 15 and both.count_conditions()["lesion"]["healthy"] == 15
    assert set(both.subjects) == set(real.subjects) and (both.entries["subject"] >= 0).all()
    with pytest.raises(DataError, match="a lesion called healthy"):
        add_healthy_windows(both, data, 3)


def test_frames_have_windows_too() -> None:
    data = phantoms.load_phantom("driving", sequences=2, frames=3, shape=(96, 160))
    real = crops(data, 32)
    found = sample_windows(data, real, 12)
    assert len(found) > 6 and found.masks.any(axis=(1, 2)).all()


@pytest.mark.parametrize(("n", "said"), [(0, "0 windows")])
def test_nonsense_is_refused(n: int, said: str) -> None:
    data: Any = scans(2)
    with pytest.raises(DataError, match=said):
        sample_windows(data, crops(data, 16), n)


def test_windows_that_stay_healthy_are_pasted_without_a_label() -> None:
    data = scans(2)
    real = crops(data, 16)
    hosts = mark_healthy_share(sample_windows(data, real, 12, 0), 1 / 3)
    assert (
        hosts.count_conditions()["lesion"]["healthy"] == 4
        and [crop.is_healthy for crop in hosts] == [False] * 8 + [True] * 4
    )
    painted = np.asarray(hosts.images) + np.where(np.asarray(hosts.masks)[:, None] > 0, np.float16(0.5), 0)
    bank = Bank(hosts.info, painted.astype(np.float16), hosts.masks, hosts.entries)
    name = hosts.info.hosts[int(bank.entries["host"][-1])]
    sample = next(data[i] for i, record in enumerate(data.records) if record.name == name)
    after = Paste(bank, per_image=(1, 1), only=["healthy"])(sample, np.random.default_rng(0))
    assert after.pasted_crops[0].is_placed and not np.array_equal(after.image, sample.image)
    assert np.array_equal(after.mask, sample.mask)
