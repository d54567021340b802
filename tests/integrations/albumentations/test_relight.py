"""Relighting in real pipelines of albumentations: frames and slices of scans, seeds and replays."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pytest
from frame_targets import BANK, FRAMES, SCHEMA, frame
from written_sets import write_dataset

import domaingan as dg
from domaingan import phantoms
from domaingan.banks import Bank
from domaingan.core.errors import DataError
from domaingan.data import Sample
from domaingan.views.slices import slice_volumes

SLICES = slice_volumes(phantoms.load_phantom("medical", subjects=3, shape=(48, 48, 16)))


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
    seed = back.transforms[0].params["seed"]
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
        relight = dg.albumentations.Relight(bank, "reinhard-per-class", strength=(1, 1), classes=classes, p=1)
        pipeline_ = A.Compose([A.from_dict(A.to_dict(A.Compose([relight])))], seed=4)
        image = np.moveaxis(sample.image, 0, -1)
        out = pipeline_(image=image, mask=mask)
        rng = np.random.default_rng(relight_seed(A.Compose([relight], seed=4), image=image, mask=mask))
        after = dg.Relight(bank, "reinhard-per-class", strength=(1, 1))(bare(sample), rng)
        assert np.array_equal(out["image"], np.moveaxis(after.image, 0, -1)) and out["mask"] is not None
    with pytest.raises(DataError, match="no mask; expected a mask of classes beside the image"):
        A.Compose([relight])(image=image)
    with pytest.raises(DataError, match=r"a mask \(4, 4\)"):
        A.Compose([relight], is_check_shapes=False)(image=image, mask=np.zeros((4, 4), np.uint8))


def relight_seed(compose: A.Compose, **data: Any) -> int:
    """The seed that a pipeline's relight draws."""
    observed: dict[str, Any] = {}
    relight = compose.transforms[0]
    drawn = relight.get_params
    relight.get_params = lambda: observed.setdefault("params", drawn())
    compose(**data)
    relight.get_params = drawn
    return int(observed["params"]["seed"])


@pytest.mark.parametrize("method", [None, "fda", "mix"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_slices_of_scans_get_another_scanners_look(method: str | None, dtype: type) -> None:
    bank = looks("scans")
    sample = next(one for one in SLICES if one.mask is not None and one.mask.any())
    image = np.moveaxis(sample.image, 0, -1)
    image = (image / image.max() * 255).astype(np.uint8) if dtype is np.uint8 else image
    inside = np.asarray(sample.foreground)
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
    dusk = looks("frames").find_matching(lighting="dusk")[:1]
    relight = dg.albumentations.Relight(
        looks("frames").take(dusk), "reinhard-per-class", only={"lighting": ["dusk"]}, p=1
    )
    same = {"condition": relight.bank[0].condition}
    assert np.array_equal(A.Compose([relight])(**data, meta=same)["image"], data["image"])
    replay = A.ReplayCompose([relight])
    out = replay(**data)
    again = A.ReplayCompose.replay(out["replay"], **data)
    assert np.array_equal(again["image"], out["image"]) and (out["image"] != data["image"]).any()
    assert "mask" not in json.dumps(out["replay"]["transforms"][0]["params"], default=str)


def test_a_folder_of_labelled_frames_is_enough(tmp_path: Path) -> None:
    write_dataset(FRAMES, FRAMES, tmp_path / "refs")
    relight = dg.albumentations.Relight(tmp_path / "refs", "reinhard-per-class", classes=SCHEMA, p=1)
    A.save(A.Compose([relight]), tmp_path / "pipeline.json")
    back = A.load(tmp_path / "pipeline.json")
    data = {key: value for key, value in frame(1).items() if key in ("image", "mask")}
    data["image"] = data["image"] // 2  # darker than any of the scenes, of which it is one
    assert (back(**data)["image"] != data["image"]).any()
    with pytest.raises(DataError, match="a bank of crops"):
        dg.albumentations.Relight(BANK)
    with pytest.raises(DataError, match="1 channel; expected 3"):
        A.Compose([relight])(image=data["image"][..., 0], mask=data["mask"])


def test_a_look_needs_no_name_for_every_value_of_a_mask() -> None:
    bank, sample = looks("frames"), FRAMES[0]
    assert sample.mask is not None
    mask = sample.mask.copy()
    mask[:4] = 255
    relight = dg.albumentations.Relight(bank, "reinhard-per-class", strength=1, p=1)
    image = np.moveaxis(sample.image, 0, -1)
    assert (A.Compose([relight], seed=0)(image=image, mask=mask)["image"] != image).any()
