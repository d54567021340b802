"""Pasting into frames of which no ground is labelled: rows and sizes by boxes, or in a region that a person names."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from domaingan import phantoms
from domaingan.banks import UNLABELLED_NAME, Bank
from domaingan.banks.crops import crops
from domaingan.blend import Paste
from domaingan.blend.frame.ground import SupportingGround, rasterize
from domaingan.blend.occlusion import shrink_boxes
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.data import Dataset, Record, Sample, Schema

STREET: Dataset = phantoms.load_phantom("driving", sequences=6, frames=3).load_into_memory()
CLASSES = {name: number for number, name in enumerate(STREET.schema.objects, start=1)}
OBJECTS_ONLY: Schema = replace(STREET.schema, classes=CLASSES, ignore=(), regions={})


def without_ground(sample: Sample) -> Sample:
    """The frame as a set of objects alone has it: nothing else is labelled."""
    values = np.zeros(256, dtype=np.uint8)
    for name, value in CLASSES.items():
        values[STREET.schema.classes[name]] = value
    return replace(sample, mask=values[sample.mask], labels=values[sample.labels].astype(np.int64))


BARE: Dataset = STREET.map(without_ground, OBJECTS_ONLY).load_into_memory()
BANK: Bank = crops(BARE, size=32)


def quiet_paste(bank: Bank = BANK, schema: Schema = OBJECTS_ONLY, **settings: object) -> Paste:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AssumptionWarning)
        return Paste(bank, schema=schema, **settings)  # type: ignore[arg-type]


def placed(paste: Paste, frames: Dataset = BARE, rounds: int = 4) -> list[tuple[int, Sample, dict]]:
    """Position, result and record of everything that found a place."""
    found = []
    for seed in range(rounds):
        for i, host in enumerate(frames):
            after = paste(host, np.random.default_rng((seed, i)))
            found += [(i, after, record) for record in after.pasted_crops if record.is_placed]
    return found


def test_a_bank_says_that_nothing_below_is_labelled() -> None:
    assert set(BANK.info.supporting_classes) <= set(CLASSES)
    assert all(set(below) == {UNLABELLED_NAME} for below in BANK.info.supporting_classes.values())


def test_what_was_guessed_is_reported_once_and_kept() -> None:
    with pytest.warns(
        AssumptionWarning, match="no ground is labelled for car.*learned from where boxes stand"
    ) as caught:
        paste = Paste(BANK, schema=OBJECTS_ONLY)
    assert len(caught) == 1 and paste.notes == [str(caught[0].message)]
    with warnings.catch_warnings():
        warnings.simplefilter("error", AssumptionWarning)
        assert Paste(crops(STREET, size=32), schema=STREET.schema).notes == []


def test_feet_stand_on_the_street_and_size_follows_the_row_though_nothing_says_where_it_is() -> None:
    paste = quiet_paste(per_image=(2, 2))
    found = placed(paste)
    assert len(found) > 0.8 * 4 * 2 * len(BARE)
    perspective = paste.rules.ground_sampler.perspective
    on_street, columns = [], []
    for i, after, record in found:
        row, column = record.ground_contact
        on_street.append(STREET[i].mask[row, column] != STREET.schema.classes["sky"])
        columns.append(column / after.shape[1])
        if not perspective.cut_sides[record.index, 1]:
            expected = ((row + 1) / after.shape[0] - perspective.horizons[BARE[i].group]) / perspective.distances[
                record.index
            ]
            assert abs(np.log(record.scale / expected)) < 0.25
    assert np.mean(on_street) == 1
    assert np.std(columns) > 0.2  # any column


def test_where_no_ground_is_known_objects_stay_as_near_the_middle_as_their_class() -> None:
    paste = quiet_paste(per_image=(2, 2))
    perspective = paste.rules.ground_sampler.perspective
    for i, after, record in placed(paste, rounds=2):
        row, column = record.ground_contact
        if perspective.cut_sides[record.index, 1]:
            continue
        contact_rows = np.array([(row + 1) / after.shape[0]])
        horizon = perspective.horizons[BARE[i].group]
        assert perspective.find_columns(record.index, contact_rows, after.shape[1], horizon)[0, column]


def test_nothing_stands_on_other_objects() -> None:
    paste = quiet_paste(per_image=(1, 1))
    for i, _, record in placed(paste):
        assert BARE[i].mask[tuple(record.ground_contact)] == 0


def test_crops_with_a_known_ground_go_into_frames_that_label_none() -> None:
    paste = quiet_paste(crops(STREET, size=32))
    assert paste.notes and placed(paste, rounds=1)


def test_frames_that_label_another_ground_are_refused_as_before() -> None:
    snowy = Bank(
        BANK.info.model_copy(update={"supporting_classes": {"car": {"snow": 9}}}), BANK.images, BANK.masks, BANK.entries
    )
    with pytest.raises(DataError, match="stood on snow"):
        Paste(snowy, schema=STREET.schema)


def test_a_class_goes_by_boxes_while_another_has_its_ground() -> None:
    ground = {name: {UNLABELLED_NAME: 9, "sky": 3} if name == "car" else {"road": 5} for name in CLASSES}
    mixed = Bank(BANK.info.model_copy(update={"supporting_classes": ground}), BANK.images, BANK.masks, BANK.entries)
    paste = quiet_paste(mixed, STREET.schema)
    values = paste.rules.ground_sampler.ground.supporting_values
    assert values.pop(STREET.schema.classes["car"]) is None
    assert set(values.values()) == {(STREET.schema.classes["road"],)}
    assert "for car:" in paste.notes[0]


def test_a_ground_that_is_named_counts_more_than_what_was_seen() -> None:
    named = replace(STREET.schema, ground=dict.fromkeys(CLASSES, ("pavement",)))
    paste = quiet_paste(schema=named)
    pavement = STREET.schema.classes["pavement"]
    assert paste.notes == [] and set(paste.rules.ground_sampler.ground.supporting_values.values()) == {(pavement,)}
    for i, _, record in placed(paste, STREET, rounds=1):
        assert STREET[i].mask[tuple(record.ground_contact)] == pavement


@pytest.mark.parametrize("region", [(0.5, 0.3, 1, 1), [(0.5, 0.3), (1, 0.3), (1, 1), (0.5, 1)]])
def test_feet_stay_in_a_region_that_is_named(region: object) -> None:
    paste = quiet_paste(region=region)
    found = placed(paste, rounds=2)
    assert paste.notes == [] and len(found) > 10
    for _, after, record in found:
        assert (record.ground_contact[1] + 0.5) / after.shape[1] >= 0.5
    assert {tuple(r.ground_contact) for *_, r in found} == {
        tuple(r.ground_contact)
        for *_, r in placed(
            quiet_paste(schema=replace(OBJECTS_ONLY, region=((0.5, 0.3), (1, 0.3), (1, 1), (0.5, 1)))), rounds=2
        )
    }


def test_a_region_holds_the_pixels_whose_centres_lie_in_it() -> None:
    inside = rasterize(((0.25, 0.5), (1.0, 0.5), (1.0, 1.0), (0.25, 1.0)), (4, 8))
    expected = np.zeros((4, 8), dtype=bool)
    expected[2:, 2:] = True
    assert np.array_equal(inside, expected)
    triangle = rasterize(((0.0, 1.0), (0.5, 0.0), (1.0, 1.0)), (100, 100))
    assert triangle.mean() == pytest.approx(0.5, abs=0.02) and not triangle[10, 10]


def test_the_share_of_a_row_to_stand_on() -> None:
    mask = np.array([[0, 0, 3, 9]])
    ground = SupportingGround({1: None, 2: (3,)}, excluded_values=(9,))
    assert (
        ground.compute_share(mask, 0, np.arange(4), 1) == 0.75
        and ground.compute_share(mask, 0, np.arange(4), 2) == 0.25
    )
    assert ground.compute_share(mask, 0, np.arange(4), 7) == 0  # a class that the bank does not know stands nowhere


@pytest.mark.parametrize(
    "region",
    [(0, 0, 1), (0.5, 0, 0.5, 1), (0, 0, 1, 2), [(0, 0), (1, 1)], [(0, 0), (1, 1), (0.5, 0.5)], "road", (0, 0, 1, "a")],
)
def test_a_region_that_is_none_is_refused(region: object) -> None:
    with pytest.raises(DataError, match=r"region .*expected \[left, top, right, bottom\]"):
        Paste(BANK, schema=OBJECTS_ONLY, region=region)  # type: ignore[arg-type]


def test_too_few_objects_go_where_those_of_their_size_stood() -> None:
    car = BARE.schema.classes["car"]
    positions = [i for i in range(len(BANK)) if BANK.masks[i].max() == car][:3]
    few = BANK.take(positions)
    few.entries["depth"] = 0
    with pytest.warns(AssumptionWarning, match="3 objects tell no horizon.*where objects of its size stood"):
        paste = Paste(few, schema=OBJECTS_ONLY, per_image=(3, 3))
    perspective = paste.rules.ground_sampler.perspective
    found = placed(paste)
    assert len(found) > 20
    for _, after, record in found:
        own = perspective.contact_rows[record.index]
        alike = np.abs(np.log(perspective.heights / perspective.heights[record.index])) < 0.2
        foot = (record.ground_contact[0] + 1) / after.shape[0]
        assert (
            perspective.contact_rows[alike].min() - 0.03 < foot < perspective.contact_rows[alike].max() + 0.03
            or abs(foot - own) < 0.03
        )
        assert abs(np.log(record.scale)) <= 0.1001


def test_lights_that_hang_are_not_taken_for_what_stands() -> None:
    """Their boxes are larger the higher up they are: cars' horizon is found all the same, and they keep their rows."""
    rng, frames = np.random.default_rng(3), []
    for n in range(40):
        mask, instances = np.zeros((100, 160), np.uint8), np.zeros((100, 160), np.int32)
        distance, near = rng.uniform(0.1, 0.5), rng.uniform(0.1, 0.5)
        size, row = round(60 * distance), 45 + round(100 * distance)
        mask[row - size : row, 20 : 20 + size] = 1
        light, low = round(40 * near), 45 - round(60 * near)
        mask[max(low - light, 1) : low, 110 : 110 + light] = 2
        instances[mask == 1], instances[mask == 2] = 1, 2
        image = rng.random((3, 100, 160), dtype=np.float32)
        boxes = np.array([[20, row - size, 20 + size, row], [110, max(low - light, 1), 110 + light, low]], np.float32)
        frames.append(Sample(image, mask, boxes, np.array([1, 2]), meta={"name": f"f{n}"}, instances=instances))
    schema = Schema("coco", "frame", 2, ("red", "green", "blue"), {"car": 1, "light": 2}, objects=("car", "light"))
    data = Dataset([Record(f"f{n}", shape=(100, 160)) for n in range(40)], lambda r: frames[int(r.name[1:])], schema)
    bank = crops(data, size=32)
    paste = quiet_paste(bank, schema, per_image=(3, 3))
    perspective = paste.rules.ground_sampler.perspective
    assert perspective.default_horizon == pytest.approx(0.45, abs=0.03)
    assert (
        not perspective.distances[perspective.class_values == 2].any()
        and perspective.distances[perspective.class_values == 1].all()
    )
    found = placed(paste, data, rounds=1)
    assert {record.condition["object"] for *_, record in found} == {"car", "light"}
    assert all(record.ground_contact[0] < 45 for *_, record in found if record.condition["object"] == "light")


def test_far_objects_stand_near_the_middle_column_and_close_ones_anywhere() -> None:
    perspective = quiet_paste().rules.ground_sampler.perspective
    index = int(np.flatnonzero(perspective.distances > 0)[0])
    feet = np.array([0.45, 0.5, 0.9])
    columns = perspective.find_columns(index, feet, 100, 0.45)
    counts = columns.sum(axis=1)
    assert counts[0] == 0 < counts[1] < counts[2]
    assert np.array_equal(columns, columns[:, ::-1])
    ways = np.abs(BANK.entries["centre"][:, 1] - 0.5)[perspective.distances > 0]
    own = perspective.class_values[perspective.distances > 0] == perspective.class_values[index]
    median = np.median((ways / perspective.distances[perspective.distances > 0])[own])
    assert counts[1] == pytest.approx(2 * 100 * 2 * median * 0.05, abs=2)
    assert perspective.find_columns(index, feet, 100, None).all()


# ------------------------------------------------------------------ boxes alone


def boxes_alone(sample: Sample) -> Sample:
    return replace(sample, mask=None, instances=None)


def test_frames_with_boxes_alone_are_pasted_into_and_get_boxes_alone() -> None:
    paste, frames = quiet_paste(per_image=(2, 2)), BARE.map(boxes_alone).load_into_memory()
    found = placed(paste, frames, rounds=1)
    assert len(found) > 10
    for i, after, _ in found:
        assert after.mask is None and after.instances is None
        assert after.boxes is not None and after.labels is not None and len(after.boxes) == len(after.labels)
        origins = after.origins
        assert (origins < 0).sum() >= 1
        for box, origin in zip(after.boxes, origins, strict=True):
            if origin >= 0:  # never larger, and where nothing came in front as it was
                before = frames[i].boxes[origin]
                assert (box[:2] >= before[:2]).all() and (box[2:] <= before[2:]).all()
    untouched = [
        np.array_equal(box, frames[i].boxes[origin])
        for i, after, _ in found
        for box, origin in zip(after.boxes, after.origins, strict=True)
        if origin >= 0
    ]
    assert np.mean(untouched) > 0.6


def test_a_side_of_a_box_moves_in_where_it_is_hidden_all_along() -> None:
    boxes = np.array([[2.25, 1.5, 8.75, 6.5], [2.25, 1.5, 8.75, 6.5]], np.float32)
    hidden = np.zeros((10, 12), dtype=bool)
    hidden[:, :4] = True
    hidden[4, 5] = True
    assert shrink_boxes(boxes[:1], hidden).tolist() == [[4, 1.5, 8.75, 6.5]]
    hidden[:] = False
    hidden[3, 3] = True
    assert np.array_equal(shrink_boxes(boxes, hidden), boxes)


def test_a_frame_of_which_nothing_is_known_comes_back_as_it_is() -> None:
    bare = replace(BARE[0], mask=None, instances=None, boxes=None, labels=None)
    after = quiet_paste()(bare, np.random.default_rng(0))
    assert after.image is bare.image and after.pasted_crops == ()
    empty = replace(bare, boxes=np.zeros((0, 4), np.float32), labels=np.zeros(0, np.int64))
    after = quiet_paste(per_image=(3, 3))(empty, np.random.default_rng(0))
    assert after.boxes is not None and len(after.boxes) > 0  # a clean frame is a host, too


def test_crops_of_unknown_places_need_a_ground_or_a_region() -> None:
    entries = BANK.entries.copy()
    entries["source_size"], entries["depth"] = 0, 0
    bare = Bank(BANK.info.model_copy(update={"supporting_classes": {}}), BANK.images, BANK.masks, entries)
    with pytest.raises(DataError, match="no word of what crops stand on"):
        Paste(bare, schema=OBJECTS_ONLY)
    with pytest.raises(DataError, match="no word of how large crops were"):
        Paste(bare, schema=OBJECTS_ONLY, region=(0, 0.5, 1, 1))
