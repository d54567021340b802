from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from domaingan import phantoms
from domaingan.banks import Bank
from domaingan.banks.crop_conditions import sort_classes_by_rarity
from domaingan.banks.crops import crops
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Reader, Record, Sample, Schema
from domaingan.imaging.padded_crops import count_voxels, crop_padded
from domaingan.views.slices import slice_volumes

CLASSES = {"necrosis": 1, "oedema": 2, "enhancing": 4}


def ball(mask: NDArray[np.uint8], centre: tuple[float, ...], radius: float, value: int) -> None:
    distance = sum((g - c) ** 2 for g, c in zip(np.indices(mask.shape), centre, strict=True))
    mask[distance <= radius**2] = value


def scans(
    *masks: NDArray[np.uint8],
    spacing: tuple[float, ...] | None = None,
    schema: Schema | None = None,
    subjects: tuple[str, ...] = (),
) -> Dataset:
    """A dataset of textured discs or balls with these masks; labelled pixels are brighter."""
    by_name = {f"scan{i}": mask for i, mask in enumerate(masks)}
    dims = masks[0].ndim
    size = spacing or (1.0,) * dims

    def read(record: Record) -> Sample:
        mask = by_name[record.name]
        rng = np.random.default_rng(0)
        body = np.zeros(mask.shape, dtype=np.uint8)
        ball(body, tuple((n - 1) / 2 for n in mask.shape), 0.45 * min(mask.shape), 1)
        image = body * (100 + rng.normal(0, 5, mask.shape)) + 50.0 * mask
        return Sample(image[None].astype(np.float32), mask, source=record.source, geometry=record.geometry)

    names = subjects or tuple(f"p{i}" for i in range(len(masks)))
    records = [
        Record(name, subject=who, shape=mask.shape, spacing=size)
        for (name, mask), who in zip(by_name.items(), names, strict=True)
    ]
    return Dataset(records, read, schema or Schema("nifti", "scan", dims, ("t1",), CLASSES), "scans")


def painted(shape: tuple[int, ...], *balls: tuple[tuple[float, ...], float, int]) -> NDArray[np.uint8]:
    mask = np.zeros(shape, dtype=np.uint8)
    for centre, radius, value in balls:
        ball(mask, centre, radius, value)
    return mask


def values(bank: Bank) -> list[str]:
    return [crop.condition["lesion"] for crop in bank]


# ---------------------------------------------------------------- what a crop is


def test_a_nested_lesion_is_one_crop_of_its_rarest_class() -> None:
    nested = painted((96, 96), ((40, 40), 9, 2), ((40, 40), 4, 4), ((70, 60), 5, 2))
    plain = painted((96, 96), ((40, 40), 9, 2))
    bank = crops(scans(nested, plain), size=32)
    assert sorted(values(bank)) == ["enhancing", "oedema", "oedema"]
    rare = bank[values(bank).index("enhancing")]
    assert set(np.unique(rare.mask)) == {0, 2, 4}
    assert (rare.mask == 4).sum() == (nested == 4).sum()
    assert bank.info.conditions == {"lesion": ["enhancing", "oedema"]}  # rarest first
    assert bank.info.subjects == ["p0", "p1"]


def test_rarest_is_found_in_the_fewest_subjects_before_the_fewest_voxels() -> None:
    large_but_once = painted((96, 96), ((48, 48), 12, 4), ((48, 48), 3, 1))
    small_but_twice = painted((96, 96), ((48, 48), 6, 2), ((48, 48), 2.5, 1))
    assert values(crops(scans(large_but_once, small_but_twice), size=32)) == ["enhancing", "oedema"]
    together = painted((96, 96), ((48, 48), 12, 4), ((48, 48), 3, 1))
    assert values(crops(scans(together), size=32)) == ["necrosis"]


held = st.lists(
    st.tuples(st.sampled_from("abc"), st.dictionaries(st.integers(1, 4), st.integers(1, 9), max_size=4)), max_size=6
)


@given(held)
def test_rarity_is_an_order_of_all_values(pairs: list[tuple[str, dict[int, int]]]) -> None:
    counted = [(who, Counter(counts)) for who, counts in pairs]
    order = sort_classes_by_rarity(counted)
    assert sorted(order) == sorted({value for _, counts in pairs for value in counts})
    subjects = [len({who for who, counts in pairs if value in counts}) for value in order]
    assert subjects == sorted(subjects)
    assert sort_classes_by_rarity(reversed(counted)) == order


def test_objects_of_frames_are_crops_of_their_own_though_they_touch() -> None:
    mask = np.zeros((64, 96), dtype=np.uint8)
    mask[10:30, 20:40], mask[10:30, 40:60], mask[40:, :] = 1, 2, 3
    schema = Schema("masks", "frame", 2, ("grey",), {"rider": 1, "bike": 2, "road": 3}, objects=("rider", "bike"))
    bank = crops(scans(mask, schema=schema), size=32, condition="object")
    assert bank.count_conditions() == {"object": {"rider": 1, "bike": 1}}
    assert [sorted(np.unique(crop.mask)) for crop in bank] == [[0, 1], [0, 2]]


def test_ignored_values_are_no_objects() -> None:
    mask = painted((64, 64), ((32, 32), 8, 2), ((32, 32), 3, 4))
    schema = Schema("nifti", "scan", 2, ("t1",), CLASSES, ignore=(4,))
    bank = crops(scans(mask, schema=schema), size=32)
    assert values(bank) == ["oedema"]
    assert set(np.unique(bank.masks)) == {0, 2}


def test_neighbours_are_not_part_of_a_crop() -> None:
    bank = crops(scans(painted((64, 64), ((32, 24), 5, 2), ((32, 40), 5, 2))), size=32)
    expected = (painted((64, 64), ((32, 24), 5, 2)) > 0).sum()
    assert [(mask > 0).sum() for mask in bank.masks] == [expected, expected]


# ---------------------------------------------------------------- where and how large


@pytest.mark.parametrize(("dims", "size"), [(2, 64), (3, 32)])
def test_default_size_and_measures(dims: int, size: int) -> None:
    shape = (80, 90, 70)[:dims]
    bank = crops(scans(painted(shape, ((40.0, 45.0, 35.0)[:dims], 6, 4)), spacing=(0.5,) * dims))
    assert bank.size == (size,) * dims
    assert bank.info.spatial_dims == dims
    entry = bank[0].entry
    assert entry["radius_mm"] == pytest.approx(3, rel=0.05)
    assert entry["contrast"] > 0.3
    assert entry["spacing"].tolist() == [0.5] * dims
    assert entry["host"] == -1
    np.testing.assert_allclose(entry["centre"], 0.5, atol=0.05)


@settings(max_examples=25, deadline=None)
@given(st.floats(8, 28), st.sampled_from([0.5, 1.0, 2.0]))
def test_shrunk_crops_keep_their_size_in_mm(radius: float, spacing: float) -> None:
    bank = crops(scans(painted((96, 96), ((48, 48), radius, 4)), spacing=(spacing,) * 2), size=16)
    crop = bank[0]
    assert crop.entry["radius_mm"] == pytest.approx(radius * spacing, rel=0.1)
    extent = 16 * crop.spacing[0] / spacing
    assert extent >= 2.4 * radius  # the object and some surroundings
    assert not crop.mask[[0, -1]].any()
    assert not crop.mask[:, [0, -1]].any()


@pytest.mark.parametrize("centre", [(0, 0), (0, 40), (79, 79), (79, 3)])
def test_objects_at_borders_are_whole(centre: tuple[int, int]) -> None:
    mask = painted((80, 80), (centre, 6, 4))
    crop = crops(scans(mask), size=32)[0]
    assert (crop.mask > 0).sum() == (mask > 0).sum()
    assert np.isfinite(crop.image).all()
    assert ((crop.entry["centre"] >= 0) & (crop.entry["centre"] <= 1)).all()


def test_an_object_that_fills_its_image_does_not_spill_out_of_it() -> None:
    bank = crops(scans(np.full((12, 12), 4, dtype=np.uint8)), size=32)
    assert (bank.masks[0] > 0).sum() == 144


def test_crops_of_slices_take_the_volumes_range() -> None:
    data = scans(painted((40, 44, 36), ((20, 22, 18), 5, 4)))
    bank = crops(slice_volumes(data), size=32)
    assert bank.info.spatial_dims == 2
    assert 7 <= len(bank) <= 11
    assert bank.subjects == ("p0",)
    whole = crops(data, size=32)
    middle = int(np.argmax([(mask > 0).sum() for mask in bank.masks]))
    inside = bank.masks[middle] > 0
    # The same voxels in the same scaled units, whether cut from a slice or from the volume.
    assert bank.images[middle][0][inside].mean() == pytest.approx(
        whole.images[0, 0, :, :, 16][whole.masks[0, :, :, 16] > 0].mean(), rel=0.05
    )


def test_a_flat_channel_stays_finite_in_half_precision() -> None:
    def read(record: Record) -> Sample:
        mask = painted((64, 64), ((32, 32), 8, 4))
        image = np.zeros((1, 64, 64), dtype=np.float32)
        image[0, 32, 32] = 1e6
        return Sample(
            image,
            mask,
            source=record.source,
            geometry=record.geometry,
            foreground=np.ones((64, 64), dtype=bool),
        )

    data = Dataset([Record("a")], read, Schema("nifti", "scan", 2, ("pet",), CLASSES))
    assert np.isfinite(crops(data, size=32).images).all()


# ---------------------------------------------------------------- what is left out or refused


def test_what_is_left_out_is_counted() -> None:
    specks = painted((96, 96), ((48, 48), 8, 4), ((20, 48), 1, 2), ((70, 48), 1.5, 2))
    line = np.zeros((96, 96), dtype=np.uint8)
    line[3:94, 11] = 2  # one pixel wide, 91 long
    bank = crops(scans(specks, line), size=8)
    assert bank.info.left_out == {"objects under 12 pixels": 2, "objects too thin to be shrunk to 8 pixels": 1}
    assert values(bank) == ["enhancing"]


def test_samples_without_a_mask_are_counted() -> None:
    data = scans(painted((64, 64), ((32, 32), 6, 4)), painted((64, 64), ((32, 32), 6, 4)))
    read = data.read

    def half_labelled(record: Record) -> Sample:
        return replace(read(record), mask=None) if record.name == "scan1" else read(record)

    bank = crops(Dataset(data.records, half_labelled, data.schema), size=32)
    assert bank.info.left_out == {"samples without a mask": 1}
    assert bank.subjects == ("p0",)


def test_no_object_at_all() -> None:
    with pytest.raises(DataError, match=r"scans: no object in any mask; expected at least one of necrosis, oedema"):
        crops(scans(np.zeros((32, 32), dtype=np.uint8)), size=16)
    with pytest.raises(DataError, match=r"no object in any mask, 1 objects under 12 pixels"):
        crops(scans(painted((32, 32), ((16, 16), 1, 4))), size=16)


@pytest.mark.parametrize("size", [0, -8, 4, 24, 63])
def test_sizes_that_are_refused(size: int) -> None:
    with pytest.raises(DataError, match=f"size {size}; expected a power of two, at least 8"):
        crops(scans(painted((32, 32), ((16, 16), 4, 4))), size=size)


def test_class_values_that_no_mask_of_a_bank_can_hold() -> None:
    schema = Schema("nifti", "scan", 2, ("t1",), {"lesion": 260})
    with pytest.raises(DataError, match="expected values of 1 to 255"):
        crops(scans(painted((32, 32), ((16, 16), 4, 4)), schema=schema), size=16)


# ---------------------------------------------------------------- window


@settings(max_examples=200)
@given(
    arrays.array_shapes(min_dims=1, max_dims=3, max_side=6),
    st.lists(st.integers(-12, 12), min_size=3, max_size=3),
    st.lists(st.integers(1, 9), min_size=3, max_size=3),
    st.sampled_from([None, 0, 7]),
)
def test_window_is_what_a_padded_array_would_give(
    shape: tuple[int, ...], corner: list[int], extent: list[int], empty: float | None
) -> None:
    array = np.random.default_rng(0).integers(1, 100, (2, *shape))
    corner, extent = corner[: len(shape)], extent[: len(shape)]
    got = crop_padded(array, np.array(corner), extent, empty)
    for channel, patch in zip(array, got, strict=True):
        outside = channel.min() if empty is None else empty
        padded = np.pad(channel, 24, constant_values=outside)
        expected = padded[tuple(slice(24 + c, 24 + c + e) for c, e in zip(corner, extent, strict=True))]
        assert (patch == expected).all()


def test_voxels_are_counted_by_class() -> None:
    assert count_voxels(np.array([[0, 2], [2, 4]])) == {2: 2, 4: 1}


class _WithCondition:
    def __init__(self, read: Reader) -> None:
        self.read = read

    def __call__(self, record: Record) -> Sample:
        return replace(self.read(record), condition=dict(record.condition))


def test_a_column_of_the_samples_can_be_the_condition() -> None:
    people = phantoms.load_phantom("medical", subjects=4, shape=(32, 32, 16))
    scanners = ["a", "b", "b", ""]
    records = [replace(r, condition={"scanner": s} if s else {}) for r, s in zip(people.records, scanners, strict=True)]
    named = Dataset(records, _WithCondition(people.read), replace(people.schema, conditions=("scanner",)))
    bank = crops(named, size=16, condition="scanner")
    assert list(bank.info.conditions) == ["scanner"] and set(bank.count_conditions()["scanner"]) == {"a", "b"}
    assert {crop.condition.get("scanner", "") for crop in bank} == {"a", "b", ""}
    with pytest.raises(DataError, match="no condition 'scaner'"):
        crops(named, size=16, condition="scaner")
