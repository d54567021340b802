"""Read albumentations' targets as a sample, and find what a paste changes in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from domaingan.banks import BankInfo
from domaingan.blend.occlusion import fill_boxes, find_objects, get_box_slices
from domaingan.core.errors import DataError
from domaingan.data import Sample, Schema
from domaingan.imaging.instances import find_instance_objects
from domaingan.integrations.albumentations.box_labels import CORNER_COLUMNS, UNKNOWN_CLASS, BoxLabels
from domaingan.integrations.albumentations.image_arrays import (
    Array,
    check_count,
    drop_mask_channel,
    move_channels_first,
)
from domaingan.integrations.host_images import make_host
from domaingan.integrations.host_info import UNKNOWN_SPACING_WARNING, OneTimeWarnings, add_host_name, read_host_info

Targets = Mapping[str, Any]


@dataclass(frozen=True)
class TargetReader:
    """Read targets as samples.

    Attributes:
        info: of the bank.
        schema: names the values of masks.
        box_labels: maps the label fields of boxes to classes.
        spacing: mm per pixel; None where it is not known.
        meta_key: the target with further information on the host.
        warnings_once: the warnings that were already given.
        is_mask_needed: whether a mask must be there. Crops that stand on classes of the mask, or lie in bodies, need
            one; boxes are not enough.
    """

    info: BankInfo
    schema: Schema
    box_labels: BoxLabels
    spacing: tuple[float, ...] | None
    meta_key: str
    warnings_once: OneTimeWarnings
    is_mask_needed: bool = True

    def read_sample(self, targets: Targets, processor: Any) -> Sample:
        """Read the targets as a sample. It has single objects only where a target needs them.

        Args:
            targets: ``image`` and ``mask``; boxes as albumentations' transforms get them, with labels behind the
                corners. Where no mask is needed, boxes with labels can replace it.
            processor: albumentations' ``BboxProcessor``, None if the pipeline has none.

        Returns:
            The host.

        Raises:
            DataError: a target is missing or does not fit the others or the bank.
        """
        image = targets.get("image")
        mask = targets.get("mask")
        is_boxed = mask is None and not self.is_mask_needed and targets.get("bboxes") is not None
        if image is None or (mask is None and not is_boxed):
            missing = "image" if image is None else "mask"
            needed = "image= and mask=" if self.is_mask_needed else "image=, and mask= or bboxes="
            raise DataError(f"no {missing}", expected=f"{needed}, to know where there is room")
        pixels = move_channels_first(image)
        host_info = {"spacing": self.spacing}
        host_info |= read_host_info(targets.get(self.meta_key), image.shape[:2], self.meta_key)
        if host_info["spacing"] is None and self.info.domain.is_metric:
            self.warnings_once.warn(UNKNOWN_SPACING_WARNING)
        host_info = add_host_name(host_info, self.info, self.warnings_once)
        class_mask = None if mask is None else drop_mask_channel(mask)
        host = make_host(pixels, class_mask, host_info, self.schema, self.info)
        if host.mask is None:
            return self._add_boxes_alone(host, targets, processor)
        if all(targets.get(name) is None for name in ("bboxes", "masks", "keypoints")):
            return host
        return self._add_objects(host, host.mask, targets, processor)

    def _add_objects(self, host: Sample, mask: Array, targets: Targets, processor: Any) -> Sample:
        """Add the objects to the host: those of boxes and masks, or else the components of its mask."""
        values = self._list_object_values()
        if targets.get("bboxes") is not None:
            host = self._add_boxes(host, mask, targets, values, processor)
        if targets.get("masks") is not None:
            host = _add_masks(host, mask, targets["masks"])
        objects = find_objects(host, values)
        return replace(host, boxes=objects.boxes, labels=objects.labels, instances=objects.instances)

    def _list_object_values(self) -> list[int]:
        """List the class values of objects."""
        names = self.schema.objects or self.schema.classes
        return [self.schema.classes[name] for name in names]

    def _add_boxes_alone(self, host: Sample, targets: Targets, processor: Any) -> Sample:
        """Add objects to a host without a mask: from its boxes, and from masks of objects where it has them.

        Raises:
            DataError: the boxes' classes are not known.
        """
        values = self._list_object_values()
        empty_mask = np.zeros(host.shape, dtype=np.int32)
        host = self._add_boxes(host, empty_mask, targets, values, processor)
        assert host.boxes is not None and host.labels is not None
        if targets.get("masks") is not None:
            host = _add_masks(host, empty_mask, targets["masks"])
            assert host.labels is not None and host.instances is not None
            class_of_instance = np.append(0, host.labels)
            return replace(host, mask=class_of_instance[host.instances].astype(np.int32))
        filled = replace(host, mask=fill_boxes(host))
        return replace(host, instances=find_objects(filled, values).instances)

    def _add_boxes(self, host: Sample, mask: Array, targets: Targets, values: list[int], processor: Any) -> Sample:
        """Add boxes and their class values to the host.

        Without labels, a box gets the class that is most frequent in it.
        """
        if processor is None:
            raise DataError("bboxes alone", expected="bbox_params in A.Compose, which say how they are written")
        stored = targets["bboxes"]
        rows = stored.reshape(-1, max(stored.shape[-1], CORNER_COLUMNS))
        corners = rows[:, :CORNER_COLUMNS] * ((mask.shape[1], mask.shape[0]) * 2)
        # Rounding gives whole pixels again, which division and multiplication may have missed.
        boxes = np.round(corners, 3).astype(np.float32)
        labels = self.box_labels.read_class_values(processor, targets)
        if labels is None and targets.get("mask") is None:
            raise DataError("bboxes without labels or a mask", expected="label_fields in BboxParams, or mask=")
        if labels is None:
            most_common = [_find_most_common(_get_box_values(mask, box, values)) for box in boxes]
            labels = np.array(most_common, dtype=np.int64)
        elif self.box_labels.is_numeric(processor) and targets.get("mask") is not None:
            check_box_numbers(boxes, labels, mask, values)
        return replace(host, boxes=boxes, labels=labels)

    def find_changes(self, host: Sample, after: Sample) -> dict[str, Any]:
        """Find what a paste changes in the targets.

        The result does not depend on how a pipeline encodes labels, so another pipeline may replay it.

        Args:
            host: the sample before the paste.
            after: the sample after it.

        Returns:
            A dictionary with

            - ``patches`` of the image: for each its place, which of its pixels changed, and their values ``(N, C)``;
            - ``relabelled`` ``(H, W)``: where the mask changed, and ``values``: its new values there.

            If the host has boxes, also

            - ``before``: how many objects the host had;
            - ``older``: the numbers of those that are left;
            - ``corners`` of the older and then the pasted objects, as shares of width and height;
            - ``moved``: whether each of these boxes is new or changed;
            - ``kinds``: the class names of the pasted objects;
            - ``instances`` ``(H, W)``.
        """
        assert after.paste_result is not None
        patches = [_extract_patch(host.image, after.image, where) for where in after.paste_result.touched]
        relabelled, values = _find_relabelled(host, after)
        changes = {"patches": patches, "relabelled": relabelled, "values": values}
        if host.boxes is None:
            return changes
        assert after.boxes is not None and after.labels is not None and after.origins is not None
        origins = after.origins
        older = origins[origins >= 0]
        n_older = len(older)
        pasted_values = after.labels[n_older:].tolist()
        moved = np.ones(len(origins), dtype=bool)
        moved[:n_older] = (after.boxes[:n_older] != host.boxes[older]).any(axis=1)
        name_by_value = {value: name for name, value in self.schema.classes.items()}
        frame_size = np.array((host.shape[1], host.shape[0]) * 2)
        return changes | {
            "before": len(host.boxes),
            "older": older,
            "corners": after.boxes / frame_size,
            "moved": moved,
            "kinds": [name_by_value[value] for value in pasted_values],
            "instances": after.instances,
        }


def _find_relabelled(host: Sample, after: Sample) -> tuple[Array, Array]:
    """Find where a paste changes the class, ``(H, W)``, and the new classes there.

    Of a host without a mask these are the visible pixels of the pasted objects.
    """
    if host.mask is not None and after.mask is not None:
        changed = after.mask != host.mask
        return changed, after.mask[changed]
    assert after.labels is not None and after.instances is not None and after.origins is not None
    is_pasted_instance = np.append(False, after.origins < 0)
    class_of_instance = np.append(0, after.labels)
    is_pasted = is_pasted_instance[after.instances]
    return is_pasted, class_of_instance[after.instances[is_pasted]]


def _extract_patch(before: Array, after: Array, where: tuple[slice, ...]) -> tuple[tuple[slice, ...], Array, Array]:
    """Cut out what changed in one part of the image: its place, which pixels changed, and their values ``(N, C)``."""
    part = (slice(None), *where)
    pixels = after[part]
    is_changed = np.any(pixels != before[part], axis=0)
    return where, is_changed, pixels[:, is_changed].T


def check_box_numbers(boxes: Array, labels: Array, mask: Array, values: Sequence[int]) -> None:
    """Refuse boxes whose numbers are not the mask's class values.

    A box counts against them if it holds objects, but none of the box's class.

    Args:
        boxes: ``(N, 4)`` corners in pixels.
        labels: ``(N,)`` class values of the boxes.
        mask: ``(H, W)`` class values.
        values: the class values of objects.

    Raises:
        DataError: at least two boxes, and more than half of them, count against it.
    """
    mismatched: list[int] = []
    for index, box in enumerate(boxes):
        box_values = _get_box_values(mask, box, values)
        if box_values.size and not (box_values == labels[index]).any():
            mismatched.append(index)
    if len(mismatched) >= 2 and 2 * len(mismatched) > len(boxes):
        first = mismatched[0]
        most_common = _find_most_common(_get_box_values(mask, boxes[first], values))
        found = f"a box of {labels[first]} where the mask has {most_common}"
        raise DataError(found, expected="class values of the mask, or labels={field: {class: label}}")


def _add_masks(host: Sample, mask: Array, masks: Array) -> Sample:
    """Add an instance for each of ``masks`` to the host, and its boxes if it has none.

    Smaller objects lie in front of larger ones.
    """
    instances = np.zeros(mask.shape, dtype=np.int32)
    bodies = [np.asarray(body).reshape(mask.shape) > 0 for body in masks]
    negative_areas = [-int(body.sum()) for body in bodies]
    for index in np.argsort(negative_areas, kind="stable").tolist():
        instances[bodies[index]] = index + 1
    if host.boxes is not None:
        check_count(len(masks), len(host.boxes), "masks")
        return replace(host, instances=instances)
    objects = find_instance_objects(instances, mask)
    visible = np.unique(instances[instances > 0]) - 1
    boxes = np.zeros((len(masks), CORNER_COLUMNS), dtype=np.float32)
    labels = np.full(len(masks), UNKNOWN_CLASS)
    boxes[visible] = objects.boxes
    labels[visible] = objects.labels
    return replace(host, instances=instances, boxes=boxes, labels=labels)


def _get_box_values(mask: Array, box: Array, values: Sequence[int]) -> Array:
    """Get the mask's values in a box, of objects only."""
    part = mask[get_box_slices(box, 2)]
    return part[np.isin(part, values)]


def _find_most_common(values: Array) -> int:
    """Find the most frequent value; :data:`UNKNOWN_CLASS` if there are no values."""
    return int(np.bincount(values).argmax()) if values.size else UNKNOWN_CLASS
