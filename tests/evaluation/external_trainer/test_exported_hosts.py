"""Unlabelled hosts in exported datasets: pasted into, with a value that is ignored where nobody labelled anything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import domaingan as dg
from domaingan import phantoms
from domaingan.adapters import load
from domaingan.adapters.base import make_record
from domaingan.adapters.nifti.nifti_folders import NiftiFolders
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Sample
from domaingan.evaluation.arms import parse_arms
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.external_trainer.export_checks import refuse_hidden_labels
from domaingan.evaluation.external_trainer.export_manifest import ExportManifest
from domaingan.evaluation.external_trainer.exported_hosts import (
    add_ignored_value,
    check_exported_hosts,
    mark_unlabelled,
)

SIZE: dict[str, Any] = {"shape": (32, 32, 16)}
PEOPLE = phantoms.load_phantom("medical", subjects=4, **SIZE)
ARMS = ["none", "copy-paste", "copy-paste@hosts=0.5"]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three unlabelled scans on disk."""
    out = tmp_path_factory.mktemp("archive")
    records = []
    strangers = phantoms.load_phantom("medical", subjects=3, seed=9, **SIZE)
    for number, sample in enumerate(strangers):
        source = replace(sample.source, name=f"x{number}", subject=f"x{number}")
        unlabelled = replace(sample, mask=None, source=source)
        NiftiFolders().write_sample(out, unlabelled, strangers.schema)
        records.append(make_record(unlabelled))
    NiftiFolders().finish_dataset(out, strangers.schema, records)
    return out


@pytest.mark.parametrize("has_teacher", [False, True])
def test_hosts_are_in_the_datasets_of_arms_that_paste(archive: Path, tmp_path: Path, has_teacher: bool) -> None:
    settings: dict[str, Any] = {"seeds": 1, "size": 16, "copies": 2, "steps": 2, "width": 4}
    people, hosts = load_people(tmp_path / "people"), load(archive)
    out, export = tmp_path / "work", tmp_path / "export"
    dg.evaluate(people, arms=ARMS, out=out, export=export, hosts=hosts, hosts_teacher=has_teacher, **settings)
    manifest = ExportManifest.read(export)
    written = {dataset.arm: load(export / dataset.folder) for dataset in manifest.datasets}
    counts = [sum(record.name.startswith("x") for record in written[arm].records) for arm in ARMS]
    assert counts == [0, 3, 2] and not any(dataset.problems for dataset in written.values())
    assert [len(dataset) for dataset in written.values()] == [6, 6, 5]
    assert any("3 images of" in note for note in manifest.notes)
    ignored_value = 3
    assert all(dataset.schema.ignore == ((ignored_value,) if has_teacher else ()) for dataset in written.values())
    for sample in written["copy-paste"]:
        is_host = sample.name.startswith("x")
        assert sample.mask is not None
        assert (ignored_value in sample.mask) == (is_host and has_teacher)


def test_labels_of_people_beyond_the_share_are_ignored(tmp_path: Path) -> None:
    arms = ["copy-paste@hosts=1@people=0.5", "copy-paste@people=0.5"]
    settings: dict[str, Any] = {"seeds": 1, "size": 16, "copies": 1, "out": tmp_path / "work"}
    dg.evaluate(load_people(tmp_path / "people"), arms=arms, export=tmp_path / "export", **settings)
    manifest = ExportManifest.read(tmp_path / "export")
    more, half = [load(tmp_path / "export" / dataset.folder) for dataset in manifest.datasets]
    labelled = {record.subject for record in half.records}
    assert len({record.subject for record in more.records} - labelled) == 1 and len(labelled) == 2
    for sample in more:
        assert sample.mask is not None
        assert (3 in sample.mask) == (sample.source.subject not in labelled)
    coco = replace(PEOPLE.schema, layout="coco")
    with pytest.raises(DataError, match="some of whose hosts are not labelled, in the layout coco"):
        refuse_hidden_labels(parse_arms(arms), coco)


def load_people(out: Path) -> Dataset:
    records = []
    for sample in PEOPLE:
        NiftiFolders().write_sample(out, sample, PEOPLE.schema)
        records.append(make_record(sample))
    NiftiFolders().finish_dataset(out, PEOPLE.schema, records)
    return load(out)


def make_host(value: int = 0) -> Sample:
    mask = np.zeros((8, 8), np.uint8)
    mask[:2] = value
    return Sample(np.zeros((3, 8, 8), np.float32), mask)


def test_what_nobody_labelled_is_ignored_and_no_object() -> None:
    schema = replace(phantoms.load_phantom("driving", sequences=2, frames=1).schema, ignore=(10,))
    host = replace(make_host(7), unlabelled=np.ones((8, 8), bool), boxes=np.zeros((1, 4), np.float32))
    assert host.mask is not None
    pasted = host.mask.copy()
    pasted[4:6, 2:5] = 9
    marked = mark_unlabelled(host, replace(host, mask=pasted), schema)
    assert marked.mask is not None and marked.boxes is not None and marked.unlabelled is None
    assert sorted(np.unique(marked.mask)) == [9, 10] and (marked.mask == 9).sum() == 6
    assert marked.boxes.tolist() == [[2, 4, 5, 6]]


def test_labelled_samples_stay_as_they_are() -> None:
    sample = make_host(1)
    assert mark_unlabelled(sample, sample, PEOPLE.schema) is sample
    free = replace(make_host(), unlabelled=np.zeros((8, 8), bool))
    assert mark_unlabelled(free, free, PEOPLE.schema).unlabelled is None


def test_a_value_is_added_where_one_is_needed_alone() -> None:
    nowhere, somewhere = np.zeros((8, 8), bool), np.ones((8, 8), bool)
    hosts = [replace(make_host(), unlabelled=nowhere), replace(make_host(), unlabelled=somewhere)]
    assert add_ignored_value(PEOPLE.schema, hosts[:1]) is PEOPLE.schema
    assert add_ignored_value(PEOPLE.schema, hosts).ignore == (3,)
    with pytest.raises(DataError, match="which has no ignored pixels; expected hosts without"):
        add_ignored_value(replace(PEOPLE.schema, layout="coco"), hosts)
    has_value = replace(PEOPLE.schema, ignore=(9,))
    assert add_ignored_value(has_value, hosts) is has_value


def test_what_a_layout_cannot_hold_is_refused() -> None:
    config = EvaluationConfig(data="x", arms=["copy-paste"], steps=1, dims=3, size=16, hosts_teacher=True)
    coco = Dataset([], PEOPLE.read, replace(PEOPLE.schema, layout="coco"), "archive")
    with pytest.raises(DataError, match="hosts in the layout coco for an export; expected nifti"):
        check_exported_hosts(coco, PEOPLE, config)
    with pytest.raises(DataError, match="which has no ignored pixels"):
        check_exported_hosts(coco, coco, config)
    check_exported_hosts(coco, coco, config.model_copy(update={"task": "detection"}))
