"""Pipelines that were saved or pickled before a class moved can still be read: they hold its public name."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import albumentations as A
import pytest

import domaingan as dg
from domaingan.banks import Bank

SCHEMA = dg.load("phantom:driving").schema
CLASSES = {"classes": dict(SCHEMA.classes), "ignore": [], "objects": ["car", "pedestrian", "cyclist"]}


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return dg.crops("phantom:driving", size=16).save(tmp_path_factory.mktemp("crops") / "bank")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return dg.scenes("phantom:driving", size=16).save(tmp_path_factory.mktemp("scenes") / "bank")


def make_saved_pipeline(crops: Bank, scenes: Bank) -> dict[str, Any]:
    """What ``A.to_dict`` of release 0.1 wrote, field by field."""
    paste = {
        "__class_fullname__": "domaingan.albumentations.Paste",
        "p": 0.5,
        "bank": str(crops.path),
        "classes": CLASSES,
        "method": "poisson",
        "per_image": [1, 3],
        "only": ["pedestrian"],
        "variation": None,
        "placement": "uniform",
        "atlas": None,
        "overlap": False,
        "labels": {"category": {"car": 3}},
        "spacing": None,
        "meta_key": "meta",
        "dims": None,
    }
    relight = {
        "__class_fullname__": "domaingan.albumentations.Relight",
        "p": 0.5,
        "bank": str(scenes.path),
        "method": None,
        "strength": [0.7, 1.0],
        "only": {"lighting": ["dusk"]},
        "classes": None,
        "meta_key": "meta",
    }
    compose = {
        "__class_fullname__": "Compose",
        "p": 1.0,
        "transforms": [paste, relight],
        "bbox_params": None,
        "keypoint_params": None,
        "additional_targets": {},
        "is_check_shapes": True,
    }
    return {"__version__": A.__version__, "transform": compose}


def test_a_pipeline_saved_as_a_dictionary_by_release_0_1_is_read_and_saved_alike(crops: Bank, scenes: Bank) -> None:
    expected = [
        dg.albumentations.Paste,
        dg.albumentations.Relight,
    ]  # imported before, so that albumentations knows them
    saved = make_saved_pipeline(crops, scenes)
    pipeline = A.from_dict(saved)
    assert [type(transform) for transform in pipeline.transforms] == expected
    assert A.to_dict(pipeline) == saved


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("albumentations", "Paste"),
        ("albumentations", "Relight"),
        ("monai", "RandPasted"),
        ("monai", "RandPasteD"),
        ("monai", "RandPasteDict"),
        ("monai", "RandRelightd"),
        ("monai", "RandRelightD"),
        ("monai", "RandRelightDict"),
    ],
)
def test_pickles_name_the_public_class(module: str, name: str) -> None:
    public = getattr(getattr(dg, module), name)
    by_name = pickle.loads(f"cdomaingan.{module}\n{name}\n.".encode())  # "c": look up a name in a module
    assert by_name is public
    stored = pickle.dumps(public)
    assert f"domaingan.{module}".encode() in stored and b"integrations" not in stored


def test_a_pickled_monai_transform_comes_back(crops: Bank) -> None:
    paste = dg.monai.RandPasted(["image", "label"], crops.path, classes=SCHEMA, only=["car"])
    back = pickle.loads(pickle.dumps(paste))
    assert type(back) is type(paste) and back.keys == paste.keys
    assert back.paste.only == paste.paste.only == ["car"]


@pytest.mark.parametrize("kind", ["bank", "text", "path"])
def test_every_paste_and_relight_takes_a_bank_or_its_folder(crops: Bank, scenes: Bank, kind: str) -> None:
    def give(bank: Bank) -> Bank | str | Path:
        assert bank.path is not None
        return {"bank": bank, "text": str(bank.path), "path": Path(bank.path)}[kind]

    pastes = [
        dg.Paste(give(crops), schema=SCHEMA),
        dg.albumentations.Paste(give(crops), classes=SCHEMA),
        dg.monai.RandPasted(["image", "label"], give(crops), classes=SCHEMA),
    ]
    relights = [
        dg.Relight(give(scenes)),
        dg.albumentations.Relight(give(scenes)),
        dg.monai.RandRelightd(["image"], give(scenes)),
    ]
    assert {len(paste.bank) for paste in pastes} == {len(crops)}
    assert {len(relight.bank) for relight in relights} == {len(scenes)}


@pytest.mark.parametrize("only", [["car"], ("car",), "car"])
def test_every_paste_takes_only_as_a_list_or_one_name(crops: Bank, only: Any) -> None:
    pastes = [
        dg.Paste(crops, only=only, schema=SCHEMA),
        dg.albumentations.Paste(crops, classes=SCHEMA, only=only).paste,
        dg.monai.RandPasted(["image", "label"], crops, classes=SCHEMA, only=only).paste,
    ]
    assert [list(paste.only) for paste in pastes] == [["car"]] * 3


@pytest.mark.parametrize("only", [{"lighting": "dusk"}, {"lighting": ["dusk"]}])
def test_every_relight_takes_only_as_a_dictionary(scenes: Bank, only: Any) -> None:
    relights = [
        dg.Relight(scenes, only=only),
        dg.albumentations.Relight(scenes, only=only).relight,
        dg.monai.RandRelightd(["image"], scenes, only=only).relight,
    ]
    assert [dict(relight.only) for relight in relights] == [{"lighting": ["dusk"]}] * 3
