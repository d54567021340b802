"""Extractors: what they are shown, and what comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.ndimage import gaussian_filter

import domaingan.core.timm_weights
from domaingan.core.errors import DataError
from domaingan.core.timm_weights import WEIGHT_PACKAGES, TimmModel
from domaingan.metrics.fidelity.features import FeatureExtractor, make_extractor
from domaingan.metrics.fidelity.kid import compute_kid
from domaingan.metrics.fidelity.random_features import make_textures

packaged = pytest.mark.skipif(not TimmModel("tf_efficientnet_lite0").has_packaged_weights, reason="no packaged weights")


@pytest.fixture(scope="module")
def lite() -> FeatureExtractor:
    return make_extractor()


def pictures(rng: np.random.Generator, n: int, channels: int = 3, size: tuple[int, ...] = (32, 32)) -> np.ndarray:
    """Textures, which are what random pictures look like."""
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    return make_textures(n, channels, size, generator).numpy()


class Sees:
    """A network whose features are the mean of what it is shown."""

    name = "mean"

    def __init__(self, channels: int | None, size: tuple[int, ...]) -> None:
        self.channels, self.size = channels, size

    def __call__(self, shown: torch.Tensor) -> torch.Tensor:
        assert shown.shape[2:] == self.size and self.channels in (None, shown.shape[1])
        return shown.flatten(2).mean(2)


@packaged
@pytest.mark.parametrize(("channels", "views"), [(1, 1), (2, 2), (3, 1), (4, 4)])
def test_channels(lite: FeatureExtractor, channels: int, views: int, rng: np.random.Generator) -> None:
    images = pictures(rng, 3, channels)
    features = lite(images)
    assert features.shape == (3, 1280 * views) and features.dtype == np.float32
    if views > 1:  # each channel as a grey picture
        assert np.allclose(features[:, 1280:2560], lite(images[:, 1:2]), atol=1e-4)


@packaged
def test_the_same_every_time_and_one_by_one(lite: FeatureExtractor, rng: np.random.Generator) -> None:
    images = pictures(rng, 20)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    first = lite(images)
    make_extractor()
    assert torch.equal(torch.rand(1), expected)
    assert np.array_equal(first, lite(torch.from_numpy(images).requires_grad_()))
    assert np.array_equal(first, make_extractor()(images))
    assert np.allclose(first, np.concatenate([lite(images[i : i + 1]) for i in range(20)]), atol=1e-4)
    assert lite.name == "tf_efficientnet_lite0, ImageNet weights"


@pytest.mark.parametrize(
    ("spec", "size"),
    [pytest.param("auto", (64, 64), marks=packaged), ("random", (64, 64)), ("random", (32, 32, 32))],
)
def test_defects_are_seen(spec: str, size: tuple[int, ...], rng: np.random.Generator) -> None:
    real, other = pictures(rng, 60, 1, size), pictures(rng, 60, 1, size)
    features = make_extractor(spec, spatial_dims=len(size))
    observed = features(real)
    same = compute_kid(observed, features(other))
    blurred = compute_kid(observed, features(gaussian_filter(other, (0, 0, *(1,) * len(size)))))
    collapsed = compute_kid(observed, features(other[np.arange(60) % 4]))
    assert abs(same.value) < 3 * same.error
    assert blurred.value > 2 * blurred.error and collapsed.value > same.value + same.error


def test_random_features_without_the_package(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    monkeypatch.setattr(domaingan.core.timm_weights, "find_spec", lambda name: None)
    found = make_extractor()
    assert found.name == "random convolutions (no weights installed)"
    images = pictures(rng, 5, 2)
    assert np.array_equal(found(images), make_extractor("random")(images))
    with pytest.raises(DataError, match="no weights for tf_efficientnet_lite0"):
        make_extractor("timm:tf_efficientnet_lite0")


def test_volumes(rng: np.random.Generator) -> None:
    volumes = pictures(rng, 3, 2, (16, 20, 24))
    if TimmModel("tf_efficientnet_lite0").has_packaged_weights:
        assert make_extractor(spatial_dims=3)(volumes).shape == (3, 1280 * 3 * 2)
    features = make_extractor("random", spatial_dims=3)(volumes)
    assert len(features) == 3 and np.isfinite(features).all()


def test_slices_go_through_the_middle() -> None:
    volume = np.zeros((1, 1, 8, 8, 8), np.float32)
    volume[:, :, 4] = 1  # one slice across the first axis: whole in one view, a line in the others
    shown = FeatureExtractor(Sees(1, (8, 8)), spatial_dims=3)(volume)
    assert shown[0] == pytest.approx([1, 1 / 8, 1 / 8])


def test_three_channels_are_colours_unless_they_are_a_scans(rng: np.random.Generator) -> None:
    images = rng.random((2, 3, 16, 16), dtype=np.float32)
    means = images.mean((2, 3))
    net: Any = Sees(3, (16, 16))
    assert np.allclose(FeatureExtractor(net)(images), means, atol=1e-6)
    assert np.allclose(FeatureExtractor(net, rgb=False)(images), means.repeat(3, 1), atol=1e-6)
    own: Any = Sees(5, (16, 16))
    assert FeatureExtractor(own)(rng.random((2, 5, 16, 16))).shape == (2, 5)  # a network of so many channels


def test_any_size_and_values(rng: np.random.Generator) -> None:
    net: Any = Sees(None, (16, 16))
    for size in ((8, 8), (64, 64), (40, 24)):
        images = rng.random((2, 2, *size)).astype(np.float16)
        assert np.allclose(FeatureExtractor(net)(images), images.astype(float).mean((2, 3)), atol=0.05)
    assert FeatureExtractor(net)(np.full((1, 2, 8, 8), 1.5)).max() == 1
    volumes: Any = Sees(None, (16, 16, 16))
    assert np.allclose(FeatureExtractor(volumes, spatial_dims=3)(np.full((1, 2, 32, 8, 16), 0.5)), 0.5)


def test_what_cannot_be_shown(rng: np.random.Generator) -> None:
    features = make_extractor("random")
    images = rng.random((3, 1, 16, 16))
    images[1, 0, 3, 3] = np.nan
    with pytest.raises(DataError, match="NaN in the images"):
        features(images)
    with pytest.raises(DataError, match=r"shape \(3, 16, 16\); expected \(N, C, H, W\)"):
        features(images[:, 0])
    with pytest.raises(DataError, match=r"shape \(0, 1, 16, 16\)"):
        features(images[:0])
    with pytest.raises(DataError, match="expected \\(N, C, D, H, W\\)"):
        make_extractor("random", spatial_dims=3)(images)


@pytest.mark.parametrize("spec", ["", "inception", "random:3", "onnx:", "timm", "auto:x"])
def test_unknown_specs(spec: str) -> None:
    with pytest.raises(DataError, match="expected"):
        make_extractor(spec)


def test_a_network_by_name_and_file(tmp_path: Path, rng: np.random.Generator) -> None:
    name = "mobilenetv3_small_050"
    with pytest.raises(DataError, match=f"no weights for {name}; expected .*{next(iter(WEIGHT_PACKAGES))}"):
        make_extractor(f"timm:{name}")
    save_file(TimmModel(name).build_network().state_dict(), tmp_path / "mine.safetensors")
    found = make_extractor(f"timm:{name}={tmp_path / 'mine.safetensors'}")
    assert found.name == f"{name}, the weights of mine.safetensors"
    assert len(found(pictures(rng, 2))) == 2
    with pytest.raises(DataError, match="no such file"):
        make_extractor(f"timm:{name}={tmp_path / 'other.pth'}")
