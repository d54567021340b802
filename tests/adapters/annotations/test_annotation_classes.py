"""``classes.json`` beside COCO files: which categories are objects, what they stand on, what is ignored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from written_sets import write_dataset

from domaingan.adapters import load
from domaingan.core.errors import DataError
from domaingan.data import Dataset

NAMES = ("lorry", "lane", "haze", "kerb")


def outline(left: int, top: int, right: int, bottom: int) -> list[list[int]]:
    return [[left, top, right, top, right, bottom, left, bottom]]


def part(category: int, box: tuple[int, int, int, int], masked: bool = True) -> dict[str, Any]:
    left, top, right, bottom = box
    annotation: dict[str, Any] = {
        "category_id": category,
        "image_id": 1,
        "bbox": [left, top, right - left, bottom - top],
    }
    return annotation | ({"segmentation": outline(*box)} if masked else {})


PARTS = [part(0, (4, 4, 9, 14)), part(1, (0, 10, 30, 20)), part(2, (20, 0, 28, 6)), part(0, (15, 12, 17, 14))]


def put(root: Path, said: Any = None, parts: list[dict[str, Any]] = PARTS, first: int = 0) -> Path:
    """A set of one picture of 30 × 20 pixels, categories numbered from ``first``, and what is said beside it."""
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(root / "images" / "a.png")
    categories = [{"id": first + i, "name": name} for i, name in enumerate(NAMES)]
    listed = [one | {"id": i, "category_id": one["category_id"] + first} for i, one in enumerate(parts, start=1)]
    document = {"images": [{"id": 1, "file_name": "a.png"}], "annotations": listed, "categories": categories}
    (root / "annotations" / "instances.json").write_text(json.dumps(document))
    if said is not None:
        (root / "classes.json").write_text(json.dumps(said))
    return root


def values(data: Dataset, *names: str) -> list[int]:
    return [data.schema.classes[name] for name in names]


def test_what_is_a_ground_is_no_object_and_lies_behind_those_that_are(tmp_path: Path) -> None:
    data = load(put(tmp_path / "set", {"ground": ["lane"]}))
    lorry, lane, haze, kerb = values(data, *NAMES)
    assert data.schema.objects == ("lorry", "haze", "kerb")
    assert data.schema.ground == dict.fromkeys(data.schema.objects, ("lane",))
    sample = data[0]
    assert sample.labels is not None and sample.labels.tolist() == [lorry, haze, lorry]
    assert sample.mask is not None and sample.instances is not None
    assert (sample.mask[4:14, 4:9] == lorry).all() and sample.mask[19, 0] == lane and (sample.mask != kerb).all()
    assert set(np.unique(sample.instances)) == {0, 1, 2, 3} and not sample.instances[19].any()


def test_objects_may_be_named_and_small_ones_left_out(tmp_path: Path) -> None:
    data = load(put(tmp_path / "set", {"objects": ["lorry"], "min_area": 10, "frame_rate": 5, "region": [0, 0, 1, 1]}))
    sample = data[0]
    assert data.schema.objects == ("lorry",) and data.schema.min_area == 10
    assert sample.labels is not None and sample.labels.tolist() == values(data, "lorry")
    assert sample.dropped == 1
    assert sample.mask is not None and sample.mask[13, 16] == data.schema.classes["lorry"]  # still there, but no object


@pytest.mark.parametrize("first", [0, 1, 7])
@pytest.mark.parametrize("by_name", [True, False])
def test_names_or_the_files_own_ids(tmp_path: Path, first: int, by_name: bool) -> None:
    ids = dict(zip(NAMES, range(first, first + 4), strict=True))
    said = {"ignore": ["haze"] if by_name else [ids["haze"]]}
    said |= {"regions": {"street": ["lane", "kerb"] if by_name else [ids["lane"], ids["kerb"]]}}
    data = load(put(tmp_path / "set", said | {"classes": ids}, first=first))
    assert data.schema.objects == ("lorry", "lane", "kerb")
    assert data.schema.ignore == tuple(values(data, "haze"))
    assert data.schema.regions == {"street": tuple(values(data, "lane", "kerb"))}
    sample = data[0]
    assert sample.labels is not None and values(data, "haze")[0] not in sample.labels
    assert sample.mask is not None and (sample.mask[0:6, 20:28] == values(data, "haze")[0]).all()


def test_what_is_said_survives_writing(tmp_path: Path) -> None:
    said = {"ground": {"lorry": ["lane", "kerb"]}, "objects": ["lorry"], "ignore": ["haze"], "min_area": 5}
    said |= {"region": [[0, 1], [0.5, 0.25], [1, 1]], "regions": {"street": ["lane", "kerb"]}}
    data = load(put(tmp_path / "set", said, first=3))
    write_dataset(data, data, tmp_path / "out")
    back = load(tmp_path / "out")
    assert back.schema == data.schema and back.problems == ()
    for one, other in zip(data, back, strict=True):
        assert one.mask is not None and other.mask is not None and np.array_equal(one.mask, other.mask)
        assert one.labels is not None and other.labels is not None and np.array_equal(one.labels, other.labels)


def test_nothing_is_written_where_nothing_was_said(tmp_path: Path) -> None:
    data = load(put(tmp_path / "set", first=1))
    assert data.schema.objects == NAMES and data.schema.ground == {}
    write_dataset(data, data, tmp_path / "out")
    assert not (tmp_path / "out" / "classes.json").exists()


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"grounds": ["lane"]}, "unknown key 'grounds'; expected some of classes, .*ground"),
        ({"ground": ["lawn"]}, "ground 'lawn': no class that objects could stand on"),
        ({"ground": ["lane"], "objects": ["lane"]}, "ground 'lane': no class"),
        ({"objects": ["tram"]}, r"objects \['tram'\]: no such class"),
        ({"ignore": ["fog"]}, "no class 'fog' among"),
        ({"regions": {"r": [9]}}, "region 'r' has"),
        ({"classes": {"lorry": 5}}, "classes .*expected none, or the categories: lorry 0, lane 1"),
        ({"region": "road.png"}, r"region: 'road.png'|region: road.png; expected \[left"),
        ({"frame_rate": 0}, "frame_rate"),
        (["lane"], "no JSON object"),
    ],
)
def test_what_is_wrong_is_refused_in_a_line_that_names_the_file(tmp_path: Path, said: Any, found: str) -> None:
    with pytest.raises(DataError, match=found) as caught:
        load(put(tmp_path / "set", said))
    assert caught.value.path == str(tmp_path / "set" / "classes.json") and "\n" not in str(caught.value)


def test_a_record_says_whether_its_mask_is_known(tmp_path: Path) -> None:
    assert "mask" in load(put(tmp_path / "masks")).records[0].files
    boxes = [part(0, (4, 4, 9, 14), masked=False)]
    assert "mask" not in load(put(tmp_path / "boxes", parts=boxes)).records[0].files
