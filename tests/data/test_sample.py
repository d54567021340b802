from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaingan.core.errors import DataError
from domaingan.data import ConditionValue, Dataset, Problem, Record, Sample, Schema

SCHEMA = Schema("nifti", "scan", 2, ("t1",), {"oedema": 1, "enhancing": 3})


def read(record: Record) -> Sample:
    image = np.full((1, 4, 4), len(record.name), dtype=np.float32)
    return Sample(image, condition=dict(record.condition), source=record.source, geometry=record.geometry)


def brighter(sample: Sample) -> Sample:
    sample.image += 1
    return sample


def dataset(*records: Record) -> Dataset:
    return Dataset(records, read, SCHEMA, root="scans", problems=[Problem("scans/x", "empty")])


def names(data: Dataset) -> list[str]:
    return [record.name for record in data.records]


def mean_of(data: Dataset) -> float:
    return float(np.mean([sample.image.mean() for sample in data]))


def test_facts_of_a_sample() -> None:
    sample = Sample(np.zeros((2, 5, 6, 7), dtype=np.float32))
    assert (sample.spatial_dims, sample.shape, sample.spacing, sample.name) == (3, (5, 6, 7), (1, 1, 1), "")
    assert sample in [sample]  # compared as objects: arrays have no one truth value


def test_class_value_of_an_unknown_class() -> None:
    assert SCHEMA.get_class_value("enhancing") == 3
    with pytest.raises(DataError, match=r"no class 'enhancin'; expected one of oedema, enhancing"):
        SCHEMA.get_class_value("enhancin")


def test_reads_only_what_is_asked_for() -> None:
    asked: list[str] = []

    def watched(record: Record) -> Sample:
        asked.append(record.name)
        return read(record)

    data = Dataset([Record(name) for name in "abcd"], watched, SCHEMA)
    assert len(data[1:3]) == 2
    assert not asked
    assert data[1:3][0].name == data[-3].name == "b"
    assert asked == ["b", "b"]
    with pytest.raises(IndexError):
        data[4]


def test_where_filters_by_condition_and_by_field() -> None:
    data = dataset(
        Record("a", subject="1", condition={"lighting": "dusk"}),
        Record("b", subject="2", condition={"lighting": "day"}),
        Record("c", subject="2", split="test", condition={"lighting": "night"}),
    )
    assert names(data.where(lighting=["dusk", "night"])) == ["a", "c"]
    assert names(data.where(lighting={"dusk"}, subject="1")) == ["a"]
    assert names(data.select_split("test")) == ["c"]
    assert data.where(subject=2).problems == data.problems


@pytest.mark.parametrize("asked", [30, 30.0, "30", "30.0", np.float32(30), np.int64(30)])
def test_where_takes_numbers_however_they_are_written(asked: ConditionValue) -> None:
    data = dataset(Record("a", condition={"age": 30.0}), Record("b", condition={"age": 31}), Record("c"))
    assert names(data.where(age=asked)) == ["a"]
    assert names(data.limit("age", asked, 0, np.random.default_rng(0))) == ["b", "c"]


def test_a_text_that_looks_like_a_number_stays_a_text() -> None:
    data = dataset(Record("a", subject="007"), Record("b", subject="7"))
    assert names(data.where(subject="7")) == ["b"]


def test_where_says_what_there_is() -> None:
    data = dataset(Record("a", condition={"light": "day", "rain": "no"}), Record("b", condition={"light": "dusk"}))
    with pytest.raises(DataError, match=r"^scans: no sample with light=night; expected one of day, dusk$"):
        data.where(light="night")
    with pytest.raises(DataError, match=r"expected a column 'weather'"):
        data.where(weather="fog")
    with pytest.raises(DataError, match=r"no sample with light=dusk and rain=no"):
        data.where(light="dusk", rain="no")


def test_limit_is_drawn_by_the_seed_and_keeps_the_others() -> None:
    data = dataset(*[Record(f"{i:02d}", condition={"light": "dusk" if i % 2 else "day"}) for i in range(40)])
    first, again = (names(data.limit("light", "dusk", 5, np.random.default_rng(3))) for _ in range(2))
    other = names(data.limit("light", "dusk", 5, np.random.default_rng(4)))
    assert first == again != other
    assert len(first) == 25
    assert first == sorted(first)
    with pytest.raises(DataError, match=r"20 samples with light=dusk; expected at least 21"):
        data.limit("light", "dusk", 21, np.random.default_rng(3))
    with pytest.raises(DataError):
        data.limit("light", "dusk", -1, np.random.default_rng(3))


texts = st.sampled_from(["", "p", "q", "r", "s"])
many_records = st.lists(st.tuples(texts, texts), min_size=2, max_size=20).map(
    lambda rows: [
        # A sequence belongs to one subject, a subject may have several.
        Record(f"scan{i}", subject=subject, sequence=f"{subject}-{sequence}" if sequence else "")
        for i, (subject, sequence) in enumerate(rows)
    ]
)


def subjects_and_sequences(data: Dataset) -> set[str]:
    return {text for record in data.records for text in (record.subject, record.sequence) if text}


@given(many_records, st.floats(0.01, 0.99), st.integers(0, 99))
def test_holdout_never_shares_a_subject(records: list[Record], fraction: float, seed: int) -> None:
    data = dataset(*records)
    if len(data.groups) < 2:
        with pytest.raises(DataError):
            data.holdout(fraction, np.random.default_rng(seed))
        return
    train, test = data.holdout(fraction, np.random.default_rng(seed))
    assert not subjects_and_sequences(train) & subjects_and_sequences(test)
    assert sorted(names(train) + names(test)) == sorted(names(data))
    assert len(train) > 0
    assert len(test) > 0
    assert abs(len(test.groups) - fraction * len(data.groups)) <= 1
    assert names(data.holdout(fraction, np.random.default_rng(seed))[1]) == names(test)


@given(many_records, st.integers(2, 5), st.integers(0, 99))
def test_kfold_tests_each_group_once(records: list[Record], k: int, seed: int) -> None:
    data = dataset(*records)
    if k > len(data.groups):
        with pytest.raises(DataError):
            data.split_folds(k, np.random.default_rng(seed))
        return
    folds = data.split_folds(k, np.random.default_rng(seed))
    assert len(folds) == k
    assert sorted(group for _, test in folds for group in test.groups) == sorted(data.groups)
    for train, test in folds:
        assert not subjects_and_sequences(train) & subjects_and_sequences(test)
        assert sorted(names(train) + names(test)) == sorted(names(data))


def test_map_and_memory_leave_the_source_alone() -> None:
    data = dataset(Record("a"), Record("bb")).map(brighter)
    kept = data.load_into_memory()
    assert [float(sample.image.max()) for sample in kept] == [2, 3]
    first = kept[0]
    first.meta["note"] = "mine"
    first.condition["x"] = "mine"
    assert not kept[0].meta
    assert not kept[0].condition


@pytest.mark.parametrize("keep", [False, True])
def test_a_spawned_process_reads_the_same(keep: bool) -> None:
    data = dataset(Record("a", condition={"light": "day"}), Record("bb")).map(brighter)
    data = data.load_into_memory() if keep else data
    assert repr(pickle.loads(pickle.dumps(data))) == repr(data)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(mean_of, data).result() == mean_of(data) == 2.5


def test_shows_what_is_in_it_without_reading() -> None:
    data = Dataset([Record("<a>", shape=(4, 5)), Record("b", shape=(6, 7))], print, SCHEMA, root="<scans>")  # type: ignore[arg-type]
    assert "4×5 … 6×7" in repr(data)
    assert "oedema, enhancing" in repr(data)
    assert "&lt;scans&gt;" in data._repr_html_()
    assert "<scans>" not in data._repr_html_()
