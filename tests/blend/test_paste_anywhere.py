"""The control that pastes where nothing fits."""

from __future__ import annotations

import numpy as np
import pytest

from domaingan import phantoms
from domaingan.banks.crops import crops
from domaingan.blend import Paste
from domaingan.blend.placement import draw_corners
from domaingan.data import Dataset, Sample
from domaingan.imaging.intensity import get_foreground, with_measurements
from domaingan.views.slices import slice_volumes

SLICES: Dataset = slice_volumes(phantoms.load_phantom("medical", subjects=3, shape=(48, 48, 16))).load_into_memory()
STREET: Dataset = phantoms.load_phantom("driving", sequences=3, frames=2).load_into_memory()


def paste_everywhere(data: Dataset, placement: str) -> list[tuple[Sample, Sample]]:
    paste = Paste(crops(data, 32), schema=data.schema, per_image=3, placement=placement)
    pairs = []
    for seed in range(12):
        host = with_measurements(data[(7 * seed) % len(data)], data.schema.domain)
        pairs.append((host, paste(host, seed)))
    return pairs


def find_pasted(host: Sample, after: Sample) -> np.ndarray:
    pasted: np.ndarray = np.asarray(host.mask) != np.asarray(after.mask)
    return pasted


def test_lesions_land_outside_the_body_but_on_no_label() -> None:
    shares = {}
    for placement in ("uniform", "anywhere"):
        outside, total = 0, 0
        for host, after in paste_everywhere(SLICES, placement):
            pasted = find_pasted(host, after)
            assert not (pasted & (np.asarray(host.mask) > 0)).any()
            outside += int((pasted & ~get_foreground(host)).sum())
            total += int(pasted.sum())
        assert total
        shares[placement] = outside / total
    assert shares["uniform"] == 0 and shares["anywhere"] > 0.1


def test_objects_stand_on_no_ground() -> None:
    rows = {}
    for placement in ("uniform", "anywhere"):
        contacts = []
        for _, after in paste_everywhere(STREET, placement):
            contacts += [crop.ground_contact[0] for crop in after.pasted_crops if crop.ground_contact is not None]
        rows[placement] = np.array(contacts) / STREET[0].shape[0]
    assert len(rows["anywhere"]) > 5
    assert rows["anywhere"].min() < rows["uniform"].min() and rows["anywhere"].std() > 1.2 * rows["uniform"].std()


@pytest.mark.parametrize("data", [SLICES, STREET], ids=["scans", "frames"])
def test_a_paste_anywhere_can_be_repeated_and_changes_nothing_else(data: Dataset) -> None:
    paste = Paste(crops(data, 32), schema=data.schema, placement="anywhere")
    host = next(sample for sample in data if np.any(sample.mask))
    after = paste(host, 3)
    again = paste.redo(host, after.pasted_crops)
    assert np.array_equal(after.image, again.image) and np.array_equal(after.mask, again.mask)
    assert after.paste_result is not None
    changed = (after.image != host.image).any(axis=0)
    for region in after.paste_result.touched:
        changed[region] = False
    assert not changed.any()


def test_whole_objects_lie_in_the_host() -> None:
    body = np.zeros((6, 8), dtype=bool)
    body[1:5, 2:7] = True
    rng = np.random.default_rng(0)
    for corner, region in draw_corners(body, (7, 9), rng):
        assert (region[0].stop - region[0].start, region[1].stop - region[1].start) == (4, 5)
        assert region[0].start == corner[0] + 1 and region[1].start == corner[1] + 2
        assert region[0].start >= 0 and region[0].stop <= 7 and region[1].stop <= 9
    assert not list(draw_corners(body, (3, 9), rng)) and not list(draw_corners(np.zeros((2, 2), bool), (7, 9), rng))
