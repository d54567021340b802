"""Synthetic weather: a share of the frames, the same for the same draws, nothing slow among it."""

from __future__ import annotations

import pickle

import albumentations as A
import numpy as np

from domaingan import phantoms
from domaingan.augmentation import Weather


def leaves(step: A.BasicTransform | A.BaseCompose) -> list[str]:
    return (
        [name for each in step for name in leaves(each)] if isinstance(step, A.BaseCompose) else [type(step).__name__]
    )


def test_weather_changes_pixels_alone_and_follows_from_the_draws() -> None:
    sample = phantoms.load_phantom("driving", sequences=1, frames=1)[0]
    weather = Weather(share=0.5)
    made = [weather(sample, np.random.default_rng(seed)) for seed in range(40)]
    again = [pickle.loads(pickle.dumps(weather))(sample, np.random.default_rng(seed)) for seed in range(40)]
    assert all(one.image.tobytes() == two.image.tobytes() for one, two in zip(made, again, strict=True))
    assert 10 < sum(one is sample for one in made) < 30
    assert all(one.mask is sample.mask and one.image.min() >= 0 and one.image.max() <= 1 for one in made)
    assert len({round(float(one.image.mean()), 3) for one in made}) > 10
    assert "RandomFog" not in leaves(weather._pipeline)
