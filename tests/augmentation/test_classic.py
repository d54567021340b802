"""The classic pipelines: shapes and types kept, seeded, image and mask together, at every level."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from domaingan.augmentation import CLASSIC_LEVELS, Classic
from domaingan.augmentation.classic_steps import build_frame_steps, build_slice_steps
from domaingan.core.errors import DataError

KINDS = [((48, 64), "scan", 2), ((48, 64), "frame", 3), ((32, 40, 24), "scan", 2)]


@pytest.mark.parametrize("level", CLASSIC_LEVELS)
@pytest.mark.parametrize(("shape", "domain", "channels"), KINDS)
def test_shapes_types_and_seeds(
    shape: tuple[int, ...], domain: str, channels: int, level: str, rng: np.random.Generator
) -> None:
    classic = Classic(len(shape), domain, level)
    image = rng.uniform(-0.5 * (domain == "scan"), 1 + (domain == "scan"), (channels, *shape)).astype(np.float32)
    mask = (rng.random(shape) < 0.2).astype(np.uint8) * 3
    before, changed = image.copy(), []
    for seed in range(4):
        made = (classic, pickle.loads(pickle.dumps(classic)))
        one, two = (each(image, mask, np.random.default_rng(seed)) for each in made)
        other = classic(image, mask, np.random.default_rng(seed + 100))
        assert one[0].shape == image.shape and one[0].dtype == np.float32 and np.isfinite(one[0]).all()
        assert one[1].shape == shape and one[1].dtype == np.uint8 and set(np.unique(one[1])) <= {0, 3}
        assert (one[0] == two[0]).all() and (one[1] == two[1]).all()
        changed += [(one[0] != other[0]).any()]
        low, high = classic.value_range
        assert one[0].min() >= low - 1e-5 and one[0].max() <= high + 1e-5
    assert (image == before).all() and any(changed)


@pytest.mark.parametrize("level", CLASSIC_LEVELS)
@pytest.mark.parametrize("shape", [(64, 64), (32, 32, 32)])
def test_mask_moves_with_the_image(shape: tuple[int, ...], level: str) -> None:
    image = np.zeros((1, *shape), dtype=np.float32)
    middle = tuple(slice(n // 4, n // 2) for n in shape)
    image[(0, *middle)] = 1
    classic = Classic(len(shape), "scan", level)
    for seed in range(8):
        moved, mask = classic(image, (image[0] > 0.5).astype(np.uint8), np.random.default_rng(seed))
        threshold = (moved.min() + moved.max()) / 2
        overlap = ((moved[0] > threshold) & (mask > 0)).sum() / max((mask > 0).sum(), 1)
        assert overlap > (0.7 if level != "strong" else 0.5), seed


@pytest.mark.parametrize("domain", ["scan", "frame"])
def test_more_is_changed_at_each_level(domain: str, rng: np.random.Generator) -> None:
    image, mask = rng.random((3, 48, 64)).astype(np.float32), np.zeros((48, 64), np.uint8)
    steps = [len((build_slice_steps if domain == "scan" else build_frame_steps)(level)) for level in CLASSIC_LEVELS]
    assert steps == sorted(set(steps))
    away = []
    for level in ("light", "strong"):
        classic = Classic(2, domain, level)
        away.append(np.mean([np.abs(classic(image, mask, np.random.default_rng(s))[0] - image) for s in range(20)]))
    assert away[0] < away[1]


@pytest.mark.parametrize("shape", [(40, 44), (24, 26, 20)])
def test_large_values_of_a_mask_survive(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(4)
    small = rng.integers(0, 3, shape).astype(np.int32)
    large = np.array([0, 1035, 1_000_003])[small]
    image = rng.uniform(0, 1, (1, *shape)).astype(np.float32)
    _, moved = Classic(len(shape), "scan", "medium")(image, large, np.random.default_rng(1))
    _, codes = Classic(len(shape), "scan", "medium")(image, small, np.random.default_rng(1))
    assert moved.dtype == large.dtype and (moved == np.array([0, 1035, 1_000_003])[codes]).all()
    with pytest.raises(DataError, match="a mask of 300 values"):
        Classic(len(shape), "scan")(image, np.arange(large.size).reshape(shape) % 300, rng)


def test_no_fog_and_no_unknown_level() -> None:
    assert "RandomFog" not in repr(build_frame_steps("strong"))
    with pytest.raises(DataError, match="classic 'heavy'; expected one of light, medium, strong"):
        Classic(2, "frame", "heavy")
