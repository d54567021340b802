"""Where scans' crops are tried: where their class was found, as far as people support it, or where a map says."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from balls import a_bank, a_host
from PIL import Image

from domaingan import phantoms
from domaingan.banks import Bank
from domaingan.banks.crops import crops
from domaingan.blend import Paste
from domaingan.blend.scan.atlas import read_axes
from domaingan.blend.scan.prior import PRIOR_STRENGTH, PlacementPrior, _sample_free_by_body_axes
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Geometry, Record, Sample
from domaingan.imaging.body_axes import get_body_axes
from domaingan.views.slices import slice_volumes


def placed(paste: Paste, dims: int, n: int = 60) -> np.ndarray:
    """Middles of what was pasted, relative to the ball's box."""
    host, found = a_host(dims, np.random.default_rng(1), edge=48), []
    host.mask[...] = 0
    for seed in range(n):
        after = paste(host, np.random.default_rng(seed))
        assert after.pasted_crops[0].is_placed
        found.append((np.argwhere(after.mask > 0).mean(axis=0) - 4) / 40)
    return np.array(found)


def of_people(dims: int, people: int, n: int = 60) -> Bank:
    """Crops of so many subjects, all of which lay in one place."""
    bank = a_bank(dims, np.random.default_rng(0), n=n)
    bank.info.subjects[:] = [f"s{i}" for i in range(people)]
    bank.entries["subject"] = np.arange(n) % people
    bank.entries["centre"] = np.random.default_rng(2).normal([0.65] + [0.5] * (dims - 1), 0.03, (n, dims))
    return bank


@pytest.mark.parametrize("dims", [2, 3])
def test_the_more_people_the_narrower(dims: int) -> None:
    spread = []
    for people in (1, 60):
        bank = of_people(dims, people)
        spots = placed(Paste(bank, per_image=(1, 1), placement="prior"), dims, 30 if dims == 3 else 60)
        spread.append(np.abs(spots - ([0.65] + [0.5] * (dims - 1))).mean())
    anywhere = placed(Paste(of_people(dims, 60), per_image=(1, 1)), dims)
    off = np.abs(anywhere - ([0.65] + [0.5] * (dims - 1))).mean()
    assert spread[1] < 0.7 * off and spread[1] < spread[0] < 1.15 * off


def test_shares_and_widths_follow_from_the_numbers() -> None:
    bank = of_people(2, 10, n=40)
    prior = PlacementPrior.from_bank(bank, np.arange(40))
    assert set(prior.centres) == {0, 1} and sum(len(own) for own in prior.centres.values()) == 40
    assert all(
        prior.prior_shares[code] == 5 / (5 + PRIOR_STRENGTH) for code in (0, 1)
    )  # every other crop is rare: five people each
    few = PlacementPrior.from_bank(bank, np.arange(2))
    assert (few.bandwidths[0] > prior.bandwidths[0]).all() and few.bandwidths[0] == pytest.approx(
        np.sqrt(1 / 12), abs=0.01
    )
    bank.entries["subject"], bank.info.subjects[:] = -1, ["a", "b", "c"]
    assert PlacementPrior.from_bank(bank, np.arange(40)).prior_shares[0] == 3 / (3 + PRIOR_STRENGTH)


def test_a_place_that_is_taken_is_left_for_another(rng: np.random.Generator) -> None:
    bank, host = of_people(2, 60), a_host(2, rng, edge=48)
    host.mask[24:40] = 1
    records = [Paste(bank, per_image=(1, 1), placement="prior")(host, np.random.default_rng(s)) for s in range(10)]
    assert all(after.pasted_crops[0].is_placed for after in records)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("kind", ["array", "npy", "nii.gz", "png"])
def test_an_atlas_says_where(dims: int, kind: str, tmp_path: Path) -> None:
    if kind == "png" and dims == 3:
        pytest.skip("pictures are flat")
    atlas = np.zeros((8, 5, 7)[:dims], dtype=np.uint8)
    atlas[4:6, 1:4] = 200
    path = tmp_path / f"atlas.{kind}"
    if kind == "npy":
        np.save(path, atlas)
    elif kind == "nii.gz":
        nibabel.Nifti1Image(atlas, np.eye(4)).to_filename(path)
    elif kind == "png":
        Image.fromarray(atlas).save(path)
    given = atlas if kind == "array" else path
    spots = placed(Paste(a_bank(dims, np.random.default_rng(0)), per_image=(1, 1), atlas=given), dims, n=25)
    assert (spots[:, 0] > 0.42).all() and (spots[:, 0] < 0.83).all()
    assert (spots[:, 1] > 0.08).all() and (spots[:, 1] < 0.92).all()


@pytest.mark.parametrize(("dims", "codes"), [(3, "LPS"), (3, "PIR"), (3, "SAL"), (2, "LP"), (2, "AR")])
def test_an_atlas_in_a_file_means_places_in_the_body(dims: int, codes: str, tmp_path: Path) -> None:
    atlas = np.zeros((8, 6, 7)[:dims])
    atlas[:4, 3:] = 1  # left and to the front, stored to the right, the front and the head
    path = tmp_path / "atlas.nii.gz"
    nibabel.Nifti1Image(atlas, np.eye(4)).to_filename(path)
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    if dims == 2:
        affine[2, 2] = 1
    for column, code in enumerate(codes):
        row = next(i for i, pair in enumerate(("LR", "PA", "IS")) if code in pair)
        affine[row, column] = 1 if code in "RAS" else -1
    paste = Paste(a_bank(dims, np.random.default_rng(0)), per_image=(1, 1), atlas=path)
    host = a_host(dims, np.random.default_rng(1))
    host.geometry = Geometry(host.spacing, affine)
    middle = (np.array(host.shape) - 1) / 2
    for seed in range(8):
        after = paste(host, np.random.default_rng(seed))
        new = np.argwhere(after.mask != host.mask)
        off = affine[:3, :dims] @ (new.mean(axis=0) - middle)
        assert off[0] < 1 and off[1] > -1


def test_an_atlas_without_a_form_is_as_stored(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.ones((4, 4, 4)), np.diag([-1.0, -1, 1, 1]))
    image.set_sform(None, 0)
    image.set_qform(None, 0)
    image.to_filename(tmp_path / "atlas.nii")
    assert read_axes(tmp_path / "atlas.nii", 3) is None and read_axes(np.ones((4, 4)), 2) is None


def test_an_atlas_of_no_room_leaves_what_is_not_placed_counted(rng: np.random.Generator) -> None:
    atlas = np.zeros((10, 10))
    atlas[0, 0] = 1  # outside the ball
    after = Paste(a_bank(2, rng), per_image=(2, 2), atlas=atlas)(a_host(2, rng), rng)
    assert [record.place for record in after.pasted_crops] == [None, None]


def test_nonsense_is_refused(rng: np.random.Generator, tmp_path: Path) -> None:
    bank = a_bank(2, rng)
    (tmp_path / "torn.nii.gz").write_bytes(b"\x1f\x8b no")
    for given, message in [
        ({"placement": "corner"}, "placement 'corner'"),
        ({"placement": "prior"}, "unknown places"),
        ({"placement": "prior", "atlas": np.ones((3, 3))}, "and an atlas"),
        ({"atlas": np.ones((3, 3, 3))}, r"shape \(3, 3, 3\)"),
        ({"atlas": np.full((3, 3), -1)}, "below 0"),
        ({"atlas": np.zeros((3, 3))}, "all 0"),
        ({"atlas": tmp_path / "none.png"}, "no such file"),
        ({"atlas": tmp_path / "torn.nii.gz"}, "cannot be read"),
    ]:
        with pytest.raises(DataError, match=message):
            Paste(bank, **given)
    frames = phantoms.load_phantom("driving", sequences=2, frames=2)
    with pytest.raises(DataError, match="for frames"):
        Paste(crops(frames, size=32), schema=frames.schema, placement="prior")


def test_a_prior_of_slices_goes_into_slices() -> None:
    people = slice_volumes(phantoms.load_phantom("medical", subjects=4, shape=(40, 40, 16)))
    paste = Paste(crops(people, size=16), placement="prior")
    host = next(s for s in people if s.mask is not None and (s.mask > 0).any())
    after = paste(host, np.random.default_rng(0))
    assert any(record.is_placed for record in after.pasted_crops)


def turned(sample: Sample, order: tuple[int, ...], flips: tuple[int, ...]) -> Sample:
    """The same scan with its axes in another order and some of them reversed, at the same place in the world."""
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, list(order)]
    for axis in flips:
        n = sample.shape[order[axis]]
        affine[:3, 3] += affine[:3, axis] * (n - 1)
        affine[:3, axis] *= -1
    image = np.flip(np.transpose(sample.image, (0, *[a + 1 for a in order])), [a + 1 for a in flips])
    mask = np.flip(np.transpose(sample.mask, order), flips)
    return Sample(np.ascontiguousarray(image), np.ascontiguousarray(mask), meta={"affine": affine, "name": "turned"})


@pytest.mark.parametrize(("order", "flips"), [((0, 1, 2), (0, 1)), ((2, 0, 1), (1,)), ((1, 2, 0), ())])
def test_a_prior_is_of_the_body_whichever_way_voxels_run(order: tuple[int, ...], flips: tuple[int, ...]) -> None:
    bank = of_people(3, 60)
    bank.entries["centre"] = np.random.default_rng(2).normal([0.7, 0.4, 0.5], 0.02, (60, 3))
    paste = Paste(bank, per_image=(1, 1), placement="prior")
    host = a_host(3, np.random.default_rng(1))
    host.mask[...] = 0
    other = turned(host, order, flips)
    where = []
    for scan, affine in ((host, np.eye(4)), (other, other.geometry.affine)):
        middles = [np.argwhere(paste(scan, np.random.default_rng(s)).mask > 0).mean(axis=0) for s in range(25)]
        where.append(np.median([(affine @ [*middle, 1])[:3] for middle in middles], axis=0))
    assert np.abs(where[0] - where[1]).max() < 4 and where[1][0] > 22 and where[1][1] < 20


def test_crops_know_their_place_in_the_body() -> None:
    people = phantoms.load_phantom("medical", subjects=3, shape=(40, 40, 16))
    scans = [sample for sample in people if (sample.mask > 0).any()]
    records = [Record(sample.name, subject=sample.name) for sample in scans]
    for order, flips in (((0, 1, 2), (0, 2)), ((2, 1, 0), (1,))):
        made = {sample.name: turned(sample, order, flips) for sample in scans}
        same = {sample.name: turned(sample, (0, 1, 2), ()) for sample in scans}
        banks = [
            crops(Dataset(records, lambda record, by_name=one: by_name[record.name], people.schema), size=16)
            for one in (made, same)
        ]
        found = [np.sort(np.round(bank.entries["centre"], 3), axis=0) for bank in banks]
        np.testing.assert_allclose(found[0], found[1], atol=0.02)


def test_slices_keep_the_directions_of_their_volume() -> None:
    people = phantoms.load_phantom("medical", subjects=1, shape=(40, 40, 16))
    flipped = people.map(lambda sample: turned(sample, (0, 1, 2), (0,)))
    assert [get_body_axes(slice_volumes(one)[8]) for one in (people, flipped)] == [((0, 1), (1, 1)), ((0, -1), (1, 1))]


def test_the_same_seed_draws_the_same_places_of_the_body(rng: np.random.Generator) -> None:
    free = rng.random((9, 11, 13)) < 0.4
    axes = ((2, -1), (0, 1), (1, -1))
    as_body = np.transpose(np.flip(free, (0, 2)), (1, 2, 0))
    one = _sample_free_by_body_axes(free, axes, 20, np.random.default_rng(5))
    other = _sample_free_by_body_axes(as_body, ((0, 1), (1, 1), (2, 1)), 20, np.random.default_rng(5))
    assert free[tuple(one.T)].all()
    moved = np.stack([one[:, 1], 12 - one[:, 2], 8 - one[:, 0]], axis=1)
    assert (moved == other).all()
