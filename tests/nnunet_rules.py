"""What nnU-Net v2 checks before it trains (its documented format and ``verify_dataset_integrity``), written anew."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np


def find_cases(root: Path) -> dict[str, dict[str, Any]]:
    """The training cases as nnU-Net finds them: those that ``dataset`` lists, else the files of ``imagesTr``."""
    described = json.loads((root / "dataset.json").read_text())
    if "dataset" in described:
        return {
            name: {"images": [root / one for one in entry["images"]], "label": root / entry["label"]}
            for name, entry in described["dataset"].items()
        }
    ending = described["file_ending"]
    names = sorted({path.name[: -len(ending) - 5] for path in (root / "imagesTr").glob(f"*{ending}")})
    return {
        name: {
            "images": [
                path
                for path in sorted((root / "imagesTr").iterdir())
                if re.fullmatch(rf"{re.escape(name)}_\d\d\d\d{re.escape(ending)}", path.name)
            ],
            "label": root / "labelsTr" / f"{name}{ending}",
        }
        for name in names
    }


def heads(described: dict[str, Any]) -> list[Any]:
    """What nnU-Net makes an output for: regions in their order where there is any, else the classes."""
    labels = {name: value for name, value in described["labels"].items() if name != "ignore"}
    if not any(isinstance(value, list) and len(value) > 1 for value in labels.values()):
        return sorted(labels.values())
    foreground = [value for name, value in labels.items() if name != "background"]
    assert len(described["regions_class_order"]) == len(foreground)
    return [tuple(value) if isinstance(value, list) else (value,) for value in foreground]


def check_integrity(root: Path) -> dict[str, dict[str, Any]]:
    """Assert what nnU-Net asserts of a raw data set, and return its training cases."""
    described = json.loads((root / "dataset.json").read_text())
    assert {"labels", "channel_names", "numTraining", "file_ending"} <= set(described)
    cases = find_cases(root)
    assert len(cases) == described["numTraining"]
    values = {0}
    for value in described["labels"].values():
        values.update(value if isinstance(value, list) else [value])
    assert sorted(values) == list(range(len(values)))
    heads(described)
    for name, case in cases.items():
        assert len(case["images"]) == len(described["channel_names"]), name
        label = nib.load(case["label"])
        assert set(np.unique(np.asarray(label.dataobj)).tolist()) <= values
        for path in case["images"]:
            image = nib.load(path)
            assert image.shape == label.shape and np.isfinite(image.get_fdata()).all()
            assert np.allclose(image.header.get_zooms(), label.header.get_zooms())
            assert np.allclose(image.affine, label.affine)
    return cases


def check_splits(root: Path) -> list[dict[str, list[str]]]:
    """Assert that ``splits_final.json`` is as nnU-Net reads it, of cases that are there, and return it."""
    splits: list[dict[str, list[str]]] = json.loads((root / "splits_final.json").read_text())
    cases = set(find_cases(root))
    assert isinstance(splits, list) and splits
    for split in splits:
        assert set(split) == {"train", "val"}
        assert split["train"] and split["val"]
        assert set(split["train"]) | set(split["val"]) <= cases
        assert not set(split["train"]) & set(split["val"])
        assert len(set(split["train"])) == len(split["train"]) and len(set(split["val"])) == len(split["val"])
    return splits
