"""Paste and relight in real pipelines of MONAI: 2D and 3D, tensors come back as they came, the random state decides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from balls import a_bank, a_host
from monai.data import CacheDataset, MetaTensor, ThreadDataLoader, list_data_collate
from monai.transforms import Compose, EnsureChannelFirstd, LoadImaged, RandFlipd, ScaleIntensityd
from scipy import ndimage

import domaingan as dg
from domaingan import phantoms
from domaingan.banks import Bank
from domaingan.banks.crops import crops
from domaingan.core.errors import DataError
from domaingan.data import Sample
from domaingan.views.slices import slice_volumes

BANKS = {dims: a_bank(dims, np.random.default_rng(dims)) for dims in (2, 3)}
HOSTS = {dims: [a_host(dims, np.random.default_rng(seed)) for seed in range(4)] for dims in (2, 3)}
KEYS = ["image", "label"]

pytestmark = pytest.mark.filterwarnings("ignore")


def host(dims: int, index: int = 0) -> dict[str, Any]:
    sample = HOSTS[dims][index]
    affine = torch.diag(torch.tensor([*sample.spacing, *[1.0] * (4 - dims)], dtype=torch.float64))
    affine[0, 0] *= -1
    affine[:dims, 3] = 7
    image = MetaTensor(torch.from_numpy(sample.image.copy()), affine=affine, meta={"filename_or_obj": sample.name})
    return {"image": image, "label": MetaTensor(torch.from_numpy(sample.mask.copy())[None], affine=affine)}


def pasted(dims: int, **settings: Any) -> dg.monai.RandPasted:
    return dg.monai.RandPasted(KEYS, BANKS[dims], **{"per_image": (2, 3), "prob": 1.0, **settings})


@pytest.mark.parametrize("dims", [2, 3])
def test_equal_to_the_core_with_the_same_seed(dims: int) -> None:
    changed = 0
    for state in range(4):
        transform = pasted(dims)
        transform.set_random_state(state)
        out = transform(host(dims))
        sample = HOSTS[dims][0]
        bare = Sample(sample.image, sample.mask, meta={"spacing": sample.spacing})
        after = dg.Paste(BANKS[dims], per_image=(2, 3))(bare, np.random.default_rng(transform.seed))
        assert np.array_equal(out["image"].numpy(), after.image)
        assert np.array_equal(out["label"].numpy()[0], after.mask)
        assert json.loads(out["image"].meta["pasted"]) == [crop.to_dict() for crop in after.pasted_crops]
        changed += int((after.mask != sample.mask).sum())
    assert changed > 0


@pytest.mark.parametrize("dims", [2, 3])
def test_an_atlas_says_where(dims: int) -> None:
    half = np.zeros((4,) * dims)
    half[:2] = 1
    transform = pasted(dims, atlas=half, per_image=(3, 3))
    transform.set_random_state(0)
    given = host(dims)
    new = (transform(given)["label"] != given["label"]).numpy()[0]
    rows = np.flatnonzero(new.any(axis=tuple(range(1, dims))))
    assert len(rows) and rows.mean() < new.shape[0] / 2
    with pytest.raises(DataError, match="placement 'prior' and an atlas"):
        pasted(dims, atlas=half, placement="prior")


@pytest.mark.parametrize("dims", [2, 3])
def test_on_what_is_labelled_only_where_asked(dims: int) -> None:
    given = host(dims)
    given["label"] = torch.ones_like(given["label"])
    for overlap in (False, True):
        out = pasted(dims, overlap=overlap).set_random_state(0)(given)
        assert (out["image"] != given["image"]).any() == overlap


@pytest.mark.parametrize("dims", [2, 3])
def test_tensors_come_back_as_they_came(dims: int) -> None:
    given = host(dims)
    before = {key: given[key].clone() for key in KEYS}
    transform = pasted(dims)
    transform.set_random_state(1)
    out = transform(given)
    for key in KEYS:
        assert isinstance(out[key], MetaTensor) and out[key].shape == given[key].shape
        assert out[key].dtype == given[key].dtype and torch.equal(out[key].affine, before[key].affine)
        assert torch.equal(given[key], before[key]) and out[key] is not given[key]
    assert out["image"].meta["filename_or_obj"] == given["image"].meta["filename_or_obj"]
    assert "pasted" not in given["image"].meta
    far = ndimage.distance_transform_edt(out["label"][0].numpy() == given["label"][0].numpy()) > 3
    assert torch.equal(out["image"][:, far], before["image"][:, far]) and not far.all()


@pytest.mark.parametrize("kind", ["tensor", "array", "float label"])
def test_without_metadata_too(kind: str) -> None:
    given: dict[str, Any] = {key: value.as_tensor() for key, value in host(2).items()}
    given["image"] = given["image"].double() if kind == "tensor" else given["image"]
    given["label"] = given["label"].float() if kind == "float label" else given["label"]
    given = {key: value.numpy() for key, value in given.items()} if kind == "array" else given
    transform = pasted(2)
    transform.set_random_state(3)
    out = transform(given)
    for key in KEYS:
        assert type(out[key]) is type(given[key]) and out[key].dtype == given[key].dtype
    assert (out["label"] != given["label"]).any() and (out["image"] != given["image"]).any()


def test_the_random_state_decides_and_nothing_global_does() -> None:
    results = []
    for state, world in ((4, 0), (4, 1), (5, 0)):
        np.random.seed(world)  # noqa: NPY002
        compose = Compose([RandFlipd(KEYS, prob=0.5, spatial_axis=0), pasted(3)]).set_random_state(state)
        results.append([compose(host(3, i)) for i in range(3)])
    one, two, three = ([o["image"].numpy().tobytes() for o in result] for result in results)
    assert one == two and one != three


def test_prob_is_a_share() -> None:
    transform = pasted(2, prob=0.3)
    transform.set_random_state(0)
    given = host(2)
    same = [bool((transform(given)["image"] == given["image"]).all()) for _ in range(60)]
    assert 25 < sum(same) < 55


@pytest.mark.parametrize("dims", [2, 3])
def test_cached_data_stays_as_it_was_and_batches_are_made(dims: int, tmp_path: Path) -> None:
    bank = BANKS[dims].save(tmp_path / "bank")
    paste = dg.monai.RandPasted(KEYS, bank.path, prob=0.8)
    compose = Compose([ScaleIntensityd("image"), paste]).set_random_state(0)
    data = CacheDataset([host(dims, i) for i in range(2)], compose, progress=False)
    cached = [data._cache[i]["image"].clone() for i in range(2)]
    torch.manual_seed(0)  # MONAI's loaders seed the transforms by it
    loader = ThreadDataLoader(data, batch_size=2, num_workers=0)
    batches = [batch for _ in range(3) for batch in loader]
    assert all(torch.equal(data._cache[i]["image"], cached[i]) for i in range(2))
    assert batches[0]["image"].shape == (2, *cached[0].shape) and len({float(b["image"].sum()) for b in batches}) > 1
    labels = torch.stack([data._cache[i]["label"] for i in range(2)])
    assert any((b["label"] != labels).any() for b in batches)


@pytest.mark.parametrize("threads", [True, False])
def test_workers_of_either_kind(threads: bool, tmp_path: Path) -> None:
    bank = BANKS[2].save(tmp_path / "bank")
    compose = Compose([dg.monai.RandPasted(KEYS, bank.path, prob=1.0)]).set_random_state(0)
    data = CacheDataset([host(2, i) for i in range(4)], compose, progress=False)
    loader = ThreadDataLoader(
        data, num_workers=2, batch_size=2, use_thread_workers=threads, collate_fn=list_data_collate
    )
    observed = list(loader)
    assert [b["image"].shape[0] for b in observed] == [2, 2]
    texts = [text for b in observed for text in b["image"].meta["pasted"]]
    assert len(texts) == 4 and all(json.loads(text) for text in texts)


def test_files_in_files_out(tmp_path: Path) -> None:
    import nibabel as nib

    sample = HOSTS[3][0]
    assert sample.mask is not None
    affine = np.diag([*sample.spacing, 1.0])
    nib.save(nib.Nifti1Image(np.moveaxis(sample.image, 0, -1), affine), tmp_path / "image.nii.gz")
    nib.save(nib.Nifti1Image(sample.mask.astype(np.uint8), affine), tmp_path / "label.nii.gz")
    load = [LoadImaged(KEYS), EnsureChannelFirstd(KEYS)]
    files = {key: str(tmp_path / f"{key}.nii.gz") for key in KEYS}
    plain = Compose(load)(files)
    out = Compose([*load, pasted(3)]).set_random_state(2)(files)
    assert torch.equal(out["image"].affine, plain["image"].affine) and out["image"].shape == plain["image"].shape
    assert (out["label"] != plain["label"]).any()


def test_spacing_is_the_affines() -> None:
    sizes = []
    for factor in (1.0, 0.5):
        given = host(2)
        for key in KEYS:
            given[key].affine = given[key].affine @ torch.diag(
                torch.tensor([factor, factor, 1, 1], dtype=torch.float64)
            )
        transform = pasted(2, per_image=(1, 1), variation=dg.Variation(flip=False, rotate=0, scale=(1, 1)))
        areas = []
        for state in range(8):
            transform.set_random_state(state)
            areas.append(int((transform(given)["label"] != given["label"]).sum()))
        sizes.append(np.mean([area for area in areas if area]))
    assert sizes[1] > 2 * sizes[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"image": torch.zeros(5, 40, 40)}, "5 channels"),
        ({"image": torch.zeros(2, 4, 40, 40)}, "a 3D image; expected 2D"),
        ({"label": torch.zeros(1, 8, 8)}, r"a mask \(8, 8\); expected \(40, 40\)"),
        ({"image": torch.full((2, 40, 40), float("nan"))}, "NaN"),
    ],
)
def test_what_does_not_fit_is_one_clear_line(change: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        pasted(2)({**host(2), **change})


def test_keys_that_are_missing() -> None:
    with pytest.raises(KeyError, match="label"):
        pasted(2)({"image": host(2)["image"]})
    out = pasted(2, allow_missing_keys=True)({"image": host(2)["image"], "more": 1})
    assert set(out) == {"image", "more"} and torch.equal(out["image"], host(2)["image"])
    with pytest.raises(DataError, match="3 keys"):
        dg.monai.RandPasted(["a", "b", "c"], BANKS[2])


def test_frames_are_relit_as_the_core_does() -> None:
    frames = phantoms.load_phantom("driving", sequences=3, frames=1)
    bank: Bank = dg.scenes(frames, 16)
    sample = frames[0]
    transform = dg.monai.RandRelightd(["image", "other", "absent"], bank, prob=1, allow_missing_keys=True)
    transform.set_random_state(0)
    given = {"image": MetaTensor(torch.from_numpy(sample.image)), "other": torch.from_numpy(sample.image)}
    out = transform(given)
    after = dg.Relight(bank)(Sample(sample.image), np.random.default_rng(transform.seed))
    assert np.array_equal(out["image"].numpy(), after.image) and torch.equal(out["other"], out["image"].as_tensor())
    assert isinstance(out["image"], MetaTensor) and (out["image"] != given["image"]).any() and set(out) == set(given)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("method", [None, "fda"])
def test_scans_are_relit_as_the_core_does(dims: int, method: str | None) -> None:
    scans = phantoms.load_phantom("medical", subjects=3, shape=(32, 32, 20))
    data = slice_volumes(scans) if dims == 2 else scans
    bank = dg.scenes(data, 16)
    sample = next(one for one in data if one.mask is not None and one.mask.any())
    affine = torch.diag(torch.tensor([2.0, 2, 2, 1], dtype=torch.float64))
    given = {"image": MetaTensor(torch.from_numpy(sample.image.copy()), affine=affine), "label": sample.mask}
    before = given["image"].clone()
    relight = dg.monai.RandRelightd("image", bank, method, (1, 1), label_key="label", prob=1)
    compose = Compose([relight]).set_random_state(3)
    out = compose({**given, "meta": {"foreground": sample.foreground}})
    bare = Sample(sample.image, meta={"foreground": sample.foreground})
    after = dg.Relight(bank, method, (1, 1))(bare, np.random.default_rng(relight.seed))
    assert np.array_equal(out["image"].numpy(), after.image) and (out["image"] != before).any()
    assert isinstance(out["image"], MetaTensor) and torch.equal(out["image"].affine, affine)
    assert torch.equal(given["image"], before) and out["label"] is sample.mask
    assert json.loads(out["image"].meta["relit"])["strength"] == 1 and "relit" not in given["image"].meta


@pytest.mark.parametrize("threads", [True, False])
@pytest.mark.parametrize("dims", [2, 3])
def test_relit_in_caches_and_workers_of_either_kind(dims: int, threads: bool, tmp_path: Path) -> None:
    scans = phantoms.load_phantom("medical", subjects=3, shape=(32, 32, 20))
    bank = dg.scenes(slice_volumes(scans) if dims == 2 else scans, 16).save(tmp_path / "scenes")
    compose = Compose([dg.monai.RandRelightd("image", bank.path, strength=(1, 1), prob=1)]).set_random_state(0)
    data = CacheDataset([host(dims, i) for i in range(4)], compose, progress=False)
    cached = [item["image"].clone() for item in data._cache]
    loader = ThreadDataLoader(
        data, num_workers=2, batch_size=2, use_thread_workers=threads, collate_fn=list_data_collate
    )
    observed = [batch["image"] for batch in loader]
    assert [image.shape for image in observed] == [(2, *cached[0].shape)] * 2
    assert all(torch.equal(item["image"], before) for item, before in zip(data._cache, cached, strict=True))
    assert all((image != before).any() for image, before in zip(torch.cat(observed), cached, strict=True))
    assert all(json.loads(text)["strength"] == 1 for image in observed for text in image.meta["relit"])


def test_frames_are_relit_class_by_class() -> None:
    frames = phantoms.load_phantom("driving", sequences=3, frames=1)
    bank, sample = dg.scenes(frames, 16), frames[0]
    shifted = {name: value + 30 for name, value in frames.schema.classes.items()}
    results = []
    for classes, shift in ((None, 0), (shifted, 30)):
        relight = dg.monai.RandRelightd("image", bank, "reinhard-per-class", (1, 1), None, classes, "label", prob=1)
        relight.set_random_state(0)
        image = np.rint(sample.image * 255).astype(np.uint8)
        label = torch.from_numpy(sample.mask.astype(np.int64))[None] + shift
        out = relight({"image": torch.from_numpy(image), "label": label})
        assert out["image"].dtype == torch.uint8 and torch.equal(out["label"], label)
        results.append(out["image"])
    assert torch.equal(*results) and (results[0].numpy() != image).any()
    with pytest.raises(DataError, match="no mask"):
        relight({"image": torch.from_numpy(image)})
    with pytest.raises(DataError, match="a bank of crops"):
        dg.monai.RandRelightd("image", BANKS[2])


@pytest.mark.parametrize("dims", [2, 3])
def test_no_room_is_no_mistake(dims: int) -> None:
    full = host(dims)
    full["label"] = torch.ones_like(full["label"])
    small = {key: value[(slice(None), *[slice(4, 12)] * dims)] for key, value in host(dims).items()}
    for given in (full, small):  # nothing is free; crops are twice as large as the host
        out = pasted(dims, per_image=(2, 2)).set_random_state(0)(given)
        records = json.loads(out["image"].meta["pasted"])
        assert len(records) == 2 and out["image"].shape == given["image"].shape
        same = torch.equal(out["image"].as_tensor(), given["image"].as_tensor())
        assert same == all(record["place"] is None for record in records) and (given is small or same)


def test_a_bank_that_is_broken(tmp_path: Path) -> None:
    bank = BANKS[2].save(tmp_path / "bank")
    (tmp_path / "bank" / "masks.npy").write_bytes((tmp_path / "bank" / "masks.npy").read_bytes()[:200])
    for transform in (dg.monai.RandPasted, dg.monai.RandRelightd):
        with pytest.raises(DataError, match=r"masks\.npy: cannot be read"):
            transform(KEYS, bank.path)
    (tmp_path / "bank" / "images.npy").unlink()
    with pytest.raises(DataError, match=r"images\.npy: no such file"):
        dg.albumentations.Paste(bank.path)


def test_a_2d_bank_goes_into_the_slices_of_volumes() -> None:
    people = phantoms.load_phantom("medical", subjects=2, shape=(40, 40, 16))
    bank, sample = crops(slice_volumes(people), size=16), people[1]
    transform = dg.monai.RandPasted(["image", "label"], bank, prob=1.0, dims=2).set_random_state(3)
    affine = torch.as_tensor(sample.geometry.affine)
    data = {"image": MetaTensor(torch.as_tensor(sample.image), affine=affine), "label": sample.mask[None]}
    after = transform(data)
    records = json.loads(after["image"].meta["pasted"])
    assert after["image"].shape == sample.image.shape and after["label"].shape == (1, *sample.shape)
    changed = np.flatnonzero((after["label"][0] != sample.mask).any(axis=(0, 1)))
    assert len(changed) > 3 and set(changed) <= {record["slice"] for record in records if record["place"]}
    one = {"image": sample.image[..., 8], "label": sample.mask[None, ..., 8], "meta": {"spacing": 4.8}}
    assert (transform(one)["label"] != one["label"]).any()
    with pytest.raises(DataError, match="a 3D bank; expected a 2D one"):
        dg.monai.RandPasted(["image", "label"], crops(people, size=16), dims=2)
