"""PASCAL VOC, read and written."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from object_file_sets import VOC_XML, write_text, write_voc
from torchvision.datasets import VOCDetection
from written_sets import write_dataset

from domaingan.adapters import load
from domaingan.core.errors import AssumptionWarning


def test_boxes_count_from_one_and_difficult_objects_are_ignored(tmp_path: Path) -> None:
    data = load(write_voc(tmp_path))
    assert data.schema.layout == "voc" and data.schema.classes == {"car": 1, "person": 2}
    assert [(record.name, record.split) for record in data.records] == [
        ("2007_000032", "train"),
        ("2007_000039", "val"),
    ]
    sample = data[0]
    assert sample.boxes is not None and sample.boxes.tolist() == [[10, 5, 30, 25]]
    assert [(crowd.label, crowd.box.tolist()) for crowd in sample.crowds] == [(2, [40, 8, 50, 30])]
    assert sample.mask is None and data.problems == ()


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("</annotation>", "", "cannot be read as XML"),
        (
            "<annotation>",
            '<!DOCTYPE a [<!ENTITY b "c">]><annotation>',
            "a document type in it",
        ),
        ("<width>60", "<width>61", "size 40×61; expected 40×60, as its picture"),
    ],
)
def test_a_file_that_cannot_be_used_leaves_its_frame_out(tmp_path: Path, before: str, after: str, reason: str) -> None:
    root = write_voc(tmp_path)
    path = write_text(root / "Annotations/2007_000032.xml", VOC_XML.format(name="a").replace(before, after))
    data = load(root)
    assert [record.name for record in data.records] == ["2007_000039"]
    assert data.problems[0].path == str(path) and reason in data.problems[0].reason


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("<xmin>11</xmin>", "", "object 1: name 'car' and box"),
        ("<xmin>11", "<xmin>x", "object 1: name 'car' and box"),
        ("<xmin>11", "<xmin>31", "an empty box"),
        ("<name>car</name>", "<name> </name>", "object 1: name ''"),
    ],
)
def test_an_object_that_cannot_be_used_is_a_problem(tmp_path: Path, before: str, after: str, reason: str) -> None:
    root = write_voc(tmp_path)
    write_text(root / "Annotations/2007_000032.xml", VOC_XML.format(name="a").replace(before, after))
    data = load(root)
    assert len(data) == 2 and reason in data.problems[0].reason


def test_a_size_of_zero_is_not_known(tmp_path: Path) -> None:
    root = write_voc(tmp_path)
    text = VOC_XML.format(name="a").replace("<width>60", "<width>0").replace("<height>40", "<height>0")
    write_text(root / "Annotations/2007_000032.xml", text)
    assert load(root).problems == ()


def test_masks_that_are_not_read_are_said(tmp_path: Path) -> None:
    root = write_voc(tmp_path)
    (root / "SegmentationClass").mkdir()
    with pytest.warns(AssumptionWarning, match="SegmentationClass is not read"):
        load(root)


def test_an_unchanged_set_is_written_byte_for_byte_and_torchvision_reads_it(tmp_path: Path) -> None:
    root = write_voc(tmp_path / "voc")
    data = load(root)
    out = tmp_path / "VOCdevkit/VOC2012"
    out.parent.mkdir()
    write_dataset(data, data, out)
    for path in sorted(root.rglob("*.*")):
        assert (out / path.relative_to(root)).read_bytes() == path.read_bytes()
    assert load(out).schema == data.schema
    _, target = VOCDetection(str(tmp_path), image_set="val")[0]
    assert [one["name"] for one in target["annotation"]["object"]] == ["car", "person"]


def test_a_pasted_object_is_a_new_element_and_the_rest_stays(tmp_path: Path) -> None:
    data = load(write_voc(tmp_path / "voc"))
    sample = data[0]
    sample.boxes = np.array([[10, 5, 30, 25], [5.4, 5, 20, 30]], np.float32)
    sample.labels = np.array([1, 2])
    sample.origins = np.array([0, -1])
    write_dataset([sample], data, tmp_path / "out")
    document = ElementTree.parse(tmp_path / "out/Annotations/2007_000032.xml").getroot()
    assert document.findtext("source/database") == "The VOC2007 Database"
    names = [(one.findtext("name"), one.findtext("pose")) for one in document.findall("object")]
    assert names == [("car", "Left"), ("person", "Frontal"), ("person", "Unspecified")]
    new = document.findall("object")[2]
    assert [new.findtext(f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")] == ["6", "6", "20", "30"]
