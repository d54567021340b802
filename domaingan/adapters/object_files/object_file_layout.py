"""What layouts share in which each frame has a file of its own that lists its objects."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from domaingan.adapters.annotations.annotated_dataset import make_annotated_dataset
from domaingan.adapters.annotations.annotated_objects import AnnotatedObject
from domaingan.adapters.annotations.annotated_samples import FrameAnnotations
from domaingan.adapters.annotations.annotation_changes import (
    AnnotationChanges,
    find_annotation_header,
    find_changes,
)
from domaingan.adapters.annotations.annotation_classes import (
    read_listed_classes,
    write_annotation_classes,
)
from domaingan.adapters.annotations.file_stamps import read_stamp
from domaingan.adapters.annotations.problem_list import ProblemList
from domaingan.adapters.base import Adapter, check_sample_name
from domaingan.adapters.frames.exif_orientation import OrientationLog
from domaingan.adapters.frames.frame_samples import PIXEL_SPACING
from domaingan.adapters.frames.frame_writing import write_frame
from domaingan.adapters.frames.picture_header import PictureShape, read_picture_header
from domaingan.adapters.object_files.listed_objects import ListedFrame, ListedObject, check_object
from domaingan.adapters.problems import make_no_sample_error, make_problem
from domaingan.adapters.sample_table import write_sample_table
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.core.files import write_file_atomically
from domaingan.core.reading import read_bytes
from domaingan.data import Dataset, Problem, Record, Sample, Schema

EMPTY_STYLE = "empty"
"""The style of a frame that has no file because nothing is in it."""

ANY_CLASS = "*"
"""Class name of an ignored region in which objects of any class may be."""


class ObjectFileAdapter(Adapter):
    """Frames, each with a file of its own that lists its objects.

    A layout says where the files are, what they list, and how that is written. Everything else is here: boxes are
    clipped and what cannot be used is counted; polygons become mask and instances; ignored regions become crowds, in
    which nothing counts. A frame that is written keeps the items of its file that nothing was pasted over as they are.

    Attributes:
        value_offset: what is added to a class's number in the files to make its mask value: 1 where they count from 0.
    """

    holds_boxes: ClassVar[bool] = True
    value_offset: ClassVar[int] = 0

    # ------------------------------------------------------------------- what a layout says

    @abstractmethod
    def find_frames(self, root: Path, problems: list[Problem]) -> list[ListedFrame]:
        """Find the frames and their files.

        Args:
            root: the dataset's folder.
            problems: files that cannot be used are added here.

        Raises:
            DataError: what describes the whole dataset is wrong.
        """

    def read_classes(self, root: Path) -> dict[str, int] | None:
        """Read the mask values of all classes by name; None where only the frames' files have names.

        Args:
            root: the dataset's folder.

        Raises:
            DataError: what names them is wrong.
        """
        return read_listed_classes(root)

    def order_class_names(self, found_names: Iterable[str]) -> list[str]:
        """Order the names of classes that the frames' files have.

        Args:
            found_names: each name once.
        """
        return sorted(found_names)

    @abstractmethod
    def parse_objects(
        self, path: Path, shape: PictureShape, classes: Mapping[str, int] | None, problems: ProblemList
    ) -> list[ListedObject]:
        """Parse the file of one frame.

        Args:
            path: the file.
            shape: height and width of the frame.
            classes: as :meth:`read_classes` returns them.
            problems: items that cannot be used are added here.

        Raises:
            DataError: the whole file cannot be used.
        """

    @abstractmethod
    def get_stems(self, out: Path, name: str) -> tuple[Path, Path]:
        """Get the paths of a frame's picture, without suffix, and of its file of objects.

        Args:
            out: the dataset's folder.
            name: of the sample.
        """

    @abstractmethod
    def build_file(self, changes: AnnotationChanges, sample: Sample, schema: Schema, source: Path | None) -> str:
        """Build the contents of a frame's file.

        Args:
            changes: how its objects differ from those of the file that it came from.
            sample: the frame.
            schema: the dataset's.
            source: the file that it came from, None where it came from none of this layout.
        """

    # ------------------------------------------------------------------- what they share

    def open(self, root: Path) -> Dataset:
        """Open a folder; see :meth:`domaingan.adapters.base.Adapter.open`."""
        problems: list[Problem] = []
        listed_classes = self.read_classes(root)
        frames = self.find_frames(root, problems)
        records: list[Record] = []
        listed: dict[str, list[ListedObject]] = {}
        problem_lists: dict[str, ProblemList] = {}
        orientations = OrientationLog()
        for frame in frames:
            try:
                record = _make_record(frame, orientations)
                if frame.labels is not None:
                    problem_list = ProblemList(frame.labels)
                    shape = (record.shape[0], record.shape[1])
                    listed[record.name] = self.parse_objects(frame.labels, shape, listed_classes, problem_list)
                    problem_lists[record.name] = problem_list
                elif frame.is_empty:
                    listed[record.name] = []
                    problem_lists[record.name] = ProblemList(frame.image)
            except DataError as error:
                problems.append(make_problem(error, frame.image))
            else:
                records.append(record)
        orientations.warn(root)
        if not records:
            raise make_no_sample_error(root, problems)
        classes = self._number_classes(listed.values()) if listed_classes is None else listed_classes
        annotations: dict[str, FrameAnnotations] = {}
        for record in records:
            if record.name in listed:
                checked = _check_objects(listed[record.name], classes, record, problem_lists[record.name])
                annotations[record.name] = _make_annotations(record, self.layout, *checked)
        for problem_list in problem_lists.values():
            problems += problem_list.list_problems()
        _warn_of_missing_files(root, frames, records)
        names = [frame.name for frame in frames]
        offset = self.value_offset
        return make_annotated_dataset(root, self.layout, records, annotations, classes, offset, names, problems)

    def _number_classes(self, listed: Iterable[Sequence[ListedObject]]) -> dict[str, int]:
        """Number the classes that the frames' files have, as masks have them."""
        found_names: set[str] = set()
        for objects in listed:
            found_names.update(one.class_name for one in objects)
        names = self.order_class_names(found_names - {ANY_CLASS})
        return {name: number for number, name in enumerate(names, start=1)}

    def write_sample(self, out: Path, sample: Sample, schema: Schema) -> None:
        """Write a frame and its file; see :meth:`domaingan.adapters.base.Adapter.write_sample`.

        A frame whose objects did not change gets a copy of its file.
        """
        name = check_sample_name(sample, allow_folders=True)
        picture_stem, path = self.get_stems(out, name)
        contents = self._build_contents(sample, schema)
        picture_stem.parent.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)  # even an empty folder shows the layout
        write_frame(sample, picture_stem)
        if contents is None:
            return
        with write_file_atomically(path) as temporary:
            temporary.write_bytes(contents)

    def _build_contents(self, sample: Sample, schema: Schema) -> bytes | None:
        """Build the contents of a frame's file; None where it is not labelled."""
        if sample.boxes is None and sample.mask is None:
            return None
        header = find_annotation_header(sample, self.layout)
        changes = find_changes(sample, schema, self.layout, has_background=False)
        source = None
        if header is not None and not header.layout_style.endswith(f":{EMPTY_STYLE}"):
            source = header.entry.source
            if read_stamp(source) != header.entry.stamp:
                raise DataError("changed since its samples were read", path=source, expected="the file as it was")
            if changes == AnnotationChanges():
                return read_bytes(source)
        return self.build_file(changes, sample, schema, source).encode()

    def finish_dataset(self, out: Path, schema: Schema, records: Sequence[Record]) -> None:
        """Write what describes all frames; see :meth:`domaingan.adapters.base.Adapter.finish_dataset`."""
        write_sample_table(out, records, schema.conditions)
        write_annotation_classes(out, self.reduce_schema(schema), has_classes=self.value_offset == 0)

    def reduce_schema(self, schema: Schema) -> Schema:
        """Reduce a schema to what this layout can hold: of another layout's classes only those of objects.

        Args:
            schema: the dataset's.
        """
        if schema.layout == self.layout:
            return schema
        classes = {name: value for name, value in schema.classes.items() if name in schema.objects}
        return replace(schema, classes=classes, objects=tuple(classes), ground={}, ignore=(), regions={})


def _make_record(frame: ListedFrame, orientations: OrientationLog) -> Record:
    header = read_picture_header(frame.image)
    orientations.add(frame.image.name, header.orientation, is_stored=False)
    files = {"image": frame.image}
    if frame.labels is not None:
        files["objects"] = frame.labels
    return Record(frame.name, split=frame.split, shape=header.shape, spacing=PIXEL_SPACING, files=files)


def _check_objects(
    listed: Sequence[ListedObject], classes: Mapping[str, int], record: Record, problems: ProblemList
) -> tuple[list[AnnotatedObject], list[AnnotatedObject]]:
    """Check the objects of a frame.

    Returns:
        The objects, and the regions that are ignored: one for each class that may be in a region.
    """
    shape = (record.shape[0], record.shape[1])
    objects: list[AnnotatedObject] = []
    ignored: list[AnnotatedObject] = []
    for one in listed:
        names = list(classes) if one.class_name == ANY_CLASS else [one.class_name]
        if names and names[0] not in classes:
            problems.add(f"class {one.class_name[:40]!r}; expected one of {', '.join(classes)}"[:400], one.place)
            continue
        made = check_object(one, classes[names[0]], shape, problems) if names else None
        if made is None:
            continue
        if one.is_ignored:
            ignored += [replace(made, class_value=classes[name]) for name in names]
        else:
            objects.append(made)
    return objects, ignored


def _make_annotations(
    record: Record, layout: str, objects: Sequence[AnnotatedObject], ignored: Sequence[AnnotatedObject]
) -> FrameAnnotations:
    source = record.files.get("objects", record.files["image"])
    style = f"{layout}:" if "objects" in record.files else f"{layout}:{EMPTY_STYLE}"
    return FrameAnnotations(style, source, read_stamp(source), "", tuple(objects), tuple(ignored))


def _warn_of_missing_files(root: Path, frames: Sequence[ListedFrame], records: Sequence[Record]) -> None:
    """Say what is taken of frames that have no file of objects."""
    usable = {record.name for record in records}
    without_file = [frame for frame in frames if frame.labels is None and frame.name in usable]
    n_empty = sum(frame.is_empty for frame in without_file)
    for count, meaning in ((n_empty, "without any object"), (len(without_file) - n_empty, "not labelled")):
        if count:
            message = f"{root}: {count} of {len(records)} frames have no file of objects; they are taken as {meaning}"
            warnings.warn(message, AssumptionWarning, stacklevel=3)
