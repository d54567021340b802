"""What MONAI's transforms take and return: records, labels, types and metadata of any kind."""

from __future__ import annotations

import json
from typing import Any

import monai.transforms as mt
import numpy as np
import pytest
import torch
from monai.data import CacheDataset, DataLoader, Dataset, MetaTensor, decollate_batch
from monai_hosts import KEYS, make_item, make_placed_item, make_rand_paste

import domaingan as dg
from domaingan.core.errors import DataError

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


@pytest.mark.parametrize("cache", [CacheDataset, Dataset])
def test_a_batch_keeps_a_record_for_each_of_its_items(cache: Any) -> None:
    items = [make_placed_item(2, np.diag([1, 1, 1.0]), index % 3) for index in range(6)]
    data = cache(items, mt.Compose([make_rand_paste(2, prob=0.5)]))
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


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.int16])
def test_images_of_any_type_come_back_as_they_were_where_nothing_was_pasted(dtype: torch.dtype) -> None:
    given = make_item(2)
    given["image"] = (given["image"] * 500).to(dtype)
    out = make_rand_paste(2, spacing=1)(given)
    pasted = (out["label"] != given["label"])[0]
    assert out["image"].dtype == dtype and pasted.any()
    assert not torch.equal(out["image"], given["image"])
    far = ~torch.nn.functional.max_pool2d(pasted[None].float(), 9, 1, 4)[0].bool()
    assert torch.equal(out["image"][:, far], given["image"][:, far])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.uint8, torch.int64, torch.bool])
def test_labels_of_any_type(dtype: torch.dtype) -> None:
    given = make_item(2)
    given["label"] = (given["label"] > 5).to(dtype)  # nothing is labelled
    label = make_rand_paste(2, spacing=1)(given)["label"]
    assert label.dtype == dtype and label.any() and label.double().max() <= (1 if dtype is torch.bool else 2)


def test_labels_a_little_off_whole_numbers_keep_what_they_are_where_nothing_was_pasted() -> None:
    given = make_item(2)
    noise = torch.from_numpy(np.random.default_rng(0).uniform(-9e-4, 9e-4, given["label"].shape))
    given["label"] = given["label"].double() + noise
    out = make_rand_paste(2, spacing=1)(given)
    changed = out["label"] != given["label"]
    assert changed.any() and set(out["label"][changed].unique().tolist()) <= {1, 2}
    assert torch.equal(out["label"][~changed], given["label"][~changed])
    with pytest.raises(DataError, match="a mask of fractions"):
        make_rand_paste(2, spacing=1)({**given, "label": given["label"] + 0.01})
    with pytest.raises(DataError, match="NaN"):
        make_rand_paste(2, spacing=1)({**given, "label": given["label"] * torch.nan})


@pytest.mark.parametrize(("value", "found"), [(255, "mask value 255"), (3, "mask value 3"), (-1, "mask value -1")])
@pytest.mark.parametrize("dtype", [torch.int16, torch.float32])
def test_values_that_no_class_has_are_refused(value: int, found: str, dtype: torch.dtype) -> None:
    given = make_item(2)
    given["label"] = given["label"].to(dtype)
    given["label"][0, 3, 4] = value
    with pytest.raises(DataError, match=f"{found}; expected 0 background, 1 common, 2 rare, or classes="):
        make_rand_paste(2, spacing=1)(given)
    if value > 0:
        named = {"classes": {"common": 1, "rare": 2, "organ": value}}
        assert (make_rand_paste(2, spacing=1, classes=named)(given)["label"] == value).sum() <= 1


def test_what_is_none_is_missing() -> None:
    for key in KEYS:
        given = {**make_item(2), key: None}
        with pytest.raises(DataError, match=f"{key!r} is None; expected an array or tensor, or allow_missing_keys"):
            make_rand_paste(2)(given)
        out = make_rand_paste(2, allow_missing_keys=True)(given)
        assert out[key] is None and set(out) == set(KEYS)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", ["a.nii.gz", [[[1.0, 2.0]]], 3])
def test_what_is_no_array_is_one_line(key: str, value: Any) -> None:
    with pytest.raises(DataError, match=f"{key!r} is a {type(value).__name__}; expected an array or tensor"):
        make_rand_paste(2)({**make_item(2), key: value})


@pytest.mark.parametrize("kind", [torch.complex64, torch.bool])
def test_an_image_holds_real_numbers(kind: torch.dtype) -> None:
    given = make_item(2)
    with pytest.raises(DataError, match=rf"an image \(2, 40, 40\) of {str(kind)[6:]}; expected pixels, and real"):
        make_rand_paste(2)({**given, "image": given["image"].to(kind)})
    with pytest.raises(DataError, match=r"an image \(2, 0, 40\) of float32; expected pixels"):
        make_rand_paste(2)({key: given[key][:, :0] for key in KEYS})


def test_a_label_of_one_hot_channels_is_reported() -> None:
    given = make_item(2)
    with pytest.raises(DataError, match="a label of 2 channels; expected one, of class values: one-hot comes after"):
        make_rand_paste(2)({**given, "label": given["label"].repeat(2, 1, 1)})


@pytest.mark.parametrize("meta", ["s1", ["a"], 3, torch.zeros(2)])
def test_metadata_of_another_kind_is_one_line(meta: Any) -> None:
    with pytest.raises(DataError, match=r"'meta' is a \w+; expected a dictionary"):
        make_rand_paste(2)({**make_item(2), "meta": meta})
    assert make_rand_paste(2, meta_key="other", spacing=1)({**make_item(2), "meta": meta})["meta"] is meta


def test_metadata_may_be_tensors_or_nothing() -> None:
    inside = torch.ones(1, 40, 40)
    known = {"foreground": inside, "range": [[0, 1], [0, 1]], "spacing": torch.tensor([1.0, 1]), "name": None}
    for meta in (known, {}, None):
        assert make_rand_paste(2, spacing=1)({**make_item(2), "meta": meta})["image"].shape == (2, 40, 40)
    for key, wrong in (("foreground", np.ones((3, 3))), ("foreground", "all"), ("range", 3), ("range", [[1, 0]])):
        with pytest.raises(DataError, match=rf"meta\['{key}'\]"):
            make_rand_paste(2)({**make_item(2), "meta": {key: wrong}})
    with pytest.raises(DataError, match=r"meta\['condition'\] 'dusk'; expected \{condition: value\}"):
        make_rand_paste(2)({**make_item(2), "meta": {"condition": "dusk"}})


def test_monais_own_conventions() -> None:
    for transform in (dg.monai.RandPasted, dg.monai.RandRelightd):
        assert {backend.value for backend in transform.backend} == {"torch", "numpy"}
    assert dg.monai.RandPasteD is dg.monai.RandPasteDict is dg.monai.RandPasted
    assert dg.monai.RandRelightD is dg.monai.RandRelightDict is dg.monai.RandRelightd
