"""Which images serve as further hosts: nobody who is tested, no copy of what is labelled, and only what fits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domaingan import phantoms
from domaingan.banks.crops import crops
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Record, Sample
from domaingan.evaluation import host_selection
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.host_selection import add_hosts, check_bound_bank, check_hosts
from domaingan.evaluation.split import Fold
from domaingan.imaging.near_duplicates import collect_datasets
from domaingan.views.slices import slice_volumes

SIZE: dict[str, Any] = {"shape": (24, 24, 16)}
PEOPLE = phantoms.load_phantom("medical", subjects=4, **SIZE)
STRANGERS = phantoms.load_phantom("medical", subjects=3, seed=9, **SIZE)
STREETS = phantoms.load_phantom("driving", sequences=2, frames=1)
SETTINGS: dict[str, Any] = {"data": "people", "arms": ["classic", "copy-paste"], "steps": 1, "dims": 3, "size": 16}
CONFIG = EvaluationConfig(**SETTINGS)


class Renamed:
    """Reads samples that are called otherwise."""

    def __init__(self, data: Dataset, names: list[str]) -> None:
        self.read, self.originals = data.read, dict(zip(names, data.records, strict=True))

    def __call__(self, record: Record) -> Sample:
        return replace(self.read(self.originals[record.name]), source=record.source)


def rename(data: Dataset, *names: str) -> Dataset:
    records = []
    for name, record in zip(names, data.records, strict=True):
        records.append(replace(record, name=name, subject=name, files={}))
    return Dataset(records, Renamed(data, list(names)), data.schema, "archive")


def select(hosts: Dataset, people: Dataset = PEOPLE) -> Fold:
    fold = Fold(people[:2], people[2:])
    return add_hosts([fold], hosts, hosts, collect_datasets([people]), lambda data: data, 0)[0]


def test_strangers_are_hosts() -> None:
    fold = select(rename(STRANGERS, "x", "y", "z"))
    assert fold.hosts is not None and [record.name for record in fold.hosts.records] == ["x", "y", "z"]
    assert fold.hosts_left_out == {}


@pytest.mark.parametrize(
    ("name", "reason"),
    [("Phantom-2", host_selection.TEST_SUBJECT), ("phantom_000", host_selection.TRAIN_COPY)],
)
def test_who_is_tested_in_any_spelling_and_who_is_labelled_is_left_out(name: str, reason: str) -> None:
    fold = select(rename(STRANGERS, name, "y", "z"))
    assert fold.hosts is not None and len(fold.hosts) == 2 and fold.hosts_left_out == {reason: 1}


@pytest.mark.parametrize(("position", "reason"), [(0, host_selection.TRAIN_COPY), (3, host_selection.TEST_COPY)])
def test_copies_under_another_name_are_left_out(position: int, reason: str) -> None:
    copies = rename(PEOPLE[position : position + 1], "someone")
    with pytest.raises(DataError, match=f"archive: no host is left: 1 {reason}; expected images of other people"):
        select(copies)


def test_slices_are_counted_by_their_volumes() -> None:
    hosts = rename(STRANGERS, "phantom_003", "y", "z")
    fold = Fold(slice_volumes(PEOPLE[:2]), slice_volumes(PEOPLE[2:]))
    found = add_hosts([fold], slice_volumes(hosts), hosts, collect_datasets([PEOPLE]), lambda data: data, 0)[0]
    assert found.hosts is not None and {record.parent for record in found.hosts.records} == {"y", "z"}
    assert found.hosts_left_out == {host_selection.TEST_SUBJECT: 1}


def test_another_spacing_is_left_out_beyond_a_factor_of_two() -> None:
    hosts = rename(STRANGERS, "x", "y", "z")
    spacing = hosts.records[0].spacing
    records = []
    for record, factor in zip(hosts.records, (1.9, 2.1, 0.4), strict=True):
        records.append(replace(record, spacing=(spacing[0] * factor, *spacing[1:])))
    fold = select(Dataset(records, hosts.read, hosts.schema, hosts.root))
    assert fold.hosts is not None and [record.name for record in fold.hosts.records] == ["x"]
    assert fold.hosts_left_out == {host_selection.OTHER_SPACING: 2}


def test_no_more_are_taken_than_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    n_bytes = 24 * 24 * 16 * (2 * 4 + 4)
    monkeypatch.setattr(host_selection, "MAX_HOST_BYTES", 2 * n_bytes)
    fold = select(rename(STRANGERS, "x", "y", "z"))
    assert fold.hosts is not None and len(fold.hosts) == 2
    assert fold.hosts_left_out == {host_selection.TOO_MANY: 1}


def test_frames_near_a_tested_block_are_left_out() -> None:
    drive = phantoms.load_phantom("driving", sequences=1, frames=40)
    times = [record.time for record in drive.records]
    assert times[0] is not None
    timed = [replace(record, time=float(i)) for i, record in enumerate(drive.records)]
    data = Dataset(timed, drive.read, drive.schema, "drive")
    fold = Fold(data[:5], data[20:25])
    hosts = rename(data[5:20], *(f"h{i}" for i in range(15)))
    hosts = Dataset(
        [replace(record, subject="", sequence=timed[0].sequence) for record in hosts.records], hosts.read, hosts.schema
    )
    found = add_hosts([fold], hosts, hosts, collect_datasets([data[:5], data[20:25]]), lambda one: one, 0)[0]
    assert found.hosts_left_out[host_selection.TEST_SUBJECT] == 5


def mute(data: Dataset, **changes: Any) -> Dataset:
    return Dataset(data.records, data.read, replace(data.schema, **changes), "archive")


@pytest.mark.parametrize(
    ("hosts", "changes", "message"),
    [
        (None, {"hosts_teacher": True}, "a teacher of hosts; expected hosts"),
        (STRANGERS, {"task": "classification"}, "hosts for classification; expected segmentation or detection"),
        (STRANGERS, {"arms": ["classic"]}, "hosts that none of classic pastes into"),
        (STREETS, {}, "hosts that are frames; expected scans"),
        (slice_volumes(STRANGERS), {}, "hosts of 2 dimensions; expected 3"),
        (mute(STRANGERS, channels=("flair",)), {}, "archive: hosts with the channels flair; expected flair, t1c"),
        (mute(STRANGERS, classes={"stroke": 1}), {}, "hosts with the class 1 stroke; expected some of"),
        (mute(STRANGERS, classes={"label_7": 7}), {}, "hosts with the class 7 label_7"),
        (STRANGERS, {"hosts_teacher": True, "network": "unet"}, "network"),
    ],
)
def test_what_does_not_fit_is_refused(hosts: Dataset | None, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_hosts(hosts, PEOPLE, EvaluationConfig(**SETTINGS | changes))


def test_hosts_of_another_layout_are_not_exported() -> None:
    others = mute(STRANGERS, layout="nnunet")
    check_hosts(others, PEOPLE, CONFIG)
    with pytest.raises(DataError, match="hosts in the layout nnunet for an export"):
        check_hosts(others, PEOPLE, CONFIG, is_exported=True)


def test_classes_that_nothing_names_fit() -> None:
    check_hosts(mute(STRANGERS, classes={"label_1": 1}), PEOPLE, CONFIG)
    check_hosts(mute(STRANGERS, classes={}), PEOPLE, CONFIG)


def test_frames_of_which_nobody_knows_the_ground_need_a_teacher() -> None:
    with pytest.raises(DataError, match=r"hosts of which nobody knows where building is.*--hosts-teacher"):
        check_hosts(STREETS, STREETS, CONFIG)


def test_a_bank_for_other_images_serves_no_hosts() -> None:
    bank = crops(PEOPLE, size=16)
    config = EvaluationConfig(**SETTINGS | {"arms": ["copy-paste", "refine"]})
    check_bound_bank(STRANGERS, bank, config)
    bank.info.hosts = [PEOPLE.records[0].name]
    hosts = rename(STRANGERS, "x", "y", "z")
    with pytest.raises(DataError, match="bound to other images than the hosts of arm refine"):
        check_bound_bank(hosts, bank, config)
    check_bound_bank(hosts, bank, CONFIG)
    check_bound_bank(None, bank, config)
    bank.info.hosts = ["x"]
    check_bound_bank(hosts, bank, config)
