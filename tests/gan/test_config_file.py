"""A config is read again as it was written, and so is one of the format before, whose fields were not in parts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from domaingan.core.errors import DataError
from domaingan.gan import GAN
from domaingan.gan.config_file import CONFIG_FILE, read_config, write_config

OLD_NAMES = {
    "conditioning": "given",
    "crop_records": "templates",
    "crop_count": "crops",
    "reference_sha256": "kept_sha256",
    "supporting_classes": "ground",
}


def write_format_3(folder: Path) -> None:
    """Rewrite a config as the version before wrote it: all fields in one object, under their older names."""
    path = folder / CONFIG_FILE
    stored = json.loads(path.read_text())
    flat = {"format": 3}
    for part in ("network", "training", "data", "provenance"):
        flat |= {OLD_NAMES.get(name, name): value for name, value in stored[part].items()}
    for record in flat["templates"]:  # type: ignore[attr-defined]
        record["extent"], record["depth_mm"] = record.pop("source_size"), record.pop("depth")
    path.write_text(json.dumps(flat))


def test_a_config_is_read_as_it_was_written_also_from_the_format_before(make_bank: Any, tmp_path: Path) -> None:
    bank = make_bank(size=8)
    config = GAN.for_crops(bank, width=4, conditioning=("mask",), licence="mit").make_config(bank, 7, seed=3)
    write_config(tmp_path, config)
    assert read_config(tmp_path) == config
    write_format_3(tmp_path)
    assert read_config(tmp_path) == config
    assert config.training.steps == config.training.schedule == 7 and config.training.seed == 3
    assert config.provenance.crop_count == len(bank) and config.provenance.licence == "mit"


@pytest.mark.parametrize("number", [2, 5])
def test_other_formats_are_refused_with_advice(number: int, make_bank: Any, tmp_path: Path) -> None:
    bank = make_bank(size=8)
    write_config(tmp_path, GAN.for_crops(bank, width=4).make_config(bank, 7))
    stored = json.loads((tmp_path / CONFIG_FILE).read_text())
    (tmp_path / CONFIG_FILE).write_text(json.dumps(stored | {"format": number}))
    advice = "update domaingan" if number > 4 else "train the model again"
    with pytest.raises(DataError, match=f"model format {number}; expected 4: {advice}"):
        read_config(tmp_path)
