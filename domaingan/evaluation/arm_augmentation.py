"""From an arm and the banks of its fold to what is done to a training sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domaingan.augmentation import Classic, Weather
from domaingan.banks import HEALTHY_VALUE, Bank
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.blend import Paste, Relight
from domaingan.blend.paste import ANYWHERE, DEFAULT_PLACEMENT
from domaingan.data import Schema
from domaingan.evaluation.arms import Arm
from domaingan.inpainting.windows import MASK_VARIATIONS


def build_augmentation(
    arm: Arm,
    banks: Mapping[str, Bank],
    schema: Schema,
    conditions: Mapping[str, Sequence[str]] | None = None,
    paste_hosts: frozenset[str] | None = None,
) -> TrainingAugmentation:
    """Build what an arm does to a training sample.

    Args:
        arm: the arm.
        banks: the banks of its fold, by name, see :meth:`domaingan.evaluation.arms.Arm.name_bank`.
        schema: the schema of the samples.
        conditions: only scenes under these conditions are used, such as ``{"lighting": ["dusk"]}``.
        paste_hosts: names of the samples that are pasted into; None for all of them.

    Raises:
        DataError: a bank does not fit the samples, or has no scene under these conditions.
    """
    pastes: dict[str, Paste] = {}
    healthy_pastes: dict[str, Paste] = {}
    per_image = arm.modifiers.per_image
    for source in arm.paste_sources:
        bank = banks[arm.name_bank(source)]
        variation = MASK_VARIATIONS[schema.domain] if source == "deform-paste" else None
        object_values, healthy_values = _split_class_values(bank)
        placement = ANYWHERE if source == "shuffle-paste" else DEFAULT_PLACEMENT
        pastes[source] = Paste(
            bank, schema=schema, per_image=per_image, variation=variation, only=object_values, placement=placement
        )
        if healthy_values:
            healthy_pastes[source] = Paste(bank, schema=schema, per_image=per_image, only=healthy_values)
    relights = {}
    for source in arm.relight_sources:
        relights[source] = Relight(banks[arm.name_bank(source)], only=conditions)
    return TrainingAugmentation(
        pastes=pastes,
        healthy_pastes=healthy_pastes,
        relights=relights,
        weather=Weather() if arm.has_weather else None,
        classic=Classic(schema.spatial_dims, schema.domain) if arm.has_classic else None,
        paste_share=arm.modifiers.ratio,
        paste_hosts=paste_hosts,
    )


def _split_class_values(bank: Bank) -> tuple[list[str], list[str]]:
    """Split a bank's class values into those of objects and that of healthy patches; both empty if none is healthy."""
    counts = bank.count_conditions().get(bank.info.domain.class_condition, {})
    if not counts.get(HEALTHY_VALUE):
        return [], []
    object_values = [value for value, n in counts.items() if n and value != HEALTHY_VALUE]
    return object_values, [HEALTHY_VALUE]
