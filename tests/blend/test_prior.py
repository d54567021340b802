"""Where scans' crops are tried: where their class was found, as far as people support it, or where a map says."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from balls import a_bank, a_host
from PIL import Image

from domaingan import phantoms
from domaingan.bank import Bank
from domaingan.blend import Paste
from domaingan.blend.prior import ENOUGH, Prior
from domaingan.cropping import crops
from domaingan.errors import DataError
from domaingan.slices import as_slices


def placed(paste: Paste, dims: int, n: int = 60) -> np.ndarray:
    """Middles of what was pasted, relative to the ball's box."""
    host, found = a_host(dims, np.random.default_rng(1), edge=48), []
    host.mask[...] = 0
    for seed in range(n):
        after = paste(host, np.random.default_rng(seed))
        assert after.meta["pasted"][0]["place"] is not None
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
    prior = Prior.of(bank, np.arange(40))
    assert set(prior.centres) == {0, 1} and sum(len(own) for own in prior.centres.values()) == 40
    assert all(prior.shares[code] == 5 / (5 + ENOUGH) for code in (0, 1))  # every other crop is rare: five people each
    few = Prior.of(bank, np.arange(2))
    assert (few.widths[0] > prior.widths[0]).all() and few.widths[0] == pytest.approx(np.sqrt(1 / 12), abs=0.01)
    bank.entries["subject"], bank.info.subjects[:] = -1, ["a", "b", "c"]
    assert Prior.of(bank, np.arange(40)).shares[0] == 3 / (3 + ENOUGH)


def test_a_place_that_is_taken_is_left_for_another(rng: np.random.Generator) -> None:
    bank, host = of_people(2, 60), a_host(2, rng, edge=48)
    host.mask[24:40] = 1
    records = [Paste(bank, per_image=(1, 1), placement="prior")(host, np.random.default_rng(s)) for s in range(10)]
    assert all(after.meta["pasted"][0]["place"] is not None for after in records)


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


def test_an_atlas_of_no_room_leaves_what_is_not_placed_counted(rng: np.random.Generator) -> None:
    atlas = np.zeros((10, 10))
    atlas[0, 0] = 1  # outside the ball
    after = Paste(a_bank(2, rng), per_image=(2, 2), atlas=atlas)(a_host(2, rng), rng)
    assert [record["place"] for record in after.meta["pasted"]] == [None, None]


def test_nonsense_is_refused(rng: np.random.Generator, tmp_path: Path) -> None:
    bank = a_bank(2, rng)
    (tmp_path / "torn.nii.gz").write_bytes(b"\x1f\x8b no")
    for given, said in [
        ({"placement": "corner"}, "placement 'corner'"),
        ({"placement": "prior"}, "unknown places"),
        ({"placement": "prior", "atlas": np.ones((3, 3))}, "and an atlas"),
        ({"atlas": np.ones((3, 3, 3))}, r"shape \(3, 3, 3\)"),
        ({"atlas": np.full((3, 3), -1)}, "below 0"),
        ({"atlas": np.zeros((3, 3))}, "all 0"),
        ({"atlas": tmp_path / "none.png"}, "no such file"),
        ({"atlas": tmp_path / "torn.nii.gz"}, "cannot be read"),
    ]:
        with pytest.raises(DataError, match=said):
            Paste(bank, **given)
    frames = phantoms.load("driving", sequences=2, frames=2)
    with pytest.raises(DataError, match="for frames"):
        Paste(crops(frames, size=32), schema=frames.schema, placement="prior")


def test_a_prior_of_slices_goes_into_slices() -> None:
    people = as_slices(phantoms.load("medical", subjects=4, shape=(40, 40, 16)))
    paste = Paste(crops(people, size=16), placement="prior")
    host = next(s for s in people if s.mask is not None and (s.mask > 0).any())
    after = paste(host, np.random.default_rng(0))
    assert any(record["place"] for record in after.meta["pasted"])
