"""Objects pasted into frames: where they stand, how large they are, and what becomes of everybody's labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from domaingan import phantoms
from domaingan.banks import Bank
from domaingan.banks.crops import crops
from domaingan.blend import Paste
from domaingan.blend.methods import METHODS
from domaingan.blend.occlusion import find_objects
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Sample
from domaingan.imaging.instances import find_corner_box, find_instance_objects
from domaingan.views.regrid import resize_to_shape

FRAMES: Dataset = phantoms.load_phantom("driving", sequences=8, frames=3).load_into_memory()
SCHEMA = FRAMES.schema
OBJECTS = [SCHEMA.classes[name] for name in SCHEMA.objects]
BANK: Bank = crops(FRAMES, size=32)
PASTE = Paste(BANK, schema=SCHEMA, per_image=(1, 1))
ORIGIN = np.zeros(2, dtype=int)


def pasted(seed: int, paste: Paste = PASTE) -> tuple[Sample, Sample, dict]:
    """A host, the same after a paste, and the record of what was placed."""
    rng = np.random.default_rng(seed)
    for _ in range(20):
        host = FRAMES[int(rng.integers(len(FRAMES)))]
        after = paste(host, rng)
        if after.pasted_crops[0].is_placed:
            return host, after, after.pasted_crops[0]
    pytest.skip("no crop found a place")


@settings(max_examples=25)
@given(st.integers(0, 2**20))
def test_nothing_is_changed_outside_what_is_seen_of_the_object(seed: int) -> None:
    host, after, _ = pasted(seed)
    assert host.instances is not None and after.instances is not None
    visible = after.instances == after.instances.max()
    assert np.array_equal(after.image[:, ~visible], host.image[:, ~visible])
    changed = (after.mask != host.mask) & ~visible
    # Only the rest of an object that has all but vanished may change besides.
    assert np.isin(after.mask[changed], SCHEMA.ignore).all()
    assert after.image.dtype == np.float32 and after.image.min() >= 0 and after.image.max() <= 1


@settings(max_examples=25)
@given(st.integers(0, 2**20))
def test_boxes_labels_masks_and_instances_agree(seed: int) -> None:
    _, after, _ = pasted(seed, Paste(BANK, schema=SCHEMA, per_image=(3, 3)))
    assert after.boxes is not None and after.labels is not None and after.instances is not None
    assert len(after.boxes) == len(after.labels) == after.instances.max()
    for number, (box, label) in enumerate(zip(after.boxes, after.labels, strict=True), start=1):
        own = after.instances == number
        assert own.any() and (after.mask[own] == label).all()
        assert np.array_equal(box, find_corner_box(own, ORIGIN))


@settings(max_examples=25)
@given(st.integers(0, 2**20))
def test_nearer_objects_lose_nothing_and_farther_ones_go_when_hidden(seed: int) -> None:
    host, after, record = pasted(seed)
    assert host.boxes is not None and host.instances is not None and after.instances is not None
    visible = after.instances == after.instances.max()
    foot = record.ground_contact[0] + 1  # the object's own, be it hidden
    for number, box in enumerate(host.boxes, start=1):
        own = host.instances == number
        if box[3] > foot:
            assert not (own & visible).any()
        left = (own & ~visible).sum() / own.sum()
        there = {int(i) for i in np.unique(after.instances[own & ~visible])} - {0}
        assert len(there) == (1 if left >= 0.2 else 0)


@settings(max_examples=25)
@given(st.integers(0, 2**20))
def test_feet_stand_on_the_ground_of_their_class(seed: int) -> None:
    host, _, record = pasted(seed)
    below = BANK.info.supporting_classes[record.condition["object"]]
    grounds = [SCHEMA.classes[name] for name, n in below.items() if n >= 0.1 * sum(below.values())]
    assert host.mask[tuple(record.ground_contact)] in grounds


def test_size_follows_the_row() -> None:
    perspective = PASTE.rules.ground_sampler.perspective
    for seed in range(40):
        host, _, record = pasted(seed)
        index = record.index
        if perspective.cut_sides[index, 1]:
            continue
        foot = (record.ground_contact[0] + 1) / host.shape[0]
        expected = (foot - perspective.horizons[host.group]) / perspective.distances[index]
        assert abs(np.log(record.scale / expected)) < 0.25
        assert 0.6 < expected < 1.6


def test_the_same_draws_give_the_same_bytes() -> None:
    first, second = (pasted(5)[1] for _ in range(2))
    assert np.array_equal(first.image, second.image) and np.array_equal(first.mask, second.mask)


def test_sizes_are_kept_on_a_coarser_grid() -> None:
    small = resize_to_shape(FRAMES, (48, 80))
    heights = []
    for hosts in (FRAMES, small):
        rng, found = np.random.default_rng(2), []
        for host in hosts:
            after = PASTE(host, rng)
            if after.pasted_crops[0].is_placed:
                box = after.boxes[-1]
                found.append((box[3] - box[1]) / host.shape[0])
        heights.append(np.median(found))
    assert 0.6 < heights[1] / heights[0] < 1.6


def test_what_a_host_does_not_know_stays_unknown() -> None:
    host = FRAMES[0]
    bare = Sample(host.image, host.mask, source=host.source)
    after = Paste(BANK, schema=SCHEMA, per_image=(3, 3))(bare, np.random.default_rng(0))
    assert after.instances is None and after.boxes is None and (after.mask != host.mask).any()


def test_ground_is_counted_and_needed() -> None:
    assert set(BANK.info.supporting_classes) <= set(SCHEMA.objects) and set(BANK.info.classes) == set(SCHEMA.objects)
    assert not {name for below in BANK.info.supporting_classes.values() for name in below} & set(SCHEMA.objects)
    with pytest.raises(DataError, match="schema"):
        Paste(BANK)
    nowhere = Bank(
        BANK.info.model_copy(update={"supporting_classes": {"car": {"snow": 9}}}), BANK.images, BANK.masks, BANK.entries
    )
    with pytest.raises(DataError, match="stood on snow"):
        Paste(nowhere, schema=SCHEMA)


def cut_below(sample: Sample) -> Sample:
    """The frame without its lowest fifth."""
    rows = 4 * sample.shape[0] // 5
    objects = find_instance_objects(sample.instances[:rows], sample.mask[:rows])
    image, mask = sample.image[:, :rows], sample.mask[:rows]
    return replace(
        sample,
        image=image,
        mask=mask,
        boxes=objects.boxes,
        labels=objects.labels,
        instances=objects.instances,
    )


@pytest.mark.parametrize("side", ["left", "right", "bottom"])
def test_what_a_border_cut_is_cut_by_it_again(side: str) -> None:
    frames = FRAMES.map(cut_below)
    bank = crops(frames, size=32)
    asked = [side == name for name in ("top", "bottom", "left", "right")]
    cut = (Paste(bank, schema=SCHEMA).rules.ground_sampler.perspective.cut_sides == asked).all(axis=1)
    paste, rng, found = Paste(bank.take(cut), schema=SCHEMA, per_image=(1, 1)), np.random.default_rng(0), set()
    for host in list(frames) * 3:
        after = paste(host, rng)
        if after.pasted_crops[0].place is None:
            continue
        whole = after.instances == after.instances.max()
        left, _, right, bottom = find_corner_box(whole, ORIGIN)
        touched = {"left": left == 0, "right": right == host.shape[1], "bottom": bottom == host.shape[0]}
        found |= {name for name, touches in touched.items() if touches}
        assert touched[side] if side == "bottom" else touched["left"] or touched["right"]
    # Mirrored ones are cut by the other side.
    assert found >= ({"bottom"} if side == "bottom" else {"left", "right"})


def test_boxes_do_not_coincide() -> None:
    for seed in range(30):
        host, after, _ = pasted(seed)
        new = after.boxes[-1]
        for box in host.boxes:
            low, high = np.maximum(new[:2], box[:2]), np.minimum(new[2:], box[2:])
            both = np.prod(np.maximum(high - low, 0))
            areas = np.prod(new[2:] - new[:2]) + np.prod(box[2:] - box[:2])
            assert both / (areas - both) <= 0.5


def test_boxes_that_nothing_came_in_front_of_are_the_same_bits() -> None:
    for seed in range(30):
        host, after, _ = pasted(seed)
        visible = after.instances == after.instances.max()
        covered = set(np.unique(host.instances[visible]).tolist()) - {0}
        kept = {tuple(box) for box in after.boxes.tolist()}
        assert {tuple(b) for i, b in enumerate(host.boxes.tolist(), 1) if i not in covered} <= kept


def test_crops_go_into_frames_of_a_camera_that_hangs_otherwise() -> None:
    """Their horizon is told by their own objects, so that sizes still go with the row."""
    shift = 14
    moved = []
    for frame in FRAMES:
        image, mask, instances = (
            np.roll(part, shift, axis=-2) for part in (frame.image, frame.mask, frame.instances)
        )  # the sky's last rows come in at the top
        mask[:shift], instances[:shift] = mask[shift], 0
        objects = find_instance_objects(instances, mask)
        source = replace(frame.source, sequence="elsewhere")
        moved.append(Sample(image, mask, objects.boxes, objects.labels, instances=objects.instances, source=source))
    spots = PASTE.rules.ground_sampler.perspective
    errors = []
    for frame, sample in zip(FRAMES, moved, strict=True):
        objects = find_objects(sample, OBJECTS)
        if len(objects.boxes) >= 5:
            expected = spots.horizons[frame.group] + shift / frame.shape[0]
            errors.append(abs(spots.find_horizon(sample.group, objects) - expected))
    assert len(errors) > 3 and np.median(errors) < 0.05


def test_blurred_crops_are_not_pasted() -> None:
    large = resize_to_shape(FRAMES, tuple(4 * n for n in FRAMES[0].shape))
    rng = np.random.default_rng(0)
    records = [record for i in range(6) for record in Paste(BANK, schema=SCHEMA)(large[i], rng).pasted_crops]
    finest = {record.index: BANK.entries["spacing"][record.index, 0] for record in records if record.is_placed}
    assert all(4 * r.scale * finest[r.index] <= 2.01 for r in records if r.is_placed)


def test_a_class_whose_ground_was_not_seen_stands_where_others_do() -> None:
    ground = {name: below for name, below in BANK.info.supporting_classes.items() if name != "car"}
    bank = Bank(BANK.info.model_copy(update={"supporting_classes": ground}), BANK.images, BANK.masks, BANK.entries)
    grounds = Paste(bank, schema=SCHEMA).rules.ground_sampler.ground.supporting_values
    assert set(grounds[SCHEMA.classes["car"]]) == {value for name in ground for value in grounds[SCHEMA.classes[name]]}


@pytest.mark.parametrize("method", METHODS)
def test_other_methods_leave_what_is_not_near_alone(method: str) -> None:
    paste = Paste(BANK, method, (1, 1), schema=SCHEMA)
    for seed in range(15):
        host, after, _ = pasted(seed, paste)
        near = ndimage.distance_transform_edt(after.instances != after.instances.max()) <= paste.rules.blend.reach
        assert np.array_equal(after.image[:, ~near], host.image[:, ~near])
        others = (after.instances > 0) & (after.instances < after.instances.max())
        assert np.array_equal(after.image[:, others], host.image[:, others])
