"""Shares of the training people: nested, drawn by the seed, and of whole people."""

from __future__ import annotations

from domaingan.data import Dataset, Record, Schema
from domaingan.evaluation.people_shares import PeopleShares, count_share

PEOPLE = [Record(f"{person}-{n}", subject=person) for person in "abcdefgh" for n in range(2)]
DRIVES = [
    Record(f"{drive}-{second}", sequence=drive, time=float(second)) for drive in "xy" for second in range(0, 20, 2)
]


def test_shares_are_nested_and_hold_whole_people() -> None:
    shares = PeopleShares.draw(PEOPLE, seed=0)
    assert sorted(shares.people) == list("abcdefgh") and not shares.are_blocks
    assert shares.take(0.25) < shares.take(0.5) < shares.take(1.0) == set("abcdefgh")
    half = shares.select_owned(PEOPLE, 0.5)
    assert {record.subject for record in half} == shares.take(0.5) and len(half) == 8
    assert shares.select_owned(PEOPLE, 1.0) == PEOPLE


def test_the_seed_draws_the_people_whatever_else_it_draws() -> None:
    orders = {PeopleShares.draw(PEOPLE, seed).people for seed in range(5)}
    assert len(orders) == 5 and PeopleShares.draw(PEOPLE, 3) == PeopleShares.draw(PEOPLE, 3)


def test_of_few_drives_blocks_of_time_are_shared() -> None:
    shares = PeopleShares.draw(DRIVES, seed=0)
    assert shares.are_blocks and len(shares.people) == 8
    chosen = shares.select_owned(DRIVES, 0.5)
    assert {record.statistical_unit for record in chosen} == shares.take(0.5) and 0 < len(chosen) < len(DRIVES)


def test_a_share_of_a_dataset_is_a_dataset() -> None:
    data = Dataset(PEOPLE, read=print, schema=Schema("nifti", "scan", 3, ("t1",), {}))  # type: ignore[arg-type]
    shares = PeopleShares.draw(data.records, seed=0)
    assert set(shares.select(data, 0.5).groups) == shares.take(0.5)
    assert shares.select(data, 1.0) is data


def test_halves_are_rounded_up_and_nobody_is_no_share() -> None:
    assert [count_share(11, share) for share in (0.5, 0.25, 0.01, 1.0)] == [6, 3, 1, 11]


def test_people_are_called_what_they_are() -> None:
    frames = [Record(str(n)) for n in range(4)]
    drives = [Record(f"{drive}{n}", sequence=drive, time=float(n)) for drive in "pqrs" for n in range(2)]
    assert PeopleShares.draw(PEOPLE, 0).unit == "subject" and PeopleShares.draw(DRIVES, 0).unit == "5-second block"
    assert PeopleShares.draw(frames, 0).unit == "sample" and PeopleShares.draw(drives, 0).unit == "drive"
