from __future__ import annotations

import json

from domaingan.data import PastedCrop, PasteResult, RelightResult, read_pasted_crops

PLACED = PastedCrop(3, {"object": "car"}, "soft", 2**62, (4, -1), 0.5, ground_contact=(9.0, 2.0))


def test_a_placed_crop_is_stored_under_these_keys_in_this_order() -> None:
    stored = PLACED.to_dict()
    assert list(stored.items()) == [
        ("index", 3),
        ("object", "car"),
        ("method", "soft"),
        ("seed", 2**62),
        ("place", [4, -1]),
        ("scale", 0.5),
        ("foot", [9.0, 2.0]),
    ]
    assert PastedCrop.from_dict(json.loads(json.dumps(stored))) == PLACED and PLACED.is_placed


def test_a_crop_without_a_place_says_so() -> None:
    crop = PastedCrop(0, {"lesion": "oedema"}, "feather", 5)
    assert not crop.is_placed
    assert crop.to_dict() == {"index": 0, "lesion": "oedema", "method": "feather", "seed": 5, "place": None}
    assert PastedCrop.from_dict(crop.to_dict()) == crop


def test_what_written_datasets_add() -> None:
    crop = PastedCrop(1, {}, "alpha", 5, (0, 0), 1.0, contrast=1.2, slice_index=0, host="h", donor="")
    assert crop.to_dict() == {
        "index": 1, "method": "alpha", "seed": 5, "place": [0, 0], "scale": 1.0, "contrast": 1.2, "slice": 0,
        "host": "h", "donor": "",
    }  # fmt: skip
    assert read_pasted_crops([crop, crop.to_dict()]) == [crop, crop]


def test_a_host_left_alone_is_stored_as_nothing() -> None:
    assert RelightResult().to_dict() is None and not RelightResult().is_relit
    assert PasteResult().crops == () and PasteResult().touched == ()
    result = RelightResult(0, {"lighting": "dusk"}, "fda", 0.75, host="h", donor="d")
    assert result.is_relit and result.to_dict() == {
        "index": 0, "lighting": "dusk", "method": "fda", "strength": 0.75, "host": "h", "donor": "d",
    }  # fmt: skip
