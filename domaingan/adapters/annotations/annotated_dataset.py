"""From the frames and objects that a layout found to its dataset, whatever files list the objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from domaingan.adapters.annotations.annotated_samples import AnnotationReader, FrameAnnotations
from domaingan.adapters.annotations.annotation_classes import read_annotation_classes
from domaingan.adapters.frames.drive_names import assign_drives, assign_times
from domaingan.adapters.frames.frame_samples import make_frame_schema
from domaingan.adapters.sample_table import read_sample_table
from domaingan.data import Dataset, Problem, Record


def make_annotated_dataset(
    root: Path,
    layout: str,
    records: Sequence[Record],
    annotations: Mapping[str, FrameAnnotations],
    classes: Mapping[str, int],
    offset: int,
    sample_names: Iterable[str],
    problems: Sequence[Problem],
) -> Dataset:
    """Make a dataset of frames, with what ``samples.csv`` and ``classes.json`` say of them.

    Args:
        root: the dataset's folder.
        layout: its name.
        records: of the frames that can be used.
        annotations: the objects of each frame by its name. A frame that is not there is not labelled.
        classes: mask values of the classes by name.
        offset: what is added to a class's number in the files to make its mask value.
        sample_names: names of all frames, which ``samples.csv`` may list.
        problems: what cannot be used.

    Raises:
        DataError: ``samples.csv`` or ``classes.json`` is wrong.
    """
    table = read_sample_table(root, sample_names)
    definitions = read_annotation_classes(root, classes, offset)
    schema = make_frame_schema(layout, definitions, table.conditions)
    has_any_mask = any(one.has_masks() for one in annotations.values())
    annotations = {name: one.apply_schema(schema) for name, one in annotations.items()}
    merged = [table.merge_into(record) for record in assign_drives(records)]
    merged = assign_times(merged, definitions.frame_rate)
    if has_any_mask:
        merged = [_add_mask_file(record, annotations.get(record.name)) for record in merged]
    return Dataset(merged, AnnotationReader(schema, annotations, has_any_mask), schema, root, problems)


def _add_mask_file(record: Record, annotations: FrameAnnotations | None) -> Record:
    """Add the file that lists the objects as the mask's file to the record of a frame that gets a mask."""
    if annotations is None or not (annotations.has_masks() or not annotations.objects):
        return record
    return replace(record, files={**record.files, "mask": annotations.source})
