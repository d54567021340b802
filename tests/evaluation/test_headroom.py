"""What is short: on scores in which it is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from domaingan.evaluation.headroom import (
    ALL_CROPS,
    ALL_HOSTS,
    HALF,
    STRONG_BASELINE,
    TrainingPeople,
    answer_question,
    measure_headroom,
)
from domaingan.evaluation.result_schema import Headroom
from domaingan.evaluation.score_tables import ScoreTables
from domaingan.report.headroom_phrases import describe_headroom, list_headroom_sentences

COUNTS = TrainingPeople(10)


def make_tables(crops: float, hosts: float, places: float, n_trainings: int = 6, spread: float = 0.005) -> ScoreTables:
    """Make scores in which doublings bring these gains."""
    rng = np.random.default_rng(0)
    means = {HALF.name: 0.3, ALL_CROPS.name: 0.3 + crops, ALL_HOSTS.name: 0.3 + crops + hosts}
    means[STRONG_BASELINE] = 0.3 + crops + hosts + places
    tables = {}
    for arm, mean in means.items():
        tables[arm] = {"dice:a": mean + rng.normal(0, spread, (n_trainings, 12))}
    people = [f"s{i}" for i in range(12)]
    return ScoreTables([(0, seed) for seed in range(n_trainings)], people, ["dice:a"], tables)


def measure(*gains: float, **settings: Any) -> dict[str, Any]:
    found = measure_headroom(make_tables(*gains, **settings), "dice:a", COUNTS)
    assert found is not None
    Headroom.model_validate(found)
    return found


def test_what_is_short_is_found() -> None:
    found = measure(0.0, 0.0, 0.08)
    answers = {row["quantity"]: row["answer"] for row in found["doublings"]}
    assert answers == {"crops": "does not help", "hosts": "does not help", "places": "helps", "people": "helps"}
    assert found["short"] == ["places"]
    by_quantity = {row["quantity"]: row for row in found["doublings"]}
    assert by_quantity["places"]["difference"]["mean"] == pytest.approx(0.08, abs=0.005)
    assert (by_quantity["crops"]["half"], by_quantity["crops"]["all"]) == (5, 10)


def test_all_of_it_is_the_sum_of_its_parts() -> None:
    rows = {row["quantity"]: row["difference"]["mean"] for row in measure(0.02, 0.05, 0.03)["doublings"]}
    assert rows["people"] == pytest.approx(rows["crops"] + rows["hosts"] + rows["places"], abs=3e-6)
    assert measure(0.05, 0.09, 0.02)["short"] == ["hosts", "crops", "places"]


def test_few_trainings_or_wide_intervals_show_nothing() -> None:
    assert {row["answer"] for row in measure(0.0, 0.0, 0.2, n_trainings=4)["doublings"]} == {"cannot be shown"}
    wide = measure(0.0, 0.0, 0.02, spread=0.15)
    assert wide["short"] == [] and wide["doublings"][0]["answer"] == "cannot be shown"


def test_a_doubling_counts_what_is_there() -> None:
    counts = TrainingPeople(11, further_hosts=20)
    assert counts.count("crops") == (6, 11) and counts.count("hosts") == (16, 31)
    found = measure_headroom(make_tables(0.05, 0.0, 0.0), "dice:a", counts)
    assert found is not None
    crops = found["doublings"][0]
    factor = crops["per_doubling"]["mean"] / crops["difference"]["mean"]
    assert factor == pytest.approx(1 / np.log2(11 / 6), rel=1e-3)


def test_without_its_arms_nothing_is_measured_and_without_hosts_the_rest_is() -> None:
    tables = make_tables(0.0, 0.0, 0.08)
    del tables.tables[ALL_HOSTS.name]
    found = measure_headroom(tables, "dice:a", COUNTS)
    assert found is not None and [row["quantity"] for row in found["doublings"]] == ["crops", "places", "people"]
    assert found["doublings"][1]["against"] == ALL_CROPS.name
    del tables.tables[HALF.name]
    assert measure_headroom(tables, "dice:a", COUNTS) is None


def test_lower_is_better_for_distances() -> None:
    found = {"mean": -5.0, "ci": [-7.0, -3.0], "p": 0.001, "n": 20, "n_trainings": 6}
    assert answer_question(found, is_lower_better=True) == "helps"
    assert answer_question(found) == "does not help"


def test_the_answer_is_a_sentence() -> None:
    def describe(**answers: str) -> str:
        rows = [{"quantity": quantity, "answer": answer.replace("_", " ")} for quantity, answer in answers.items()]
        return describe_headroom({"domain": "scan", "headroom": {"doublings": rows}})

    no, unknown = "does not help", "cannot be shown"
    assert describe(crops=no, hosts=no, places="helps") == (
        "More lesions pasted anywhere and more images to paste into will not help here; "
        "lesions that fit their surroundings would"
    )
    assert describe(crops="helps", places=unknown, people="helps") == (
        "More lesions pasted anywhere would help; whether lesions that fit their surroundings would cannot be shown"
    )
    assert describe(crops=unknown, places=unknown) == "What is short cannot be shown"


def test_too_few_trainings_are_named_and_every_doubling_has_its_numbers() -> None:
    found = measure(0.0, 0.0, 0.2, n_trainings=2)
    sentences = list_headroom_sentences({"domain": "frame", "unit": "5-second block", "headroom": found})
    assert sentences[0] == "What is short cannot be shown with 2 trainings of each arm (5 are needed)."
    assert sentences[1].startswith("Objects of 10 subjects instead of 5, pasted into the same images: ")
    assert len(sentences) == 5 and all("a doubling (95 % interval " in sentence for sentence in sentences[1:])
    assert sentences[1].endswith(" over 5-second blocks and trainings).")
    assert list_headroom_sentences({"domain": "frame"}) == []
