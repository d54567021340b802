"""The manifest of exported datasets: what was written for which arm, and where its predictions are expected."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from domaingan.core.errors import DataError
from domaingan.core.files import write_json
from domaingan.core.reading import read_json_object
from domaingan.evaluation.evaluation_config import EvaluationConfig

MANIFEST_FILE = "manifest.json"

DETECTIONS_FILE = "detections.json"
"""Name of the file with the detections of one training."""


class ExportedDataset(BaseModel):
    """One dataset that a trainer is trained on once.

    Attributes:
        arm: name of the arm.
        fold: number of the fold or set.
        seed: the seed that drew what was pasted; the trainer should be seeded with it too.
        folder: the dataset's folder, relative to the manifest.
        predictions: where the predictions for the test samples are expected, relative to the manifest.
        samples: number of training samples in it.
        changed_samples: number of those that the arm changed.
    """

    model_config = ConfigDict(extra="forbid")

    arm: str
    fold: int
    seed: int
    folder: str
    predictions: str
    samples: int
    changed_samples: int


class ExportedTest(BaseModel):
    """The test samples of one fold, without their labels.

    Attributes:
        fold: number of the fold or set.
        folder: the folder of the images, relative to the manifest.
        samples: names of the test samples.
    """

    model_config = ConfigDict(extra="forbid")

    fold: int
    folder: str
    samples: list[str]


class ExportManifest(BaseModel):
    """What was exported.

    Attributes:
        format: version of these fields.
        config: settings of the evaluation; its arms, seeds and folds are those of the datasets.
        layout: name of the layout of the datasets.
        copies: how often each training sample is in a dataset.
        datasets: one for each arm, fold and seed.
        tests: one for each fold.
        notes: what a reader must know.
    """

    model_config = ConfigDict(extra="forbid")

    format: Literal[1] = 1
    config: EvaluationConfig
    layout: str
    copies: int
    datasets: list[ExportedDataset]
    tests: list[ExportedTest]
    notes: list[str] = []

    def write(self, folder: Path) -> None:
        """Write the manifest into a folder."""
        write_json(folder / MANIFEST_FILE, self.model_dump(mode="json"))

    @classmethod
    def read(cls, folder: Path) -> ExportManifest:
        """Read the manifest of a folder.

        Raises:
            DataError: there is none, or it is not one that an export wrote.
        """
        path = folder / MANIFEST_FILE
        if not path.is_file():
            raise DataError("no such file", path=path, expected="the folder that evaluate --export wrote")
        stored: dict[str, Any] = read_json_object(path)
        try:
            return cls.model_validate(stored)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(map(str, first["loc"]))
            raise DataError(f"{name}: {first['msg'].lower()}", path=path, expected="what --export wrote") from None

    def find_dataset(self, arm: str, fold: int, seed: int) -> ExportedDataset:
        """Find the dataset of a training.

        Raises:
            DataError: there is none.
        """
        for dataset in self.datasets:
            if (dataset.arm, dataset.fold, dataset.seed) == (arm, fold, seed):
                return dataset
        found = f"no dataset of arm {arm!r}, fold {fold}, seed {seed}"
        raise DataError(found, path=MANIFEST_FILE, expected="one for each arm, fold and seed")
