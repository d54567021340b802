"""Our own baselines, as an evaluation leaves them in its run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from domaingan.baselines.weights import read_metadata
from domaingan.core.errors import DataError
from domaingan.core.reading import read_json_object, refuse_malformed
from domaingan.data import Sample
from domaingan.imaging.resample import resize
from domaingan.robustness_eval.model_under_test import Answer, ModelTask, Picture

REFERENCE_ARM = "classic"


def load_baseline(source: str) -> BaselineModel:
    """A baseline of an evaluation.

    Args:
        source: a run folder (its primary arm, else ``classic``, else the first; first fold, first seed), or one of the
            ``fold-N/ARM-seedK.safetensors`` in it.

    Raises:
        DataError: there is none, or it cannot be read.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        path = _choose_weights_file(path)
    task = read_metadata(path)["task"]
    if task == "segmentation":
        from domaingan.baselines.segmentation import Segmenter

        return BaselineModel(path, "segmentation", Segmenter.load(path))
    if task == "detection":
        from domaingan.baselines.detection import Detector

        return BaselineModel(path, "detection", Detector.load(path))
    raise DataError(f"a model for {task}", path=path, expected="segmentation or detection")


class BaselineModel:
    """A segmenter or detector that an evaluation trained; pictures are brought to the size it was trained at.

    Args:
        path: its file.
        task: ``segmentation`` or ``detection``.
        trained: what an evaluation trained: ``predict(sample)`` and ``schema``.
    """

    has_fixed_classes = True

    def __init__(self, path: Path, task: ModelTask, network: Any) -> None:
        self.path, self.task, self.network = path, task, network
        self.name = "/".join([*path.parts[-3:-1], path.stem])
        if not network.schema.domain.is_rgb:
            raise DataError(f"a model of {network.schema.domain}s", path=path, expected="one of frames")
        objects = network.schema.objects if task == "detection" else ()
        self.classes = {n: v for n, v in network.schema.classes.items() if not objects or n in objects}
        config = path.parent.parent / "config.json"
        settings = read_json_object(config) if config.is_file() else {}
        # A detector brings pictures to its size itself; a segmenter is to be shown what it was trained on.
        with refuse_malformed(config, "the config of an evaluation"):
            self.size = tuple(map(int, settings.get("resize") or ())) or None if task == "segmentation" else None
        self.data = str(settings.get("data", ""))
        self.trained_on = _read_training_groups(path)

    def predict(self, image: Picture) -> Answer:
        """What it sees, in the picture's own pixels."""
        planes = np.ascontiguousarray(image.transpose(2, 0, 1)).astype(np.float32) / np.float32(255)
        if self.task == "detection":
            found: Answer = self.network.predict(Sample(planes))
            return found
        seen = planes if self.size is None else resize(planes, self.size).astype(np.float32)
        mask: Answer = self.network.predict(Sample(seen), image.shape[:2])
        return mask

    def describe(self) -> list[str]:
        """Arm, task, the size it works at and the data it was trained on."""
        at = "" if self.size is None else f", at {self.size[0]}×{self.size[1]}"
        said = [f"{self.name}, a baseline for {self.task} that an evaluation trained{at}."]
        if self.data:
            said.append(f"It was trained on part of {self.data}: only frames that were not among them are a fair test.")
        return said


def _read_training_groups(path: Path) -> frozenset[str]:
    """The subjects or drives of the training samples of a model's fold."""
    result = path.parent.parent / "result.json"
    folds = read_json_object(result).get("train_subjects") or [] if result.is_file() else []
    number = path.parent.name.removeprefix("fold-")
    with refuse_malformed(result, "the result of an evaluation"):
        return frozenset(folds[int(number)]) if number.isdigit() and int(number) < len(folds) else frozenset()


def _choose_weights_file(run: Path) -> Path:
    """The file of a run's primary arm, or of the next best one to name."""
    files = sorted(run.glob("fold-*/*.safetensors"))
    if not files:
        raise DataError(
            "no trained model in it", path=run, expected="a run of domaingan evaluate: fold-0/ARM-seed0.safetensors"
        )
    result = run / "result.json"
    primary = read_json_object(result).get("primary") if result.is_file() else None
    arms = [path.stem.rpartition("-seed")[0] for path in files]
    with refuse_malformed(result, "the result of an evaluation"):
        arm = next((a for a in ((primary or {}).get("arm"), REFERENCE_ARM) if a in arms), arms[0])
    return files[arms.index(arm)]
