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
"""Everything that is seen; cyclists are the rare class."""

OBJECTS = ("car", "pedestrian", "cyclist")

MIN_INSTANCE_PIXELS = 20
"""An object of which fewer pixels are seen is in the mask, but is no instance and has no box."""

SEQUENCES_PER_CYCLE = 6
"""Of each successive six sequences one is at dusk and one at night, and of the others, night included, one lies in fog
and one in rain: what dusk does is not mixed up with what the weather does."""

SCHEMA = Schema(
    "masks", FRAME, 2, ("red", "green", "blue"), CLASSES, objects=OBJECTS, conditions=("lighting", "weather")
)


def load_driving(sequences: int = 12, frames: int = 8, seed: int = 0, shape: Sequence[int] = (96, 160)) -> Dataset:
    """Frames of ``sequences`` drives, a second apart, made when they are read (about 30 ms).

    Args:
        sequences: number of drives.
        frames: of each drive.
        seed: another seed, other drives. A frame depends on the seed and the numbers of its drive and its own alone;
            at another shape it shows the same scene.
        shape: height and width.

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
    records = [
        Record(
            f"seq{number:02d}_{frame:06d}",
            sequence=f"seq{number:02d}",
            condition=choose_condition(seed, number),
            shape=size,
            time=float(frame),
        )
        for number in range(sequences)
        for frame in range(frames)
    ]
    numbers = {f"seq{number:02d}": number for number in range(sequences)}
    return Dataset(records, _DrivingReader(seed, size, numbers), SCHEMA, "phantom:driving")


@dataclass(frozen=True)
class _DrivingReader:
    """Makes a frame from the seed, the number of its drive and its time."""

    seed: int
    shape: tuple[int, int]
    numbers: Mapping[str, int]

    def __call__(self, record: Record) -> Sample:
        number = self.numbers[record.sequence]
        known = choose_condition(self.seed, number)
        drive = sample_plan((self.seed, number), known["lighting"], known["weather"], has_cyclists(self.seed, number))
        picture = render_frame(drive, float(record.time or 0.0), self.shape, CLASSES)
        seen = _separate_objects(picture.mask, picture.things)
        return Sample(
            image=np.ascontiguousarray(picture.image.transpose(2, 0, 1)),
            mask=picture.mask,
            boxes=seen.boxes,
            labels=seen.labels,
            condition=dict(known),
            instances=seen.instances,
            source=record.source,
            geometry=record.geometry,
        )


def choose_condition(seed: int, number: int) -> dict[str, str]:
    """A sequence's lighting and weather."""
    block, place = divmod(number, SEQUENCES_PER_CYCLE)
    rng = np.random.default_rng((seed, block, 1 << 16))
    lighting = rng.permutation(["day"] * (SEQUENCES_PER_CYCLE - 2) + ["dusk", "night"])
    weather = np.full(SEQUENCES_PER_CYCLE, "clear")
    weather[rng.choice(np.flatnonzero(lighting != "dusk"), 2, replace=False)] = "fog", "rain"
    return {"lighting": str(lighting[place]), "weather": str(weather[place])}


def has_cyclists(seed: int, number: int) -> bool:
    """Whether there are cyclists in a sequence: at dusk, and in one by day of each successive six."""
    block = number // SEQUENCES_PER_CYCLE * SEQUENCES_PER_CYCLE
    lighting = [choose_condition(seed, other)["lighting"] for other in range(block, block + SEQUENCES_PER_CYCLE)]
    days = [place for place, name in enumerate(lighting) if name == "day"]
    chosen = days[int(np.random.default_rng((seed, block, 2 << 16)).integers(len(days)))]
    return lighting[number - block] == "dusk" or number - block == chosen


def _separate_objects(mask: NDArray[np.uint8], thing_numbers: NDArray[np.int32]) -> Objects:
    """The objects among the things seen, those with most pixels first."""
    objects = np.where(np.isin(mask, [CLASSES[name] for name in OBJECTS]), thing_numbers, 0)
    area = np.bincount(objects.ravel())
    area[0] = 0
    kept = [int(n) for n in np.argsort(-area, kind="stable") if area[n] >= MIN_INSTANCE_PIXELS]
    numbers = np.zeros(len(area), dtype=np.int32)
    numbers[kept] = np.arange(1, len(kept) + 1)
    instances = numbers[objects]
    boxes, labels = [], []
    for number, where in enumerate(ndimage.find_objects(instances), start=1):
        rows, columns = where
        boxes.append((columns.start, rows.start, columns.stop, rows.stop))
        labels.append(int(mask[where][instances[where] == number][0]))
    dropped = int(np.count_nonzero(area)) - len(kept)
    return Objects(
        instances, np.array(boxes, dtype=np.float32).reshape(-1, 4), np.array(labels, dtype=np.int64), dropped
    )
