"""Datasets augmented offline: a function of the seed and the sample's number, whoever makes them."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pytest

from domaingan import phantoms
from domaingan.augmentation import AugmentedDataset, draw_preview
from domaingan.augmentation.thick_stacks import InPlaneClassic, find_thick_axis
from domaingan.banks import Bank
from domaingan.banks.crops import crops
from domaingan.banks.scenes import scenes
from domaingan.blend import Paste, Relight
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.data import Dataset, PastedCrop, PasteResult, Sample
from domaingan.views.slices import slice_volumes

PEOPLE = phantoms.load_phantom("medical", subjects=4, shape=(40, 40, 16))


@pytest.fixture(scope="module")
def flat() -> Bank:
    return crops(slice_volumes(PEOPLE), size=16)


@pytest.fixture(scope="module")
def solid() -> Bank:
    return crops(PEOPLE, size=16)


@pytest.mark.parametrize("classic", [None, "strong"])
def test_same_bytes_from_one_process_or_several(solid: Bank, classic: str | None) -> None:
    made = AugmentedDataset(PEOPLE, Paste(solid), classic, seed=3)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        there = list(pool.map(made.__getitem__, range(2)))
    for here, other in zip((made[0], made[1]), there, strict=True):
        assert here.image.tobytes() == other.image.tobytes()
        assert here.mask is not None and other.mask is not None and here.mask.tobytes() == other.mask.tobytes()


def test_a_2d_bank_goes_into_the_slices_of_volumes(flat: Bank) -> None:
    made, host = AugmentedDataset(PEOPLE, Paste(flat), None, seed=0)[1], PEOPLE[1]
    assert made.mask is not None and host.mask is not None and made.image.shape == host.image.shape
    placed = [record for record in made.pasted_crops if record.is_placed]
    assert placed and all(0 <= record.slice_index < 16 for record in placed)
    changed = {int(z) for z in np.nonzero(made.mask != host.mask)[2]}
    assert changed <= {record.slice_index for record in placed}
    untouched = [z for z in range(16) if z not in {record.slice_index for record in placed}]
    assert (made.image[..., untouched] == host.image[..., untouched]).all()


def test_a_3d_bank_is_refused_for_slices(solid: Bank) -> None:
    with pytest.raises(DataError, match="3D bank"):
        AugmentedDataset(slice_volumes(PEOPLE), Paste(solid), None, seed=0)


@pytest.mark.parametrize("kind", ["flat", "solid"])
def test_preview_shows_rows_of_four(kind: str, request: pytest.FixtureRequest) -> None:
    bank: Bank = request.getfixturevalue(kind)
    picture = draw_preview(AugmentedDataset(PEOPLE, Paste(bank), None, seed=0), rows=2)
    assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[1] > 4 * 100
    wider = draw_preview(AugmentedDataset(PEOPLE, Paste(bank), "light", seed=0), rows=2)
    assert wider.shape[1] > picture.shape[1]


def test_a_preview_says_why_little_is_shown(solid: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    made = AugmentedDataset(PEOPLE, Paste(solid), None, seed=0)
    placed = made.apply_blend

    def none(number: int) -> Sample:
        host = PEOPLE[number]
        return replace(host, paste_result=PasteResult((PastedCrop(0),)))

    def once(self: AugmentedDataset, number: int, rng: np.random.Generator) -> Sample:
        return placed(number, rng) if number == 2 else none(number)

    monkeypatch.setattr(AugmentedDataset, "apply_blend", once)
    with pytest.warns(AssumptionWarning, match="nothing found a place in 3 of 4 hosts: no place in the body is deep"):
        assert draw_preview(made).any()
    monkeypatch.setattr(AugmentedDataset, "apply_blend", lambda self, number, rng: none(number))
    with pytest.raises(DataError, match=r"no crop found a place; expected hosts with room for one; no place in the"):
        draw_preview(made)


def test_preview_of_classic_alone_and_of_scans_relit() -> None:
    pairs = draw_preview(AugmentedDataset(PEOPLE, None, "strong", seed=0), rows=4)
    relit = draw_preview(AugmentedDataset(PEOPLE, Relight(scenes(PEOPLE, 16), skip_same=False), None, seed=0), rows=2)
    assert pairs.shape[1] < relit.shape[1] and pairs.any()


def test_nothing_to_do_and_scenes_that_do_not_fit() -> None:
    with pytest.raises(DataError, match="nothing to do"):
        AugmentedDataset(PEOPLE, None, None, seed=0)
    with pytest.raises(DataError, match="classic 'heavy'"):
        AugmentedDataset(PEOPLE, None, "heavy", seed=0)
    with pytest.raises(DataError, match="scenes of 2D scans; expected one of 3D scans"):
        AugmentedDataset(PEOPLE, Relight(scenes(slice_volumes(PEOPLE), 16)), None, seed=0)


def test_boxes_without_masks_move_too() -> None:
    drives = phantoms.load_phantom("driving", sequences=2, frames=2, shape=(48, 80)).map(_boxes_alone)
    made = AugmentedDataset(drives, None, "strong", seed=1)
    moved = [made[i] for i in range(len(drives))]
    assert all(sample.mask is None and sample.boxes is not None for sample in moved)
    assert any((one.image != host.image).any() for one, host in zip(moved, drives, strict=True))
    for sample in moved:
        assert sample.boxes is not None and sample.labels is not None and len(sample.boxes) == len(sample.labels)


def test_stacks_of_few_slices_are_never_turned_across_them() -> None:
    """A volume whose slices differ: no slice gets anything of another, and all are moved alike."""
    stack = np.broadcast_to(np.arange(5, dtype=np.float32), (1, 48, 48, 5)).copy()
    mask = np.zeros((48, 48, 5), np.uint8)
    mask[20:30, 10:30] = 1
    axis = find_thick_axis(mask.shape, (1.0, 1.0, 1.0))
    assert axis == 2
    change = InPlaneClassic(axis, "medium")
    for seed in range(6):
        image, moved = change(stack / 4, mask, np.random.default_rng(seed))
        assert image.shape == stack.shape and moved.dtype == mask.dtype
        assert (np.diff(image.mean(axis=(0, 1, 2))) > 0.05).all()
        assert (moved == moved[..., :1]).all()


def test_hosts_with_nan_are_refused(solid: Bank) -> None:
    made = AugmentedDataset(_with_nan(), Paste(solid), None, seed=0)
    with pytest.raises(DataError, match="NaN"):
        made[0]


def _with_nan() -> Dataset:
    kept = PEOPLE.load_into_memory()
    kept[0].image[0, 3, 3, 3] = np.nan
    return kept


def _boxes_alone(sample: Sample) -> Sample:
    return replace(sample, mask=None, instances=None)
