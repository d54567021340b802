"""A model folder is a repository of a model hub as it is: its card, its files, and what comes back from a cache."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard, snapshot_download

from domaingan.gan import GAN

SMALL: dict[str, Any] = {"width": 4, "latent": 8, "batch": 4}


def fit_and_load(bank: Any, out: Path, **settings: Any) -> GAN:
    gan = GAN.for_crops(bank, **SMALL, **settings)
    gan.fit(bank, 2, out, device="cpu", precision="32")
    return gan


def write_hub_cache(model: Path, cache: Path, repo: str, revision: str) -> None:
    """The folder's files as a hub's client keeps what it has downloaded: links into a store of blobs."""
    root = cache / f"models--{repo.replace('/', '--')}"
    for name in ("blobs", "refs", f"snapshots/{revision}"):
        (root / name).mkdir(parents=True)
    (root / "refs" / "main").write_text(revision)
    for file in model.iterdir():
        if file.is_file():
            blob = root / "blobs" / hashlib.sha256(file.read_bytes()).hexdigest()
            blob.write_bytes(file.read_bytes())
            (root / "snapshots" / revision / file.name).symlink_to(Path("../../blobs") / blob.name)


def test_the_card_is_one_that_hubs_read(make_bank: Any, tmp_path: Path) -> None:
    fit_and_load(make_bank(size=8), tmp_path / "lesions")
    card = ModelCard.load(tmp_path / "lesions" / "README.md")
    assert card.data.to_dict() == {
        "license": "unknown",
        "library_name": "domaingan",
        "pipeline_tag": "unconditional-image-generation",
        "tags": ["gan", "data-augmentation", "synthetic-data", "2d", "scan"],
    }
    assert (tmp_path / "lesions" / "model_card.md").read_text() == (tmp_path / "lesions" / "README.md").read_text()
    for words in (
        "# lesions",
        "gan.sample(100, lesion=",
        "- subjects: 3\n",
        "core, shell",
        "| KID |",
        "## Limitations",
    ):
        assert words in card.text, words


@pytest.mark.parametrize(
    ("licence", "header"),
    [
        ("CC-BY-NC-4.0", {"license": "cc-by-nc-4.0"}),
        ("On request: BraTS 2021!", {"license": "other", "license_name": "on-request-brats-2021"}),
    ],
)
def test_the_licence_is_the_users(licence: str, header: dict[str, str], make_bank: Any, tmp_path: Path) -> None:
    gan = fit_and_load(make_bank(size=8), tmp_path / "m", licence=licence, conditioning=("mask",))
    card = ModelCard.load(tmp_path / "m" / "README.md")
    assert header.items() <= card.data.to_dict().items() and card.data.pipeline_tag == "image-to-image"
    assert card.text.rstrip().endswith(licence) and "--hosts DATA" in card.text
    assert not card.data.license_name or re.fullmatch("[a-z0-9.-]+", card.data.license_name)
    assert gan.config is not None and gan.config.provenance.licence == licence
    again = GAN.load(tmp_path / "m")
    assert licence in (again.save(tmp_path / "copy") / "model_card.md").read_text()


def test_nothing_but_the_model_would_be_pushed(make_bank: Any, tmp_path: Path) -> None:
    model = tmp_path / "m"
    fit_and_load(make_bank(size=8), model)
    assert (model / "checkpoints").is_dir()
    for command in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *command], cwd=model, check=True)
    listed = subprocess.run(["git", "ls-files"], cwd=model, check=True, capture_output=True, text=True).stdout.split()
    assert sorted(listed) == sorted(
        [".gitignore", "README.md", "config.json", "log.csv", "model_card.md", "samples.png", "weights.safetensors"]
    )
    assert json.loads((model / "config.json").read_text())["network"]["arch"] == "dcgan"


def test_a_snapshot_from_the_cache_is_the_model(make_bank: Any, tmp_path: Path) -> None:
    gan = fit_and_load(make_bank(size=8), tmp_path / "m")
    write_hub_cache(tmp_path / "m", tmp_path / "cache", "somebody/lesions", "0123456789abcdef0123456789abcdef01234567")
    folder = snapshot_download("somebody/lesions", local_files_only=True, cache_dir=tmp_path / "cache")
    assert Path(folder).is_relative_to(tmp_path / "cache") and (Path(folder) / "weights.safetensors").is_symlink()
    drawn, again = gan.sample(6, seed=1), GAN.load(folder).sample(6, seed=1)
    assert drawn.images.tobytes() == again.images.tobytes() and drawn.masks.tobytes() == again.masks.tobytes()
    assert drawn.entries.tobytes() == again.entries.tobytes()
