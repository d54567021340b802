"""Objects pasted into frames: where they stand, how large they are, and what becomes of everybody's labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domaingan import phantoms
from domaingan.bank import Bank
from domaingan.blend import Paste
from domaingan.cropping import crops
from domaingan.errors import DataError
from domaingan.grid import at_shape
from domaingan.objects import box_of
from domaingan.sample import Dataset, Sample

FRAMES: Dataset = phantoms.load("driving", sequences=8, frames=3).in_memory()
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
        if after.meta["pasted"][0]["place"] is not None:
            return host, after, after.meta["pasted"][0]
    pytest.skip("no crop found a place")


@settings(max_examples=25)
@given(st.integers(0, 2**20))
def test_nothing_is_changed_outside_what_is_seen_of_the_object(seed: int) -> None:
    host, after, _ = pasted(seed)
    assert host.instances is not None and after.instances is not None
    seen = after.instances == after.instances.max()
    assert np.array_equal(after.image[:, ~seen], host.image[:, ~seen])
    changed = (after.mask != host.mask) & ~seen
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
        assert np.array_equal(box, box_of(own, ORIGIN))


@settings(max_examples=25)
@given(st.integers(0, 2**20))
def test_nearer_objects_lose_nothing_and_farther_ones_go_when_hidden(seed: int) -> None:
    host, after, record = pasted(seed)
    assert host.boxes is not None and host.instances is not None and after.instances is not None
    seen = after.instances == after.instances.max()
    foot = record["foot"][0] + 1  # the object's own, be it hidden
    for number, box in enumerate(host.boxes, start=1):
        own = host.instances == number
        if box[3] > foot:
            assert not (own & seen).any()
        left = (own & ~seen).sum() / own.sum()
        there = {int(i) for i in np.unique(after.instances[own & ~seen])} - {0}
        assert len(there) == (1 if left >= 0.2 else 0)


@settings(max_examples=25)
@given(st.integers(0, 2**20))
def test_feet_stand_on_the_ground_of_their_class(seed: int) -> None:
    host, _, record = pasted(seed)
    below = BANK.info.ground[record["object"]]
    grounds = [SCHEMA.classes[name] for name, n in below.items() if n >= 0.1 * sum(below.values())]
    assert host.mask[tuple(record["foot"])] in grounds


def test_size_follows_the_row() -> None:
    perspective = PASTE.rules.spots.perspective
    for seed in range(40):
        host, _, record = pasted(seed)
        index = record["index"]
        if perspective.sides[index, 1]:
            continue
        foot = (record["foot"][0] + 1) / host.shape[0]
        wanted = (foot - perspective.horizons[host.group]) / perspective.distance[index]
        assert abs(np.log(record["scale"] / wanted)) < 0.25
        assert 0.6 < wanted < 1.6


def test_the_same_draws_give_the_same_bytes() -> None:
    first, second = (pasted(5)[1] for _ in range(2))
    assert np.array_equal(first.image, second.image) and np.array_equal(first.mask, second.mask)


def test_sizes_are_kept_on_a_coarser_grid() -> None:
    small = at_shape(FRAMES, (48, 80))
    heights = []
    for hosts in (FRAMES, small):
        rng, found = np.random.default_rng(2), []
        for host in hosts:
            after = PASTE(host, rng)
            if after.meta["pasted"][0]["place"] is not None:
                box = after.boxes[-1]
                found.append((box[3] - box[1]) / host.shape[0])
        heights.append(np.median(found))
    assert 0.6 < heights[1] / heights[0] < 1.6


def test_what_a_host_does_not_know_stays_unknown() -> None:
    host = FRAMES[0]
    bare = Sample(host.image, host.mask, meta=host.meta)
    after = Paste(BANK, schema=SCHEMA, per_image=(3, 3))(bare, np.random.default_rng(0))
    assert after.instances is None and after.boxes is None and (after.mask != host.mask).any()


def test_ground_is_counted_and_needed() -> None:
    assert set(BANK.info.ground) <= set(SCHEMA.objects) and set(BANK.info.classes) == set(SCHEMA.objects)
    assert not {name for below in BANK.info.ground.values() for name in below} & set(SCHEMA.objects)
    with pytest.raises(DataError, match="schema"):
        Paste(BANK)
    nowhere = Bank(BANK.info.model_copy(update={"ground": {"car": {"snow": 9}}}), BANK.images, BANK.masks, BANK.entries)
    with pytest.raises(DataError, match="stood on snow"):
        Paste(nowhere, schema=SCHEMA)
