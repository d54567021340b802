"""What was painted, measured: spread, painted or real at held-out places, and the section of the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from domaingan import phantoms
from domaingan.banks import Bank, BankInfo, create_entries
from domaingan.banks.crops import crops
from domaingan.core.reading import read_json
from domaingan.data import Dataset
from domaingan.evaluation import evaluate, generated_measures
from domaingan.evaluation.generated import find_lowest_scored
from domaingan.evaluation.generated_measures import (
    HeldOutPlaces,
    measure_real_vs_fake_accuracy,
    measure_spread,
    measure_texture,
)
from domaingan.gan import GAN
from domaingan.metrics.fidelity import two_sample_classifier
from domaingan.report import write_report
from domaingan.views.slices import slice_volumes


@pytest.fixture(autouse=True)
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_sample_classifier, "TRAINING_STEPS", 40)
    monkeypatch.setattr(generated_measures, "MIN_PAIRS_PER_HALF", 3)


def people(dims: int, subjects: int = 4, seed: int = 0) -> Dataset:
    data = phantoms.load_phantom("medical", subjects=subjects, shape=(40, 40, 24), seed=seed)
    return slice_volumes(data).load_into_memory() if dims == 2 else data.load_into_memory()


def changed(bank: Bank, change: Any) -> Bank:
    """The bank with something done to the inside of each of its objects."""
    images = np.array(bank.images, dtype=np.float32)
    for image, mask in zip(images, bank.masks, strict=True):
        image[:, mask > 0] = change(image)[:, mask > 0]
    return Bank(bank.info, images.astype(np.float16), bank.masks, bank.entries)


# ---------------------------------------------------------------- spread


def test_texture_is_of_the_inside_alone() -> None:
    checks = np.indices((8, 8)).sum(axis=0) % 2
    mask = np.zeros((8, 8), dtype=np.uint8)
    mask[2:6, 2:6] = 1
    assert measure_texture(checks[None].astype(float), mask) == 1
    assert measure_texture(np.where(mask, 0.3, checks)[None], mask) == 0
    assert np.isnan(measure_texture(checks[None].astype(float), np.eye(8)))


def test_spread_has_mean_and_deviation_of_what_was_put_in() -> None:
    info = BankInfo(spatial_dims=2, channels=["a"], classes={"x": 1})
    masks = np.zeros((2, 16, 16), dtype=np.uint8)
    masks[:, 4:12, 4:12] = 1
    images = np.full((2, 1, 16, 16), 0.25, dtype=np.float16)
    images[0, 0, 4:12, 4:12], images[1, 0, 4:12, 4:12] = 0.5, 1.0
    found = measure_spread(Bank(info, images, masks, create_entries(info, 2)))
    assert found["n"] == 2 and found["contrast"] == {"mean": 0.5, "sd": 0.25}
    assert found["radius_mm"]["mean"] == pytest.approx((64 / np.pi) ** 0.5) and found["texture"]["mean"] == 0


# ---------------------------------------------------------------- painted or real


@pytest.mark.parametrize("dims", [2, 3])
def test_identical_pairs_are_a_guess_and_gross_ones_are_not(dims: int) -> None:
    real = crops(people(dims, 8), 16)
    same = measure_real_vs_fake_accuracy(real, real)
    assert same is not None and same["accuracy"] == 0.5 and same["ci"] == [0.5, 0.5]
    assert same["pairs"] == len(real) and same["units"] == len(real.subjects)
    flat = measure_real_vs_fake_accuracy(real, changed(real, lambda image: image.mean() + 0 * image))
    assert flat is not None and flat["accuracy"] > 0.9
    if dims == 2:
        soft = measure_real_vs_fake_accuracy(
            real, changed(real, lambda image: ndimage.gaussian_filter(image, (0, 2, 2)))
        )
        assert soft is not None and soft["accuracy"] > 0.65 and soft["ci"][0] > 0.5


def test_a_single_subject_or_few_pairs_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    real = crops(people(2, 2), 16)
    assert (
        measure_real_vs_fake_accuracy(real.select_subjects(real.subjects[:1]), real.select_subjects(real.subjects[:1]))
        is None
    )
    monkeypatch.setattr(generated_measures, "MIN_PAIRS_PER_HALF", len(real))
    assert measure_real_vs_fake_accuracy(real, real) is None


def test_halves_are_whole_subjects_and_of_drives_those_before_and_after() -> None:
    units = np.repeat([3, 0, 1, 2], [5, 4, 6, 5])
    rng = np.random.default_rng(0)
    for shuffled in (True, False):
        part = generated_measures._split_in_halves(units, rng, is_shuffled=shuffled)
        assert all(len(set(part[units == unit])) == 1 for unit in range(4)) and 6 <= part.sum() <= 14
    assert set(units[part]) == {0, 1}


@pytest.mark.parametrize(("domain", "dims"), [("medical", 2), ("medical", 3), ("driving", 2)])
def test_places_are_painted_where_real_objects_of_others_are(domain: str, dims: int) -> None:
    if domain == "medical":
        train_crops, test = crops(people(dims), 16), people(dims, 3, seed=5)
    else:
        drives = phantoms.load_phantom("driving", sequences=4, frames=2)
        train_crops = crops(drives.select_groups(drives.groups[:2]), 16)
        test = drives.select_groups(drives.groups[2:])
    places = HeldOutPlaces.from_test(test, train_crops, 1)
    assert places is not None and set(places.real.subjects) <= {r.statistical_unit for r in test.records}
    other = places.paste_training_crops()
    assert other.images.tobytes() == places.paste_training_crops().images.tobytes()
    gan = GAN.for_crops(train_crops, conditioning=("paste", "mask"), width=4, latent=8, batch=4)
    gan.fit(train_crops, 2, device="cpu", eval_every=0)
    painted = places.inpaint(gan)
    assert len(painted) == len(other) == len(places.real) and (painted.masks == places.real.masks).all()
    far = ~ndimage.binary_dilation(places.real.masks > 0, np.ones((1, *[7] * dims)))
    for bank in (other, painted):
        same = np.asarray(bank.images).swapaxes(0, 1)[:, far] == places.real.images.swapaxes(0, 1)[:, far]
        assert same.all() and not np.array_equal(bank.images, places.real.images)
    rows, scores = find_lowest_scored(gan, painted, 3)
    assert (np.diff(scores) >= 0).all() and len(set(rows.tolist())) == min(3, len(painted))


def test_places_that_no_generator_could_paint_at_are_left_out() -> None:
    train_crops, test = crops(people(2, 8), 16), people(2, 8, seed=5)
    whole = HeldOutPlaces.from_test(test, train_crops, 0)
    rare = train_crops.find_matching(lesion=train_crops.info.conditions["lesion"][0])
    fewer = HeldOutPlaces.from_test(test, train_crops.take(np.setdiff1d(np.arange(len(train_crops)), rare)), 0)
    assert whole is not None and fewer is not None and len(fewer.real) < len(whole.real)
    entries = train_crops.entries.copy()
    entries["spacing"] *= 3
    assert (
        HeldOutPlaces.from_test(test, Bank(train_crops.info, train_crops.images, train_crops.masks, entries), 0) is None
    )
    assert (
        HeldOutPlaces.from_test(test.select(i for i, s in enumerate(test) if not np.any(s.mask)), train_crops, 0)
        is None
    )


# ---------------------------------------------------------------- in an evaluation

QUICK: dict[str, Any] = {"seeds": 1, "steps": 2, "width": 4, "size": 16, "gan_steps": 2, "gan_samples": 14, "dims": 2}


def test_an_evaluation_measures_once_and_shows_what_was_painted(tmp_path: Path) -> None:
    data, out = phantoms.load_phantom("medical", subjects=9, shape=(40, 40, 24)), tmp_path / "run"
    alone = evaluate(data, arms=["classic", "inpaint+classic"], out=out, **QUICK)
    assert list(alone["generated"]) == ["real", "pasted", "inpaint"]
    arms = ["classic", "inpaint+classic", "refine+classic"]
    result = evaluate(data, arms=arms, out=out, resume=True, **QUICK)
    made = result["generated"]
    assert list(made) == ["real", "pasted", "inpaint", "refine"] and made["inpaint"] == alone["generated"]["inpaint"]
    assert "real_vs_fake_accuracy" not in made["real"]
    assert 0 <= made["refine"]["real_vs_fake_accuracy"]["accuracy"] <= 1
    assert made["inpaint"]["n"] < QUICK["gan_samples"]  # what is healthy is no object
    assert read_json(out / "result.json")["generated"] == made
    when = (out / "fold-0" / "generated.json").stat().st_mtime_ns
    assert evaluate(data, arms=arms, out=out, resume=True, **QUICK)["generated"] == made
    assert (out / "fold-0" / "generated.json").stat().st_mtime_ns == when
    for suffix in ("json", "npz"):  # as version 0.1 named the files
        (out / "fold-0" / f"generated.{suffix}").rename(out / "fold-0" / f"painted.{suffix}")
    assert evaluate(data, arms=arms, out=out, resume=True, **QUICK)["generated"] == made
    assert not (out / "fold-0" / "generated.json").exists()
    with np.load(out / "pictures.npz") as pictures:
        shapes = {pictures[f"windows:{name}"].shape for name in made}
        assert len(shapes) == 1 and len(pictures["worst:refine"]) == len(pictures["worst_scores:refine"]) == 10
        assert np.array_equal(pictures["places_masks:real"], pictures["places_masks:inpaint"])
    page = write_report(out).read_text()
    for message in (
        "Generated beside real",
        "What was painted into hosts",
        "Real and painted at the same places",
        f"refined ({made['refine']['n']})",
    ):
        assert message in page
    assert '<table id="generated"' in page and "The worst of what was painted" in page


def test_without_such_an_arm_there_is_no_section(tmp_path: Path) -> None:
    data, out = phantoms.load_phantom("medical", subjects=4, shape=(32, 32, 16)), tmp_path / "run"
    assert "generated" not in evaluate(data, arms=["classic", "copy-paste+classic"], out=out, **QUICK)
    assert "Generated beside real" not in write_report(out).read_text()
