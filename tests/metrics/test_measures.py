"""The table of measures: names, units, and which way is better."""

from __future__ import annotations

import pytest

from domaingan.core.errors import DataError
from domaingan.metrics.measures import (
    FROC_MEASURES,
    MEASURES,
    OPTIONAL_GROUPS,
    find_absent_classes,
    get_measure,
    parse_groups,
)


def test_every_measure_stands_under_its_name_and_has_words() -> None:
    for name, measure in MEASURES.items():
        assert measure.name == name and measure.words and ":" not in name
        assert not (measure.is_share and measure.unit), name
    assert {name for name, _ in FROC_MEASURES.values()} <= set(MEASURES)


def test_faults_and_distances_are_lower_is_better_and_the_rest_is_not() -> None:
    lower = {name for name, measure in MEASURES.items() if measure.is_lower_better}
    volumes = {f"{kind}_{unit}" for kind in ("fn", "fp", "false") for unit in ("mm3", "mm2", "voxels", "pixels")}
    others = {"false", "fp_lesions", "false_lesions", "hd95", "hd95_voxels", "hd95_pixels", "ece", "brier"}
    assert lower == volumes | others


def test_a_unit_in_a_name_is_the_unit_of_the_measure() -> None:
    for name, unit in {"tp_mm3": "mm³", "fp_mm2": "mm²", "hd95": "mm", "hd95_pixels": "pixels", "dice": ""}.items():
        assert MEASURES[name].unit == unit


def test_an_unknown_measure_is_a_share_under_its_own_name() -> None:
    measure = get_measure("clever_new_score:lesion")
    assert measure.words == "clever_new_score" and measure.is_share and not measure.is_lower_better


def test_groups_are_parsed_in_their_order_and_others_are_refused() -> None:
    assert parse_groups("all") == OPTIONAL_GROUPS and parse_groups("overlap") == ()
    assert parse_groups("overlap, lesions,volumes") == ("volumes", "lesions")
    with pytest.raises(DataError, match="hausdorff"):
        parse_groups("hausdorff,lesions")


def test_a_class_that_anybody_has_in_any_training_is_not_absent() -> None:
    nan = float("nan")
    first = {"a": {"dice:x": nan, "hd95:x": nan, "false_mm3:x": 3.0, "dice:y": nan, "miou": 0.5}}
    assert find_absent_classes([first]) == ["x", "y"]
    assert find_absent_classes([first, {"b": {"dice:y": 0.0}}]) == ["x"]
    assert find_absent_classes([]) == []
