"""From albumentations' targets to a sample that crops can go into, and what a paste then writes into the targets."""

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
    """How targets are read.

    Attributes:
        info: of the bank.
        schema: names the values of masks.
        labels: of the label fields of boxes.
        spacing: mm a pixel; None where it is not known.
        meta_key: the target with what else is known of the host.
        notices: what was said once.
        needs_mask: whether crops stand on classes of the mask (or go into bodies): boxes alone do not tell where.
    """

    info: BankInfo
    schema: Schema
    box_labels: BoxLabels
    spacing: tuple[float, ...] | None
    meta_key: str
    warnings_once: OneTimeWarnings
    is_mask_needed: bool = True

    def read_sample(self, targets: Targets, processor: Any) -> Sample:
        """The targets as a sample; its objects are told apart only where a target asks for it.

        Args:
            targets: ``image`` and ``mask``; boxes as albumentations' transforms see them, labels behind the corners.
                Where no mask is needed, boxes with labels stand in for it.
            processor: albumentations' ``BboxProcessor``, None where it was told of no boxes.

        Raises:
            DataError: a target is missing or does not fit the others or the bank.
        """
        image, mask = targets.get("image"), targets.get("mask")
        is_boxed = mask is None and not self.is_mask_needed and targets.get("bboxes") is not None
        if image is None or (mask is None and not is_boxed):
            wanted = "image= and mask=" if self.is_mask_needed else "image=, and mask= or bboxes="
            raise DataError(
                f"no {'image' if image is None else 'mask'}", expected=f"{wanted}, to know where there is room"
            )
        where = move_channels_first(image)
        known = {"spacing": self.spacing} | read_host_info(targets.get(self.meta_key), image.shape[:2], self.meta_key)
        if known["spacing"] is None and self.info.domain.is_metric:
            self.warnings_once.warn(UNKNOWN_SPACING_WARNING)
        known = add_host_name(known, self.info, self.warnings_once)
        host = make_host(where, None if mask is None else drop_mask_channel(mask), known, self.schema, self.info)
        if host.mask is None:
            return self._add_boxes_alone(host, targets, processor)
        if all(targets.get(name) is None for name in ("bboxes", "masks", "keypoints")):
            return host
        return self._add_objects(host, host.mask, targets, processor)

    def _add_objects(self, host: Sample, mask: Array, targets: Targets, processor: Any) -> Sample:
        """The host with its objects, as boxes and masks tell them, or else as components of its mask."""
        values = [self.schema.classes[name] for name in self.schema.objects or self.schema.classes]
        if targets.get("bboxes") is not None:
            host = self._add_boxes(host, mask, targets, values, processor)
        if targets.get("masks") is not None:
            host = _add_masks(host, mask, targets["masks"])
        known = find_objects(host, values)
        return replace(host, boxes=known.boxes, labels=known.labels, instances=known.instances)

    def _add_boxes_alone(self, host: Sample, targets: Targets, processor: Any) -> Sample:
        """The host with what its boxes (and masks of objects) tell; where they are, something is.

        Raises:
            DataError: nothing tells the boxes' classes.
        """
        values = [self.schema.classes[name] for name in self.schema.objects or self.schema.classes]
        nothing = np.zeros(host.shape, dtype=np.int32)
        host = self._add_boxes(host, nothing, targets, values, processor)
        assert host.boxes is not None and host.labels is not None
        if targets.get("masks") is not None:
            host = _add_masks(host, nothing, targets["masks"])
            return replace(host, mask=np.append(0, host.labels)[host.instances].astype(np.int32))  # type: ignore[arg-type]
        mask = fill_boxes(host)
        return replace(host, instances=find_objects(replace(host, mask=mask), values).instances)

    def _add_boxes(self, host: Sample, mask: Array, targets: Targets, values: list[int], processor: Any) -> Sample:
        """The host with boxes and their class values: where no label tells them, of what most of a box holds."""
        if processor is None:
            raise DataError("bboxes alone", expected="bbox_params in A.Compose, which say how they are written")
        stored = targets["bboxes"]
        corners = stored.reshape(-1, max(stored.shape[-1], CORNER_COLUMNS))[:, :CORNER_COLUMNS] * (
            (mask.shape[1], mask.shape[0]) * 2
        )
        boxes = np.round(corners, 3).astype(np.float32)  # whole again, where division and multiplication left less
        labels = self.box_labels.read_class_values(processor, targets)
        if labels is None and targets.get("mask") is None:
            raise DataError("bboxes without labels or a mask", expected="label_fields in BboxParams, or mask=")
        if labels is None:
            parts = [mask[get_box_slices(box, 2)] for box in boxes]
            labels = np.array([_find_most_common(part[np.isin(part, values)]) for part in parts], dtype=np.int64)
        elif self.box_labels.is_numeric(processor) and targets.get("mask") is not None:
            check_box_numbers(boxes, labels, mask, values)
        return replace(host, boxes=boxes, labels=labels)

    def find_changes(self, host: Sample, after: Sample) -> dict[str, Any]:
        """What a paste writes into the targets.

        ``patches`` of the image: where, what of it is changed, the pixels ``(N, C)`` there; ``relabelled`` ``(H, W)``
        and ``values`` of the mask; and where there are objects: how many there were ``before``, the numbers of the
        ``older`` ones that are left, then for these and the pasted ones ``corners`` (shares of width and height),
        ``moved`` (whether they are others than before), ``instances`` ``(H, W)``; ``kinds``: the classes of the pasted
        ones by name. Nothing of it depends on how a pipeline encodes labels: another one may replay it.
        """
        assert after.paste_result is not None
        patches = [_extract_patch(host.image, after.image, where) for where in after.paste_result.touched]
        relabelled, values = _find_relabelled(host, after)
        drawn = {"patches": patches, "relabelled": relabelled, "values": values}
        if host.boxes is None:
            return drawn
        assert after.boxes is not None and after.labels is not None and after.origins is not None
        origins = after.origins
        older = origins[origins >= 0]
        pasted = after.labels[len(older) :].tolist()
        moved = np.ones(len(origins), dtype=bool)
        moved[: len(older)] = (after.boxes[: len(older)] != host.boxes[older]).any(axis=1)
        names = {value: name for name, value in self.schema.classes.items()}
        return drawn | {
            "before": len(host.boxes),
            "older": older,
            "corners": after.boxes / np.array((host.shape[1], host.shape[0]) * 2),
            "moved": moved,
            "kinds": [names[value] for value in pasted],
            "instances": after.instances,
        }


def _find_relabelled(host: Sample, after: Sample) -> tuple[Array, Array]:
    """Where a paste says another class, ``(H, W)``, and which; of boxes alone what is seen of the pasted objects."""
    if host.mask is not None and after.mask is not None:
        changed = after.mask != host.mask
        return changed, after.mask[changed]
    assert after.labels is not None and after.instances is not None and after.origins is not None
    pasted = np.append(False, after.origins < 0)[after.instances]
    return pasted, np.append(0, after.labels)[after.instances[pasted]]


def _extract_patch(before: Array, after: Array, where: tuple[slice, ...]) -> tuple[tuple[slice, ...], Array, Array]:
    new = after[(slice(None), *where)]
    changed = np.any(new != before[(slice(None), *where)], axis=0)
    return where, changed, new[:, changed].T


def check_box_numbers(boxes: Array, labels: Array, mask: Array, values: Sequence[int]) -> None:
    """Refuse boxes whose numbers are not the mask's: most of them hold objects, and none of their own class.

    Args:
        boxes: ``(N, 4)`` corners in pixels.
        labels: ``(N,)`` their class values.
        mask: ``(H, W)`` class values.
        values: those of objects.

    Raises:
        DataError: it is so of at least two boxes, and of more than half of them.
    """
    others: list[int] = []
    for index, box in enumerate(boxes):
        part = mask[get_box_slices(box, 2)]
        part = part[np.isin(part, values)]
        if part.size and not (part == labels[index]).any():
            others.append(index)
    if len(others) >= 2 and 2 * len(others) > len(boxes):
        part = mask[get_box_slices(boxes[others[0]], 2)]
        found = f"a box of {labels[others[0]]} where the mask has {_find_most_common(part[np.isin(part, values)])}"
        raise DataError(found, expected="class values of the mask, or labels={field: {class: label}}")


def _add_masks(host: Sample, mask: Array, masks: Array) -> Sample:
    """The host with an instance for each of ``masks``; where it knows no boxes, they are measured."""
    instances = np.zeros(mask.shape, dtype=np.int32)
    bodies = [np.asarray(body).reshape(mask.shape) > 0 for body in masks]
    for index in np.argsort([-int(body.sum()) for body in bodies], kind="stable").tolist():  # the smaller in front
        instances[bodies[index]] = index + 1
    if host.boxes is not None:
        check_count(len(masks), len(host.boxes), "masks")
        return replace(host, instances=instances)
    told, seen = find_instance_objects(instances, mask), np.unique(instances[instances > 0]) - 1
    boxes, labels = np.zeros((len(masks), CORNER_COLUMNS), dtype=np.float32), np.full(len(masks), UNKNOWN_CLASS)
    boxes[seen], labels[seen] = told.boxes, told.labels
    return replace(host, instances=instances, boxes=boxes, labels=labels)


def _find_most_common(values: Array) -> int:
    return int(np.bincount(values).argmax()) if values.size else UNKNOWN_CLASS
