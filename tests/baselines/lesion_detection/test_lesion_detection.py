"""Detection of lesions in scans: boxes from masks, patches, what is learned, scores, and the model's file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from domaingan.augmentation import Classic
from domaingan.baselines.batches import Patches
from domaingan.baselines.lesion_detection.lesion_boxes import find_lesion_boxes, sort_lesion_values, to_box_order
from domaingan.baselines.lesion_detection.lesion_detector import LesionDetector
from domaingan.baselines.lesion_detection.lesion_patches import LesionPatches
from domaingan.baselines.lesion_detection.lesion_training import (
    collect_lesion_truth,
    score_lesion_detector,
    train_lesion_detector,
)
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.core.errors import DataError
from domaingan.data import SCAN, Dataset, Record, Sample, Schema
from domaingan.imaging.intensity import with_measurements
from domaingan.robustness_eval.baseline_model import load_baseline
from domaingan.views.regrid import resize_to_shape


def make_schema(dims: int) -> Schema:
    return Schema("nifti", SCAN, dims, ("t1",), {"oedema": 1, "enhancing": 4})


def make_scan(seed: int, dims: int, edge: int = 48) -> Sample:
    """Noise with a bright lesion of class 1, whose core is of class 4 in every second scan."""
    rng = np.random.default_rng(seed)
    image = rng.uniform(1, 1.2, (1, *(edge,) * dims)).astype(np.float32)
    mask = np.zeros((edge,) * dims, np.uint8)
    corner = rng.integers(2, edge - 16, dims)
    lesion = tuple(slice(int(start), int(start) + 12) for start in corner)
    core = tuple(slice(int(start) + 4, int(start) + 8) for start in corner)
    image[0][lesion] += 1
    mask[lesion] = 1
    if seed % 2:
        image[0][core] += 2
        mask[core] = 4
    source = {"name": f"s{seed}", "subject": f"p{seed}"}
    return with_measurements(Sample(image, mask, meta=source), SCAN)


def make_dataset(dims: int, n: int = 4) -> Dataset:
    records = [Record(f"s{seed}", subject=f"p{seed}", shape=(48,) * dims) for seed in range(n)]
    return Dataset(records, lambda record: make_scan(int(record.name[1:]), dims), make_schema(dims))


def train(dims: int, steps: int, seed: int = 0) -> LesionDetector:
    samples = [make_scan(number, dims) for number in range(4)]
    augment = TrainingAugmentation(classic=Classic(dims, SCAN, "light"))
    return train_lesion_detector(samples, make_schema(dims), augment, steps=steps, seed=seed, width=8)


@pytest.fixture(scope="module")
def learned() -> LesionDetector:
    return train(2, 45)


# ------------------------------------------------------------------ boxes


def test_a_lesion_is_a_component_of_all_classes_with_the_rarest_that_it_holds() -> None:
    mask = np.zeros((12, 14), np.uint8)
    mask[1:6, 2:8] = 1
    mask[3, 4] = 4
    mask[8:12, 10:14] = 1
    found = find_lesion_boxes(mask, [4, 1])
    assert found.boxes.tolist() == [[1, 2, 6, 8], [8, 10, 12, 14]] and found.labels.tolist() == [4, 1]
    assert found.n_pixels.tolist() == [30, 16] and found.is_large.all()
    assert to_box_order(found.boxes).tolist()[0] == [2, 1, 8, 6]  # xyxy
    volume = np.array([[0, 1, 2, 3, 4, 5]], np.float32)
    assert (to_box_order(volume) == volume).all()


def test_lesions_under_12_pixels_or_30_voxels_do_not_count() -> None:
    for shape, n_large in (((3, 4), True), ((1, 11), False), ((5, 3, 2), True), ((29, 1, 1), False)):
        found = find_lesion_boxes(np.ones(shape, np.uint8), [1])
        assert found.is_large.tolist() == [n_large]


def test_classes_are_sorted_by_rarity_without_ignored_ones() -> None:
    schema = Schema("nifti", SCAN, 2, ("t1",), {"a": 1, "b": 2, "void": 3, "never": 5}, ignore=(3,))
    mask = np.array([[1, 1, 1, 2, 3]])
    assert sort_lesion_values([Sample(np.zeros((1, 1, 5), np.float32), mask)], schema) == (5, 2, 1)


def test_what_is_small_or_ignored_is_left_out_of_the_truth() -> None:
    schema = Schema("nifti", SCAN, 2, ("t1",), {"a": 1, "b": 2, "void": 3}, ignore=(3,))
    mask = np.zeros((12, 12), np.uint8)
    mask[:4, :4], mask[0, 8], mask[8:, 8:] = 1, 2, 3
    truth = collect_lesion_truth(Sample(np.zeros((1, 12, 12), np.float32), mask), schema, (2, 1))
    assert truth.labels.tolist() == [1, 2, 2, 1] and truth.is_left_out.tolist() == [False, True, True, True]


# ------------------------------------------------------------------ patches


@pytest.mark.parametrize("dims", [2, 3])
def test_boxes_fit_what_a_patch_shows_and_are_a_function_of_the_number(dims: int) -> None:
    samples = [make_scan(number, dims) for number in range(2)]
    patches = Patches(samples, make_schema(dims), TrainingAugmentation(), (32,) * dims, 12, seed=3)
    items = [LesionPatches(patches, (4, 1))[number] for number in range(12)]
    assert {label for _, _, labels in items for label in labels.tolist()} == {0, 1}  # 1 and 4
    for number, (image, boxes, labels) in enumerate(items):
        mask = patches[number][1]
        assert image.shape == (1, *(32,) * dims) and boxes.shape == (len(labels), 2 * dims)
        for box in boxes.astype(int):
            inside = mask[tuple(slice(box[axis], box[axis + dims]) for axis in range(dims))]
            assert (inside > 0).sum() == (mask > 0).sum()  # there is one lesion


# ------------------------------------------------------------------ the detector


def test_bright_lesions_are_found_in_new_scans(learned: LesionDetector) -> None:
    assert learned.plan.patch == (48, 48) and learned.plan.values == (4, 1) and learned.plan.anchor == (12.0, 12.0)
    scores = score_lesion_detector(learned, make_dataset(2, 8), make_dataset(2, 8))
    assert list(scores) == [f"p{number}" for number in range(8)]
    assert np.mean([row["ap10"] for row in scores.values()]) > 0.6


@pytest.mark.parametrize("edge", [90, 31])
def test_boxes_lie_where_the_lesions_are_in_scans_of_any_size(learned: LesionDetector, edge: int) -> None:
    """Windows start at multiples of the strides; what is smaller than one is padded at its end."""
    differences = []
    for seed in range(4, 16):
        scan = make_scan(seed, 2, edge=edge)
        found = learned.predict(scan)
        true = to_box_order(find_lesion_boxes(np.asarray(scan.mask), (4, 1)).boxes)[0]
        differences.append(found.boxes[0] - true)
        assert (np.diff(found.scores) <= 0).all() and set(found.labels) <= {1, 4} and found.boxes.max() <= edge
    assert np.abs(np.median(differences, axis=0)).max() < 2.5


def test_scores_are_on_the_own_grid(learned: LesionDetector) -> None:
    fine = make_dataset(2, 8)
    coarse = resize_to_shape(fine, (96, 96))
    one, two = (score_lesion_detector(learned, fine, own)["p0"]["ap10"] for own in (fine, coarse))
    assert one == pytest.approx(two, abs=0.02)


def test_saved_and_loaded_it_finds_the_same(learned: LesionDetector, tmp_path: Path) -> None:
    learned.save(tmp_path / "a.safetensors")
    again = LesionDetector.load(tmp_path / "a.safetensors")
    one, two = learned.predict(make_scan(5, 2)), again.predict(make_scan(5, 2))
    assert again.plan == learned.plan and (one.boxes == two.boxes).all() and (one.scores == two.scores).all()
    with pytest.raises(DataError, match="a model for lesion detection"):
        load_baseline(str(tmp_path / "a.safetensors"))


def test_volumes_are_a_function_of_the_seed_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    weights = []
    for seed in (1, 1, 2):
        model = train(3, 1, seed)
        weights.append(torch.cat([value.flatten() for value in model.network.state_dict().values()]))
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    found = model.predict(make_scan(1, 3))
    assert found.boxes.shape[1] == 6 and model.plan.patch == (48, 48, 48)


def test_scans_without_a_lesion_are_refused() -> None:
    empty = make_scan(0, 2)
    empty.mask = np.zeros_like(np.asarray(empty.mask))
    with pytest.raises(DataError, match="no lesion to train on; expected training masks with oedema, enhancing"):
        train_lesion_detector([empty], make_schema(2), TrainingAugmentation(), steps=1, seed=0)
    nothing = Dataset([], make_scan, make_schema(2))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no test sample with a mask"):
        score_lesion_detector(None, nothing, nothing)  # type: ignore[arg-type]
