"""Paste and relight in real pipelines of albumentations: every target stays true, and the seed decides."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pytest
from balls import a_bank, a_host
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from torch.utils.data import DataLoader, Dataset

import domaingan as dg
from domaingan import phantoms
from domaingan.adapters.writing import write_dataset
from domaingan.bank import Bank
from domaingan.errors import DataError
from domaingan.objects import box_of
from domaingan.sample import Sample
from domaingan.slices import as_slices

FRAMES = phantoms.load("driving", sequences=6, frames=2).in_memory()
SCHEMA = FRAMES.schema
NAMES = {value: name for name, value in SCHEMA.classes.items()}
BANK = dg.crops(FRAMES, size=32)
SCANS = phantoms.load("medical", subjects=3, shape=(48, 48, 16))
SLICES = as_slices(SCANS)
SLICE_BANK = dg.crops(SLICES, size=16)
ORIGIN = np.zeros(2, dtype=int)

Targets = dict[str, Any]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return BANK.save(tmp_path_factory.mktemp("banks") / "people")


def frame(index: int, dtype: type = np.uint8, fmt: str = "pascal_voc", names: bool = True) -> Targets:
    """A host as targets: image, mask, one mask an object, boxes in a format, their labels."""
    sample = FRAMES[index]
    assert sample.boxes is not None and sample.labels is not None and sample.instances is not None
    image = np.ascontiguousarray(np.moveaxis(sample.image, 0, -1))
    boxes = sample.boxes.astype(float)
    size = np.array([sample.shape[1], sample.shape[0]] * 2)
    if fmt in ("coco", "yolo"):
        boxes[:, 2:] -= boxes[:, :2]
    if fmt == "yolo":
        boxes[:, :2] += boxes[:, 2:] / 2
    if fmt in ("yolo", "albumentations"):
        boxes = boxes / size
    return {
        "image": np.rint(image * 255).astype(np.uint8) if dtype is np.uint8 else image,
        "mask": sample.mask,
        "masks": np.stack([sample.instances == i + 1 for i in range(len(boxes))]).astype(np.uint8),
        "bboxes": boxes,
        "kind": [NAMES[int(v)] for v in sample.labels] if names else sample.labels,
    }


def pipeline(bank: Any = BANK, fmt: str = "pascal_voc", seed: int = 0, **settings_: Any) -> A.Compose:
    paste = dg.albumentations.Paste(bank, SCHEMA, **{"per_image": (2, 3), "p": 1, **settings_})
    return A.Compose([paste], bbox_params=A.BboxParams(fmt, label_fields=["kind"]), seed=seed)


def corners(boxes: np.ndarray, fmt: str, shape: tuple[int, ...]) -> np.ndarray:
    boxes = np.array(boxes, dtype=float).reshape(-1, 4)
    if fmt in ("yolo", "albumentations"):
        boxes *= [shape[1], shape[0]] * 2
    if fmt == "yolo":
        boxes[:, :2] -= boxes[:, 2:] / 2
    if fmt in ("coco", "yolo"):
        boxes[:, 2:] += boxes[:, :2]
    return boxes


# ---------------------------------------------------------------- the core's own paste


@pytest.mark.parametrize("seed", range(4))
def test_equal_to_the_core_with_the_same_generator(seed: int) -> None:
    sample = FRAMES[seed]
    given_ = {**frame(seed, np.float32), "meta": sample.meta}
    out = pipeline(seed=seed)(**given_)
    after = dg.Paste(BANK, schema=SCHEMA, per_image=(2, 3))(sample, np.random.default_rng(seed))
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
    known = {key: sample.meta[key] for key in ("foreground", "range") if key in sample.meta}
    out = transform(image=image, mask=sample.mask, meta=known)
    after = dg.Paste(SLICE_BANK, **settings_)(sample, np.random.default_rng(seed))
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
            np.testing.assert_allclose(box, box_of(own > 0, ORIGIN), atol=1e-3)
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
    out = transform(image=given_["image"], mask=given_["mask"], masks=list(given_["masks"] * 255))
    assert isinstance(out["masks"], list) and len(out["masks"]) > len(given_["masks"])
    assert {int(m.max()) for m in out["masks"]} == {255}


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
        np.testing.assert_allclose(row[:4], box_of(own > 0, ORIGIN), atol=1e-3)
        assert columns == 4 or (out["mask"][own > 0] == row[4]).all()


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
    transform = A.Compose([dg.albumentations.Paste(bank, p=1)], seed=0)
    flat = transform(image=host.image[0], mask=host.mask)
    transform.set_random_seed(0)
    deep = transform(image=host.image[0][..., None], mask=host.mask)
    assert flat["image"].shape == host.shape and np.array_equal(flat["image"], deep["image"][..., 0])
    assert (flat["mask"] != host.mask).any()
    whole = np.rint(host.image[0] * 200).astype(np.uint8)
    out = A.Compose([dg.albumentations.Paste(bank, p=1)], seed=0)(image=whole, mask=host.mask)
    far = ndimage.distance_transform_edt(out["mask"] == host.mask) > 3
    assert out["image"].dtype == np.uint8 and np.array_equal(out["image"][far], whole[far]) and not far.all()


def test_labels_that_cannot_be_told_are_asked_for() -> None:
    nothing = {**frame(0), "bboxes": [], "kind": [], "masks": []}
    with pytest.raises(DataError, match="without boxes before any with"):
        [pipeline(seed=seed)(**nothing) for seed in range(5)]
    strange = {**frame(0, names=False)}
    strange["kind"] = strange["kind"] + 100
    with pytest.raises(DataError, match=r"label 107 of a box; expected class values of the mask, or labels="):
        pipeline()(**strange)
    mixed = pipeline(labels={"kind": {name: i for i, name in enumerate(SCHEMA.objects)}}, per_image=(3, 3), seed=2)
    with pytest.raises(DataError, match="which holds texts"):
        mixed(**frame(0))


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


def test_what_was_pasted_is_told() -> None:
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
    with pytest.raises(TypeError, match="Unsaved"):
        A.save(whole, tmp_path / "pipeline.json")


class Hosts(Dataset):  # type: ignore[type-arg]
    def __init__(self, transform: A.Compose) -> None:
        self.transform = transform

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> tuple[bytes, bytes]:
        self.transform.set_random_seed(100 + index)
        out = self.transform(**frame(index))
        return out["image"].tobytes(), np.asarray(out["bboxes"]).tobytes()


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_the_same_bytes_with_two_workers_as_with_none(saved: Bank, context: str) -> None:
    hosts = Hosts(pipeline(saved.path))
    here = list(DataLoader(hosts, batch_size=None))
    there = list(DataLoader(hosts, batch_size=None, num_workers=2, multiprocessing_context=context))
    assert here == there and len({image for image, _ in here}) == 6


@pytest.mark.filterwarnings("ignore:Got processor for bboxes")
def test_relit_the_same_bytes_with_two_workers_as_with_none(tmp_path: Path) -> None:
    bank = dg.scenes(FRAMES, 16).save(tmp_path / "looks")
    boxes = A.BboxParams("pascal_voc", label_fields=["kind"])
    hosts = Hosts(A.Compose([dg.albumentations.Relight(bank.path, "mix", p=1)], bbox_params=boxes))
    here = list(DataLoader(hosts, batch_size=None))
    there = list(DataLoader(hosts, batch_size=None, num_workers=2))
    assert here == there and len({image for image, _ in here}) == 6


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


# ---------------------------------------------------------------- relight


def test_relight_equals_the_core_and_leaves_labels_alone(tmp_path: Path) -> None:
    bank = dg.scenes(FRAMES, 16).save(tmp_path / "looks")
    relight = dg.albumentations.Relight(bank.path, strength=(1, 1), p=1)
    back = A.from_dict(A.to_dict(A.Compose([relight])))
    for dtype in (np.uint8, np.float32):
        given_ = {key: value for key, value in frame(0, dtype).items() if key in ("image", "mask")}
        one = A.Compose([relight], seed=1)
        back.set_random_seed(1)
        out, two = one(**given_), back(**given_)
        assert np.array_equal(out["image"], two["image"]) and np.array_equal(out["mask"], given_["mask"])
        assert out["image"].dtype == dtype and not np.array_equal(out["image"], given_["image"])
    sample = FRAMES[0]
    seed = int(np.random.default_rng(1).integers(2**63))
    sample.condition = {}
    after = dg.Relight(bank, strength=(1, 1))(sample, np.random.default_rng(seed))
    assert np.array_equal(out["image"], np.moveaxis(after.image, 0, -1))
    replay = A.ReplayCompose([relight])
    out = replay(**frame(1))
    assert np.array_equal(A.ReplayCompose.replay(out["replay"], image=frame(1)["image"])["image"], out["image"])


def looks(kind: str, size: int = 16) -> Bank:
    return dg.scenes(FRAMES if kind == "frames" else SLICES, size)


def bare(sample: Any) -> Any:
    return replace(sample, condition={}, meta={})


def test_relight_by_class_goes_by_the_mask_and_its_names() -> None:
    bank, sample = looks("frames"), FRAMES[0]
    shifted = {name: value + 20 for name, value in SCHEMA.classes.items()}
    for classes, mask in ((None, sample.mask), (shifted, sample.mask + 20), (SCHEMA, sample.mask.astype(np.float32))):
        relight = dg.albumentations.Relight(bank, "lut", strength=(1, 1), classes=classes, p=1)
        pipeline_ = A.Compose([A.from_dict(A.to_dict(A.Compose([relight])))], seed=4)
        image = np.moveaxis(sample.image, 0, -1)
        out = pipeline_(image=image, mask=mask)
        rng = np.random.default_rng(relight_seed(A.Compose([relight], seed=4), image=image, mask=mask))
        after = dg.Relight(bank, "lut", strength=(1, 1))(bare(sample), rng)
        assert np.array_equal(out["image"], np.moveaxis(after.image, 0, -1)) and out["mask"] is not None
    with pytest.raises(DataError, match="no mask; expected a mask of classes beside the image"):
        A.Compose([relight])(image=image)
    with pytest.raises(DataError, match=r"a mask \(4, 4\)"):
        A.Compose([relight], is_check_shapes=False)(image=image, mask=np.zeros((4, 4), np.uint8))


def relight_seed(compose: A.Compose, **data: Any) -> int:
    """The seed that a pipeline's relight draws."""
    seen: dict[str, Any] = {}
    relight = compose.transforms[0]
    drawn = relight.get_params
    relight.get_params = lambda: seen.setdefault("params", drawn())
    compose(**data)
    relight.get_params = drawn
    return int(seen["params"]["seed"])


@pytest.mark.parametrize("method", [None, "fda", "mix"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_slices_of_scans_get_another_scanners_look(method: str | None, dtype: type) -> None:
    bank = looks("scans")
    sample = next(one for one in SLICES if one.mask is not None and one.mask.any())
    image = np.moveaxis(sample.image, 0, -1)
    image = (image / image.max() * 255).astype(np.uint8) if dtype is np.uint8 else image
    inside = np.asarray(sample.meta["foreground"])
    relight = dg.albumentations.Relight(bank, method, strength=(1, 1), p=1)
    compose = A.Compose([relight], seed=2)
    data = {"image": image, "mask": sample.mask, "meta": {"foreground": inside}}
    out, seed = compose(**data), relight_seed(A.Compose([relight], seed=2), **data)
    known = Sample(np.moveaxis(image, -1, 0), sample.mask, meta={"foreground": inside})
    after = dg.Relight(bank, method, strength=(1, 1))(known, np.random.default_rng(seed))
    assert out["image"].dtype == dtype and np.array_equal(out["image"], np.moveaxis(after.image, 0, -1))
    assert np.array_equal(out["image"][~inside], image[~inside]) and (out["image"] != image).any()
    assert out["mask"] is sample.mask or np.array_equal(out["mask"], sample.mask)


def test_relight_leaves_hosts_of_the_look_alone_and_replays() -> None:
    data = {key: value for key, value in frame(0).items() if key in ("image", "mask")}
    dusk = looks("frames").matching(lighting="dusk")[:1]
    relight = dg.albumentations.Relight(looks("frames").take(dusk), "lut", only={"lighting": ["dusk"]}, p=1)
    same = {"condition": relight.bank[0].condition}
    assert np.array_equal(A.Compose([relight])(**data, meta=same)["image"], data["image"])
    replay = A.ReplayCompose([relight])
    out = replay(**data)
    again = A.ReplayCompose.replay(out["replay"], **data)
    assert np.array_equal(again["image"], out["image"]) and (out["image"] != data["image"]).any()
    assert "mask" not in json.dumps(out["replay"]["transforms"][0]["params"], default=str)


def test_a_folder_of_labelled_frames_is_enough(tmp_path: Path) -> None:
    write_dataset(FRAMES, FRAMES, tmp_path / "refs")
    relight = dg.albumentations.Relight(tmp_path / "refs", "lut", classes=SCHEMA, p=1)
    A.save(A.Compose([relight]), tmp_path / "pipeline.json")
    back = A.load(tmp_path / "pipeline.json")
    data = {key: value for key, value in frame(1).items() if key in ("image", "mask")}
    assert (back(**data)["image"] != data["image"]).any()
    with pytest.raises(DataError, match="a bank of crops"):
        dg.albumentations.Relight(BANK)
    with pytest.raises(DataError, match="1 channel; expected 3"):
        A.Compose([relight])(image=data["image"][..., 0], mask=data["mask"])


def test_a_ground_and_a_region_that_classes_name_reach_the_paste_and_are_saved() -> None:
    street = phantoms.load("driving", sequences=2, frames=2)
    values = {"classes": dict(street.schema.classes), "objects": list(street.schema.objects)}
    named = values | {"ground": ["road"], "region": [0, 0.25, 1, 1]}
    paste = dg.albumentations.Paste(dg.crops(street, size=32), classes=named, p=1)
    ground = paste.paste.rules.spots.ground
    assert set(ground.values.values()) == {(street.schema.classes["road"],)}
    assert ground.region == ((0, 0.25), (1, 0.25), (1, 1), (0, 1))
    assert dg.albumentations.schema_of(paste.settings["classes"], paste.bank) == dg.albumentations.schema_of(
        named, paste.bank
    )
