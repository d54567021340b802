"""Probabilities of whole images: windows, padding, mirror images, and batches of one shape."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from domaingan.baselines.scored_samples import ScoredSample, batch_by_shape, iterate_scored_samples
from domaingan.baselines.segmentation import score_segmenter
from domaingan.baselines.segmentation_networks import NetworkPlan
from domaingan.baselines.segmenter_model import Segmenter, SegmenterEnsemble, decide_mask, name_probabilities
from domaingan.baselines.window_prediction import predict_probabilities
from domaingan.core.devices import ON_CPU
from domaingan.data import SCAN, Dataset, Record, Sample, Schema

SCHEMA = Schema("nifti", SCAN, 2, ("a",), {"lesion": 3})


class Slope(torch.nn.Module):
    """Two classes; the second one's logit is the image times a weight that grows along the first axis."""

    def forward(self, images: Tensor) -> Tensor:
        weights = torch.arange(images.shape[2], dtype=torch.float32)[:, None]
        return torch.cat([torch.zeros_like(images), images * weights], dim=1)


def copy_image(images: Tensor) -> Tensor:
    return torch.cat([torch.zeros_like(images), images], dim=1)


def make_images(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", [(5, 9), (16, 16), (16, 7), (20, 33), (40, 8)])
def test_every_pixel_is_predicted_at_its_place_whatever_the_shape(shape: tuple[int, ...]) -> None:
    images = make_images(2, 1, *shape)
    found = predict_probabilities(copy_image, images, (16, 16), ON_CPU)
    assert found.shape == (2, 2, *shape)
    assert torch.allclose(found[:, 1:], images.sigmoid(), atol=1e-5)


def test_small_volumes_lie_in_the_middle_of_a_window() -> None:
    images = make_images(1, 1, 4, 8, 5)
    found = predict_probabilities(copy_image, images, (8, 8, 8), ON_CPU)
    assert torch.allclose(found[:, 1:], images.sigmoid(), atol=1e-5)


def test_mirror_images_are_turned_back_and_averaged() -> None:
    images = make_images(1, 1, 4, 4)
    rows = torch.arange(4.0)[:, None]
    plain = (images[0, 0] * rows).sigmoid()
    upside_down = (images[0, 0] * (3 - rows)).sigmoid()
    found = predict_probabilities(Slope(), images, (4, 4), ON_CPU, (0, 1))[0, 1]
    assert torch.allclose(found, (plain + upside_down) / 2, atol=1e-6)


def make_segmenter(network: torch.nn.Module, flip_axes: tuple[int, ...] = ()) -> Segmenter:
    return Segmenter(network, NetworkPlan("basicunet", SCHEMA, (16, 16)), flip_axes=flip_axes)


def make_sample(value: float, shape: tuple[int, ...] = (8, 8)) -> Sample:
    image = np.full((1, *shape), value, np.float32)
    image[0, 0, 0], image[0, -1, -1] = -1, 2  # the range
    return Sample(image, np.zeros(shape, np.uint8), meta={"range": np.array([[0, 1]])})


class Constant(torch.nn.Module):
    """Gives the lesion this logit everywhere."""

    def __init__(self, logit: float) -> None:
        super().__init__()
        self.logit = logit

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat([torch.zeros_like(images), torch.full_like(images, self.logit)], dim=1)


def test_an_ensemble_averages_probabilities_and_not_votes() -> None:
    members = [make_segmenter(Constant(logit)) for logit in (-0.1, -0.1, 6.0)]
    samples = [make_sample(0.5)]
    assert [int(member.predict(samples[0])[0, 0]) for member in members] == [0, 0, 3]
    mask = SegmenterEnsemble(members).predict_batch(samples, [(8, 8)])[0]
    assert (mask == 3).all()
    assert (SegmenterEnsemble(members[:2]).predict_batch(samples, [(4, 4)])[0] == np.zeros((4, 4))).all()


def test_neighbours_of_one_shape_are_batched_up_to_the_limit_in_their_order() -> None:
    shapes = [(4, 4)] * 5 + [(2, 2)] + [(4, 4)] + [(9, 9)] * 2
    tested = [ScoredSample(str(i), make_sample(0, shape), make_sample(0, shape)) for i, shape in enumerate(shapes)]
    batches = [[item.unit for item in batch] for batch in batch_by_shape(tested, 33)]
    assert batches == [["0", "1"], ["2", "3"], ["4"], ["5"], ["6"], ["7"], ["8"]]
    assert list(batch_by_shape([], 10)) == []


def test_samples_without_labels_are_not_scored_and_one_grid_is_read_once() -> None:
    reads = []

    def read(record: Record) -> Sample:
        reads.append(record.name)
        sample = make_sample(0.5)
        return sample if record.name == "b" else Sample(sample.image)

    data = Dataset([Record(name, shape=(8, 8)) for name in "abc"], read, SCHEMA)
    found = list(iterate_scored_samples(data, data, lambda sample: sample.mask is not None))
    assert [item.unit for item in found] == ["b"] and found[0].sample is found[0].original
    assert reads == ["a", "b", "c"]


def test_probabilities_come_one_sample_after_the_other_at_their_own_grids() -> None:
    models = (make_segmenter(Constant(1.0)), SegmenterEnsemble([make_segmenter(Constant(n)) for n in (-9.0, 9.0)]))
    for model, expected in zip(models, (0.731, 0.5), strict=True):
        found = list(model.predict_probability_batch([make_sample(0.5), make_sample(0.2)], [(8, 8), (4, 12)]))
        assert [tuple(item.shape) for item in found] == [(2, 8, 8), (2, 4, 12)]
        for item in found:
            by_value = name_probabilities(item, SCHEMA)
            assert list(by_value) == [0, 3] and by_value[3] == pytest.approx(expected, abs=1e-3)
            assert by_value[0] + by_value[3] == pytest.approx(1)
            assert (decide_mask(item, SCHEMA) == (3 if expected > 0.5 else 0)).all()


def test_a_segmenter_is_scored_by_its_probabilities_on_the_original_grid() -> None:
    mask = np.zeros((8, 8), np.uint8)
    mask[6:] = 3
    rows = np.linspace(0, 1, 8, dtype=np.float32)[:, None] * np.ones((1, 8), np.float32)

    def read(record: Record) -> Sample:
        return Sample(rows[None], mask, meta={"range": np.array([[0, 1]]), "spacing": (1.0, 1.0)}, source=record.source)

    data = Dataset([Record("a", subject="a", shape=(8, 8))], read, SCHEMA)
    model = make_segmenter(CopyShifted())
    scores = score_segmenter(model, data, data)["a"]
    assert scores["auprc:lesion"] == 1  # the brightest rows are the lesion, but more than these were predicted
    assert scores["dice:lesion"] == pytest.approx(2 / 3) and scores["fp_mm2:lesion"] == 16
    assert set(score_segmenter(model, data, data, ())["a"]) == {"dice:lesion", "found:lesion", "false:lesion"}


class CopyShifted(torch.nn.Module):
    """Gives the lesion a logit above 0 where the image is above 0.5."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat([torch.zeros_like(images), 4 * (images - 0.5)], dim=1)
