"""The spacing of MONAI's images, from affine, metadata or argument, and whether bound crops find their place."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import monai.transforms as mt
import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor, PersistentDataset
from monai_hosts import HOSTS, KEYS, make_item, make_placed_item, make_rand_paste

import domaingan as dg
from domaingan.core.errors import DataError
from domaingan.inpainting.windows import sample_windows

UNKNOWN = "not known: taken as 1 mm; spacing="


def find_used_spacing(dims: int, data: dict[str, Any], **settings: Any) -> tuple[float, ...]:
    """The spacing that a paste took a host to have."""
    transform, observed = make_rand_paste(dims, **settings), []
    paste = transform.paste
    transform.paste = lambda sample, rng: observed.append(sample.spacing) or paste(sample, rng)  # type: ignore[assignment]
    transform(data)
    return observed[0]


@pytest.mark.parametrize("kind", ["tensor", "array", "no affine"])
@pytest.mark.parametrize("dims", [2, 3])
def test_a_spacing_that_is_not_known_is_reported_once(dims: int, kind: str) -> None:
    data: dict[str, Any] = make_item(dims)
    if kind == "array":
        data = {key: value.numpy() for key, value in data.items()}
    if kind == "no affine":
        data = {key: MetaTensor(value) for key, value in data.items()}
    transform = make_rand_paste(dims)
    with pytest.warns(UserWarning, match=UNKNOWN) as caught:
        transform(data), transform(data)
    assert len([one for one in caught if UNKNOWN in str(one.message)]) == 1


@pytest.mark.parametrize("said", [2, (2, 2, 2), torch.tensor([2.0, 2, 2]), np.full(3, 2)])
def test_a_spacing_that_is_given_is_used_in_silence(said: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert find_used_spacing(3, make_item(3), spacing=said) == (2, 2, 2)
        assert find_used_spacing(3, make_placed_item(3, np.diag([3, 3, 4, 1])), spacing=said) == (3, 3, 4)
        assert find_used_spacing(3, {**make_item(3), "meta": {"spacing": said}}) == (2, 2, 2)


@pytest.mark.parametrize("said", [0, -1, (1, 2), "thick", float("nan"), (1, 1, float("inf"))])
def test_a_spacing_that_cannot_be_is_refused(said: Any) -> None:
    with pytest.raises(DataError, match="expected 3 positive numbers, in mm"):
        make_rand_paste(3, spacing=said)
    with pytest.raises(DataError, match=r"meta\['spacing'\]"):
        make_rand_paste(3)({**make_item(3), "meta": {"spacing": said}})


def test_lesions_have_their_size_when_the_affine_was_dropped_and_reported() -> None:
    coarse = np.diag([2.0, 2, 2, 1])
    sizes = []
    for data, settings in ((make_placed_item(3, coarse), {}), (make_item(3), {"spacing": 2})):
        transform = make_rand_paste(
            3, per_image=(3, 3), variation=dg.Variation(flip=False, rotate=0, scale=(1, 1)), **settings
        )
        sizes.append(int((transform(data)["label"] != data["label"]).sum()))
    assert sizes[0] == sizes[1] > 0


SAGITTAL = np.array([[0, 0, 4.0, 0], [0.5, 0, 0, 0], [0, 0.5, 0, 0], [0, 0, 0, 1]])
"""Columns of 0.5, 0.5 and 4 mm; the third axis goes to the right."""

TILTED = np.array([[0.5, 0, 0, 0], [0, 0.4, -2.4, 0], [0, 0.3, 3.2, 0], [0, 0, 0, 1]])
"""Columns of 0.5, 0.5 and 4 mm, turned about the first axis."""


@pytest.mark.parametrize(
    ("affine", "expected"),
    [(np.diag([0.5, 0.5, 4, 1]), (0.5, 0.5)), (np.diag([0.5, 0.7, 1]), (0.5, 0.7)), (TILTED, (0.5, 0.5))],
)
def test_an_affine_tells_the_spacing_of_a_2d_image(affine: np.ndarray, expected: tuple[float, ...]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert find_used_spacing(2, make_placed_item(2, affine, spatial_shape=[40, 40])) == pytest.approx(expected)


@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize("affine", [np.diag([0.5, 0.5, 4.0, 1]), SAGITTAL, TILTED])
@pytest.mark.parametrize("way", ["index", "squeeze"])
def test_slices_of_volumes_have_their_own_spacing_or_none(axis: int, affine: np.ndarray, way: str) -> None:
    true = np.delete(np.linalg.norm(affine[:3, :3], axis=0), axis - 1)
    volume = MetaTensor(torch.zeros(2, 40, 40, 40), affine=torch.as_tensor(affine))
    volume.meta |= {"spatial_shape": [40, 40, 40], "original_affine": affine, "filename_or_obj": "a.nii"}
    where = [slice(None)] * 4
    where[axis] = slice(3, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of MONAI: an affine is ill-posed
        piece = volume.select(axis, 3) if way == "index" else mt.SqueezeDim(axis)(volume[tuple(where)])
    piece = MetaTensor(make_item(2)["image"], affine=piece.affine, meta=dict(piece.meta))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = find_used_spacing(2, {"image": piece, "label": make_item(2)["label"]})
    is_said = any(UNKNOWN in str(one.message) for one in caught)
    assert is_said or found == pytest.approx(true.tolist())
    assert find_used_spacing(2, {"image": piece, "label": make_item(2)["label"]}, spacing=true) == pytest.approx(
        true.tolist()
    )


def files(folder: Path, n: int = 2, spacing: float = 2.0) -> list[dict[str, str]]:
    """Hosts as files, each in a folder of its own."""
    items = []
    for index in range(n):
        sample, place = HOSTS[3][index], folder / f"p{index}"
        assert sample.mask is not None
        place.mkdir(parents=True)
        affine = np.diag([spacing] * 3 + [1])
        nib.save(nib.Nifti1Image(sample.image[0], affine), place / "t1.nii.gz")
        nib.save(nib.Nifti1Image(sample.image[1], affine), place / "t2.nii.gz")
        nib.save(nib.Nifti1Image(sample.mask.astype(np.uint8), affine), place / "seg.nii.gz")
        items.append(
            {"image": [str(place / "t1.nii.gz"), str(place / "t2.nii.gz")], "label": str(place / "seg.nii.gz")}
        )
    return items


def reading() -> list[Any]:
    return [mt.LoadImaged(KEYS), mt.EnsureChannelFirstd(KEYS)]


def test_a_persistent_dataset_forgets_the_spacing_and_it_is_reported(tmp_path: Path) -> None:
    items = files(tmp_path / "scans")
    for name, settings in (("forgets", {}), ("told", {"spacing": 2})):
        transform = mt.Compose([*reading(), make_rand_paste(3, **settings)]).set_random_state(0)
        data = PersistentDataset(items, transform, cache_dir=tmp_path / name)
        first = [data[i] for i in range(2)]
        assert all(isinstance(item["image"], MetaTensor) for item in first)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            second = [data[i] for i in range(2)]
        assert [UNKNOWN in str(one.message) for one in caught].count(True) == (name == "forgets")
        assert all(item["image"].shape == (2, 40, 40, 40) for item in second)


def test_a_bound_bank_meets_its_hosts_after_loading(tmp_path: Path) -> None:
    items = files(tmp_path, spacing=1.0)
    data = dg.load(tmp_path)
    bound = sample_windows(data, dg.crops(data, size=16), 4)
    assert set(bound.info.hosts) <= {"p0", "p1"}
    paste = dg.monai.RandPasted(KEYS, bound, prob=1.0, per_image=(2, 2))
    chain = mt.Compose([*reading(), paste]).set_random_state(0)
    for item, sample in zip(items, data, strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            after = chain(item)
        assert sample.name not in bound.info.hosts or (after["label"][0].numpy() != sample.mask).any()
    moved = {**mt.Compose(reading())(items[0]), "meta": {"name": "somebody"}}
    with pytest.warns(UserWarning, match=r"bound to \d hosts, such as 'p0'; none is named by 'somebody'"):
        same = paste(moved)
    assert torch.equal(same["label"], moved["label"]) and json.loads(same["image"].meta["pasted"]) == []


def bound_chain(root: Path, *between: Any) -> tuple[mt.Compose, dict[str, Any], Any]:
    """A pipeline with a bank bound to the scans in a folder, its first scan's files, and that scan."""
    items = files(root, spacing=1.0)
    data = dg.load(root)
    bound = sample_windows(data, dg.crops(data, size=16), 4)
    paste = dg.monai.RandPasted(KEYS, bound, prob=1.0)
    return mt.Compose([*reading(), *between, paste]).set_random_state(0), items[0], data[0]


@pytest.mark.parametrize(
    ("how", "found"),
    [
        (mt.Flipd(KEYS, 0), "turned or flipped"),
        (mt.Orientationd(KEYS, axcodes="LPS", labels=None), "turned or flipped"),
        (mt.Rotate90d(KEYS, 1, (0, 1)), "turned or flipped"),
        (
            mt.Compose([mt.SpatialCropd(KEYS, roi_start=(0, 4, 0), roi_end=(99,) * 3), mt.SpatialPadd(KEYS, 99)]),
            "cropped, padded",
        ),
        (mt.CenterSpatialCropd(KEYS, (12, 20, 20)), "expected"),
    ],
)
def test_bound_crops_do_not_go_to_mirrored_or_moved_places(tmp_path: Path, how: Any, found: str) -> None:
    chain, item, _ = bound_chain(tmp_path, how)
    with pytest.raises(RuntimeError) as error:  # MONAI's, around ours
        chain(item)
    assert isinstance(error.value.__cause__, DataError) and found in str(error.value.__cause__)


@pytest.mark.parametrize("how", [mt.Spacingd(KEYS, (1.5, 1.5, 1.5), mode=("bilinear", "nearest")), mt.ToTensord(KEYS)])
def test_another_grid_of_the_same_place_is_no_move(tmp_path: Path, how: Any) -> None:
    chain, item, _ = bound_chain(tmp_path, how)
    assert len(json.loads(chain(item)["image"].meta["pasted"])) >= 1
