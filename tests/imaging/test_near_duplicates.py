"""The same image under two names is found, however it is stored; other images are not taken for it."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from domaingan import phantoms
from domaingan.adapters import load
from domaingan.adapters.inspect_dataset import inspect_dataset
from domaingan.banks.crops import crops
from domaingan.banks.scenes import scenes
from domaingan.data import Record, Sample
from domaingan.imaging.near_duplicates import (
    DuplicateFinder,
    collect_datasets,
    compute_checksums,
    find_alternative_spellings,
    get_checksums,
    keep_checksums,
    make_thumbnail,
    normalise_name,
)
from domaingan.views.regrid import view
from domaingan.views.slices import slice_volumes


def make_scan(seed: int) -> NDArray[np.int16]:
    """A ball with a bright spot, in whole numbers."""
    rng = np.random.default_rng(seed)
    far = np.linalg.norm(np.indices((20, 20, 12)) - np.array([10, 10, 6]).reshape(3, 1, 1, 1), axis=0)
    return np.where(far < 6, 100 + rng.integers(0, 50, far.shape), 0).astype(np.int16)


def write_person(folder: Path, values: NDArray[np.int16], dtype: type[np.generic], ending: str, step: float) -> None:
    folder.mkdir(parents=True)
    affine = np.diag([step, step, step, 1])
    nib.save(nib.Nifti1Image(values.astype(dtype), affine), folder / f"t1{ending}")
    mask = np.zeros(values.shape, np.uint8)
    mask[8:11, 8:11, 5:8] = 1
    nib.save(nib.Nifti1Image(mask, affine), folder / f"seg{ending}")


def test_storage_does_not_change_a_checksum(tmp_path: Path) -> None:
    write_person(tmp_path / "a", make_scan(0), np.int16, ".nii.gz", 1.0)
    write_person(tmp_path / "b", make_scan(0), np.float64, ".nii", 2.5)
    write_person(tmp_path / "c", make_scan(1), np.int16, ".nii.gz", 1.0)
    first, second, third = (get_checksums(sample) for sample in load(tmp_path))
    assert first == second != third
    assert len(first) == 1


def test_one_checksum_a_channel_and_none_of_a_constant_one() -> None:
    image = np.random.default_rng(0).random((3, 8, 9)).astype(np.float32)
    image[1] = 7
    sums = compute_checksums(image)
    assert len(sums) == 2
    assert compute_checksums(image[[2, 1, 0]]) == sums[::-1]
    image[1, 3, 3] = 8  # away from what is looked at first
    assert len(compute_checksums(image)) == 3
    negative = np.array([[[0.0, 1.0]]], np.float32)
    assert compute_checksums(negative) == compute_checksums(np.array([[[-0.0, 1.0]]], np.float32))
    assert compute_checksums(np.zeros((1, 0, 4), np.float32)) == ()


@pytest.mark.parametrize("codes", ["LPS", "PIR", "SAR"])
def test_a_scan_that_is_stored_in_another_direction_is_the_same(codes: str, tmp_path: Path) -> None:
    stored = nib.Nifti1Image(make_scan(1), np.diag([1.0, 2, 3, 1]))
    turn = nib.orientations.ornt_transform(nib.io_orientation(stored.affine), nib.orientations.axcodes2ornt(codes))
    for name, image in (("a", stored), ("b", stored.as_reoriented(turn))):
        (tmp_path / name).mkdir()
        image.to_filename(tmp_path / name / "t1.nii.gz")
    first, second = (get_checksums(sample) for sample in load(tmp_path))
    assert first == second
    mirrored = nib.Nifti1Image(make_scan(1)[::-1], stored.affine)  # another body
    mirrored.to_filename(tmp_path / "b" / "t1.nii.gz")
    assert get_checksums(load(tmp_path)[1]) != first


@pytest.mark.parametrize("value", [0, -5])
@pytest.mark.parametrize("width", [3, ((0, 2), (0, 0), (0, 4)), ((1, 0), (2, 0), (0, 0))])
def test_padding_is_no_other_scan(value: int, width: object) -> None:
    noisy = np.random.default_rng(1).integers(1, 99, (1, 9, 8, 7)).astype(np.float32)
    padded = np.pad(noisy[0], width, constant_values=value)[None]  # type: ignore[call-overload]
    assert compute_checksums(padded) == compute_checksums(noisy) != compute_checksums(noisy[:, 1:])
    in_zeros = make_scan(1)[None].astype(np.float32)
    assert compute_checksums(np.pad(in_zeros[0], 3)[None]) == compute_checksums(in_zeros)


def test_a_change_of_the_grid_keeps_what_was_read() -> None:
    people = phantoms.load_phantom("medical", subjects=2, shape=(32, 32, 16))
    own = get_checksums(people[0])
    for observed in (view(people, dims=2), view(people, spacing=3.0), view(people, dims=2, spacing=3.0)):
        assert get_checksums(observed[0]) == own
    assert get_checksums(slice_volumes(people)[0]) == ()  # of a slice alone nothing is known
    assert keep_checksums(people)[1].source.checksums == get_checksums(people[1])


def test_banks_know_what_they_were_made_of() -> None:
    people = phantoms.load_phantom("medical", subjects=3, shape=(32, 32, 16))
    expected = {one: sample.statistical_unit for sample in people for one in get_checksums(sample)}
    bank = crops(view(people, dims=2), 16)
    assert bank.info.checksums == expected
    assert scenes(view(people, dims=2)[:6], 16, ()).info.checksums.items() <= expected.items()
    someone = bank.subjects[0]
    kept = bank.select_subjects([someone]).info.checksums
    assert kept == {one: subject for one, subject in expected.items() if subject == someone}


@pytest.mark.parametrize("shape", [(3, 40, 60), (1, 7, 5), (1, 24, 24, 12), (2, 3, 9, 30)])
def test_small_picture_is_blind_to_scale_and_shift(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).random(shape).astype(np.float32)
    small = make_thumbnail(image)
    assert np.linalg.norm(small) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(make_thumbnail(image * 30 + 5), small, atol=1e-4)
    assert not make_thumbnail(np.ones(shape, np.float32)).any()


def test_small_picture_holds_the_means_of_its_cells() -> None:
    image = np.zeros((1, 24, 32), np.float32)
    image[0, :2, 2:4] = 4  # the second cell of the first row
    expected = np.zeros((12, 16))
    expected[0, 1] = 4
    expected = (expected - expected.mean()).ravel()
    np.testing.assert_allclose(make_thumbnail(image), expected / np.linalg.norm(expected), atol=1e-6)


def survey_of(images: dict[str, NDArray[np.float32]], sequence: str = "") -> DuplicateFinder:
    survey = DuplicateFinder()
    for name, image in images.items():
        survey.add(Record(name, sequence=sequence), Sample(image))
    return survey


def make_frames(n: int) -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    coarse = rng.random((n, 3, 6, 8))
    return {f"f{i:02d}": np.kron(coarse[i], np.ones((10, 10))).astype(np.float32) for i in range(n)}


def test_copies_are_found_by_values_and_by_looks() -> None:
    frames = make_frames(12)
    frames["again"] = frames["f03"]
    frames["darker"] = frames["f05"] * np.float32(0.7) + np.random.default_rng(1).normal(0, 0.02, (3, 60, 80)).astype(
        "f4"
    )
    survey = survey_of(frames)
    names = [record.name for record in survey.records]
    found = [(names[copy.first], names[copy.second], copy.is_exact) for copy in survey.find_duplicates()]
    assert found == [("f03", "again", True), ("f05", "darker", False)]
    assert survey_of(frames, sequence="one drive").find_duplicates() == []
    assert not survey.is_from_drives()


def test_of_few_images_looks_tell_nothing() -> None:
    frames = make_frames(3)
    frames["darker"] = frames["f01"] * np.float32(0.7)
    assert survey_of(frames).find_duplicates() == []


def test_frames_of_a_drive_are_recognised_by_their_likeness_to_the_next() -> None:
    wide = gaussian_filter(np.random.default_rng(0).random((3, 60, 400)), (0, 8, 8)).astype(np.float32)
    frames = {f"img{i}": wide[:, :, 8 * i : 8 * i + 80] for i in range(30)}  # without zeros before: 10 comes after 9
    assert survey_of(frames).is_from_drives()
    assert not survey_of(frames, sequence="named").is_from_drives()
    order = np.random.default_rng(2).permutation(30)
    far = {f"img{i}": wide[:, :, 8 * j : 8 * j + 80] for i, j in enumerate(order.tolist())}
    assert not survey_of(far).is_from_drives()


def test_spellings() -> None:
    assert find_alternative_spellings(["sub-1", "sub-2", "SUB_01", "sub-1", "sub-11"]) == [("sub-1", "SUB_01")]
    assert normalise_name("A-10") != normalise_name("A-1")
    assert normalise_name("x000") == normalise_name("X0")
    assert find_alternative_spellings(["…", "—"]) == []


def test_inspect_tells_them(tmp_path: Path) -> None:
    for name, seed in (("sub-1", 0), ("SUB_01", 1), ("other", 0), ("last", 2)):
        write_person(tmp_path / name, make_scan(seed), np.int16, ".nii.gz", 1.0)
    leaks = inspect_dataset(load(tmp_path))["leaks"]
    assert {(frozenset(leak["samples"]), leak["reason"]) for leak in leaks} == {
        (frozenset({"sub-1", "other"}), "have the same values, under two names"),
        (frozenset({"sub-1", "SUB_01"}), "are one name in two spellings"),
    }
    assert inspect_dataset(phantoms.load_phantom("medical", subjects=9, shape=(32, 32, 16)))["leaks"] == []


def test_surveys_join_datasets() -> None:
    people = phantoms.load_phantom("medical", subjects=2, shape=(32, 32, 16))
    assert len(collect_datasets([people, people[:1]]).records) == 3
