"""What hosts hold of their own: by their labels, by a teacher, or unknown; nothing of it is learned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from domaingan.data import Dataset, Record, Sample, Schema
from domaingan.evaluation.arms import Arm
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.fold import FoldContext
from domaingan.evaluation.further_hosts import is_partly_labelled, prepare_hosts
from domaingan.evaluation.host_notes import describe_hosts, list_host_warnings
from domaingan.evaluation.host_teacher import HostGuess
from domaingan.evaluation.people_shares import PeopleShares
from domaingan.evaluation.tasks import SegmentationTask

SCANS = Schema("nifti", "scan", 2, ("t1",), {"lesion": 1})
STREETS = Schema("masks", "frame", 2, ("red", "green", "blue"), {"road": 1, "car": 2}, objects=("car",))
CARS = replace(STREETS, classes={"car": 2})
CONFIG = EvaluationConfig(data="scans", hosts="archive", arms=["copy-paste"], steps=1, dims=2, size=16)


@dataclass
class Guesser:
    """A teacher that suspects an object in the corner of every image."""

    value: int = 1

    def guess(self, sample: Sample) -> HostGuess:
        mask = np.zeros(sample.shape, np.uint8)
        mask[:2, :3] = self.value
        return HostGuess(mask, mask > 0)


def make_data(schema: Schema, *masks: np.ndarray | None) -> Dataset:
    image = np.random.default_rng(0).random((len(schema.channels), 10, 10), dtype=np.float32)
    records = [Record(f"host{i}", subject=f"host{i}") for i in range(len(masks))]
    by_name = {}
    for record, mask in zip(records, masks, strict=True):
        sample = Sample(image, mask, source=record.source)
        by_name[record.name] = replace(sample, foreground=np.ones((10, 10), bool))
    return Dataset(records, lambda record: by_name[record.name], schema, "archive")


def make_mask(value: int) -> np.ndarray:
    mask = np.zeros((10, 10), np.uint8)
    mask[5:9, 5:10] = value
    return mask


def test_without_labels_and_teacher_hosts_are_taken_to_be_free() -> None:
    found = prepare_hosts(make_data(SCANS, None), SCANS, None, is_detection=False)
    host = found.samples[0]
    assert host.mask is not None and not host.mask.any()
    assert host.unlabelled is not None and not host.unlabelled.any() and found.ignored_share == 0


def test_what_the_teacher_suspects_is_ignored() -> None:
    found = prepare_hosts(make_data(SCANS, None), SCANS, Guesser(), is_detection=False)
    host = found.samples[0]
    assert host.unlabelled is not None and host.mask is not None
    assert host.unlabelled[:2, :3].all() and host.unlabelled.sum() == 6 and found.ignored_share == 0.06
    np.testing.assert_array_equal(host.mask > 0, host.unlabelled)  # nothing is pasted over it


def test_labels_of_a_host_are_ignored_and_not_learned() -> None:
    mask = make_mask(1)
    found = prepare_hosts(make_data(SCANS, mask), SCANS, Guesser(), is_detection=False)
    np.testing.assert_array_equal(found.samples[0].unlabelled, mask > 0)


def test_a_mask_that_labels_nothing_is_no_label() -> None:
    found = prepare_hosts(make_data(SCANS, make_mask(0)), SCANS, Guesser(), is_detection=False)
    assert found.ignored_share == 0.06


def test_where_everything_is_labelled_elsewhere_nothing_of_a_host_is_known() -> None:
    found = prepare_hosts(make_data(STREETS, None), STREETS, Guesser(2), is_detection=False)
    host = found.samples[0]
    assert host.unlabelled is not None and host.unlabelled.all()
    assert host.boxes is not None and host.boxes.tolist() == [[0, 0, 3, 2]] and host.instances is not None


def test_detection_leaves_out_hosts_with_an_object() -> None:
    data = make_data(CARS, None, make_mask(2), None)
    free = prepare_hosts(data, CARS, None, is_detection=True)
    assert [sample.name for sample in free.samples] == ["host0", "host2"] and free.left_out.total() == 1
    assert free.samples[0].boxes is not None and len(free.samples[0].boxes) == 0
    assert not prepare_hosts(data, CARS, Guesser(2), is_detection=True).samples


def test_detection_in_scans_leaves_out_hosts_with_a_lesion_that_counts() -> None:
    speck = make_mask(0)
    speck[0, :5] = 1  # too small to count
    data = make_data(SCANS, None, make_mask(1), speck)
    found = prepare_hosts(data, SCANS, None, is_detection=True)
    assert [sample.name for sample in found.samples] == ["host0", "host2"]
    assert found.samples[1].unlabelled is not None and found.samples[1].unlabelled.sum() == 5


def test_a_detection_teacher_without_masks_counts() -> None:
    class Boxes:
        def guess(self, sample: Sample) -> HostGuess:
            return HostGuess(None, np.ones(sample.shape, bool))

    assert prepare_hosts(make_data(CARS, None), CARS, Boxes(), is_detection=True).left_out.total() == 1


def test_slices_that_hardly_show_the_body_are_no_hosts() -> None:
    data = make_data(SCANS, None)
    thin = data.map(lambda sample: replace(sample, foreground=np.arange(100).reshape(10, 10) < 1))
    assert not prepare_hosts(thin, SCANS, None, is_detection=False).samples


def test_masks_label_more_than_objects_where_a_class_is_none() -> None:
    assert is_partly_labelled(STREETS) and not is_partly_labelled(CARS) and not is_partly_labelled(SCANS)
    assert not is_partly_labelled(replace(STREETS, ignore=(1,)))


@pytest.mark.parametrize(
    ("changes", "schema", "text"),
    [
        ({}, SCANS, "taken to hold no objects, which was not checked"),
        ({"hosts_teacher": True}, SCANS, "a teacher suspects: 2.50% of their pixels"),
        ({"hosts_teacher": True}, STREETS, "no loss is computed but on what is pasted"),
        ({"task": "detection", "hosts_teacher": True}, CARS, "that the teacher of the fold suspects were left out"),
        ({"task": "detection"}, CARS, "their own labels show were left out"),
    ],
)
def test_notes_say_what_was_done_about_their_objects(changes: dict[str, object], schema: Schema, text: str) -> None:
    counts = [{"images": 7, "samples": 40, "left_out": {"of tested subjects": 2}, "ignored_share": 0.025}]
    notes = describe_hosts(counts, CONFIG.model_copy(update=changes), schema)
    assert "7 images of archive" in notes[0] and "Left out: 2 of tested subjects." in notes[0]
    assert text in notes[1]
    in_sets = describe_hosts(counts * 3, CONFIG.model_copy(update={"sets": 3}), schema)
    assert "as further hosts in the first of 3 training sets;" in in_sets[0]
    assert describe_hosts([], CONFIG, schema) == []


def test_useless_hosts_are_warned_of() -> None:
    counts = {"images": 1, "samples": 1, "left_out": {}, "ignored_share": 0.2}
    assert "no further host is left" in list_host_warnings(counts | {"samples": 0}, SCANS)[0]
    (warning,) = list_host_warnings(counts, SCANS)
    assert "objects are suspected in 20% of the further hosts' pixels: the teacher was trained too little" in warning
    assert f"Warning: {warning}." in describe_hosts([counts, counts], CONFIG, SCANS)
    assert list_host_warnings(counts | {"ignored_share": 0.19}, SCANS) == []
    assert list_host_warnings(counts | {"ignored_share": 1.0}, STREETS) == []
    assert list_host_warnings(None, SCANS) == []


def make_fold() -> FoldContext:
    labelled = make_data(SCANS, *(make_mask(1) for _ in range(4)))
    named = [
        replace(sample, source=replace(sample.source, name=f"p{i}", subject=f"p{i}"))
        for i, sample in enumerate(labelled)
    ]
    hosts = prepare_hosts(make_data(SCANS, None, None), SCANS, None, is_detection=False)
    shares = PeopleShares(("p3", "p1", "p0", "p2"))
    return FoldContext(
        SegmentationTask(), named, labelled, labelled, labelled, {}, Path(), shares=shares, further_hosts=hosts
    )


@pytest.mark.parametrize(
    ("arm", "n_labelled", "unlabelled"),
    [
        ("classic", 4, 0),
        ("copy-paste", 4, 2),
        ("copy-paste@people=0.5", 2, 1),
        ("copy-paste@hosts=0.5", 4, 1),
        ("copy-paste@hosts=1@people=0.5", 2, 4),
    ],
)
def test_arms_that_paste_get_their_share_of_hosts(arm: str, n_labelled: int, unlabelled: int) -> None:
    samples = make_fold().select_samples(Arm.parse(arm))
    assert sum(sample.unlabelled is None for sample in samples) == n_labelled
    assert sum(sample.unlabelled is not None for sample in samples) == unlabelled


def test_objects_of_people_who_are_hosts_alone_are_ignored() -> None:
    samples = make_fold().select_samples(Arm.parse("copy-paste@hosts=1@people=0.5"))
    host = next(sample for sample in samples if sample.name == "p0")
    np.testing.assert_array_equal(host.unlabelled, make_mask(1) > 0)


def test_a_share_of_hosts_that_is_pasted_into_names_further_hosts() -> None:
    fold = make_fold()
    names = fold.name_paste_hosts(Arm.parse("copy-paste@hosts=0.5"))
    assert names is not None and {"p3", "p1"} < names and len(names & {"host0", "host1"}) == 1
    assert fold.name_paste_hosts(Arm.parse("copy-paste")) is None
