"""The laws of relighting: labels stay, the same look changes nothing, nothing leaves the range or turns black."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from domaingan import phantoms
from domaingan.banks import Bank
from domaingan.banks.scenes import scenes
from domaingan.blend import FRAME_LOOKS, Relight, find_conditions_of_looks
from domaingan.blend.looks import FDA, SCAN_LOOKS, LookInput, soften_range
from domaingan.core.errors import DataError
from domaingan.data import SCAN, Dataset, Record, Sample, Schema
from domaingan.imaging.intensity import get_foreground, get_intensity_range, to_scaled
from domaingan.views.regrid import resize_sample
from domaingan.views.slices import slice_volumes

SCHEMA = Schema(
    "test", "frame", 2, ("red", "green", "blue"), {"road": 0, "car": 1}, conditions=("lighting",), objects=("car",)
)
FULL = (1.0, 1.0)


def frame(rng: np.random.Generator, shape: tuple[int, int] = (36, 52), light: float = 1.0, name: str = "h") -> Sample:
    """A smooth frame with some texture, labels of every kind."""
    image = ndimage.gaussian_filter(rng.random((3, *shape)), (0, 4, 4))
    image = (image - image.min()) / np.ptp(image) + 0.05 * rng.standard_normal(image.shape)
    instances = np.zeros(shape, dtype=np.int32)
    instances[3:9, 4:12] = 1
    return Sample(
        np.clip(image * light, 0, 1).astype(np.float32),
        (instances > 0).astype(np.uint8),
        np.array([[4, 3, 12, 9]], dtype=np.float32),
        np.array([1]),
        {"lighting": "day" if light == 1 else "dusk"},
        {"name": name, "split": "train"},
        instances,
    )


def dataset(samples: list[Sample]) -> Dataset:
    records = [Record(s.name or str(i), shape=s.shape, condition=s.condition) for i, s in enumerate(samples)]
    kept = {record.name: sample for record, sample in zip(records, samples, strict=True)}
    return Dataset(records, lambda record: kept[record.name], SCHEMA)


def a_bank(seed: int = 0, size: int = 16, n: int = 4) -> Bank:
    rng = np.random.default_rng(seed)
    return scenes(dataset([frame(rng, light=0.3 if i % 2 else 1.0, name=f"s{i}") for i in range(n)]), size)


@pytest.mark.parametrize("method", FRAME_LOOKS)
@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**16), size=st.sampled_from([8, 16, 64]), shape=st.sampled_from([(36, 52), (9, 7), (64, 64)])
)
def test_labels_stay_and_the_image_stays_an_image(method: str, seed: int, size: int, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    host = resize_sample(frame(rng), shape)
    before = copy.deepcopy(host)
    relight = Relight(a_bank(seed, size), method, (0, 1), skip_same=False)
    after, again = (relight(host, np.random.default_rng(seed)) for _ in range(2))
    for name in ("mask", "boxes", "labels", "instances"):
        assert getattr(after, name) is getattr(host, name)
        assert getattr(host, name).tobytes() == getattr(before, name).tobytes()
    assert host.image.tobytes() == before.image.tobytes() and host.source == before.source
    assert after.image.dtype == np.float32 and after.image.shape == host.image.shape
    assert after.image.min() >= 0 and after.image.max() <= 1
    assert after.image.tobytes() == again.image.tobytes() and after.relight_result == again.relight_result


@pytest.mark.parametrize("method", FRAME_LOOKS)
@pytest.mark.parametrize("size", [8, 32, 64])
@settings(max_examples=20)
@given(seed=st.integers(0, 2**16), light=st.sampled_from([1.0, 0.2]))
def test_the_same_look_changes_almost_nothing(method: str, size: int, seed: int, light: float) -> None:
    host = frame(np.random.default_rng(seed), light=light)
    relight = Relight(scenes(dataset([host]), size), method, FULL, skip_same=False)
    np.testing.assert_allclose(relight(host, np.random.default_rng(0)).image, host.image, atol=5e-3)


@pytest.mark.parametrize("method", FRAME_LOOKS)
def test_strength_zero_is_the_host_itself(method: str, rng: np.random.Generator) -> None:
    host = frame(rng)
    after = Relight(a_bank(), method, (0, 0), skip_same=False)(host, rng)
    assert after.image.tobytes() == host.image.tobytes() and not after.relight_result.is_relit
    assert after.condition == host.condition


@pytest.mark.parametrize("method", FRAME_LOOKS)
def test_a_dark_scene_makes_it_dark_without_turning_it_black(method: str, rng: np.random.Generator) -> None:
    host = frame(rng)
    dark = Relight(a_bank(), method, FULL, {"lighting": ["dusk"]})
    full = dark(host, np.random.default_rng(1))
    dark.strength = (0.5, 0.5)
    half = dark(host, np.random.default_rng(1))
    scene = dark.bank[full.relight_result.index].image
    assert full.image.mean() < half.image.mean() < host.image.mean()
    assert abs(full.image.mean() - scene.mean()) < 0.35 * abs(host.image.mean() - scene.mean())
    assert (full.image.max(axis=0) < 1 / 255).mean() <= (host.image.max(axis=0) < 1 / 255).mean() + 0.01
    assert full.condition == {"lighting": "dusk"} and host.condition == {"lighting": "day"}
    record = full.relight_result.to_dict()
    assert record == {"index": record["index"], "lighting": "dusk", "method": method, "strength": 1.0}


def test_hosts_of_the_requested_look_are_left_alone(rng: np.random.Generator) -> None:
    host = frame(rng, light=0.3)
    after = Relight(a_bank(), only={"lighting": ["dusk"]})(host, rng)
    assert after.image is host.image and not after.relight_result.is_relit and host.relight_result is None
    assert Relight(a_bank(), only={"lighting": ["dusk"]}, skip_same=False)(host, rng).relight_result.is_relit
    assert Relight(a_bank(), only={"lighting": ["day"]})(host, rng).relight_result.is_relit


def test_every_look_comes_up_equally_often(rng: np.random.Generator) -> None:
    lights = [1.0] * 9 + [0.3]
    bank = scenes(dataset([frame(rng, light=light, name=str(i)) for i, light in enumerate(lights)]), 8)
    relight = Relight(bank, skip_same=False)
    drawn = [relight(frame(rng), rng).condition["lighting"] for _ in range(60)]
    assert 18 <= drawn.count("dusk") <= 42


def test_pictures_without_conditions_leave_the_hosts_own(rng: np.random.Generator) -> None:
    bank = scenes(dataset([frame(rng, light=0.3)]), 16, ())
    after = Relight(bank)(frame(rng), rng)
    assert after.relight_result.is_relit and after.condition == {"lighting": "day"}


@pytest.mark.parametrize("method", FRAME_LOOKS)
def test_flat_frames_and_flat_scenes(method: str) -> None:
    flat = Sample(np.full((3, 12, 12), 0.5, dtype=np.float32), np.zeros((12, 12), np.uint8), meta={"name": "flat"})
    for one, two in ((flat, frame(np.random.default_rng(0))), (frame(np.random.default_rng(0)), flat)):
        after = Relight(scenes(dataset([two]), 8, ()), method, FULL)(one, np.random.default_rng(0))
        assert np.isfinite(after.image).all() and after.mask is one.mask


def test_fda_takes_the_amplitudes_and_keeps_the_phases(rng: np.random.Generator) -> None:
    host, scene = (ndimage.gaussian_filter(rng.random((3, 32, 32)), (0, 3, 3)).astype(np.float32) for _ in range(2))
    host, scene = 0.5 + (host - 0.5), 0.5 + (scene - 0.5) * 0.8
    lit = FDA(2 / 512)(LookInput(host), LookInput(host), LookInput(scene))
    own, expected, made = (
        np.fft.fft2(x)[:, [[0], [1], [2], [-1], [-2]], [0, 1, 2, -1, -2]] for x in (host, scene, lit)
    )
    np.testing.assert_allclose(np.abs(made), np.abs(expected), rtol=0.02, atol=0.05)
    np.testing.assert_allclose(made / np.abs(made), own / np.abs(own), atol=0.02)
    high = np.fft.fft2(lit - host)[:, 3:-2, 3:-2]
    assert np.abs(high).max() < 1e-2


@given(low=st.floats(-0.3, 0.5), high=st.floats(0.6, 1.3))
def test_softened_stays_in_range_in_order_and_leaves_what_is_inside(low: float, high: float) -> None:
    values = np.linspace(low, high, 101, dtype=np.float32)
    out = soften_range(values, low, high, 1)
    assert (np.diff(out) > -1e-6).all() and out.min() > -2e-3 and out.max() < 1 + 2e-3
    if low >= 0 and high <= 1:
        assert (out == values).all()


def test_on_the_phantom_night_is_darker(rng: np.random.Generator) -> None:
    drives = phantoms.load_phantom("driving", sequences=9, frames=1)
    lights = {str(record.condition["lighting"]) for record in drives.records}
    assert {"day", "night"} <= lights
    host = drives.where(lighting="day")[0]
    relight = Relight(scenes(drives, 32, ("lighting",)), only={"lighting": ["night"]}, strength=FULL)
    relight.check_schema(drives.schema)
    after = relight(host, rng)
    assert after.image.mean() < host.image.mean() and after.condition["weather"] == host.condition["weather"]


def test_wrong_pairs_are_refused(tmp_path: Path) -> None:
    bank = a_bank()
    scan = phantoms.load_phantom("medical", subjects=1)
    with pytest.raises(DataError, match="a bank of scenes"):
        Relight(bank).check_schema(scan.schema)
    with pytest.raises(
        DataError,
        match="no method 'feather' for scenes; expected one of reinhard, histogram, fda, reinhard-per-class",
    ):
        Relight(bank, "feather")
    with pytest.raises(DataError, match="strength"):
        Relight(bank, strength=(0.5, 1.5))
    with pytest.raises(DataError, match="no lighting=night; expected one of"):
        Relight(bank, only={"lighting": ["night"]})
    with pytest.raises(DataError, match="no scene"):
        Relight(bank.take([0]), only={"lighting": ["dusk"]})
    crops = Bank(bank.info.model_copy(update={"kind": "crops"}), bank.images, bank.masks, bank.entries)
    with pytest.raises(DataError, match="a bank of crops; expected a bank of scenes"):
        Relight(crops)


def test_looks_by_their_values() -> None:
    bank = a_bank()
    assert (
        find_conditions_of_looks(bank, ["dusk", "day"]) == {"lighting": ["dusk", "day"]}
        and find_conditions_of_looks(bank, []) == {}
    )
    with pytest.raises(DataError, match="no look 'fog'; expected one of day, dusk"):
        find_conditions_of_looks(bank, ["fog"])


def test_bytes_stay_bytes(rng: np.random.Generator) -> None:
    host = frame(rng)
    stored = np.rint(host.image * 255).astype(np.uint8)
    ends = np.array([[0, 255]] * 3, dtype=np.float32)
    bank = a_bank()
    for method in (*FRAME_LOOKS, "mix"):
        after = Relight(bank, method, FULL, skip_same=False)(
            replace(host, image=stored, meta={"range": ends}), np.random.default_rng(3)
        )
        same = Relight(bank, method, FULL, skip_same=False)(
            replace(host, image=stored.astype(np.float32) / 255), np.random.default_rng(3)
        )
        assert after.image.dtype == np.uint8
        np.testing.assert_allclose(after.image / 255, same.image, atol=0.6 / 255)


def test_mix_draws_each_of_them_and_says_which(rng: np.random.Generator) -> None:
    relight = Relight(a_bank(), "mix", skip_same=False)
    drawn = {relight(frame(rng), rng).relight_result.method for _ in range(60)}
    assert drawn == set(FRAME_LOOKS)


def test_classes_are_matched_by_their_names(rng: np.random.Generator) -> None:
    """The hosts call the car 5 and the road 9: the same comes out as with the bank's own values."""
    host, bank = frame(rng), a_bank()
    assert host.mask is not None
    other = replace(SCHEMA, classes={"car": 5, "road": 9, "tree": 2})
    renamed = replace(host, mask=np.where(host.mask == 1, 5, 9).astype(np.int32))
    one = Relight(bank, "reinhard-per-class", FULL, skip_same=False)(host, np.random.default_rng(0))
    two = Relight(bank, "reinhard-per-class", FULL, skip_same=False, schema=other)(renamed, np.random.default_rng(0))
    none = Relight(bank, "reinhard-per-class", FULL, skip_same=False)(
        replace(host, mask=None), np.random.default_rng(0)
    )
    assert (one.image == two.image).all() and (one.image != none.image).any()


# ---------------------------------------------------------------------- scans

HEADS = phantoms.load_phantom("medical", subjects=3, shape=(40, 36, 16))


def scanned(sample: Sample, gamma: float = 0.6) -> Sample:
    """The same as another scanner would show it: brighter greys, another unit, a gradient across."""
    inside = get_foreground(sample)
    ends = get_intensity_range(sample, SCAN)
    scaled = np.clip(to_scaled(sample.image, ends), 0, None) ** gamma
    ramp = np.linspace(0.8, 1.2, sample.shape[0]).reshape(-1, *[1] * (sample.spatial_dims - 1))
    return replace(sample, image=np.where(inside, 100 + 700 * scaled * ramp, 0).astype(np.float32))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("method", SCAN_LOOKS)
def test_scans_change_within_the_body_alone(dims: int, method: str) -> None:
    data = HEADS if dims == 3 else slice_volumes(HEADS)
    host = data[0] if dims == 3 else data[8]
    before = copy.deepcopy(host)
    relight = Relight(scenes(data.map(scanned), 16), method, FULL, skip_same=False)
    relight.check_schema(data.schema)
    after = relight(host, np.random.default_rng(1))
    inside = get_foreground(host)
    assert after.mask is host.mask and after.boxes is host.boxes and after.instances is host.instances
    assert host.image.tobytes() == before.image.tobytes() and after.image.dtype == host.image.dtype
    assert (after.image[:, ~inside] == host.image[:, ~inside]).all()
    assert (after.image[:, inside] != host.image[:, inside]).mean() > 0.9
    none = Relight(relight.bank, method, (0, 0), skip_same=False)(host, np.random.default_rng(1))
    assert none.image.tobytes() == host.image.tobytes()


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("method", SCAN_LOOKS)
def test_the_same_scan_changes_almost_nothing(dims: int, method: str) -> None:
    data = HEADS[:1] if dims == 3 else slice_volumes(HEADS)[8:9]
    after = Relight(scenes(data, 16), method, FULL, skip_same=False)(data[0], np.random.default_rng(0))
    ends = get_intensity_range(data[0], SCAN)
    np.testing.assert_allclose(to_scaled(after.image, ends), to_scaled(data[0].image, ends), atol=5e-3)


def test_histogram_brings_one_scanner_nearer_to_another() -> None:
    host, other = HEADS[0], scanned(HEADS[1])
    inside, there = get_foreground(host), get_foreground(other)
    after = Relight(scenes(HEADS[1:2].map(scanned), 32), "histogram", FULL, skip_same=False)(
        host, np.random.default_rng(0)
    )
    levels = np.linspace(0.1, 0.9, 9)
    own, expected, made = (
        np.quantile(to_scaled(s.image, get_intensity_range(s, SCAN))[0, body], levels)
        for s, body in ((host, inside), (other, there), (after, inside))
    )
    assert np.abs(made - expected).mean() < 0.35 * np.abs(own - expected).mean()


def test_whole_numbers_stay_whole_numbers() -> None:
    data = HEADS.map(_rounded)
    host = data[0]
    after = Relight(scenes(data, 16), "mix", FULL, skip_same=False)(host, np.random.default_rng(0))
    assert after.image.dtype == host.image.dtype == np.int16


def _rounded(sample: Sample) -> Sample:
    return replace(sample, image=np.rint(scanned(sample).image).astype(np.int16))
