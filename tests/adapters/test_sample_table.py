from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaingan.adapters.class_definitions import read_classes, write_classes
from domaingan.adapters.frames.frame_samples import make_frame_schema
from domaingan.adapters.sample_table import read_sample_table, write_sample_table
from domaingan.core.errors import DataError
from domaingan.data import SCAN, Record, Schema


def put(root: Path, text: str | bytes) -> Path:
    (root / "samples.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def test_columns_and_numbers(tmp_path: Path) -> None:
    text = "sample,split,subject,site,grade,code,dose\na,train,007,north,2,007,0.5\nb,test,12,,,12,-1e3\n"
    table = read_sample_table(put(tmp_path, text), ["a", "b", "c"])
    assert table.conditions == ("site", "grade", "code", "dose")
    a, b, c = (table.merge_into(Record(name, subject=name, split="train")) for name in "abc")
    assert (a.subject, a.split, b.subject, b.split) == ("007", "train", "12", "test")
    assert a.condition == {"site": "north", "grade": 2, "code": "007", "dose": 0.5}
    assert b.condition == {"code": "12", "dose": -1000.0}
    assert str(a.condition["grade"]) == "2"  # as one would ask for it
    assert c == Record("c", subject="c", split="train", condition={})


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfsample;site\r\na;north\r\n;\r\n",  # from a spreadsheet: mark, semicolons, an empty line
        "sample\tsite\na\tnorth\n\n",
        ' sample , site \n a , "north" \n'.replace('"', ""),
        'sample,site\n"a","north"',
    ],
)
def test_spellings_of_csv(tmp_path: Path, text: str | bytes) -> None:
    assert read_sample_table(put(tmp_path, text), ["a"]).rows == {"a": {"site": "north"}}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", r"columns \(none\).*'sample'"),
        ("name,split\na,train\n", "columns name, split.*'sample'"),
        ("sample,site,site\na,1,2\n", "a name of its own"),
        ("sample,site\na,1\na,2\n", "line 3: sample 'a' is there twice"),
        ("sample,site\nz,1\ny,1\n", r"sample 'z' is not there \(nor 1 more\).*one of a, b"),
        ("sample,site\na\n", "line 2: 1 cells.*2"),
        ("sample,site\na,1,2\n", "line 2: 3 cells"),
        ("sample,site\n,1\n", "line 2: no sample named"),
        ('sample,site\na,"1\n', "cannot be read as CSV"),
        (b"sample,site\na,\xff\xfe\n", "UTF-8"),
    ],
)
def test_wrong_tables(tmp_path: Path, text: str | bytes, found: str) -> None:
    with pytest.raises(DataError, match=found) as caught:
        read_sample_table(put(tmp_path, text), ["a", "b"])
    assert caught.value.path == str(tmp_path / "samples.csv")


VALUES = st.integers(-9, 99) | st.floats(-1e6, 1e6) | st.sampled_from(["north", "so, uth", 'a "b"', "007", "é"])


@given(st.dictionaries(st.sampled_from("abcd"), st.lists(VALUES, min_size=2, max_size=2), min_size=1))
def test_written_tables_read_back(tmp_path_factory: pytest.TempPathFactory, made: dict[str, list[Any]]) -> None:
    root = tmp_path_factory.mktemp("table")
    # A column is one of numbers or one of texts: as in any CSV, a text among them makes texts of all.
    texts = [any(isinstance(values[i], str) for values in made.values()) for i in range(2)]
    records = [
        Record(
            name, f"s-{name}", split="train", condition={f"c{i}": str(v) if texts[i] else v for i, v in enumerate(vs)}
        )
        for name, vs in sorted(made.items())
    ]
    write_sample_table(root, records, ("c0", "c1"))
    table = read_sample_table(root, made)
    assert [table.merge_into(Record(record.name)) for record in records] == records


def test_classes(tmp_path: Path) -> None:
    assert read_classes(tmp_path) is None
    schema = Schema("nifti", "scan", 3, ("T2", "flair"), {"a": 1, "b": 7}, (9,), ("b",), {"all": (1, 7)})
    write_classes(tmp_path, schema)
    found = read_classes(tmp_path)
    assert found is not None
    assert (found.classes, found.ignore, found.objects, found.regions) == (
        {"a": 1, "b": 7},
        [9],
        ["b"],
        {"all": [1, 7]},
    )
    assert found.channels == ["T2", "flair"]


def test_what_a_person_names_for_objects_to_stand_on(tmp_path: Path) -> None:
    stored = {"classes": {"road": 0, "lawn": 1, "car": 2, "dog": 3}, "objects": ["car", "dog"]}
    (tmp_path / "classes.json").write_text(json.dumps(stored | {"ground": ["road"], "region": [0, 0.5, 1, 1]}))
    found = read_classes(tmp_path)
    assert found is not None and found.supporting_classes == {"car": ("road",), "dog": ("road",)}
    assert found.region == ((0, 0.5), (1, 0.5), (1, 1), (0, 1))
    schema = make_frame_schema("masks", found, ())
    assert (schema.ground, schema.region) == (found.supporting_classes, found.region)
    write_classes(tmp_path, schema)
    back = read_classes(tmp_path)
    assert back is not None and make_frame_schema("masks", back, ()) == schema
    (tmp_path / "classes.json").write_text(json.dumps(stored | {"ground": {"dog": ["road", "lawn"]}}))
    found = read_classes(tmp_path)
    assert found is not None and found.supporting_classes == {"dog": ("road", "lawn")} and found.region == ()


@pytest.mark.parametrize("key", ["ground", "region", "frame_rate"])
def test_what_is_of_frames_alone_is_refused_for_scans(tmp_path: Path, key: str) -> None:
    values = {"ground": ["b"], "region": [0, 0, 1, 1], "frame_rate": 10}
    stored = {"classes": {"a": 1, "b": 2}, "objects": ["a"], key: values[key]}
    (tmp_path / "classes.json").write_text(json.dumps(stored))
    assert read_classes(tmp_path) is not None
    with pytest.raises(DataError, match=f"'{key}' for scans"):
        read_classes(tmp_path, SCAN)


def test_a_listed_background_is_no_class(tmp_path: Path) -> None:
    (tmp_path / "classes.json").write_text('{"classes": {"background": 0, "lesion": 1}}')
    found = read_classes(tmp_path)
    assert found is not None and found.foreground_classes == {"lesion": 1}


@pytest.mark.parametrize(
    ("stored", "found"),
    [
        ([1], "no JSON object"),
        ({}, "classes: Field required"),
        ({"classes": {"a": "1"}}, r"classes\.a: .*integer"),
        ({"classes": {"a": True}}, r"classes\.a: .*integer"),
        ({"classes": {"a": 1.0}}, r"classes\.a: .*integer"),
        ({"classes": {"a": -1}}, r"classes\.a"),
        ({"classes": {"a": 1}, "min_area": -1}, "min_area"),
        ({"classes": {"a": 1}, "frame_rate": 0}, "frame_rate"),
        ({"classes": {"a": 1, "b": 1}}, "value 1 has more than one name"),
        ({"classes": {"a": 1}, "regions": {"r": [1, 2]}}, r"region 'r' has \[2\]"),
        ({"classes": {"a": 1}, "regions": {"r": []}}, "region 'r' has no value"),
        ({"classes": {"a": 1}, "objects": ["b"]}, r"objects \['b'\]: no such class"),
        ({"classes": {"a": 1}, "object": ["a"]}, "unknown key 'object'; expected some of classes, ignore, objects"),
        ({"classes": {"a": 1}, "region": {"r": [1]}}, r"region: {'r': \[1\]}; expected \[left, top, right, bottom\]"),
        ({"classes": {"a": 1}, "region": [0, 0, 2, 1]}, r"region: \[0, 0, 2, 1\]; expected \[left"),
        ({"classes": {"a": 1, "b": 2}, "objects": ["a"], "ground": ["c"]}, r"ground 'c': no class .* \['b'\]"),
        ({"classes": {"a": 1, "b": 2}, "objects": ["a"], "ground": ["a"]}, r"ground 'a': no class .* \['b'\]"),
        ({"classes": {"a": 1, "b": 2}, "objects": ["a"], "ground": ["b"], "ignore": [2]}, r"ground 'b': no class"),
        ({"classes": {"a": 1, "b": 2}, "objects": ["a"], "ground": {"b": ["b"]}}, r"ground of \['b'\]: no such class"),
    ],
)
def test_wrong_classes(tmp_path: Path, stored: Any, found: str) -> None:
    (tmp_path / "classes.json").write_text(json.dumps(stored))
    with pytest.raises(DataError, match=found) as caught:
        read_classes(tmp_path)
    assert caught.value.path == str(tmp_path / "classes.json")


def test_classes_that_are_no_json(tmp_path: Path) -> None:
    (tmp_path / "classes.json").write_text("{'classes'")
    with pytest.raises(DataError, match=r"classes\.json: cannot be read as JSON"):
        read_classes(tmp_path)
