"""Two at once on one folder: every command that can go on refuses the second before it touches anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domaingan import phantoms
from domaingan.augmentation import AugmentedDataset
from domaingan.augmentation.offline.write_augmented import write_augmented_dataset
from domaingan.banks import Bank, BankInfo, create_entries
from domaingan.core.errors import DataError
from domaingan.core.locks import lock_folder
from domaingan.data import Dataset
from domaingan.evaluation import evaluate
from domaingan.gan import GAN
from domaingan.metrics.detections import Detections
from domaingan.robustness_eval import robustness


class Blind:
    """A detector that finds nothing."""

    task, name, has_fixed_classes = "detection", "blind", True

    def __init__(self, data: Dataset) -> None:
        self.classes = {name: data.schema.classes[name] for name in data.schema.objects}

    def predict(self, image: Any) -> Detections:
        return Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))

    def describe(self) -> list[str]:
        return ["finds nothing"]


def make_bank() -> Bank:
    info = BankInfo(spatial_dims=2, channels=["t1"], classes={"cyst": 1}, conditions={"lesion": ["cyst"]})
    masks = np.zeros((8, 8, 8), np.uint8)
    masks[:, 2:5, 2:5] = 1
    images = np.random.default_rng(0).random((8, 1, 8, 8)).astype(np.float16)
    entries = create_entries(info, 8)
    entries["condition:lesion"] = 0
    return Bank(info, images, masks, entries)


def train(out: Path, resume: bool) -> None:
    bank = make_bank()
    gan = GAN.for_crops(bank, width=4, latent=4, batch=2)
    gan.fit(bank, 1, out, resume=resume, device="cpu", precision="32", eval_every=0)


def run_evaluation(out: Path, resume: bool) -> None:
    people = phantoms.load_phantom("medical", subjects=4, shape=(32, 32, 16))
    evaluate(people, arms=["classic", "none"], seeds=1, steps=1, width=4, size=16, out=out, dims=2, resume=resume)


def run_robustness(out: Path, resume: bool) -> None:
    frames = phantoms.load_phantom("driving", sequences=1, frames=2, shape=(48, 80))
    robustness(frames, Blind(frames), out, corruptions=["gaussian_noise"], severities=[1], resume=resume)  # type: ignore[arg-type]


def blend(out: Path, resume: bool) -> None:
    frames = phantoms.load_phantom("driving", sequences=1, frames=2, shape=(48, 80))
    write_augmented_dataset(
        AugmentedDataset(frames, None, "light", seed=0), frames.schema, out, {}, workers=1, resume=resume
    )


def listing(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize(
    ("run", "held"), [(train, "run"), (run_evaluation, "run"), (run_robustness, "run"), (blend, ".run.unfinished")]
)
def test_second_writer_is_refused_and_the_folder_is_free_afterwards(
    tmp_path: Path, run: Any, held: str, resume: bool
) -> None:
    with lock_folder(tmp_path / held):
        before = listing(tmp_path)
        with pytest.raises(DataError, match="another process is writing here"):
            run(tmp_path / "run", resume)
        assert listing(tmp_path) == before
    assert list(tmp_path.iterdir()) == []
    if run in (train, blend) and resume:  # the others take seconds, and are begun in tests of their own
        run(tmp_path / "run", resume)
        assert not list(tmp_path.rglob("*.lock"))
        assert [path.name for path in tmp_path.iterdir()] == ["run"]
