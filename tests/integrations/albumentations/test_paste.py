"""Pasting in real pipelines of albumentations: every target stays true, and the seed decides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pytest
from balls import a_bank, a_host
from frame_targets import BANK, FRAMES, NAMES, SCHEMA, Targets, corners, frame, pipeline
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

import domaingan as dg
from domaingan import phantoms
from domaingan.banks import Bank
from domaingan.banks.crops import crops
from domaingan.core.errors import DataError
from domaingan.imaging.instances import find_corner_box
from domaingan.integrations.bank_and_classes import make_schema
from domaingan.views.slices import slice_volumes

SLICES = slice_volumes(phantoms.load_phantom("medical", subjects=3, shape=(48, 48, 16)))
SLICE_BANK = dg.crops(SLICES, size=16)
ORIGIN = np.zeros(2, dtype=int)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return BANK.save(tmp_path_factory.mktemp("banks") / "people")


# ---------------------------------------------------------------- the core's own paste


@pytest.mark.parametrize("seed", range(4))
def test_equal_to_the_core_with_the_same_generator(seed: int) -> None:
    sample = FRAMES[seed]
    given_ = {**frame(seed, np.float32), "meta": {"name": sample.name, "sequence": sample.source.sequence}}
    transform = pipeline(seed=seed)
    out = transform(**given_)
    rng = np.random.default_rng(transform.transforms[0].params["seed"])
    after = dg.Paste(BANK, schema=SCHEMA, per_image=(2, 3))(sample, rng)
    assert np.array_equal(out["image"], np.moveaxis(after.image, 0, -1))
    assert np.array_equal(out["mask"], after.mask) and out["mask"].dtype == sample.mask.dtype
    np.testing.assert_allclose(out["bboxes"], after.boxes, atol=1e-4)
    assert out["kind"] == [NAMES[int(v)] for v in after.labels]
    for number, own in enumerate(out["masks"], start=1):
        assert np.array_equal(own > 0, after.instances == number)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("settings_", [{}, {"overlap": True, "per_image": (3, 3)}])
def test_slices_of_scans_with_several_channels_equal_the_core(seed: int, settings_: dict[str, Any]) -> None:
    sample = next(s for s in SLICES if s.mask is not None and (s.mask > 0).any())
    image = np.moveaxis(sample.image, 0, -1)
    spacing = sample.spacing
    paste = dg.albumentations.Paste(SLICE_BANK, p=1, spacing=spacing, **settings_)
    transform = A.from_dict(A.to_dict(A.Compose([paste])))
    transform.set_random_seed(seed)
    known = {"foreground": sample.foreground, "range": sample.intensity_range.ends}
    out = transform(image=image, mask=sample.mask, meta=known)
    rng = np.random.default_rng(transform.transforms[0].params["seed"])
    after = dg.Paste(SLICE_BANK, **settings_)(sample, rng)
    assert np.array_equal(np.moveaxis(out["image"], -1, 0), after.image) and np.array_equal(out["mask"], after.mask)
    assert out["image"].dtype == np.float32 and out["image"].shape == image.shape


# ---------------------------------------------------------------- targets


@pytest.mark.parametrize("fmt", ["pascal_voc", "coco", "yolo", "albumentations"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_targets_agree_in_every_format(fmt: str, dtype: type) -> None:
    for seed in range(6):
        given_ = frame(seed, dtype, fmt)
        out = pipeline(fmt=fmt, seed=seed)(**given_)
        boxes = corners(out["bboxes"], fmt, out["mask"].shape)
        assert len(boxes) == len(out["kind"]) == len(out["masks"]) >= len(given_["masks"]) - 1
        for box, name, own in zip(boxes, out["kind"], out["masks"], strict=True):
            np.testing.assert_allclose(box, find_corner_box(own > 0, ORIGIN), atol=1e-3)
            assert (out["mask"][own > 0] == SCHEMA.classes[name]).all()
        assert out["image"].dtype == dtype and out["mask"].dtype == given_["mask"].dtype


@settings(max_examples=20)
@given(seed=st.integers(0, 2**20), dtype=st.sampled_from([np.uint8, np.float32]))
def test_bit_identical_where_nothing_was_pasted(seed: int, dtype: type) -> None:
    given_ = frame(seed % len(FRAMES), dtype)
    before = {key: np.array(value) for key, value in given_.items()}
    transform = pipeline(seed=seed, per_image=(1, 1))
    out = transform(**given_)
    params = transform.transforms[0].params
    pasted = params["instances"] > len(params["older"])
    assert np.array_equal(out["image"][~pasted], given_["image"][~pasted])
    assert (pasted | ~(out["mask"] != given_["mask"]) | np.isin(out["mask"], SCHEMA.ignore)).all()
    assert all(np.array_equal(given_[key], before[key]) for key in ("image", "mask", "masks", "bboxes"))


def test_boxes_that_nothing_covers_keep_their_numbers() -> None:
    given_ = frame(0)
    given_["bboxes"] = given_["bboxes"] + np.array([0.25, 0.25, -0.25, -0.25])
    out = pipeline()(**given_)
    rows = {tuple(row) for row in np.float32(given_["bboxes"]).round(3).tolist()}
    kept = [tuple(row) in rows for row in np.float32(out["bboxes"]).round(3).tolist()]
    assert sum(kept) >= 2 and not all(kept)  # pasted ones come last


def test_pasted_boxes_pass_the_filters_of_the_pipeline() -> None:
    paste = dg.albumentations.Paste(BANK, SCHEMA, per_image=(3, 3), p=1)
    kept = A.BboxParams("pascal_voc", label_fields=["kind"], min_area=150, min_width=6)
    for seed in range(4):
        out = A.Compose([paste, A.HorizontalFlip(p=1)], bbox_params=kept, seed=seed)(**frame(seed))
        width, height = (out["bboxes"][:, 2:] - out["bboxes"][:, :2]).T
        assert (width * height >= 149.9).all() and (width >= 5.99).all() and len(out["kind"]) == len(width)


@pytest.mark.parametrize("count", [0, 1])
def test_hidden_keypoints_go_and_others_survive(count: int) -> None:
    given_ = frame(1)
    points = np.argwhere(np.ones(given_["mask"].shape))[:, ::-1].astype(np.float32)
    transform = A.Compose(
        [dg.albumentations.Paste(BANK, SCHEMA, per_image=(count, count), p=1)],
        keypoint_params=A.KeypointParams("xy", label_fields=["number"]),
        seed=2,
    )
    out = transform(image=given_["image"], mask=given_["mask"], keypoints=points, number=np.arange(len(points)))
    hidden = np.ones(given_["mask"].shape, dtype=bool)
    hidden.ravel()[out["number"].astype(int)] = False
    changed = (out["image"] != given_["image"]).any(axis=2)
    assert (changed <= hidden).all() and hidden.any() == bool(count)
    assert len(np.unique(out["mask"][hidden])) == count


def test_masks_alone_tell_objects_apart_and_grow() -> None:
    given_ = frame(2)
    transform = A.Compose([dg.albumentations.Paste(BANK, SCHEMA, per_image=(2, 2), p=1)], seed=0)
    numbers = []
    for _ in range(4):
        out = transform(image=given_["image"], mask=given_["mask"], masks=list(given_["masks"] * 255))
        assert isinstance(out["masks"], list) and {int(m.max()) for m in out["masks"]} == {255}
        numbers.append(len(out["masks"]))
    assert max(numbers) > len(given_["masks"])


@pytest.mark.parametrize("masks", [[], np.zeros((0, *FRAMES[0].shape), np.uint8)])
def test_a_frame_without_objects_gets_some(masks: Any) -> None:
    sample = FRAMES[0]
    mask = np.where(
        np.isin(sample.mask, [SCHEMA.classes[n] for n in SCHEMA.objects]), SCHEMA.classes["road"], sample.mask
    )
    given_ = {**frame(0), "mask": mask, "masks": masks, "bboxes": np.zeros((0, 4)), "kind": np.array([], dtype="<U1")}
    out = pipeline(seed=1)(**given_)
    assert len(out["bboxes"]) == len(out["kind"]) == len(out["masks"]) > 0
    assert all(
        (out["mask"][own > 0] == SCHEMA.classes[str(k)]).all() for own, k in zip(out["masks"], out["kind"], strict=True)
    )


# ---------------------------------------------------------------- types


@pytest.mark.parametrize("kind", ["float", "one channel", "int64"])
def test_masks_of_other_types(kind: str) -> None:
    given_ = frame(1)
    mask = {"float": np.float32, "one channel": np.uint8, "int64": np.int64}[kind](given_["mask"])
    mask = mask[..., None] if kind == "one channel" else mask
    plain, other = (pipeline(seed=3)(**given_ | {"mask": m}) for m in (given_["mask"], mask))
    assert np.array_equal(other["mask"].reshape(plain["mask"].shape), plain["mask"])
    assert other["mask"].dtype == mask.dtype and other["mask"].shape == mask.shape


def test_grey_slices_have_one_channel(rng: np.random.Generator) -> None:
    bank, host = a_bank(2, rng, channels=1), a_host(2, rng, channels=1)
    transform = A.Compose([dg.albumentations.Paste(bank, spacing=1, p=1)], seed=0)
    flat = transform(image=host.image[0], mask=host.mask)
    transform.set_random_seed(0)
    deep = transform(image=host.image[0][..., None], mask=host.mask)
    assert flat["image"].shape == host.shape and np.array_equal(flat["image"], deep["image"][..., 0])
    assert (flat["mask"] != host.mask).any()
    whole = np.rint(host.image[0] * 200).astype(np.uint8)
    out = A.Compose([dg.albumentations.Paste(bank, spacing=1, p=1)], seed=0)(image=whole, mask=host.mask)
    far = ndimage.distance_transform_edt(out["mask"] == host.mask) > 3
    assert out["image"].dtype == np.uint8 and np.array_equal(out["image"][far], whole[far]) and not far.all()


# ---------------------------------------------------------------- seeds, replays, dictionaries


def test_the_seed_decides_and_nothing_global_does() -> None:
    given_ = frame(3)
    runs = []
    for seed, world in ((5, 0), (5, 1), (6, 0)):
        np.random.seed(world)  # noqa: NPY002
        runs.append(pipeline(seed=seed)(**given_))
    assert np.array_equal(runs[0]["image"], runs[1]["image"]) and runs[0]["kind"] == runs[1]["kind"]
    assert not np.array_equal(runs[0]["image"], runs[2]["image"])


def test_a_replay_is_the_same_again_and_goes_onto_other_images() -> None:
    given_ = frame(2)
    paste = dg.albumentations.Paste(BANK, SCHEMA, per_image=(2, 2), p=1)
    replay = A.ReplayCompose([paste], bbox_params=A.BboxParams("pascal_voc", label_fields=["kind"]))
    replay.set_random_seed(1)
    out = replay(**given_)
    again = A.ReplayCompose.replay(out["replay"], **given_)
    assert out["kind"] == again["kind"]
    for key in ("image", "mask", "masks", "bboxes"):
        assert np.array_equal(out[key], again[key]), key
    other = A.ReplayCompose.replay(out["replay"], **given_ | {"image": 255 - given_["image"]})
    changed = (out["image"] != given_["image"]).any(axis=2)
    assert changed.any() and np.array_equal(other["image"][changed], out["image"][changed])
    assert np.array_equal(other["image"][~changed], 255 - given_["image"][~changed])


def test_what_was_pasted_is_reported() -> None:
    paste = dg.albumentations.Paste(BANK, SCHEMA, per_image=(1, 1), p=1)
    out = A.Compose([paste], seed=0, save_applied_params=True)(image=frame(0)["image"], mask=frame(0)["mask"])
    [(name, params)] = out["applied_transforms"]
    assert name == "Paste" and params["pasted"][0]["index"] in range(len(BANK)) and json.dumps(params["pasted"])


@pytest.mark.parametrize("form", ["json", "yaml", "dict"])
def test_there_and_back_as_a_dictionary(saved: Bank, tmp_path: Path, form: str) -> None:
    given_ = frame(4)
    labels = {"kind": {name: name for name in SCHEMA.objects}}
    variation = dg.Variation(rotate=1.0, scale=(0.8, 1.2))
    whole = pipeline(saved.path, labels=labels, only=["car"], variation=variation, method="feather", seed=3)
    if form == "dict":
        back = A.from_dict(A.to_dict(whole))
    else:
        A.save(whole, tmp_path / "pipeline", data_format=form)
        back = A.load(tmp_path / "pipeline", data_format=form)
    back.set_random_seed(3)
    one, two = whole(**given_), back(**given_)
    assert all(np.array_equal(one[key], two[key]) for key in ("image", "mask", "bboxes")) and one["kind"] == two["kind"]
    assert A.to_dict(back) == A.to_dict(whole) and "Paste" in repr(whole)


def test_a_bank_in_memory_is_copied_but_not_saved(tmp_path: Path) -> None:
    whole = pipeline(seed=1)
    back = A.from_dict(A.to_dict(whole))
    back.set_random_seed(1)
    assert np.array_equal(whole(**frame(1))["image"], back(**frame(1))["image"]) and "94 real crops" in repr(whole)
    with pytest.raises(TypeError, match="InMemoryBank"):
        A.save(whole, tmp_path / "pipeline.json")


# ---------------------------------------------------------------- what does not fit


def broken(**changes: Any) -> Targets:
    return {**frame(0), **changes}


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        (broken(mask=None), "no mask"),
        (broken(image=frame(0)["image"][..., :2]), "2 channels; expected 3, as the bank has: red, green, blue"),
        (broken(image=frame(0, np.float32)["image"] * 255), r"a frame of .*floats in \[0, 1\]"),
        (broken(image=frame(0, np.float32)["image"] * np.nan), "NaN"),
        (broken(mask=frame(0)["mask"] + 0.5), "a mask of fractions"),
        (broken(masks=frame(0)["masks"][:1]), "1 masks; expected 5, one an object"),
    ],
)
def test_what_does_not_fit_is_one_clear_line(targets: Targets, said: str) -> None:
    with pytest.raises(DataError, match=said):
        pipeline()(**targets)


def test_constructors_refuse_nonsense(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a bank of frames' crops; expected classes="):
        dg.albumentations.Paste(BANK)
    with pytest.raises(DataError, match="no objects named"):
        dg.albumentations.Paste(BANK, classes={"road": 1})
    with pytest.raises(DataError, match="no method 'poissonn'"):
        dg.albumentations.Paste(SLICE_BANK, method="poissonn")
    with pytest.raises(DataError, match="no such folder"):
        dg.albumentations.Paste(tmp_path / "nowhere")


def test_boxes_without_bbox_params_are_refused() -> None:
    with pytest.raises(DataError, match="bboxes alone"):
        A.Compose([dg.albumentations.Paste(BANK, SCHEMA, p=1)])(**frame(0))


def test_a_ground_and_a_region_that_classes_name_reach_the_paste_and_are_saved() -> None:
    street = phantoms.load_phantom("driving", sequences=2, frames=2)
    values = {"classes": dict(street.schema.classes), "objects": list(street.schema.objects)}
    named = values | {"ground": ["road"], "region": [0, 0.25, 1, 1]}
    paste = dg.albumentations.Paste(dg.crops(street, size=32), classes=named, p=1)
    ground = paste.paste.rules.ground_sampler.ground
    assert set(ground.supporting_values.values()) == {(street.schema.classes["road"],)}
    assert ground.region == ((0, 0.25), (1, 0.25), (1, 1), (0, 1))
    assert make_schema(paste.settings["classes"], paste.bank) == make_schema(named, paste.bank)


def test_slices_take_a_2d_bank_alone() -> None:
    people = phantoms.load_phantom("medical", subjects=2, shape=(40, 40, 16))
    flat = dg.albumentations.Paste(crops(slice_volumes(people), size=16), dims=2, spacing=4.8, p=1)
    sample = slice_volumes(people)[8]
    after = A.Compose([flat], seed=0)(image=np.moveaxis(sample.image, 0, -1), mask=sample.mask)
    assert (after["mask"] != sample.mask).any()
    for bank, dims in (
        (crops(people, size=16), 2),
        (crops(people, size=16), None),
        (crops(slice_volumes(people), 16), 3),
    ):
        with pytest.raises(DataError, match="expected a 2D bank"):
            dg.albumentations.Paste(bank, dims=dims)
