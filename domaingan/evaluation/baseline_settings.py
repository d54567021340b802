"""Settings of the baseline whose defaults depend on the task and the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domaingan.baselines.classification.label_rule import LabelRule
from domaingan.core.errors import DataError
from domaingan.data import Dataset

DEFAULT_BACKBONE = "timm:tf_efficientnet_lite0"
"""Default encoder of the baselines for frames, and model of the classifiers in 2D."""

DEFAULT_CROP_SIZES = {2: 64, 3: 32}
"""Edge of a crop, by dimensions."""

DEFAULT_STEPS = {2: 600, 3: 400}
"""Steps of each training of the baseline, by dimensions."""

DEFAULT_VALIDATION = {"classification": 0.2}
"""Share of the training people who decide when a training stops, by task; nobody for the others."""

VALIDATED_TASKS = ("segmentation", "classification")
"""Tasks whose trainings can stop early."""


def choose_baseline_settings(settings: Mapping[str, Any], task: str, data: Dataset) -> dict[str, Any]:
    """Choose the settings that depend on the task and the data, where a person did not.

    Args:
        settings: what a person chose, by the names of the fields of
            :class:`domaingan.evaluation.evaluation_config.EvaluationConfig`.
        task: what is learned.
        data: the samples, at the dimensions worked in.

    Returns:
        Fields of the config.

    Raises:
        DataError: a label is named for a task that has none, or validation for one that cannot stop early.
    """
    dims = data.schema.spatial_dims
    share = settings.get("validation_share")
    if share and (task not in VALIDATED_TASKS or settings.get("trainer") is not None):
        found = f"validation for {'a trainer of your own' if task in VALIDATED_TASKS else task}"
        raise DataError(found, expected=f"a built-in network of {' or '.join(VALIDATED_TASKS)}")
    chosen = {
        "size": settings.get("size") or DEFAULT_CROP_SIZES[dims],
        "steps": settings.get("steps", DEFAULT_STEPS[dims]),
        "backbone": settings.get("backbone") or _choose_backbone(settings, task, data),
        "validation_share": DEFAULT_VALIDATION.get(task, 0.0) if share is None else share,
    }
    if task == "classification":
        chosen["label_values"] = list_label_values(settings.get("label"), data)
    elif settings.get("label") is not None:
        raise DataError(f"a label for {task}", expected="--task classification")
    return chosen


def _choose_backbone(settings: Mapping[str, Any], task: str, data: Dataset) -> str | None:
    """Choose the backbone of a network that has one; a trainer of the user's own chooses its own."""
    if settings.get("trainer") is not None:
        return None
    if task == "classification":
        is_timm = settings.get("network") in (None, "timm") and data.schema.spatial_dims == 2
        return DEFAULT_BACKBONE if is_timm else None
    return DEFAULT_BACKBONE if data.schema.domain.is_rgb else None


def list_label_values(label: str | None, data: Dataset) -> list[str]:
    """List the labels of a column, sorted; none for a label that is no column.

    Args:
        label: as a person named it.
        data: the samples.

    Raises:
        DataError: there is no such label.
    """
    rule = LabelRule.parse(label, data.schema)
    if rule.kind != "column":
        return []
    values = {str(record.condition.get(rule.name, "")) for record in data.records}
    return sorted(values - {""})


def learns_from_masks(task: str, label: str | None, data: Dataset) -> bool:
    """Return whether a task needs samples with masks.

    Args:
        task: what is learned.
        label: what is classified by.
        data: the samples. Frames have boxes, so that objects need no mask.
    """
    has_boxes = data.schema.domain.is_rgb
    if task == "classification":
        kind = LabelRule.parse(label, data.schema).kind
        return kind == "presence" or (kind == "object" and not has_boxes)
    return task == "segmentation" or not has_boxes
