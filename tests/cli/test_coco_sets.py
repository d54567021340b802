"""A COCO set without any ground, from crops to what is pasted: at the shell and in other libraries' pipelines."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from inprocess import answer, refused, run
from written_sets import write_dataset

import domaingan as dg
from domaingan import phantoms
from domaingan.data import Dataset, Sample

STREET: Dataset = phantoms.load_phantom("driving", sequences=3, frames=3).load_into_memory()
VALUES = {name: number for number, name in enumerate(STREET.schema.objects, start=1)}


def objects_alone(sample: Sample) -> Sample:
    values = np.zeros(256, dtype=np.uint8)
    for name, value in VALUES.items():
        values[STREET.schema.classes[name]] = value
    return replace(sample, mask=values[sample.mask], labels=values[sample.labels].astype(np.int64))


@pytest.fixture(scope="module")
def coco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    schema = replace(STREET.schema, layout="coco", classes=VALUES, ignore=(), regions={}, min_area=0)
    data = STREET.map(objects_alone, schema)
    root = tmp_path_factory.mktemp("sets") / "coco"
    write_dataset(data, data, root)
    return root


@pytest.fixture(scope="module")
def bank(coco: Path) -> Path:
    path = coco.parent / "bank"
    answer("crops", coco, "--out", path, "--size", "32")
    return path


def test_crops_and_blend_say_in_a_line_that_places_are_learned_from_boxes(
    coco: Path, bank: Path, tmp_path: Path
) -> None:
    code, out, err = run("blend", coco, "--bank", bank, "--out", tmp_path / "out", "--workers", "1", "--json")
    assert code == 0
    assert err.count("no ground is labelled") == 1 and "learned from where boxes stand" in err
    result = json.loads(out.splitlines()[-1])
    assert sum(result["pasted"].values()) > 8 and "no ground is labelled" in result["notes"][0]
    before, after = dg.load(coco), dg.load(tmp_path / "out")
    assert after.schema == before.schema and len(after) == len(before)
    changed = [not np.array_equal(old.boxes, new.boxes) for old, new in zip(before, after, strict=True)]  # type: ignore[arg-type]
    assert np.mean(changed) > 0.6


def test_a_region_at_the_shell_or_beside_the_data(coco: Path, bank: Path, tmp_path: Path) -> None:
    code, _, err = run(
        "blend", coco, "--bank", bank, "--out", tmp_path / "a", "--workers", "1", "--region", "0,0.5,0.5,1"
    )
    assert code == 0 and "no ground" not in err
    (coco / "classes.json").write_text(json.dumps({"region": [0, 0.5, 0.5, 1]}))
    code, _, err = run("blend", coco, "--bank", bank, "--out", tmp_path / "b", "--workers", "1")
    (coco / "classes.json").unlink()
    assert code == 0 and "no ground" not in err
    for one, other in zip(dg.load(tmp_path / "a"), dg.load(tmp_path / "b"), strict=True):
        assert np.array_equal(one.image, other.image)
    assert "--region 1,2" in refused("blend", coco, "--bank", bank, "--out", tmp_path / "c", "--region", "1,2")
    wrong = refused("blend", coco, "--bank", bank, "--out", tmp_path / "c", "--region", "0.5,0,0.2,1")
    assert "region [0.5, 0.0, 0.2, 1.0]; expected [left, top, right, bottom]" in wrong
    assert not (tmp_path / "c").exists()


@pytest.mark.filterwarnings("ignore:no ground is labelled")
def test_albumentations_pastes_into_it(coco: Path, bank: Path) -> None:
    import albumentations as A

    data = dg.load(coco)
    paste = dg.albumentations.Paste(bank, classes=data.schema, labels={"category": dict(VALUES)}, p=1)
    boxes = A.BboxParams("pascal_voc", label_fields=["category"])
    pipeline, changed = A.Compose([paste], bbox_params=boxes, seed=0), 0
    for sample in data:
        image = np.ascontiguousarray(np.moveaxis(sample.image, 0, -1))
        result = pipeline(image=image, mask=sample.mask, bboxes=sample.boxes, category=sample.labels)
        changed += int((result["mask"] != sample.mask).any())
        assert len(result["category"]) == len(result["bboxes"])
    assert changed > 4


@pytest.mark.filterwarnings("ignore:no ground is labelled")
def test_monai_pastes_into_it(coco: Path, bank: Path) -> None:
    data = dg.load(coco)
    paste = dg.monai.RandPasted(["image", "label"], bank, classes=data.schema, prob=1.0).set_random_state(0)
    changed = 0
    for sample in data:
        assert sample.mask is not None
        result = paste({"image": sample.image, "label": sample.mask[None]})
        changed += int((result["label"] != sample.mask[None]).any())
    assert changed > 4
