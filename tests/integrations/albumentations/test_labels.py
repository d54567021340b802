"""Label fields, further targets and replays of pastes in albumentations: what is written is what the host has."""

from __future__ import annotations

import json
import warnings
from typing import Any

import albumentations as A
import numpy as np
import pytest
from balls import a_bank, a_host
from frame_targets import BANK, FRAMES, SCHEMA, frame, pipeline

import domaingan as dg
from domaingan.core.errors import DataError
from domaingan.imaging.instances import find_corner_box

ORIGIN = np.zeros(2, dtype=int)
OBJECTS = {name: SCHEMA.classes[name] for name in SCHEMA.objects}


# ---------------------------------------------------------------- label fields


def test_numbers_are_the_masks_values_and_longer_names_are_not_cut_off() -> None:
    out = pipeline(seed=3)(**frame(1, names=False))
    assert np.issubdtype(out["kind"].dtype, np.integer)
    given_ = frame(1)
    cars = [name == "car" for name in given_["kind"]]
    assert any(cars)
    given_ |= {"bboxes": given_["bboxes"][cars], "masks": given_["masks"][cars], "kind": np.array(["car"] * sum(cars))}
    run = pipeline(per_image=(3, 3), only=["cyclist", "pedestrian"], seed=3)
    assert set(run(**given_)["kind"].tolist()) - {"car"} <= {"cyclist", "pedestrian"} != {"car"}
    assert len(set(run(**given_)["kind"].tolist())) > 1


def test_several_label_fields_say_what_a_pasted_object_gets() -> None:
    given_ = frame(1)
    n = len(given_["bboxes"])
    labels = {"kind": {name: name.upper() for name in SCHEMA.objects}, "number": -1, "crowd": "no"}
    given_ |= {"kind": [k.upper() for k in given_["kind"]], "number": np.arange(n), "crowd": ["yes"] * n}
    params = A.BboxParams("coco", label_fields=["number", "kind", "crowd"])
    boxes = given_["bboxes"].copy()
    boxes[:, 2:] -= boxes[:, :2]
    paste = dg.albumentations.Paste(BANK, SCHEMA, per_image=(2, 2), labels=labels, p=1)
    out = A.Compose([paste], bbox_params=params, seed=4)(**given_ | {"bboxes": boxes})
    pasted = np.array(out["number"]) == -1
    assert pasted.any() and not pasted[0]
    assert [c == "no" for c in out["crowd"]] == pasted.tolist() and all(k.isupper() for k in out["kind"])
    older = np.array(out["number"])[~pasted].astype(int)
    assert [out["kind"][i] for i in np.flatnonzero(~pasted)] == [given_["kind"][i] for i in older]
    with pytest.raises(DataError, match="label field 'number' of several; expected labels="):
        A.Compose([dg.albumentations.Paste(BANK, SCHEMA, p=1)], bbox_params=params)(**given_ | {"bboxes": boxes})


@pytest.mark.parametrize("columns", [4, 5])
def test_boxes_without_label_fields(columns: int) -> None:
    given_ = frame(1)
    values = np.array([[SCHEMA.classes[name]] for name in given_.pop("kind")])
    given_["bboxes"] = np.hstack([given_["bboxes"], values])[:, :columns]
    paste = dg.albumentations.Paste(BANK, SCHEMA, per_image=(2, 2), p=1)
    out = A.Compose([paste], bbox_params=A.BboxParams("pascal_voc"), seed=3)(**given_)
    assert out["bboxes"].shape == (len(out["masks"]), columns) and len(out["masks"]) > len(values)
    for row, own in zip(out["bboxes"], out["masks"], strict=True):
        np.testing.assert_allclose(row[:4], find_corner_box(own > 0, ORIGIN), atol=1e-3)
        assert columns == 4 or (out["mask"][own > 0] == row[4]).all()


def test_label_fields_that_cannot_be_guessed_must_be_named() -> None:
    strange = {**frame(0, names=False)}
    strange["kind"] = strange["kind"] + 100
    with pytest.raises(DataError, match=r"label 107 of a box; expected class values of the mask, or labels="):
        pipeline()(**strange)
    mixed = pipeline(labels={"kind": {name: i for i, name in enumerate(SCHEMA.objects)}}, per_image=(3, 3), seed=2)
    with pytest.raises(DataError, match="which holds texts"):
        mixed(**frame(0))


# ---------------------------------------------------------------- what fields hold


TRUTHS: dict[str, Any] = {
    "list": lambda n: [True] * n,
    "list of NumPy": lambda n: list(np.ones(n, dtype=bool)),
    "array": lambda n: np.ones(n, dtype=bool),
}


@pytest.mark.parametrize("kind", TRUTHS)
def test_truth_values_stay_truth_values(kind: str) -> None:
    labels = {"kind": {name: name for name in OBJECTS}, "hard": False}
    params = A.BboxParams("pascal_voc", label_fields=["kind", "hard"])
    paste = dg.albumentations.Paste(BANK, SCHEMA, per_image=2, labels=labels, p=1)
    transform = A.Compose([paste], bbox_params=params, seed=0)
    given_ = frame(1)
    out = transform(**given_, hard=TRUTHS[kind](len(given_["kind"])))
    older = len(transform.transforms[0].params["older"])
    hard = [bool(value) for value in out["hard"]]
    assert hard[:older] == [True] * older and hard[older:] == [False] * (len(hard) - older) != []
    if kind == "list of NumPy":  # all others are numbers to albumentations
        wrong = dg.albumentations.Paste(BANK, SCHEMA, per_image=2, labels=labels | {"hard": "no"}, p=1)
        with pytest.raises(DataError, match="label 'no' for 'hard', which holds truth values"):
            A.Compose([wrong], bbox_params=params, seed=0)(**given_, hard=TRUTHS[kind](len(given_["kind"])))


NUMBERS: dict[str, Any] = {"list": list, "array": np.array, "NumPy's in a list": lambda v: [np.int64(one) for one in v]}


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_in_any_container_are_the_masks_values(kind: str) -> None:
    for index in range(3):
        given_ = frame(index, names=False)
        given_["kind"] = NUMBERS[kind](given_["kind"].tolist())
        out = pipeline(seed=index)(**given_)
        assert len(out["kind"]) == len(out["masks"])
        for value, own in zip(out["kind"], out["masks"], strict=True):
            assert (out["mask"][own > 0] == int(value)).all()


@pytest.mark.parametrize("empty", [[], np.array([], dtype="<U3")])
def test_a_first_image_without_boxes_gets_names(empty: Any) -> None:
    transform = pipeline(seed=1)
    bare = {**frame(0), "bboxes": [], "kind": empty, "masks": []}
    bare["mask"] = np.where(np.isin(bare["mask"], list(OBJECTS.values())), SCHEMA.classes["road"], bare["mask"])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        first = transform(**bare)
    said = [str(one.message) for one in caught if "class names are written" in str(one.message)]
    assert len(said) == isinstance(empty, list)
    assert len(first["kind"]) == len(first["bboxes"]) > 0 and set(first["kind"]) <= set(OBJECTS)
    second = transform(**frame(1))
    assert set(second["kind"]) <= set(OBJECTS) and type(second["kind"]) is type(first["kind"])


def test_a_first_image_without_boxes_does_not_harm_numbers_that_follow() -> None:
    transform = pipeline(seed=1)
    bare = {**frame(0), "bboxes": [], "kind": [], "masks": []}
    bare["mask"] = np.where(np.isin(bare["mask"], list(OBJECTS.values())), SCHEMA.classes["road"], bare["mask"])
    with pytest.warns(UserWarning, match="class names are written; labels="):
        transform(**bare)
    given_ = frame(1, names=False)
    out = transform(**given_ | {"kind": given_["kind"].tolist()})
    assert {int(value) for value in out["kind"]} <= set(OBJECTS.values())


def test_numbers_of_something_else_are_refused() -> None:
    given_ = frame(2)
    n = len(given_["kind"])
    sky = SCHEMA.classes["sky"]
    with pytest.raises(DataError, match=f"label {sky} of a box, which is sky in the mask, no object; expected"):
        pipeline()(**given_ | {"kind": [sky] * n})
    turned = dict(zip(OBJECTS, [*list(OBJECTS.values())[1:], next(iter(OBJECTS.values()))], strict=True))
    with pytest.raises(DataError, match=r"a box of \d+ where the mask has \d+; expected class values of the mask, or"):
        pipeline()(**given_ | {"kind": [turned[name] for name in given_["kind"]]})
    out = pipeline(labels={"kind": turned})(**given_ | {"kind": [turned[name] for name in given_["kind"]]})
    for value, own in zip(out["kind"], out["masks"], strict=True):
        assert (out["mask"][own > 0] == OBJECTS[{v: k for k, v in turned.items()}[int(value)]]).all()


# ---------------------------------------------------------------- replays


@pytest.mark.parametrize("texts", ["names", "numbers"])
def test_a_hundred_replays_keep_what_was_pasted(texts: str) -> None:
    sizes = 0
    for seed in range(100):
        given_ = frame(seed % len(FRAMES), names=texts == "names")
        values = np.array([OBJECTS.get(str(one), one) for one in given_["kind"]]).astype(int)
        one_kind = np.flatnonzero(values == values[0])  # of one class alone, so that others are new to the pipeline
        first = {key: given_[key] for key in ("image", "mask")}
        first |= {"bboxes": given_["bboxes"][one_kind], "kind": [given_["kind"][i] for i in one_kind]}
        second = first | ({"kind": ["lorry"] * len(one_kind)} if texts == "names" else {})
        paste = dg.albumentations.Paste(BANK, SCHEMA, per_image=2, p=1)
        whole = A.ReplayCompose([paste], bbox_params=A.BboxParams("pascal_voc", label_fields=["kind"]))
        whole.set_random_seed(seed)
        out = whole(**first)
        params = out["replay"]["transforms"][0]["params"]
        older, kinds = len(params["older"]), params["kinds"]
        names = {value: name for name, value in OBJECTS.items()}
        assert [names.get(one, one) for one in out["kind"][older:]] == kinds
        for host in (first, second):
            again = A.ReplayCompose.replay(out["replay"], **host)
            assert again["kind"][older:] == out["kind"][older:] and np.array_equal(again["image"], out["image"])
            assert again["kind"][:older] == [host["kind"][i] for i in params["older"]]
        sizes += len(kinds)
    assert sizes > 100


def test_a_replay_labels_as_its_host_does() -> None:
    whole = A.ReplayCompose(
        [dg.albumentations.Paste(BANK, SCHEMA, per_image=2, p=1)],
        bbox_params=A.BboxParams("pascal_voc", label_fields=["kind"]),
    )
    whole.set_random_seed(1)
    given_ = frame(1)
    out = whole(**given_)
    numbers = given_ | {"kind": [OBJECTS[name] for name in given_["kind"]]}
    again = A.ReplayCompose.replay(out["replay"], **numbers)
    assert [int(value) for value in again["kind"]] == [OBJECTS[name] for name in out["kind"]]
    assert json.dumps(out["replay"]["transforms"][0]["params"]["kinds"])


def test_a_replay_onto_an_image_of_another_type_writes_its_units() -> None:
    whole = A.ReplayCompose([dg.albumentations.Paste(BANK, SCHEMA, per_image=2, p=1)])
    whole.set_random_seed(2)
    given_ = {key: value for key, value in frame(2).items() if key in ("image", "mask")}
    out = whole(**given_)
    changed = (out["image"] != given_["image"]).any(axis=2)
    again = A.ReplayCompose.replay(out["replay"], image=np.float32(given_["image"] / 255), mask=given_["mask"])["image"]
    assert changed.any() and again.dtype == np.float32
    np.testing.assert_allclose(again[changed] * 255, out["image"][changed], atol=1e-3)
    with pytest.raises(DataError, match="1 channel; expected 3"):
        A.ReplayCompose.replay(out["replay"], image=given_["image"][..., 0], mask=given_["mask"])


# ---------------------------------------------------------------- further targets


def several(**kinds: str) -> A.Compose:
    paste = dg.albumentations.Paste(BANK, SCHEMA, per_image=2, p=1)
    return A.Compose([paste], additional_targets=kinds, seed=3)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("main", [np.uint8, np.float32])
def test_a_further_image_gets_the_pixels_in_its_own_units(main: type, dtype: type) -> None:
    given_ = frame(2, main)
    scale = 255 if dtype is np.uint8 else 1
    other = np.full((*given_["mask"].shape, 3), scale // 2, dtype=dtype)
    out = several(second="image")(image=given_["image"], mask=given_["mask"], second=other)
    changed = (out["image"] != given_["image"]).any(axis=2)
    assert changed.any() and out["second"].dtype == dtype
    shares = out["image"][changed] / (255 if main is np.uint8 else 1)
    np.testing.assert_allclose(out["second"][changed] / scale, shares, atol=0.51 / 255)
    assert np.array_equal(out["second"][~changed], other[~changed])


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (np.zeros((*FRAMES[0].shape, 1), np.uint8), "1 channel; expected 3, as the bank has"),
        (np.zeros(FRAMES[0].shape, np.uint8), "1 channel; expected 3, as the bank has"),
        (np.zeros((*FRAMES[0].shape, 3), np.uint16), "a frame of uint16"),
        (np.full((*FRAMES[0].shape, 3), 200, np.float32), "a frame of 200 to 200"),
    ],
)
def test_a_further_image_that_is_something_else_is_refused(other: np.ndarray, said: str) -> None:
    given_ = frame(2)
    with pytest.raises(DataError, match=said):
        several(second="image")(image=given_["image"], mask=given_["mask"], second=other)


def test_a_further_mask_of_classes_is_written_as_the_first() -> None:
    given_ = frame(2)
    other = np.where(given_["mask"] == SCHEMA.classes["sky"], SCHEMA.classes["building"], given_["mask"])
    out = several(second="mask")(image=given_["image"], mask=given_["mask"], second=other.astype(np.int64))
    changed = out["mask"] != given_["mask"]
    assert changed.any() and out["second"].dtype == np.int64
    assert np.array_equal(out["second"][changed], out["mask"][changed])
    assert np.array_equal(out["second"][~changed], other[~changed])


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32])
@pytest.mark.parametrize("top", [1, 255])
def test_a_further_mask_of_yes_and_no_gets_what_is_reported_of_it(dtype: type, top: int) -> None:
    given_ = frame(2)
    other = ((given_["mask"] == SCHEMA.classes["road"]) * top).astype(dtype)
    data = {"image": given_["image"], "mask": given_["mask"], "free": other}
    with pytest.raises(DataError, match=r"free holds .*, mask class values; expected labels=\{'free'"):
        several(free="mask")(**data)
    for labels in ({"free": 0}, {"free": dict.fromkeys(OBJECTS, 0)}):
        paste = dg.albumentations.Paste(BANK, SCHEMA, per_image=2, labels=labels, p=1)
        out = A.Compose([paste], additional_targets={"free": "mask"}, seed=3)(**data)
        pasted = (out["mask"] != data["mask"]) & np.isin(out["mask"], list(OBJECTS.values()))
        assert other[pasted].any() and not out["free"][pasted].any() and out["free"].dtype == dtype
        assert np.array_equal(out["free"][~pasted], other[~pasted])


def test_a_further_mask_of_yes_and_no_where_a_host_shows_only_such_values() -> None:
    rng = np.random.default_rng(0)
    bank, host = a_bank(2, rng), a_host(2, rng)
    assert host.mask is not None
    plain, inside = np.zeros_like(host.mask), (host.image[0] > 0.1).astype(np.uint8)
    paste = dg.albumentations.Paste(bank, spacing=1, only="rare", per_image=3, p=1)
    compose = A.Compose([paste], additional_targets={"body": "mask"}, seed=0)
    with pytest.raises(DataError, match="body holds 0, 1, mask class values"):
        for _ in range(8):
            compose(image=np.moveaxis(host.image, 0, -1), mask=plain, body=inside)
    one = dg.albumentations.Paste(bank.take(np.array([0])), classes={"common": 1, "rare": 2}, spacing=1, p=1)
    assert one.bank.masks.max() == 1  # of which nothing but 1 is written
    out = A.Compose([one], additional_targets={"body": "mask"}, seed=0)(
        image=np.moveaxis(host.image, 0, -1), mask=plain, body=inside
    )
    assert set(np.unique(out["body"])) == {0, 1} and (out["body"][out["mask"] > 0] == 1).all()


def test_a_further_mask_too_small_for_a_class_is_refused() -> None:
    given_ = frame(2)
    paste = dg.albumentations.Paste(BANK, SCHEMA, per_image=2, labels={"ids": 300}, p=1)
    data = {"image": given_["image"], "mask": given_["mask"], "ids": given_["mask"].astype(np.uint8)}
    with pytest.raises(DataError, match="ids of uint8; expected a type that holds 300"):
        A.Compose([paste], additional_targets={"ids": "mask"}, seed=3)(**data)


@pytest.mark.parametrize("points", [[], np.zeros((0, 2), np.float32)])
@pytest.mark.parametrize("fields", [[], ["joint"]])
def test_no_keypoints_in_none_out(points: Any, fields: list[str]) -> None:
    given_ = {key: value for key, value in frame(0).items() if key in ("image", "mask")}
    params = A.KeypointParams("xy", label_fields=fields)
    paste = dg.albumentations.Paste(BANK, SCHEMA, p=1)
    out = A.Compose([paste], keypoint_params=params, seed=0)(**given_, keypoints=points, **{f: [] for f in fields})
    assert len(out["keypoints"]) == 0 and (out["image"] != given_["image"]).any()
    assert all(len(out[name]) == 0 for name in fields)


# ---------------------------------------------------------------- what is known of slices


def test_slices_without_a_spacing_say_so_once() -> None:
    rng = np.random.default_rng(0)
    bank, host = a_bank(2, rng), a_host(2, rng)
    data = {"image": np.moveaxis(host.image, 0, -1), "mask": host.mask}
    transform = A.Compose([dg.albumentations.Paste(bank, p=1)], seed=0)
    with pytest.warns(UserWarning, match="taken as 1 mm; spacing=") as caught:
        transform(**data), transform(**data)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        A.Compose([dg.albumentations.Paste(bank, spacing=2, p=1)], seed=0)(**data)
        out = A.Compose([dg.albumentations.Paste(bank, p=1)], seed=0)(**data, meta={"spacing": [2, 2]})
    assert out["image"].shape == data["image"].shape
    with pytest.raises(DataError, match="'meta' is a list; expected a dictionary"):
        transform(**data, meta=[1])
    with pytest.raises(DataError, match=r"mask value 7.*; expected 0 background, 1 common, 2 rare, or classes="):
        transform(**data | {"mask": host.mask + 7})
