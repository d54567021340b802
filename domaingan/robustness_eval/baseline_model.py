"""Our own baselines, as an evaluation leaves them in its run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from domaingan.baselines.weights import read_metadata
from domaingan.core.devices import ON_CPU, ComputeSettings
from domaingan.core.errors import DataError
from domaingan.core.reading import read_json_object, refuse_malformed
from domaingan.data import Sample
from domaingan.imaging.resample import resize
from domaingan.robustness_eval.model_under_test import Answer, ModelTask, Picture

REFERENCE_ARM = "classic"


def load_baseline(source: str, compute: ComputeSettings = ON_CPU) -> BaselineModel:
    """Load a baseline that an evaluation trained.

    Args:
        source: a run folder (its primary arm, else ``classic``, else the first; first fold, first seed), or one of the
            ``fold-N/ARM-seedK.safetensors`` in it.
        compute: device and precision.

    Raises:
        DataError: there is none, or it cannot be read.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        path = _choose_weights_file(path)
    task = read_metadata(path)["task"]
    if task == "segmentation":
        from domaingan.baselines.segmenter_model import Segmenter

        return BaselineModel(path, "segmentation", Segmenter.load(path, compute))
    if task == "detection":
        from domaingan.baselines.detection import Detector

        return BaselineModel(path, "detection", Detector.load(path, compute))
    raise DataError(f"a model for {task}", path=path, expected="segmentation or detection")


class BaselineModel:
    """A segmenter or detector that an evaluation trained; pictures are brought to the size it was trained at.

    Args:
        path: its weights file.
        task: ``segmentation`` or ``detection``.
        network: what the evaluation trained: it has ``predict(sample)`` and ``schema``.

    Attributes:
        size: height and width that pictures are resized to; None where the network does that itself.
        data: the data that the evaluation worked on; an empty text where that is not known.
        trained_on: subjects or drives of the training samples of its fold.
    """

    has_fixed_classes = True

    def __init__(self, path: Path, task: ModelTask, network: Any) -> None:
        self.path = path
        self.task = task
        self.network = network
        self.name = "/".join([*path.parts[-3:-1], path.stem])
        if not network.schema.domain.is_rgb:
            raise DataError(f"a model of {network.schema.domain}s", path=path, expected="one of frames")
        objects = network.schema.objects if task == "detection" else ()
        self.classes: dict[str, int] = {}
        for name, value in network.schema.classes.items():
            if not objects or name in objects:
                self.classes[name] = value
        config = path.parent.parent / "config.json"
        settings = read_json_object(config) if config.is_file() else {}
        self.size: tuple[int, ...] | None = None
        with refuse_malformed(config, "the config of an evaluation"):
            size = tuple(map(int, settings.get("resize") or ()))
        if size and task == "segmentation":  # a detector brings pictures to its size itself
            self.size = size
        self.data = str(settings.get("data", ""))
        self.trained_on = _read_training_groups(path)

    def predict(self, image: Picture) -> Answer:
        """Find boxes or segment, in the picture's own pixels.

        Args:
            image: ``(H, W, 3)`` uint8 RGB.
        """
        planes = np.ascontiguousarray(image.transpose(2, 0, 1)).astype(np.float32) / np.float32(255)
        if self.task == "detection":
            found: Answer = self.network.predict(Sample(planes))
            return found
        if self.size is not None:
            planes = resize(planes, self.size).astype(np.float32)
        mask: Answer = self.network.predict(Sample(planes), image.shape[:2])
        return mask

    def describe(self) -> list[str]:
        """Say its arm, its task, the size it works at and the data it was trained on."""
        size = "" if self.size is None else f", at {self.size[0]}×{self.size[1]}"
        sentences = [f"{self.name}, a baseline for {self.task} that an evaluation trained{size}."]
        if self.data:
            sentences.append(f"It was trained on part of {self.data}: only frames outside that part are a fair test.")
        return sentences


def _read_training_groups(path: Path) -> frozenset[str]:
    """Read the subjects or drives of the training samples of a model's fold; none where they are not recorded."""
    result = path.parent.parent / "result.json"
    if not result.is_file():
        return frozenset()
    folds = read_json_object(result).get("train_subjects") or []
    number = path.parent.name.removeprefix("fold-")
    with refuse_malformed(result, "the result of an evaluation"):
        if number.isdigit() and int(number) < len(folds):
            return frozenset(folds[int(number)])
    return frozenset()


def _choose_weights_file(run: Path) -> Path:
    """Choose the file of a run's primary arm, else of the reference, else the first."""
    files = sorted(run.glob("fold-*/*.safetensors"))
    if not files:
        expected = "a run of domaingan evaluate: fold-0/ARM-seed0.safetensors"
        raise DataError("no trained model in it", path=run, expected=expected)
    result = run / "result.json"
    primary = read_json_object(result).get("primary") if result.is_file() else None
    arms = [path.stem.rpartition("-seed")[0] for path in files]
    with refuse_malformed(result, "the result of an evaluation"):
        primary_arm = (primary or {}).get("arm")
        for arm in (primary_arm, REFERENCE_ARM):
            if arm in arms:
                return files[arms.index(arm)]
    return files[0]
