"""``phantom:driving``: street scenes from a moving car, by day, at dusk and at night, in clear air, fog and rain.

Every sequence has its own street (width, bends, buildings, trees, marks), traffic, light, camera height, lens and
noise, so that a segmenter has to generalise from one to another; colours are shared between classes. Frames follow
one another by a second, and everything moves between them as it would. Every pixel is labelled, from the geometry
itself: there is no background. A street lamp or a road sign is a ``pole``, a hedge a ``tree``, a van a ``car``, and
a ``cyclist`` is the rider with the bicycle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.core.errors import DataError
from domaingan.data import FRAME, Dataset, Record, Sample, Schema
from domaingan.imaging.instances import Objects
from domaingan.phantoms.streets.render import render_frame
from domaingan.phantoms.streets.street_plan import sample_plan

CLASSES = {
    "sky": 0, "building": 1, "pole": 2, "road": 3, "lane": 4, "pavement": 5, "tree": 6, "car": 7, "pedestrian": 8,
    "cyclist": 9,
}  # fmt: skip
"""All classes; every pixel has one. Cyclists are the rare class."""

OBJECTS = ("car", "pedestrian", "cyclist")

MIN_INSTANCE_PIXELS = 20
"""An object with fewer visible pixels is in the mask, but is no instance and has no box."""

SEQUENCES_PER_CYCLE = 6
"""Of each successive six sequences one is at dusk and one at night. One of those that are not at dusk lies in fog, and
one in rain, so that the effects of dusk and weather can be told apart."""

SCHEMA = Schema(
    "masks", FRAME, 2, ("red", "green", "blue"), CLASSES, objects=OBJECTS, conditions=("lighting", "weather")
)


def load_driving(sequences: int = 12, frames: int = 8, seed: int = 0, shape: Sequence[int] = (96, 160)) -> Dataset:
    """Load the driving phantom: frames a second apart, which are rendered when they are read (about 30 ms).

    Args:
        sequences: number of drives.
        frames: number of frames of each drive.
        seed: another seed gives other drives. A frame depends on the seed, the number of its drive and its own number
            alone; at another shape it shows the same scene.
        shape: height and width in pixels.

    Returns:
        A dataset of frames with masks, boxes and instances.

    Raises:
        DataError: there are no frames, the seed is negative, or the shape is not two numbers of at least 32.
    """
    for count, name in ((sequences, "sequences"), (frames, "frames")):
        if count < 1:
            raise DataError(f"{count} {name}", expected="at least 1")
    if seed < 0:
        raise DataError(f"seed {seed}", expected="0 or more")
    if len(shape) != 2 or min(shape) < 32:
        raise DataError(f"shape {tuple(shape)}", expected="two numbers of at least 32")
    size = int(shape[0]), int(shape[1])
    records = []
    for number in range(sequences):
        sequence = f"seq{number:02d}"
        condition = choose_condition(seed, number)
        for frame in range(frames):
            name = f"{sequence}_{frame:06d}"
            records.append(Record(name, sequence=sequence, condition=condition, shape=size, time=float(frame)))
    numbers = {f"seq{number:02d}": number for number in range(sequences)}
    return Dataset(records, _DrivingReader(seed, size, numbers), SCHEMA, "phantom:driving")


@dataclass(frozen=True)
class _DrivingReader:
    """Renders a frame from the seed, the number of its sequence and its time."""

    seed: int
    shape: tuple[int, int]
    numbers: Mapping[str, int]

    def __call__(self, record: Record) -> Sample:
        number = self.numbers[record.sequence]
        condition = choose_condition(self.seed, number)
        is_with_cyclists = has_cyclists(self.seed, number)
        plan = sample_plan((self.seed, number), condition["lighting"], condition["weather"], is_with_cyclists)
        frame = render_frame(plan, float(record.time or 0.0), self.shape, CLASSES)
        objects = _separate_objects(frame.mask, frame.things)
        return Sample(
            image=np.ascontiguousarray(frame.image.transpose(2, 0, 1)),
            mask=frame.mask,
            boxes=objects.boxes,
            labels=objects.labels,
            condition=dict(condition),
            instances=objects.instances,
            source=record.source,
            geometry=record.geometry,
        )


def choose_condition(seed: int, number: int) -> dict[str, str]:
    """Choose the lighting and the weather of a sequence.

    Args:
        seed: of the dataset.
        number: of the sequence.
    """
    block, place = divmod(number, SEQUENCES_PER_CYCLE)
    rng = np.random.default_rng((seed, block, 1 << 16))
    lighting = rng.permutation(["day"] * (SEQUENCES_PER_CYCLE - 2) + ["dusk", "night"])
    weather = np.full(SEQUENCES_PER_CYCLE, "clear")
    weather[rng.choice(np.flatnonzero(lighting != "dusk"), 2, replace=False)] = "fog", "rain"
    return {"lighting": str(lighting[place]), "weather": str(weather[place])}


def has_cyclists(seed: int, number: int) -> bool:
    """Tell whether a sequence has cyclists: those at dusk have, and one by day of each successive six.

    Args:
        seed: of the dataset.
        number: of the sequence.
    """
    block = number // SEQUENCES_PER_CYCLE * SEQUENCES_PER_CYCLE
    lighting = [choose_condition(seed, other)["lighting"] for other in range(block, block + SEQUENCES_PER_CYCLE)]
    days = [place for place, name in enumerate(lighting) if name == "day"]
    chosen = days[int(np.random.default_rng((seed, block, 2 << 16)).integers(len(days)))]
    return lighting[number - block] == "dusk" or number - block == chosen


def _separate_objects(mask: NDArray[np.uint8], thing_numbers: NDArray[np.int32]) -> Objects:
    """Find the objects among the visible things, those with most pixels first."""
    object_values = [CLASSES[name] for name in OBJECTS]
    object_numbers = np.where(np.isin(mask, object_values), thing_numbers, 0)
    area = np.bincount(object_numbers.ravel())
    area[0] = 0
    kept = [int(number) for number in np.argsort(-area, kind="stable") if area[number] >= MIN_INSTANCE_PIXELS]
    instance_of_thing = np.zeros(len(area), dtype=np.int32)
    instance_of_thing[kept] = np.arange(1, len(kept) + 1)
    instances = instance_of_thing[object_numbers]
    boxes = np.zeros((len(kept), 4), dtype=np.float32)
    labels = np.zeros(len(kept), dtype=np.int64)
    for i, extent in enumerate(ndimage.find_objects(instances)):
        rows, columns = extent
        boxes[i] = columns.start, rows.start, columns.stop, rows.stop
        labels[i] = mask[extent][instances[extent] == i + 1][0]
    dropped = int(np.count_nonzero(area)) - len(kept)
    return Objects(instances, boxes, labels, dropped)
