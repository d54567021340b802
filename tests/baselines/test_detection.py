"""The detection baseline: frames and boxes for it, training, prediction, scores and its file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from domaingan.augmentation import Classic
from domaingan.baselines import detection
from domaingan.baselines.backbones import Backbone
from domaingan.baselines.detection import Detector, choose_input_size, rescale_boxes
from domaingan.baselines.detection_frames import DetectionFrames, select_object_classes
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.core.devices import ComputeSettings
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Record, Sample, Schema
from domaingan.views.regrid import resize_to_shape

SCHEMA = Schema(
    "masks", "frame", 2, ("red", "green", "blue"), {"sky": 0, "car": 8, "pedestrian": 9, "void": 11}, ignore=(11,),
    objects=("pedestrian", "car"),
)  # fmt: skip
SMALL = Backbone("tf_efficientnet_lite0")
SHAPE = (64, 96)


def frame(seed: int, n: int = 2) -> Sample:
    """Grey noise with bright red cars and bright blue pedestrians."""
    rng = np.random.default_rng(seed)
    image = rng.uniform(0.3, 0.5, (3, *SHAPE)).astype(np.float32)
    boxes, labels = [], []
    for i in range(n):
        label = (8, 9)[i % 2]
        h, w = (16, 28) if label == 8 else (30, 12)
        y, x = int(rng.integers(0, SHAPE[0] - h)), int(rng.integers(48 * (i % 2), 48 * (i % 2) + 48 - w))
        image[:, y : y + h, x : x + w] = np.array([1, 0, 0] if label == 8 else [0, 0, 1])[:, None, None]
        boxes.append((x, y, x + w, y + h))
        labels.append(label)
    return Sample(
        image,
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        labels=np.array(labels, np.int64),
        meta={"name": f"f{seed}"},
    )


def read(record: Record) -> Sample:
    return frame(int(record.name[1:]))


def train(steps: int = 2, seed: int = 0, samples: list[Sample] | None = None, **options: object) -> Detector:
    chosen = [frame(0), frame(1)] if samples is None else samples
    options = {"batch_size": 2, "backbone": SMALL} | options
    return detection.train_detector(chosen, SCHEMA, TrainingAugmentation(), steps=steps, seed=seed, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def learned() -> Detector:
    return train(steps=40, learning_rate=4e-3)


def test_two_frames_are_learned_by_heart(learned: Detector) -> None:
    assert learned.losses[-1][1] < learned.losses[0][1] / 2
    data = Dataset([Record(f"f{i}", shape=SHAPE, time=9.0 * i, sequence="d") for i in (0, 1)], read, SCHEMA)
    scores = detection.score_detector(learned, data, data)
    assert list(scores) == ["d@0s", "d@5s"]
    assert np.mean([row["ap50"] for row in scores.values()]) > 0.6


def test_scores_are_on_the_own_grid(learned: Detector) -> None:
    fine = Dataset([Record("f0", shape=SHAPE)], read, SCHEMA)
    large = resize_to_shape(fine, (128, 192))
    one, two = (next(iter(detection.score_detector(learned, fine, own).values())) for own in (fine, large))
    assert one["ap"] == pytest.approx(two["ap"], abs=0.05) and np.isnan(one["ap_large"])


def test_predictions_are_in_the_samples_own_pixels_and_class_values(learned: Detector) -> None:
    small, large = frame(0), resize_to_shape(Dataset([Record("f0", shape=SHAPE)], read, SCHEMA), (128, 192))[0]
    for sample, factor in ((small, 1), (large, 2)):
        found = learned.predict(sample)
        assert set(found.labels) <= {8, 9} and (np.diff(found.scores) <= 0).all() and len(found.scores) <= 100
        assert found.boxes.dtype == np.float32 and found.labels.dtype == np.int64
        best = found.boxes[found.labels == 9][0]
        assert np.abs(best / factor - frame(0).boxes[1]).max() < 6  # type: ignore[index]
        assert (found.boxes >= 0).all() and (found.boxes[:, 2] <= sample.shape[1]).all()


def test_saved_and_loaded_it_finds_the_same(learned: Detector, tmp_path: Path) -> None:
    learned.save(tmp_path / "a.safetensors")
    again = Detector.load(tmp_path / "a.safetensors")
    one, two = learned.predict(frame(5)), again.predict(frame(5))
    assert (one.boxes == two.boxes).all() and (one.scores == two.scores).all() and (one.labels == two.labels).all()
    assert again.schema == learned.schema and again.size == learned.size == SHAPE


def test_a_damaged_file_or_another_is_refused(learned: Detector, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    learned.save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"a\.safetensors"):
        Detector.load(path)
    with pytest.raises(DataError, match="no such file"):
        Detector.load(tmp_path / "b.safetensors")
    path.write_text(json.dumps({}))
    with pytest.raises(DataError, match=r"a\.safetensors"):
        Detector.load(path)


@pytest.mark.parametrize("name", ["ssdlite", "fasterrcnn"])  # the one that draws nothing, and the one that does
def test_the_same_seed_gives_the_same_weights_whatever_else_is_drawn(name: str) -> None:
    def weights(seed: int) -> torch.Tensor:
        torch.rand(seed + 3)
        network = train(seed=seed, detector=name).network
        return torch.cat([value.flatten().float() for value in network.state_dict().values()])

    one, two, other = weights(0), weights(0), weights(1)
    assert torch.equal(one, two) and not torch.equal(one, other)


def test_training_leaves_the_global_state_of_chance_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    train(steps=1)
    assert torch.equal(torch.rand(1), expected)


def test_half_precision_in_the_backbone_still_trains() -> None:
    model = train(compute=ComputeSettings(dtype=torch.bfloat16))
    assert all(value.dtype != torch.bfloat16 for value in model.network.state_dict().values())
    assert (
        np.isfinite([loss for _, loss in model.losses]).all()
        and type(model.network.backbone).__name__ == "BackbonePyramid"
    )


def test_what_cannot_be_trained_on_is_refused() -> None:
    for samples in ([], [frame(0, n=0)]):
        with pytest.raises(DataError, match="no box"):
            train(samples=samples)
    broken = frame(0)
    broken.image[:] = np.nan
    with pytest.raises(DataError, match="loss is nan at step 1"):
        train(samples=[broken])
    with pytest.raises(DataError, match="no test sample with boxes"):
        nothing = Dataset([], read, SCHEMA)
        detection.score_detector(None, nothing, nothing)  # type: ignore[arg-type]


def test_progress_is_reported_and_size_can_be_chosen() -> None:
    reported_steps: list[tuple[int, int]] = []
    model = train(steps=2, size=(32, 64), progress=lambda step, steps, _: reported_steps.append((step, steps)))
    assert reported_steps == [(1, 2), (2, 2)] and model.size == (32, 64)


def test_frames_are_a_function_of_seed_and_number() -> None:
    samples = [frame(i, n=i) for i in range(4)]
    classes, augment = select_object_classes(SCHEMA), TrainingAugmentation(classic=Classic(2, "frame"))
    one, two = (DetectionFrames(samples, classes, augment, 40, 3) for _ in range(2))
    two[7]
    for i in (0, 5, 39):
        assert all((a == b).all() for a, b in zip(one[i], two[i], strict=True))
    other = DetectionFrames(samples, classes, augment, 40, 4)
    assert any((one[i][0] != other[i][0]).any() for i in range(5))
    for image, boxes, labels in (one[i] for i in range(40)):
        assert image.shape == (3, *SHAPE) and image.dtype == np.float32 and 0 <= image.min() <= image.max() <= 1
        assert len(boxes) == len(labels) and set(labels) <= {1, 2} and ((boxes[:, 2:] - boxes[:, :2]) >= 2).all()
        assert (boxes >= 0).all() and (boxes <= np.array([96, 64, 96, 64])).all()
    with_boxes = np.mean([len(one[i][2]) > 0 for i in range(40)])
    assert with_boxes > 0.7  # three of four frames have some, and half of the draws are from these


def test_slivers_and_boxes_of_other_classes_are_left_out() -> None:
    sample = frame(0)
    assert sample.boxes is not None and sample.labels is not None
    sample.boxes = np.concatenate([sample.boxes, [[5, 5, 6.5, 30], [0, 0, 20, 20]]]).astype(np.float32)
    sample.labels = np.array([8, 9, 9, 0])
    _, boxes, labels = DetectionFrames([sample], select_object_classes(SCHEMA), TrainingAugmentation(), 1, 0)[0]
    assert labels.tolist() == [1, 2] and len(boxes) == 2


def test_classes_are_the_objects_by_value() -> None:
    assert list(select_object_classes(SCHEMA).items()) == [("car", 8), ("pedestrian", 9)]
    plain = Schema("coco", "frame", 2, ("red", "green", "blue"), {"b": 5, "a": 2})
    assert list(select_object_classes(plain).values()) == [2, 5]


def test_sizes() -> None:
    assert choose_input_size([(360, 480)] * 3) == (360, 480) and choose_input_size([(1080, 1920)]) == (360, 640)
    boxes = np.array([[10, 10, 20, 40]], np.float32)
    assert rescale_boxes(boxes, (100, 200), (50, 400)).tolist() == [[20, 5, 40, 20]]
