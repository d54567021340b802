"""What a classifier sees and learns: labels, images, pasted crops, corrected probabilities, and the model's file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from domaingan import crops
from domaingan.baselines.backbones import Backbone
from domaingan.baselines.classification.class_images import crop_object_image, find_class_objects, fit_sample
from domaingan.baselines.classification.class_items import ObjectImages, SampleImages
from domaingan.baselines.classification.classification_training import (
    ClassifierRequest,
    compute_log_priors,
    plan_classifier,
    train_classifier,
)
from domaingan.baselines.classification.classifier_model import Classifier, ClassifierEnsemble
from domaingan.baselines.classification.classifier_networks import ClassifierPlan, build_classifier, choose_classifier
from domaingan.baselines.classification.label_rule import LabelRule
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.blend import Paste
from domaingan.core.errors import DataError
from domaingan.data import SCAN, Dataset, Record, Sample, Schema
from domaingan.imaging.intensity import with_measurements

SCHEMA = Schema("nifti", SCAN, 2, ("t1",), {"oedema": 1, "enhancing": 4})


def make_scan(number: int) -> Sample:
    """Noise with a bright lesion of class 1 or, in every third scan, a brighter one of class 4."""
    rng = np.random.default_rng(number)
    image = rng.uniform(1, 1.2, (1, 48, 48)).astype(np.float32)
    mask = np.zeros((48, 48), np.uint8)
    top, left = rng.integers(4, 32, 2).tolist()
    value = 4 if number % 3 == 0 else 1
    image[0, top : top + 9, left : left + 9] += value
    mask[top : top + 9, left : left + 9] = value
    return with_measurements(Sample(image, mask, meta={"name": f"s{number}", "subject": f"p{number}"}), SCAN)


@pytest.fixture(scope="module")
def scans() -> list[Sample]:
    return [make_scan(number) for number in range(6)]


@pytest.fixture(scope="module")
def pasting() -> TrainingAugmentation:
    records = [Record(f"s{number}", subject=f"p{number}", shape=(48, 48)) for number in range(6)]
    bank = crops(Dataset(records, lambda record: make_scan(int(record.name[1:])), SCHEMA), size=16)
    return TrainingAugmentation(pastes={"copy-paste": Paste(bank, schema=SCHEMA)}, paste_share=1.0)


def test_a_label_is_a_class_that_a_mask_holds_or_the_class_of_an_object(scans: list[Sample]) -> None:
    rule = LabelRule.parse("presence:enhancing", SCHEMA)
    assert [rule.read(scan) for scan in scans[:3]] == ["present", "absent", "absent"]
    assert rule.text == "presence:enhancing" and LabelRule.parse("lesion", SCHEMA).kind == "object"
    with pytest.raises(DataError, match="expected one of presence:oedema, presence:enhancing, lesion"):
        LabelRule.parse("presence:void", SCHEMA)


def test_an_object_is_in_the_middle_of_its_crop(scans: list[Sample]) -> None:
    found = find_class_objects(scans[0], SCHEMA, (4, 1))
    assert [each.value for each in found] == [4] and (found[0].high - found[0].low).tolist() == [9, 9]
    image = crop_object_image(scans[0], found[0], 16, SCHEMA)
    assert image.shape == (1, 16, 16)
    rows, columns = np.nonzero(image[0] > image.mean() + image.std())
    assert abs(rows.mean() - 7.5) <= 1 and abs(columns.mean() - 7.5) <= 1


def test_samples_are_shrunk_with_their_proportions_and_never_enlarged(scans: list[Sample]) -> None:
    assert fit_sample(scans[0], (64, 64)) is scans[0]
    assert fit_sample(scans[0], (24, 32)).shape == (24, 24)


def test_a_paste_turns_a_sample_positive(scans: list[Sample], pasting: TrainingAugmentation) -> None:
    """Crops of both classes are pasted into each scan: its label is read after that."""
    rule = LabelRule.parse("presence:enhancing", SCHEMA)
    plain = SampleImages(scans, SCHEMA, TrainingAugmentation(), rule, ("absent", "present"), (64, 64), 60, seed=1)
    pasted = SampleImages(scans, SCHEMA, pasting, rule, ("absent", "present"), (64, 64), 60, seed=1)
    n_plain, n_pasted = (sum(items[number][1] for number in range(60)) for items in (plain, pasted))
    assert n_pasted > n_plain + 5
    assert plain[7][0].shape == (1, 64, 64) and np.array_equal(pasted[7][0], pasted[7][0])


def test_pasted_crops_have_the_class_that_they_replace(scans: list[Sample], pasting: TrainingAugmentation) -> None:
    """An enhancing lesion is far brighter than oedema, so that the image tells the label."""
    plain = ObjectImages(scans, SCHEMA, TrainingAugmentation(), (4, 1), (1, 4), 16, 40, seed=1)
    pasted = ObjectImages(scans, SCHEMA, pasting, (4, 1), (1, 4), 16, 40, seed=1)
    labels = [[items[number][1] for number in range(40)] for items in (plain, pasted)]
    assert labels[0] == labels[1] and set(labels[0]) == {0, 1}
    changed = [number for number in range(40) if not np.array_equal(plain[number][0], pasted[number][0])]
    assert len(changed) > 20


def test_probabilities_are_corrected_for_balanced_draws() -> None:
    """A third of the draws are balanced: two thirds of 0.1 and a third of 0.5 are drawn of the rarer label."""
    corrections = np.exp(compute_log_priors([90, 10]))
    shares = np.array([0.9, 0.1]) / corrections
    assert shares.tolist() == pytest.approx([1 - 0.7 / 3, 0.7 / 3], abs=2e-3)


def test_networks_are_chosen_by_dimensions() -> None:
    assert choose_classifier(None, 2, None, Backbone("test_resnet")) == "timm"
    assert choose_classifier(None, 3, 8, None) == "densenet"
    with pytest.raises(DataError, match="width 8 for network 'timm'"):
        choose_classifier("timm", 2, 8, Backbone("test_resnet"))


def test_volumes_that_are_alike_give_finite_gradients() -> None:
    """Batch normalisation has no variance there."""
    schema = Schema("nifti", SCAN, 3, ("t1",), {"enhancing": 1})
    rule = LabelRule.parse("lesion", schema)
    network = build_classifier(ClassifierPlan("densenet", schema, rule, ("a", "b"), (32,) * 3, (0, 0), width=4), 0)
    network(torch.rand(1, 1, 32, 32, 32).expand(4, -1, -1, -1, -1)).square().sum().backward()
    assert all(bool(torch.isfinite(weight.grad).all()) for weight in network.parameters() if weight.grad is not None)
    assert all(weight.grad is not None for weight in network.parameters())


def test_a_classifier_learns_is_stored_and_averages_with_others(scans: list[Sample], tmp_path: Path) -> None:
    request = ClassifierRequest(LabelRule.parse("lesion", SCHEMA), 16, backbone=Backbone("test_resnet"))
    plan = plan_classifier(scans, SCHEMA, request)
    assert plan.labels == ("oedema", "enhancing") and plan.values == (4, 1) and plan.shape == (16, 16)
    models = []
    for seed in (0, 0, 1):
        models.append(train_classifier(scans, SCHEMA, TrainingAugmentation(), request, steps=6, seed=seed))
    rows = [model.predict_objects(scans[0])[0][1] for model in models]
    assert np.array_equal(rows[0], rows[1]) and not np.array_equal(rows[0], rows[2])
    assert rows[0].sum() == pytest.approx(1)
    paths = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    models[0].save(paths[0])
    models[2].save(paths[1])
    assert np.array_equal(Classifier.load(paths[0]).predict_objects(scans[0])[0][1], rows[0])
    mean = ClassifierEnsemble.load(paths).predict_objects(scans[0])[0][1]
    assert mean == pytest.approx((rows[0] + rows[2]) / 2)
    with pytest.raises(DataError, match="expected at least two labels"):
        plan_classifier(scans[1:3], SCHEMA, request)
