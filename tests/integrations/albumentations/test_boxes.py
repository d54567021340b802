"""Albumentations with boxes and no mask, as detectors are trained: where no ground is labelled, boxes tell enough."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import albumentations as A
import numpy as np
import pytest
import torch
from frame_targets import BANK, FRAMES, SCHEMA, frame

import domaingan as dg
from domaingan.banks import Bank
from domaingan.core.errors import DataError
from domaingan.data import Sample

OBJECTS = {name: value for name, value in SCHEMA.classes.items() if name in SCHEMA.objects}
OBJECTS_ONLY = replace(SCHEMA, classes=OBJECTS, ignore=(), regions={})
BOXES = A.BboxParams("pascal_voc", label_fields=["kind"])


def without_ground(sample: Sample) -> Sample:
    """The frame as a set of objects alone has it: nothing else is labelled."""
    assert sample.mask is not None
    is_object = np.isin(sample.mask, list(OBJECTS.values()))
    return replace(sample, mask=np.where(is_object, sample.mask, 0).astype(np.uint8))


FREE: Bank = dg.crops(FRAMES.map(without_ground, OBJECTS_ONLY).load_into_memory(), size=32)


def boxed(index: int, *names: str) -> dict[str, Any]:
    """A host with boxes and their labels, and what else is named, but no mask."""
    whole = frame(index)
    return {name: whole[name] for name in ("image", "bboxes", "kind", *names)}


def pipeline(seed: int, kind: type[A.Compose] = A.Compose, **settings: Any) -> A.Compose:
    paste = dg.albumentations.Paste(FREE, OBJECTS_ONLY, per_image=(3, 3), p=1)
    whole = kind([paste], bbox_params=BOXES, **settings)
    whole.set_random_seed(seed)
    return whole


@pytest.mark.filterwarnings("ignore::domaingan.core.errors.AssumptionWarning")
@pytest.mark.parametrize("seed", range(4))
def test_boxes_tell_where_something_is(seed: int) -> None:
    host = boxed(seed)
    grid = [(x, y) for x in range(0, 160, 4) for y in range(0, 96, 4)]
    out = pipeline(seed, keypoint_params=A.KeypointParams("xy"))(**host, keypoints=grid)
    free = np.ones(host["image"].shape[:2], dtype=bool)
    pasted = out["bboxes"][np.array([row not in host["bboxes"].tolist() for row in np.rint(out["bboxes"]).tolist()])]
    assert "mask" not in out and len(out["kind"]) == len(out["bboxes"]) and len(pasted)
    assert set(out["kind"]) <= set(OBJECTS)
    for x0, y0, x1, y1 in np.rint(pasted).astype(int).tolist():
        free[max(0, y0 - 6) : y1 + 6, max(0, x0 - 6) : x1 + 6] = False
    assert np.array_equal(out["image"][free], host["image"][free])
    assert (out["image"] != host["image"]).any()
    gone = set(grid) - {(int(x), int(y)) for x, y in out["keypoints"]}
    assert gone and not any(free[y, x] for x, y in gone)


@pytest.mark.filterwarnings("ignore::domaingan.core.errors.AssumptionWarning")
def test_objects_masks_without_a_mask_of_classes() -> None:
    host = boxed(1, "masks")
    out = pipeline(2)(**host)
    assert len(out["masks"]) == len(out["bboxes"]) > len(host["masks"])
    observed = np.stack(out["masks"]).astype(int)
    assert observed.sum(axis=0).max() == 1
    for body, (x0, y0, x1, y1) in zip(observed[len(host["masks"]) :], out["bboxes"][len(host["masks"]) :], strict=True):
        rows, columns = np.nonzero(body)
        tight = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert tight == pytest.approx([x0, y0, x1, y1], abs=0.01)


@pytest.mark.filterwarnings("ignore::domaingan.core.errors.AssumptionWarning")
def test_a_replay_without_a_mask_is_the_same() -> None:
    host = boxed(2)
    out = pipeline(5, A.ReplayCompose)(**host)
    again = A.ReplayCompose.replay(out["replay"], **host)
    assert np.array_equal(out["image"], again["image"]) and out["kind"] == again["kind"]
    assert np.array_equal(out["bboxes"], again["bboxes"])


@pytest.mark.filterwarnings("ignore::domaingan.core.errors.AssumptionWarning")
def test_a_frame_without_boxes_gets_some() -> None:
    with pytest.warns(UserWarning, match="class names are written"):
        out = pipeline(1)(image=frame(0)["image"], bboxes=np.zeros((0, 4)), kind=[])
    assert 1 <= len(out["kind"]) == len(out["bboxes"])


@pytest.mark.filterwarnings("ignore::domaingan.core.errors.AssumptionWarning")
def test_what_boxes_alone_do_not_tell_is_refused() -> None:
    with pytest.raises(DataError, match="no mask; expected image= and mask=, to know where there is room"):
        A.Compose([dg.albumentations.Paste(BANK, SCHEMA, p=1)], bbox_params=BOXES)(**boxed(0))
    paste = dg.albumentations.Paste(FREE, OBJECTS_ONLY, p=1)
    with pytest.raises(DataError, match="no mask; expected image=, and mask= or bboxes="):
        A.Compose([paste])(image=frame(0)["image"])
    with pytest.raises(DataError, match="bboxes without labels or a mask; expected label_fields"):
        plain = A.BboxParams("pascal_voc")
        A.Compose([paste], bbox_params=plain)(image=frame(0)["image"], bboxes=frame(0)["bboxes"])


def test_tensors_are_refused() -> None:
    image = torch.from_numpy(frame(0)["image"]).permute(2, 0, 1)
    with pytest.raises(
        DataError, match=r"an image that is a torch Tensor; expected a NumPy array: .*before ToTensorV2"
    ):
        dg.albumentations.Paste(BANK, SCHEMA, p=1)(image=image, mask=frame(0)["mask"])
