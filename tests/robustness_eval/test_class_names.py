"""Class names: spellings that are the same, names that the user maps, names that do not meet."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torchvision.models.detection import SSDLite320_MobileNet_V3_Large_Weights as Weights

from domaingan.core.errors import DataError
from domaingan.robustness_eval.class_names import COCO, COCO91, Matching, numbered, read_names, same

DATA = {"car": 8, "pedestrian": 9, "traffic_light": 3}


def test_cocos_names_are_torchvisions() -> None:
    categories = Weights.DEFAULT.meta["categories"]
    assert {name: n for n, name in enumerate(categories) if name not in ("__background__", "N/A")} == COCO91
    assert tuple(COCO91) == COCO and read_names("coco91") == COCO91 and read_names("coco")["car"] == 2


@given(st.text(alphabet="abC _-", max_size=8))
def test_spelling_does_not_count(name: str) -> None:
    assert same(name) == same(name.upper()) == same(name.replace(" ", "_")) == same(same(name))


def test_names_meet_or_are_mapped() -> None:
    matching = Matching(DATA, {"Person": "Pedestrian", "rider": "pedestrian"})
    known = numbered(["person", "Car", "traffic light", "rider", "dog"])
    assert matching.table(known) == [
        ("person", "pedestrian"), ("Car", "car"), ("traffic light", "traffic_light"), ("rider", "pedestrian"),
    ]  # fmt: skip
    assert matching.values(known) == {0: 9, 1: 8, 2: 3, 3: 9}
    assert matching.scored(["car"], complete=True) == {"car": 8}
    assert matching.scored(["car"], complete=False) == DATA
    matching.check(known, complete=True)


def test_a_map_goes_before_a_name() -> None:
    assert Matching(DATA, {"car": "pedestrian"}).table(["car"]) == [("car", "pedestrian")]


def test_what_does_not_meet_is_refused() -> None:
    found = (
        "no class of the model (dog, cat) is one of the data (car, pedestrian, traffic_light); expected names that meet"
    )
    with pytest.raises(DataError, match=re.escape(found)):
        Matching(DATA).check(["dog", "cat"], complete=True)
    with pytest.raises(DataError, match=re.escape("--map dog=cow: the data has no class 'cow'; expected one of car")):
        Matching(DATA, {"dog": "cow"})
    with pytest.raises(DataError, match=re.escape("--map dog=car: the model has no class 'dog'; expected one of cat")):
        Matching(DATA, {"dog": "car"}).check(["cat"], complete=True)
    Matching(DATA, {"dog": "car"}).check([], complete=False)
