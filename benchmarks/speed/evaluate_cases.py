"""What the speed of `evaluate` is measured on: phantoms of the size of real data, or the user's own data.

A case is an evaluation with its defaults and the arm ``copy-paste+classic``: the samples of a fold, the bank of their
crops, and the training of the baseline.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from benchmarks.lib.machine import describe_machine
from domaingan import crops, load, view
from domaingan.baselines.backbones import Backbone
from domaingan.baselines.detection import choose_input_size, prepare_detector_training
from domaingan.baselines.detection_frames import collate_frames
from domaingan.baselines.segmentation import prepare_segmenter_training
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.baselines.training_loop import ComputeLoss, TrainingSettings
from domaingan.core.devices import ComputeSettings, choose_compute
from domaingan.core.files import write_json
from domaingan.core.reading import read_json
from domaingan.data import Dataset, Sample, Schema
from domaingan.evaluation.arm_augmentation import build_augmentation
from domaingan.evaluation.arms import Arm
from domaingan.evaluation.baseline_settings import DEFAULT_BACKBONE
from domaingan.imaging.intensity import with_measurements
from domaingan.phantoms import load_phantom

ARM = "copy-paste+classic"

CROP_SIZES = {2: 64, 3: 32}
"""Edges of crops, by dimensions: those of `evaluate`."""

SEED = 0


@dataclass(frozen=True)
class EvaluateCase:
    """Data and task of an evaluation.

    Attributes:
        open_samples: opens the data.
        task: ``segmentation`` or ``detection``.
        n_train: number of samples that are trained on.
        n_test: number of samples that are scored.
    """

    open_samples: Callable[[], Dataset]
    task: str
    n_train: int
    n_test: int = 0


def open_slices() -> Dataset:
    """Open slices of heads of 240×240 pixels, as brain tumours have them."""
    return view(load_phantom("medical", subjects=3, shape=(240, 240, 16)), dims=2)


def open_volumes() -> Dataset:
    """Open heads of 160×160×96 voxels."""
    return load_phantom("medical", subjects=4, shape=(160, 160, 96))


def open_frames() -> Dataset:
    """Open frames of 360×480 pixels."""
    return load_phantom("driving", sequences=6, frames=8, shape=(360, 480))


CASES = {
    "scans 2D": EvaluateCase(open_slices, "segmentation", n_train=32, n_test=16),
    "scans 3D": EvaluateCase(open_volumes, "segmentation", n_train=3, n_test=1),
    "frames, masks": EvaluateCase(open_frames, "segmentation", n_train=32, n_test=16),
    "frames, boxes": EvaluateCase(open_frames, "detection", n_train=32, n_test=16),
}


def open_own_case(text: str) -> tuple[str, EvaluateCase]:
    """Read a case from what the user names: ``NAME=TASK:DIMS:DATA``, such as ``fcd=segmentation:2:data/fcd``."""
    name, _, rest = text.partition("=")
    task, dims, data = rest.split(":", 2)
    n_train, n_test = (4, 2) if dims == "3" else (64, 32)
    return name, EvaluateCase(lambda: view(load(data), dims=int(dims)), task, n_train, n_test)


@dataclass(frozen=True)
class PreparedCase:
    """A case that is read.

    Attributes:
        task: ``segmentation`` or ``detection``.
        schema: of the samples.
        samples: training samples in memory, with measured ranges and foregrounds.
        test: further samples, which are scored.
        augment: what the arm does.
    """

    task: str
    schema: Schema
    samples: list[Sample]
    test: Dataset
    augment: TrainingAugmentation

    def choose_compute(self, device: str, workers: int) -> ComputeSettings:
        """Choose device and precision as `evaluate` does."""
        is_detection = self.task == "detection"
        return choose_compute(device, "auto", workers, is_float32_on_cpu=is_detection)

    def prepare_training(self, steps: int, compute: ComputeSettings) -> Training:
        """Prepare a training of the baseline with its defaults."""
        backbone = Backbone.parse(DEFAULT_BACKBONE) if self.schema.domain.is_rgb else None
        arguments: Any = {"steps": steps, "seed": SEED, "compute": compute, "backbone": backbone}
        if self.task == "detection":
            detector = prepare_detector_training(self.samples, self.schema, self.augment, **arguments)
            return Training(detector.network, detector.frames, detector.compute_loss, detector.settings, collate_frames)
        segmenter = prepare_segmenter_training(self.samples, self.schema, self.augment, **arguments)
        return Training(segmenter.network, segmenter.patches, segmenter.compute_loss, segmenter.settings)

    def describe_input(self) -> str:
        """Describe the size of a training item, for the page."""
        shapes = [sample.shape for sample in self.samples]
        shape = choose_input_size(shapes) if self.task == "detection" else shapes[0]
        return " × ".join(map(str, shape))


@dataclass(frozen=True)
class Training:
    """What :func:`domaingan.baselines.training_loop.train_network` needs."""

    network: nn.Module
    items: Any
    compute_loss: ComputeLoss
    settings: TrainingSettings
    collate: Callable[[list[Any]], Any] | None = None


def prepare_case(case: EvaluateCase) -> PreparedCase:
    """Read the samples of a case, half of which have objects, and make the bank of their crops."""
    data = case.open_samples()
    with_objects: list[int] = []
    without: list[int] = []
    for position in range(len(data) - case.n_test):
        chosen = with_objects if _has_objects(data[position], case.task) else without
        chosen.append(position)
        if len(with_objects) >= case.n_train // 2 and len(with_objects) + len(without) >= case.n_train:
            break
    positions = (with_objects + without)[: case.n_train]
    train = data.select(sorted(positions)).load_into_memory()
    samples = [with_measurements(sample, train.schema.domain) for sample in train]
    bank = crops(train, CROP_SIZES[train.schema.spatial_dims])
    augment = build_augmentation(Arm.parse(ARM), {"copy-paste": bank}, train.schema)
    test = data.select(range(len(data) - case.n_test, len(data)))
    return PreparedCase(case.task, train.schema, samples, test, augment)


def _has_objects(sample: Sample, task: str) -> bool:
    if task == "detection":
        return sample.boxes is not None and len(sample.boxes) > 0
    return sample.mask is not None and bool((sample.mask > 0).any())


def add_case_options(parser: argparse.ArgumentParser, turns: int, steps: int, out: Path) -> None:
    """Add the options that every measurement of `evaluate` has.

    Args:
        parser: of the command line.
        turns: how often both sides take their turn, by default.
        steps: of a training, by default.
        out: the file with the numbers, by default.
    """
    parser.add_argument("--cases", nargs="*", choices=CASES, default=list(CASES))
    parser.add_argument("--own", nargs="*", type=open_own_case, default=[], metavar="NAME=TASK:DIMS:DATA")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--turns", type=int, default=turns)
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--out", type=Path, default=out)


def choose_cases(options: argparse.Namespace) -> dict[str, EvaluateCase]:
    """Choose the cases that the options of :func:`add_case_options` name, the user's own last."""
    cases = {name: CASES[name] for name in options.cases}
    return cases | dict(options.own)


def read_measured(out: Path) -> dict[str, Any]:
    """Read what was measured before, so that cases that are not measured now stay as they are."""
    return read_json(out) if out.is_file() else {"cases": {}}


def write_measured(out: Path, result: dict[str, Any], name: str, found: dict[str, Any], threads: int) -> None:
    """Write what was measured of a case beside the others.

    Args:
        out: the file.
        result: what the file holds; changed in place.
        name: of the case.
        found: its numbers.
        threads: of its network.
    """
    result["cases"][name] = found | {"threads": threads}
    result["machine"] = describe_machine("torch", "numpy", "monai", "domaingan")
    write_json(out, result)
