from __future__ import annotations

import pickle

import pytest
from pydantic import BaseModel, ValidationError

from domaingan.core.errors import DataError
from domaingan.data import DOMAINS, FRAME, SCAN, Record, Schema, StoredDomain, read_domain


class Stored(BaseModel):
    domain: StoredDomain = SCAN


def test_what_is_true_of_scans_and_what_of_frames() -> None:
    assert (SCAN.has_body, SCAN.has_ground, SCAN.is_rgb, SCAN.is_metric) == (True, False, False, True)
    assert (FRAME.has_body, FRAME.has_ground, FRAME.is_rgb, FRAME.is_metric) == (False, True, True, False)
    assert (SCAN.class_condition, FRAME.class_condition) == ("lesion", "object")
    assert (SCAN.blend_method, FRAME.blend_method) == ("feather", "soft")
    assert (SCAN.look_method, FRAME.look_method) == ("histogram", "reinhard")
    assert (SCAN.patch_divisor, FRAME.patch_divisor) == (16, 32)
    assert (SCAN.learning_rate, FRAME.learning_rate) == (0.002, 0.001)
    assert (SCAN.length_unit, FRAME.length_unit) == ("mm", "pixels")


@pytest.mark.parametrize("name", ["scan", "frame"])
def test_a_domain_is_stored_under_its_name(name: str) -> None:
    model = Stored.model_validate({"domain": name})
    assert model.domain is DOMAINS[name] and str(model.domain) == name
    assert model.model_dump(mode="json") == {"domain": name}
    assert pickle.loads(pickle.dumps(model.domain)) == DOMAINS[name]


@pytest.mark.parametrize("stored", ["video", 3, None, ["scan"]])
def test_no_other_domain_is_read(stored: object) -> None:
    with pytest.raises(ValidationError, match="'scan' or 'frame'"):
        Stored.model_validate({"domain": stored})


def test_a_schema_takes_a_domain_by_name_and_gives_it_back_as_text() -> None:
    schema = Schema("nifti", "scan", 3, ("t1",), {"lesion": 1}, ignore=(9,))
    assert schema.domain is SCAN and schema == Schema("nifti", SCAN, 3, ("t1",), {"lesion": 1}, ignore=(9,))
    assert schema.to_dict()["domain"] == "scan"
    assert Schema(**schema.to_dict()) == schema
    with pytest.raises(DataError, match="domain 'video'; expected scan or frame"):
        Schema("nifti", "video", 3, ("t1",), {})
    with pytest.raises(DataError, match="domain 'video'"):
        read_domain("video")


def test_what_a_schema_does_not_say() -> None:
    schema = Schema("masks", FRAME, 2, ("red", "green", "blue"), {"car": 1})
    assert schema.min_area == 0 and schema.ignore == schema.objects == schema.region == () and schema.ranges == {}
    assert schema == Schema("masks", FRAME, 2, ("red", "green", "blue"), {"car": 1}, description={"name": "drives"})
    assert schema.get_class_value("car") == 1
    with pytest.raises(DataError, match="no class 'bus'; expected one of car"):
        schema.get_class_value("bus")
    with pytest.raises(AttributeError):
        schema.min_area = 3  # type: ignore[misc]
    with pytest.raises(AttributeError):
        Record("a").name = "b"  # type: ignore[misc]
