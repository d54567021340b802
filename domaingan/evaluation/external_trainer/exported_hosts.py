"""Unlabelled hosts in exported datasets: what nobody labelled has a value that trainers ignore."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from domaingan.adapters import get_adapter
from domaingan.baselines.unlabelled_hosts import find_unlabelled
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Sample, Schema
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.imaging.instances import find_mask_objects


def check_exported_hosts(hosts: Dataset, data: Dataset, config: EvaluationConfig) -> None:
    """Refuse hosts that cannot be in a dataset of the layout of the labelled data.

    Args:
        hosts: as they lie on disk.
        data: the labelled samples.
        config: the task, and whether there is a teacher.

    Raises:
        DataError: another layout, or pixels that are ignored in a layout of boxes.
    """
    layout = data.schema.layout
    if hosts.schema.layout != layout:
        found = f"hosts in the layout {hosts.schema.layout} for an export"
        raise DataError(found, path=hosts.root, expected=f"{layout}, as {data.root} has")
    if config.hosts_teacher and config.task == "segmentation" and get_adapter(layout).holds_boxes:
        found = f"a teacher of hosts for an export of masks in the layout {layout}, which has no ignored pixels"
        raise DataError(found, path=hosts.root, expected="another layout")


def add_ignored_value(schema: Schema, hosts: Sequence[Sample]) -> Schema:
    """Add a mask value that is ignored, where hosts need one and there is none: the highest, as nnU-Net wants it.

    Args:
        schema: of the labelled samples.
        hosts: the unlabelled ones.

    Raises:
        DataError: the layout has no ignored pixels.
    """
    names = [host.name for host in hosts if host.unlabelled is not None and host.unlabelled.any()]
    if names and get_adapter(schema.layout).holds_boxes:
        found = f"hosts with objects of their own (first {names[0]!r}) for an export of masks in the layout"
        raise DataError(f"{found} {schema.layout}, which has no ignored pixels", expected="hosts without")
    if schema.ignore or not names:
        return schema
    return replace(schema, ignore=(max(schema.classes.values()) + 1,))


def mark_unlabelled(host: Sample, blended: Sample, schema: Schema) -> Sample:
    """Give what nobody labelled the value that is ignored.

    Args:
        host: a training sample.
        blended: what the arm made of it.
        schema: of the exported dataset.

    Returns:
        The blended sample, with objects in what is labelled alone.
    """
    unlabelled = find_unlabelled(host, blended)
    if unlabelled is None or blended.mask is None:
        return blended
    if not unlabelled.any():
        return replace(blended, unlabelled=None)
    mask = np.where(unlabelled, schema.ignore[0], blended.mask).astype(blended.mask.dtype)
    marked = replace(blended, mask=mask, unlabelled=None)
    if blended.boxes is None:
        return marked
    values = [schema.classes[name] for name in schema.objects]
    objects = find_mask_objects(mask, values, schema.min_area)
    return replace(marked, boxes=objects.boxes, labels=objects.labels, instances=objects.instances, origins=None)
