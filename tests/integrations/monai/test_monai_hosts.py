"""What MONAI's data says of a host, and what it does not: spacing, names, labels, metadata of any kind."""

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
from balls import a_bank, a_host
from monai.data import CacheDataset, DataLoader, Dataset, MetaTensor, PersistentDataset, decollate_batch

import domaingan as dg
from domaingan.core.errors import DataError
from domaingan.inpainting.windows import sample_windows

BANKS = {dims: a_bank(dims, np.random.default_rng(dims)) for dims in (2, 3)}
HOSTS = {dims: [a_host(dims, np.random.default_rng(seed)) for seed in range(3)] for dims in (2, 3)}
KEYS = ["image", "label"]
UNKNOWN = "not known: taken as 1 mm; spacing="

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


def plain(dims: int, index: int = 0) -> dict[str, Any]:
    """A host as tensors that know nothing but themselves."""
    sample = HOSTS[dims][index]
    assert sample.mask is not None
    return {"image": torch.from_numpy(sample.image.copy()), "label": torch.from_numpy(sample.mask.copy())[None]}


def placed(dims: int, affine: Any, index: int = 0, **meta: Any) -> dict[str, Any]:
    affine = torch.as_tensor(np.asarray(affine, dtype=np.float64))
    given = plain(dims, index)
    return {key: MetaTensor(given[key], affine=affine, meta={"filename_or_obj": "a.nii", **meta}) for key in KEYS}


def rand(dims: int, **settings: Any) -> dg.monai.RandPasted:
    paste = dg.monai.RandPasted(KEYS, BANKS[dims], **{"prob": 1.0, "per_image": (2, 2), **settings})
    return paste.set_random_state(0)


def spacing_seen(dims: int, data: dict[str, Any], **settings: Any) -> tuple[float, ...]:
    """The spacing that a paste took a host to have."""
    transform, seen = rand(dims, **settings), []
    paste = transform.paste
    transform.paste = lambda sample, rng: seen.append(sample.spacing) or paste(sample, rng)  # type: ignore[assignment]
    transform(data)
    return seen[0]


# ---------------------------------------------------------------- spacing


@pytest.mark.parametrize("kind", ["tensor", "array", "no affine"])
@pytest.mark.parametrize("dims", [2, 3])
def test_a_spacing_that_is_not_known_is_said_once(dims: int, kind: str) -> None:
    data: dict[str, Any] = plain(dims)
    if kind == "array":
        data = {key: value.numpy() for key, value in data.items()}
    if kind == "no affine":
        data = {key: MetaTensor(value) for key, value in data.items()}
    transform = rand(dims)
    with pytest.warns(UserWarning, match=UNKNOWN) as caught:
        transform(data), transform(data)
    assert len([one for one in caught if UNKNOWN in str(one.message)]) == 1


@pytest.mark.parametrize("said", [2, (2, 2, 2), torch.tensor([2.0, 2, 2]), np.full(3, 2)])
def test_a_spacing_that_is_given_is_used_in_silence(said: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert spacing_seen(3, plain(3), spacing=said) == (2, 2, 2)
        assert spacing_seen(3, placed(3, np.diag([3, 3, 4, 1])), spacing=said) == (3, 3, 4)
        assert spacing_seen(3, {**plain(3), "meta": {"spacing": said}}) == (2, 2, 2)


@pytest.mark.parametrize("said", [0, -1, (1, 2), "thick", float("nan"), (1, 1, float("inf"))])
def test_a_spacing_that_cannot_be_is_refused(said: Any) -> None:
    with pytest.raises(DataError, match="expected 3 positive numbers, in mm"):
        rand(3, spacing=said)
    with pytest.raises(DataError, match=r"meta\['spacing'\]"):
        rand(3)({**plain(3), "meta": {"spacing": said}})


def test_lesions_have_their_size_when_the_affine_was_dropped_and_said() -> None:
    coarse = np.diag([2.0, 2, 2, 1])
    sizes = []
    for data, settings in ((placed(3, coarse), {}), (plain(3), {"spacing": 2})):
        transform = rand(3, per_image=(3, 3), variation=dg.Variation(flip=False, rotate=0, scale=(1, 1)), **settings)
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
        assert spacing_seen(2, placed(2, affine, spatial_shape=[40, 40])) == pytest.approx(expected)


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
    piece = MetaTensor(plain(2)["image"], affine=piece.affine, meta=dict(piece.meta))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = spacing_seen(2, {"image": piece, "label": plain(2)["label"]})
    is_said = any(UNKNOWN in str(one.message) for one in caught)
    assert is_said or found == pytest.approx(true.tolist())
    assert spacing_seen(2, {"image": piece, "label": plain(2)["label"]}, spacing=true) == pytest.approx(true.tolist())


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


def test_a_persistent_dataset_forgets_the_spacing_and_it_is_said(tmp_path: Path) -> None:
    items = files(tmp_path / "scans")
    for name, settings in (("forgets", {}), ("told", {"spacing": 2})):
        transform = mt.Compose([*reading(), rand(3, **settings)]).set_random_state(0)
        data = PersistentDataset(items, transform, cache_dir=tmp_path / name)
        first = [data[i] for i in range(2)]
        assert all(isinstance(item["image"], MetaTensor) for item in first)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            second = [data[i] for i in range(2)]
        assert [UNKNOWN in str(one.message) for one in caught].count(True) == (name == "forgets")
        assert all(item["image"].shape == (2, 40, 40, 40) for item in second)


# ---------------------------------------------------------------- bound banks


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


# ---------------------------------------------------------------- records


@pytest.mark.parametrize("cache", [CacheDataset, Dataset])
def test_a_batch_keeps_a_record_for_each_of_its_items(cache: Any) -> None:
    items = [placed(2, np.diag([1, 1, 1.0]), index % 3) for index in range(6)]
    data = cache(items, mt.Compose([rand(2, prob=0.5)]))
    torch.manual_seed(3)
    batch = next(iter(DataLoader(data, batch_size=6)))
    counts = [len(json.loads(text)) for text in batch["image"].meta["pasted"]]
    assert set(counts) == {0, 2} and len(counts) == 6
    apart = decollate_batch(batch)
    assert [len(json.loads(item["image"].meta["pasted"])) for item in apart] == counts
    for item, count, given in zip(apart, counts, items, strict=True):
        assert torch.equal(item["image"].as_tensor(), given["image"].as_tensor()) == (count == 0)
    assert all("pasted" not in item["image"].meta for item in items)


def test_a_look_that_was_not_given_is_recorded_too() -> None:
    scenes = dg.scenes(dg.load("phantom:driving")[:2], 16)
    image = MetaTensor(torch.rand(3, 32, 48))
    out = dg.monai.RandRelightd("image", scenes, prob=0.0)({"image": image})
    assert json.loads(out["image"].meta["relit"]) is None and "relit" not in image.meta


# ---------------------------------------------------------------- labels and types


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.int16])
def test_images_of_any_type_come_back_as_they_were_where_nothing_was_pasted(dtype: torch.dtype) -> None:
    given = plain(2)
    given["image"] = (given["image"] * 500).to(dtype)
    out = rand(2, spacing=1)(given)
    pasted = (out["label"] != given["label"])[0]
    assert out["image"].dtype == dtype and pasted.any()
    assert not torch.equal(out["image"], given["image"])
    far = ~torch.nn.functional.max_pool2d(pasted[None].float(), 9, 1, 4)[0].bool()
    assert torch.equal(out["image"][:, far], given["image"][:, far])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.uint8, torch.int64, torch.bool])
def test_labels_of_any_type(dtype: torch.dtype) -> None:
    given = plain(2)
    given["label"] = (given["label"] > 5).to(dtype)  # nothing is labelled
    label = rand(2, spacing=1)(given)["label"]
    assert label.dtype == dtype and label.any() and label.double().max() <= (1 if dtype is torch.bool else 2)


def test_labels_a_little_off_whole_numbers_keep_what_they_are_where_nothing_was_pasted() -> None:
    given = plain(2)
    noise = torch.from_numpy(np.random.default_rng(0).uniform(-9e-4, 9e-4, given["label"].shape))
    given["label"] = given["label"].double() + noise
    out = rand(2, spacing=1)(given)
    changed = out["label"] != given["label"]
    assert changed.any() and set(out["label"][changed].unique().tolist()) <= {1, 2}
    assert torch.equal(out["label"][~changed], given["label"][~changed])
    with pytest.raises(DataError, match="a mask of fractions"):
        rand(2, spacing=1)({**given, "label": given["label"] + 0.01})
    with pytest.raises(DataError, match="NaN"):
        rand(2, spacing=1)({**given, "label": given["label"] * torch.nan})


@pytest.mark.parametrize(("value", "found"), [(255, "mask value 255"), (3, "mask value 3"), (-1, "mask value -1")])
@pytest.mark.parametrize("dtype", [torch.int16, torch.float32])
def test_values_that_no_class_has_are_refused(value: int, found: str, dtype: torch.dtype) -> None:
    given = plain(2)
    given["label"] = given["label"].to(dtype)
    given["label"][0, 3, 4] = value
    with pytest.raises(DataError, match=f"{found}; expected 0 background, 1 common, 2 rare, or classes="):
        rand(2, spacing=1)(given)
    if value > 0:
        named = {"classes": {"common": 1, "rare": 2, "organ": value}}
        assert (rand(2, spacing=1, classes=named)(given)["label"] == value).sum() <= 1


def test_what_is_none_is_missing() -> None:
    for key in KEYS:
        given = {**plain(2), key: None}
        with pytest.raises(DataError, match=f"{key!r} is None; expected an array or tensor, or allow_missing_keys"):
            rand(2)(given)
        out = rand(2, allow_missing_keys=True)(given)
        assert out[key] is None and set(out) == set(KEYS)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", ["a.nii.gz", [[[1.0, 2.0]]], 3])
def test_what_is_no_array_is_one_line(key: str, value: Any) -> None:
    with pytest.raises(DataError, match=f"{key!r} is a {type(value).__name__}; expected an array or tensor"):
        rand(2)({**plain(2), key: value})


@pytest.mark.parametrize("kind", [torch.complex64, torch.bool])
def test_an_image_holds_real_numbers(kind: torch.dtype) -> None:
    given = plain(2)
    with pytest.raises(DataError, match=rf"an image \(2, 40, 40\) of {str(kind)[6:]}; expected pixels, and real"):
        rand(2)({**given, "image": given["image"].to(kind)})
    with pytest.raises(DataError, match=r"an image \(2, 0, 40\) of float32; expected pixels"):
        rand(2)({key: given[key][:, :0] for key in KEYS})


def test_a_label_of_one_hot_channels_is_told() -> None:
    given = plain(2)
    with pytest.raises(DataError, match="a label of 2 channels; expected one, of class values: one-hot comes after"):
        rand(2)({**given, "label": given["label"].repeat(2, 1, 1)})


@pytest.mark.parametrize("meta", ["s1", ["a"], 3, torch.zeros(2)])
def test_metadata_of_another_kind_is_one_line(meta: Any) -> None:
    with pytest.raises(DataError, match=r"'meta' is a \w+; expected a dictionary"):
        rand(2)({**plain(2), "meta": meta})
    assert rand(2, meta_key="other", spacing=1)({**plain(2), "meta": meta})["meta"] is meta


def test_metadata_may_be_tensors_or_nothing() -> None:
    inside = torch.ones(1, 40, 40)
    known = {"foreground": inside, "range": [[0, 1], [0, 1]], "spacing": torch.tensor([1.0, 1]), "name": None}
    for meta in (known, {}, None):
        assert rand(2, spacing=1)({**plain(2), "meta": meta})["image"].shape == (2, 40, 40)
    for key, wrong in (("foreground", np.ones((3, 3))), ("foreground", "all"), ("range", 3), ("range", [[1, 0]])):
        with pytest.raises(DataError, match=rf"meta\['{key}'\]"):
            rand(2)({**plain(2), "meta": {key: wrong}})
    with pytest.raises(DataError, match=r"meta\['condition'\] 'dusk'; expected \{condition: value\}"):
        rand(2)({**plain(2), "meta": {"condition": "dusk"}})


def test_monais_own_conventions() -> None:
    for transform in (dg.monai.RandPasted, dg.monai.RandRelightd):
        assert {backend.value for backend in transform.backend} == {"torch", "numpy"}
    assert dg.monai.RandPasteD is dg.monai.RandPasteDict is dg.monai.RandPasted
    assert dg.monai.RandRelightD is dg.monai.RandRelightDict is dg.monai.RandRelightd
