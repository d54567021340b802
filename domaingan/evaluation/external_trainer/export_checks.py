"""What cannot be exported: another grid than the data's own, and arms that would be the same data."""

from __future__ import annotations

from collections.abc import Sequence

from domaingan.adapters import get_adapter
from domaingan.core.errors import DataError
from domaingan.data import Schema
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


def refuse_other_tasks(config: EvaluationConfig, folds: Sequence[Fold]) -> None:
    """Refuse an export whose labels the layout cannot hold.

    Raises:
        DataError: lesions are to be detected, whose layouts hold masks and no boxes; or samples are to be classified.
    """
    schema = folds[0].train.schema
    if config.task == "classification":
        raise DataError("an export for classification", expected="--task segmentation or detection")
    if config.task == "detection" and not schema.domain.is_rgb:
        expected = "frames, or --task segmentation: the layouts of scans hold masks and no boxes"
        raise DataError(f"an export of {schema.domain}s for detection", path=folds[0].train.root, expected=expected)


def refuse_equal_arms(arms: Sequence[Arm]) -> None:
    """Refuse arms that are the same without their part ``classic``, which is left to the trainer.

    Raises:
        DataError: two arms are the same.
    """
    arms_by_data: dict[object, str] = {}
    for arm in arms:
        parts = frozenset(arm.base_name.split("+")) - {"classic", "none"}
        data = parts, arm.modifiers
        if data in arms_by_data:
            found = f"arms {arms_by_data[data]} and {arm.name}, which are the same data"
            raise DataError(found, expected="one of them: classic augmentation is left to the trainer")
        arms_by_data[data] = arm.name


def refuse_hidden_labels(arms: Sequence[Arm], schema: Schema) -> None:
    """Refuse arms that hide labels of training people, in a layout that has no ignored pixels.

    Raises:
        DataError: there is such an arm.
    """
    if not get_adapter(schema.layout).holds_boxes:
        return
    for arm in arms:
        if arm.has_unlabelled_people:
            found = f"arm {arm.name}, some of whose hosts are not labelled, in the layout {schema.layout}"
            raise DataError(found, expected="a layout with ignored pixels, or no larger share of hosts than of people")
