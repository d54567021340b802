"""What cannot be exported: another grid than the data's own, and arms that would be the same data."""

from __future__ import annotations

from collections.abc import Sequence

from domaingan.core.errors import DataError
from domaingan.evaluation.arms import Arm
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.split import Fold


def refuse_other_grid(config: EvaluationConfig, folds: Sequence[Fold]) -> None:
    """Refuse an export at another grid than the data's own.

    Raises:
        DataError: ``spacing`` or ``resize`` is set, or volumes are worked on as slices.
    """
    expected = "the data's own grid: the trainer resamples by itself"
    if config.spacing is not None or config.resize is not None:
        raise DataError("an export at another grid", expected=expected)
    if folds[0].train.records[0].parent:
        raise DataError("an export of slices of volumes", path=folds[0].train.root, expected=expected)


def refuse_equal_arms(arms: Sequence[Arm]) -> None:
    """Refuse arms that are the same without their part ``classic``, which is left to the trainer.

    Raises:
        DataError: two arms are the same, or one has hosts without labels.
    """
    arms_by_data: dict[object, str] = {}
    for arm in arms:
        modifiers = arm.modifiers
        if modifiers.host_share > modifiers.people:
            found = f"arm {arm.name}, whose hosts are not all labelled"
            raise DataError(found, expected="no larger share of hosts than of people: a dataset has labels alone")
        parts = frozenset(arm.base_name.split("+")) - {"classic", "none"}
        data = parts, modifiers
        if data in arms_by_data:
            found = f"arms {arms_by_data[data]} and {arm.name}, which are the same data"
            raise DataError(found, expected="one of them: classic augmentation is left to the trainer")
        arms_by_data[data] = arm.name
