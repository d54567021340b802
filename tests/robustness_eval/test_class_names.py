"""Class names: spellings that are the same, names that the user maps, names that do not meet."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torchvision.models.detection import SSDLite320_MobileNet_V3_Large_Weights as Weights

from domaingan.core.errors import DataError
from domaingan.robustness_eval.class_mapping import ClassMapping
from domaingan.robustness_eval.class_names import COCO, COCO91, normalise_name, number_names, read_names

DATA = {"car": 8, "pedestrian": 9, "traffic_light": 3}


def test_cocos_names_are_torchvisions() -> None:
    categories = Weights.DEFAULT.meta["categories"]
    assert {name: n for n, name in enumerate(categories) if name not in ("__background__", "N/A")} == COCO91
    assert tuple(COCO91) == COCO and read_names("coco91") == COCO91 and read_names("coco")["car"] == 2


@given(st.text(alphabet="abC _-", max_size=8))
def test_spelling_does_not_count(name: str) -> None:
    assert (
        normalise_name(name)
        == normalise_name(name.upper())
        == normalise_name(name.replace(" ", "_"))
        == normalise_name(normalise_name(name))
    )


def test_names_meet_or_are_mapped() -> None:
    matching = ClassMapping(DATA, {"Person": "Pedestrian", "rider": "pedestrian"})
    known = number_names(["person", "Car", "traffic light", "rider", "dog"])
    assert matching.list_pairs(known) == [
        ("person", "pedestrian"), ("Car", "car"), ("traffic light", "traffic_light"), ("rider", "pedestrian"),
    ]  # fmt: skip
    assert matching.map_values(known) == {0: 9, 1: 8, 2: 3, 3: 9}
    assert matching.select_scored(["car"], has_fixed_classes=True) == {"car": 8}
    assert matching.select_scored(["car"], has_fixed_classes=False) == DATA
    matching.check_names(known, has_fixed_classes=True)


def test_a_map_goes_before_a_name() -> None:
    assert ClassMapping(DATA, {"car": "pedestrian"}).list_pairs(["car"]) == [("car", "pedestrian")]


def test_what_does_not_meet_is_refused() -> None:
    found = (
        "no class of the model (dog, cat) is one of the data (car, pedestrian, traffic_light); expected matching names"
    )
    with pytest.raises(DataError, match=re.escape(found)):
        ClassMapping(DATA).check_names(["dog", "cat"], has_fixed_classes=True)
    with pytest.raises(DataError, match=re.escape("--map dog=cow: the data has no class 'cow'; expected one of car")):
        ClassMapping(DATA, {"dog": "cow"})
    with pytest.raises(DataError, match=re.escape("--map dog=car: the model has no class 'dog'; expected one of cat")):
        ClassMapping(DATA, {"dog": "car"}).check_names(["cat"], has_fixed_classes=True)
    ClassMapping(DATA, {"dog": "car"}).check_names([], has_fixed_classes=False)
