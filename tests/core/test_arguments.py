"""One number, name, seed or folder where several, a generator or an object may be; everything else is one line."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from balls import a_bank, a_host
from written_sets import write_dataset

import domaingan as dg
from domaingan import phantoms
from domaingan.banks import Bank
from domaingan.core.arguments import read_count_range, read_edge_length, read_generator, read_names, read_number_range
from domaingan.core.errors import DataError

BANK = a_bank(2, np.random.default_rng(2))
HOST = a_host(2, np.random.default_rng(0))
SCANS = phantoms.load_phantom("medical", subjects=3, shape=(32, 32, 16))


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "scans"
    write_dataset(SCANS, SCANS, folder)
    return folder


def same(one: Bank, two: Bank) -> bool:
    return all(np.array_equal(a, b) for a, b in ((one.images, two.images), (one.masks, two.masks)))


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize("wrong", [-1, "0", 1.5, None, True, np.random.RandomState(0)])
def test_what_is_no_generator_is_refused(wrong: Any) -> None:
    with pytest.raises(DataError, match=r"expected a seed of at least 0, or np\.random\.default_rng"):
        read_generator(wrong)


@pytest.mark.parametrize("wrong", ["2", 1.5, (1,), (1, 2, 3), (0.5, 2), None, True, ("1", "2"), (3, 1), -1, (-1, 1)])
def test_what_is_no_number_of_things_is_refused(wrong: Any) -> None:
    with pytest.raises(DataError, match=r"crops an image; expected (a whole number|0 or more, fewest first)"):
        dg.Paste(BANK, per_image=wrong)


def test_numbers_of_numpy_are_numbers() -> None:
    assert read_count_range(np.int64(2), "crops") == (2, 2) and read_count_range(np.array([1, 2]), "crops") == (1, 2)
    assert read_number_range(np.float32(0.5), "share") == (0.5, 0.5)
    assert np.array_equal(read_generator(np.int64(4)).random(3), np.random.default_rng(4).random(3))


@pytest.mark.parametrize("wrong", [3, ["a", 3], [None], {"a", 1}])
def test_what_is_no_name_is_refused(wrong: Any) -> None:
    with pytest.raises(DataError, match="expected a name, or a list of names"):
        read_names(wrong, "only")


@pytest.mark.parametrize("wrong", ["strong", (1,), (0, 1, 1), None])
def test_what_is_no_range_is_refused(wrong: Any) -> None:
    with pytest.raises(DataError, match=r"scale .*; expected a number, or least and most"):
        dg.Variation(scale=wrong)


# ---------------------------------------------------------------- where they are used


def test_one_number_and_one_name_of_a_paste() -> None:
    one, two = dg.Paste(BANK, per_image=2, only="rare"), dg.Paste(BANK, per_image=(2, 2), only=["rare"])
    after = one(HOST, 5)
    assert np.array_equal(after.image, two(HOST, np.random.default_rng(5)).image)
    assert [record.condition["lesion"] for record in after.pasted_crops] == ["rare", "rare"]
    with pytest.raises(DataError, match="no class rar; expected one of"):
        dg.Paste(BANK, only="rar")
    with pytest.raises(DataError, match="a seed of at least 0"):
        one(HOST, None)  # type: ignore[arg-type]


def test_one_look_and_one_strength() -> None:
    frames = phantoms.load_phantom("driving", sequences=3, frames=1)
    bank = dg.scenes(frames, 16)
    lighting = bank.info.conditions["lighting"][0]
    ways = [lighting, [lighting], {"lighting": lighting}, {"lighting": [lighting]}]
    looks = [dg.Relight(bank, strength=1, only=only)(frames[0], 3) for only in ways]
    assert all(np.array_equal(look.image, looks[0].image) for look in looks)
    assert dg.Relight(bank, strength=1).strength == (1, 1)
    with pytest.raises(DataError, match="no look 'noon'; expected one of"):
        dg.Relight(bank, only="noon")
    with pytest.raises(DataError, match="a strength of 'full'; expected a number"):
        dg.Relight(bank, strength="full")  # type: ignore[arg-type]


def test_transforms_of_other_libraries_take_the_same() -> None:
    for paste in (
        dg.albumentations.Paste(BANK, per_image=2, only="rare"),
        dg.monai.RandPasted(["image", "label"], BANK, per_image=2, only="rare"),
    ):
        assert paste.paste.per_image == (2, 2) and paste.paste.only == ["rare"]
    varied = dg.monai.RandPasted(["image", "label"], BANK, variation={"scale": [1, 2], "flip": False})
    assert dataclasses.asdict(varied.paste.rules.variation)["scale"] == (1, 2)
    for make in (dg.albumentations.Paste, lambda *a, **k: dg.monai.RandPasted(["image", "label"], *a, **k)):
        with pytest.raises(DataError, match="no variation 'rotated'; expected some of flip, rotate, scale"):
            make(BANK, variation={"rotated": 3})


def test_seeds_of_datasets_and_classic_augmentation() -> None:
    def names(data: dg.Dataset) -> list[str]:
        return [record.name for record in data.records]

    for seed in range(3):
        rng = np.random.default_rng(seed)
        assert names(SCANS.holdout(0.4, seed)[1]) == names(SCANS.holdout(0.4, rng)[1])
    assert [names(test) for _, test in SCANS.split_folds(3, 0)] == [
        names(test) for _, test in SCANS.split_folds(3, np.random.default_rng(0))
    ]
    classic, image = dg.Classic(2, "scan"), HOST.image
    assert HOST.mask is not None
    again = classic(image, HOST.mask, np.random.default_rng(4))[0]
    assert np.array_equal(classic(image, HOST.mask, 4)[0], again)


# ---------------------------------------------------------------- folders


def test_a_folder_will_do_for_a_dataset(scans: Path) -> None:
    data = dg.load(scans)
    for folder in (scans, str(scans)):
        assert same(dg.crops(folder, size=8), dg.crops(data, size=8))
    assert same(dg.scenes(scans, 8), dg.scenes(data, 8))
    assert len(dg.view(scans, dims=2)) == len(dg.view(data, dims=2)) == 48
    bank = dg.crops(scans, size=8)
    assert same(dg.windows(scans, bank, 3), dg.windows(data, bank, 3))
    for wrong in (3, None, [scans]):
        with pytest.raises(DataError, match=r"a \w+; expected a dataset, or the folder of one"):
            dg.crops(wrong)
    with pytest.raises(DataError, match="no such folder"):
        dg.crops(scans / "nowhere")
    with pytest.raises(DataError, match="no such folder"):
        dg.evaluate(scans / "nowhere")


def test_a_folder_will_do_for_a_bank(tmp_path: Path) -> None:
    saved = BANK.save(tmp_path / "lesions")
    looks = dg.scenes(phantoms.load_phantom("driving", sequences=2, frames=1), 16).save(tmp_path / "looks")
    for folder in (saved.path, str(saved.path)):
        assert np.array_equal(dg.Paste(folder)(HOST, 1).image, dg.Paste(saved)(HOST, 1).image)
    assert dg.Relight(str(looks.path)).bank.info == looks.info
    gan = dg.GAN.for_crops(str(saved.path), width=4, latent=4)
    gan.fit(saved.path, steps=1, eval_every=0)
    assert gan.config is not None and gan.config.provenance.crop_count == len(BANK)
    with pytest.raises(DataError, match="many steps, seed 0; expected at least 1 step"):
        gan.fit(saved.path, steps="many")  # type: ignore[arg-type]
    for wrong in (3, None, [saved.path]):
        with pytest.raises(DataError, match=r"a \w+; expected a bank, or the folder of one"):
            dg.Paste(wrong)
    with pytest.raises(DataError, match=r"lesion: no bank"):
        dg.Paste(tmp_path / "lesion")


# ---------------------------------------------------------------- settings of an evaluation


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"stepps": 3}, "no setting 'stepps'; expected one of steps, "),
        ({"steps": "many"}, "steps 'many'; expected input should be a valid integer"),
        ({"target_conditions": {}}, "no setting 'target_conditions'"),
        ({"seeds": "two"}, "'two' seeds; expected a whole number"),
        ({"seeds": 0}, "0 seeds; expected a whole number of at least 1"),
        ({"task": "segment"}, "no task 'segment'"),
        ({"arms": "classic,copypaste"}, "copypaste"),
        ({"arms": 3}, "arms 3; expected a name, or a list of names"),
        ({"bank": BANK}, r"a bank in memory; expected one that was saved: bank\.save"),
        ({"bank": 3}, "a int; expected a bank, or the folder of one"),
        ({"test": 3}, "a int; expected a dataset"),
        ({"train_where": {"subjec": "a"}}, "no sample with subjec=a"),
    ],
)
def test_a_setting_that_cannot_be_is_one_line(scans: Path, tmp_path: Path, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        dg.evaluate(scans, out=tmp_path / "run", **settings)
    assert "\n" not in str(caught.value) and not (tmp_path / "run").exists()


def test_a_folder_of_pictures_will_do_for_a_bank_of_looks(tmp_path: Path) -> None:
    from PIL import Image

    frames = phantoms.load_phantom("driving", sequences=3, frames=1)
    for index, sample in enumerate(frames):
        pixels = np.rint(np.moveaxis(sample.image, 0, -1) * 255).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
    relight = dg.Relight(tmp_path, strength=1)
    assert len(relight.bank) == 3 and (relight(frames[0], 1).image != frames[0].image).any()
    with pytest.raises(DataError, match="no bank; expected a folder that crops or sample wrote"):
        dg.Paste(str(tmp_path))


def test_a_bank_and_a_generator_of_scenes_may_have_a_class_of_value_0(tmp_path: Path) -> None:
    looks = dg.scenes(phantoms.load_phantom("driving", sequences=2, frames=1), 16).save(tmp_path / "looks")
    assert 0 in Bank.load(tmp_path / "looks").info.classes.values()
    assert dg.GAN.for_crops(looks, width=4).classes == looks.info.classes


@pytest.mark.parametrize("size", [0, -8, 7, 12, 16.0, True, "16", (16, 16), None])
def test_sizes_of_crops_are_powers_of_two(size: Any) -> None:
    with pytest.raises(DataError, match="expected a power of two, at least 8"):
        read_edge_length(size, 2)


def test_sizes_of_crops_fit_somewhere() -> None:
    assert (
        read_edge_length(8, 3) == 8 and read_edge_length(np.int64(512), 3) == 512 and read_edge_length(8192, 2) == 8192
    )
    for size, dims, most in ((1024, 3, 512), (16384, 2, 8192), (2**80, 3, 512)):
        with pytest.raises(DataError, match=f"size {size} in {dims}D; expected at most {most}"):
            read_edge_length(size, dims)
