"""Arms: the ways of making training data that an evaluation compares.

An arm is a sum of parts joined by ``+``, such as ``relight+copy-paste+classic``. ``none`` is the training data as
it is. The other parts work on a training image in the order in which they are listed here, whatever the arm's order:
crops are pasted (:data:`PASTE_SOURCES`), the whole gets another look (:data:`RELIGHT_SOURCES`), ``weather`` falls on
it, and ``classic`` varies what is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domaingan.augmentation import Classic, Weather
from domaingan.banks import HEALTHY_VALUE, Bank
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.blend import Paste, Relight
from domaingan.core.errors import DataError
from domaingan.data import Schema
from domaingan.inpainting.windows import MASK_VARIATIONS

PASTE_SOURCES = {
    "copy-paste": "real crops of the training subjects",
    "deform-paste": "real crops of the training subjects, deformed as the masks of inpaint are",
    "gan": "crops drawn by a GAN that was fitted to the training subjects",
    "inpaint": "objects that a GAN, fitted to the training subjects, painted into their own images, in new masks",
    "refine": "real crops that were pasted into training images, and that such a GAN made fit",
}
"""Parts of an arm that paste, and where their crops come from."""

INPAINTED_SOURCES = ("inpaint", "refine")
"""Sources whose crops are bound to the places that they were made for."""

RELIGHT_SOURCES = {
    "relight": "scenes drawn by a GAN that was fitted to the training frames",
    "reference-relight": "real training frames",
}
"""Parts of an arm that relight, and where the looks come from."""

HEALTHY_SHARE = 1 / 3
"""Of what inpaint paints so much is what is normal there. It is pasted beside the objects, and changes no label."""

_OTHER_PARTS = ("weather", "classic")


@dataclass(frozen=True)
class Arm:
    """A parsed arm.

    Attributes:
        name: as it was written.
        sources: the banks it pastes from, keys of :data:`PASTE_SOURCES`.
        looks: the banks it relights from, keys of :data:`RELIGHT_SOURCES`.
        weather: whether synthetic weather falls on the images.
        classic: whether the classic pipeline runs at the end.
    """

    name: str
    paste_sources: tuple[str, ...] = ()
    relight_sources: tuple[str, ...] = ()
    has_weather: bool = False
    has_classic: bool = False

    @classmethod
    def parse(cls, name: str) -> Arm:
        """Parse an arm's name.

        Raises:
            DataError: an unknown or repeated part, or ``none`` beside another.

        >>> Arm.parse("gan+classic")
        Arm(name='gan+classic', paste_sources=('gan',), relight_sources=(), has_weather=False, has_classic=True)
        """
        parts = name.split("+")
        known = (*PASTE_SOURCES, *RELIGHT_SOURCES, *_OTHER_PARTS)
        unknown = [part for part in parts if part not in (*known, "none")]
        if unknown:
            raise DataError(f"no arm {unknown[0]!r} in {name!r}", expected=f"a sum of {', '.join(known)}; or none")
        if len(set(parts)) < len(parts) or ("none" in parts and len(parts) > 1):
            raise DataError(f"arm {name!r}", expected="each part once, and none alone")
        sources, looks = (tuple(part for part in parts if part in kind) for kind in (PASTE_SOURCES, RELIGHT_SOURCES))
        return cls(name, sources, looks, "weather" in parts, "classic" in parts)

    @property
    def has_gan(self) -> bool:
        """Whether a GAN is part of it."""
        return bool({"gan", *INPAINTED_SOURCES} & set(self.paste_sources)) or "relight" in self.relight_sources


def parse_arms(names: str | list[str]) -> list[Arm]:
    """Several arms, separated by commas where they come as one text; each must be named once."""
    listed = names.split(",") if isinstance(names, str) else list(names)
    arms = [Arm.parse(name.strip()) for name in listed if name.strip()]
    if not arms or len({arm.name for arm in arms}) < len(arms):
        raise DataError(f"arms {','.join(listed)!r}", expected="at least one, each named once")
    return arms


def build_augmentation(
    arm: Arm, banks: Mapping[str, Bank], schema: Schema, conditions: Mapping[str, Sequence[str]] | None = None
) -> TrainingAugmentation:
    """What an arm does to a training sample.

    Args:
        arm: parsed.
        banks: those of its fold, by source.
        schema: that of the samples.
        looks: scenes of these conditions alone, such as ``{"lighting": ["dusk"]}``.
    """
    deform, parts = (
        {"deform-paste": MASK_VARIATIONS[schema.domain]},
        {source: _split_class_values(banks[source]) for source in arm.paste_sources},
    )
    return TrainingAugmentation(
        pastes={
            source: Paste(banks[source], schema=schema, variation=deform.get(source), only=marked)
            for source, (marked, _) in parts.items()
        },
        healthy_pastes={
            source: Paste(banks[source], schema=schema, only=healthy)
            for source, (_, healthy) in parts.items()
            if healthy
        },
        relights={source: Relight(banks[source], only=conditions) for source in arm.relight_sources},
        weather=Weather() if arm.has_weather else None,
        classic=Classic(schema.spatial_dims, schema.domain) if arm.has_classic else None,
    )


def _split_class_values(bank: Bank) -> tuple[list[str], list[str]]:
    """The values of a bank's classes that mark an object, and that which marks none; both empty where all do."""
    counts = bank.count_conditions().get(bank.info.domain.class_condition, {})
    if not counts.get(HEALTHY_VALUE):
        return [], []
    return [value for value, n in counts.items() if n and value != HEALTHY_VALUE], [HEALTHY_VALUE]
