"""A made-up run folder in the shape that an evaluation leaves: invented scores, pictures of phantoms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from domaingan import phantoms
from domaingan.core.files import write_arrays, write_json
from domaingan.data import SCAN
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.score_tables import Scores, TrainingKey
from domaingan.evaluation.summary import summarise
from domaingan.imaging.intensity import get_intensity_range, to_scaled

ARMS = ["none", "classic", "copy-paste+classic", "gan+classic"]
FakeRun = Callable[..., dict[str, Any]]

METRICS = ["dice:oedema", "found:oedema", "dice:enhancing", "found:enhancing", "false:enhancing"]


@pytest.fixture(scope="session")
def fake_run() -> FakeRun:
    """Writes a made-up run, see :func:`make_run`."""
    return make_run


def make_run(
    run: Path, *, subjects: int = 24, effect: float = 0.08, seeds: int = 6, pictures: bool = True
) -> dict[str, Any]:
    """Write a run in which ``gan+classic`` is better than ``classic`` by ``effect`` on the rare class; its result."""
    rng = np.random.default_rng(7)
    names = [f"invented_{n:02d}" for n in range(subjects)]
    rare = np.arange(subjects) % 3 == 0
    skill = rng.normal(0, 0.12, subjects)
    scores: dict[str, dict[TrainingKey, Scores]] = {arm: {} for arm in ARMS}
    for seed in range(seeds):
        for number, arm in enumerate(ARMS):
            gain = effect * (number - 1) / 2
            dice = np.clip(0.55 + skill + gain + rng.normal(0, 0.03, subjects), 0, 1)
            dice = np.where(rare, dice, np.nan)
            common = np.clip(0.75 + skill / 2 + rng.normal(0, 0.04, subjects), 0, 1)
            false = np.where(rare, np.nan, (rng.random(subjects) < 0.3).astype(float))
            found = np.where(rare, (dice > 0.3).astype(float), np.nan)
            columns = zip(common, common > 0.1, dice, found, false, strict=True)
            rows = [dict(zip(METRICS, map(float, column), strict=True)) for column in columns]
            scores[arm][0, seed] = dict(zip(names, rows, strict=True))
    config = EvaluationConfig(**_config() | {"seeds": seeds, "size": 32})
    result = summarise(scores, config, "enhancing") | _make_rest(rng)
    run.mkdir(parents=True, exist_ok=True)
    write_json(run / "result.json", result)
    write_json(run / "config.json", _config() | {"seeds": seeds})
    if pictures:
        write_arrays(run / "pictures.npz", _pictures(rng))
    return result


def _make_rest(rng: np.random.Generator) -> dict[str, Any]:
    steps = list(range(20, 601, 20))
    return {
        "classes": {"oedema": 1, "enhancing": 2},
        "training": {
            arm: {
                f"0/{seed}": [[s, float(1.2 * np.exp(-s / 150) + 0.3 + rng.normal(0, 0.02))] for s in steps]
                for seed in (0, 1)
            }
            for arm in ARMS
        },
        "seconds": 754.2,
        "notes": [
            "Everything in this run was invented by a test.",
            "Left out of the gan bank: 3 objects under 12 pixels",
        ],
    }


def _config() -> dict[str, Any]:
    return {
        "data": "phantom:medical",
        "task": "segmentation",
        "arms": ARMS,
        "seeds": 2,
        "dims": 2,
        "steps": 600,
        "train_where": {"split": ["train"]},
        "bank": None,
        "command": "domaingan evaluate phantom:medical --task segmentation --arms none,classic,copy-paste+classic,"
        "gan+classic --seeds 2 --dims 2 --out runs/a-rather-long-name-of-a-run-folder-that-has-to-wrap-on-a-phone",
    }


def _pictures(rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    images, masks = [], []
    for sample in phantoms.load_phantom("medical", subjects=5):
        assert sample.mask is not None
        best = int((sample.mask > 0).sum((0, 1)).argmax())
        scaled = to_scaled(sample.image, get_intensity_range(sample, SCAN))
        images.append(scaled[..., best])
        masks.append(sample.mask[..., best])
    hosts, truth = np.stack(images).astype(np.float16), np.stack(masks).astype(np.uint8)
    crops, crop_masks = hosts[:, :, 16:48, 16:48], truth[:, 16:48, 16:48]
    pictures = {"hosts": hosts, "host_masks": truth, "pasted": hosts[::-1], "pasted_masks": truth[::-1]}
    pictures |= {"crops": crops, "crop_masks": crop_masks, "images": hosts, "truth": truth}
    pictures |= {
        "real_samples": crops,
        "real_masks": crop_masks,
        "gan_samples": crops[::-1],
        "gan_masks": crop_masks[::-1],
    }
    for arm in ARMS:
        pictures[f"prediction:{arm}"] = np.roll(truth, int(rng.integers(-3, 4)), axis=1)
    return pictures | {"names": np.array([f"invented_{n:02d}" for n in range(5)])}
