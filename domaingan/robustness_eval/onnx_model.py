"""Anyone's exported detector: an ONNX file, run by onnxruntime on the CPU."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.metrics.detections import Detections
from domaingan.robustness_eval.class_names import (
    COCO,
    join_names,
    normalise_name,
    number_names,
    parse_names,
    read_names,
)
from domaingan.robustness_eval.decode import ClassScoresLayout, Layout
from domaingan.robustness_eval.letterbox import InputFormat
from domaingan.robustness_eval.model_specs import ModelOptions
from domaingan.robustness_eval.model_under_test import ModelTask, Picture
from domaingan.robustness_eval.output_layouts import list_layouts, remove_filler
from domaingan.robustness_eval.readings import LayoutChoice, as_picture_list, choose_layout

DEFAULT_INPUT_SIDE = 640
"""Input of a detector that takes any size and does not say which is meant."""

MAX_OVERLAP = 0.5
"""Of two boxes of a class that overlap by more (IoU) the surer one is kept."""

BACKGROUND_NAMES = ("background", "bg", "noobject", "n/a")
"""Names of a class that stands for no object."""

INPUT_TYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}


class OnnxDetector:
    """A detector in an ONNX file.

    Args:
        file: the ``.onnx`` file.
        examples: a picture or several; the boxes that come out for them show how the outputs are to be read.
        reading: how it is to be read, where it does not say itself.

    Raises:
        DataError: the file cannot be read, takes no picture, or gives no boxes that can be read.
    """

    task: ModelTask = "detection"

    def __init__(self, file: str, examples: Picture | Sequence[Picture], options: ModelOptions) -> None:
        self.path = Path(file).expanduser()
        self.name, self.threshold = self.path.name, options.min_score
        self.session = _open_session(self.path, options.threads)
        self.metadata = dict(self.session.get_modelmeta().custom_metadata_map)
        self.input = _read_single_input(self.session, self.path)
        self.is_batched = len(self.input.shape) == 4
        self.is_channels_last = self.input.shape[-1] == 3 and self.input.shape[-3] != 3
        named = (
            read_names(options.class_names) if options.class_names else _read_metadata_names(self.metadata, self.path)
        )
        pictures = as_picture_list(examples)
        self.choice = self._choose_layout(pictures, options.decode, len(remove_background(named)) if named else None)
        self.layout: Layout = self.choice.layout
        self.input_format = self._choose_input_format(self.layout)
        self.classes, self.has_fixed_classes = self._choose_names(named)

    def predict(self, image: Picture) -> Detections:
        """The boxes in a picture, duplicates suppressed class by class."""
        outputs, placed, size = self._run_network(image, self.input_format)
        found = self.layout.decode(outputs, size, self.threshold)
        if not self.layout.has_nms:
            found = suppress_duplicates(found, MAX_OVERLAP)
        self._register_labels(found.labels)
        return Detections(placed.unletterbox(found.boxes, image.shape[:2]), found.scores, found.labels)

    def describe(self) -> list[str]:
        """How its outputs are read, how a picture goes in, and where the names come from."""
        sure = f"Scores from {self.threshold:g} on count"
        kept = (
            "" if self.layout.has_nms else f"; of boxes of a class with an IoU above {MAX_OVERLAP:g} the surest is kept"
        )
        return [
            f"{self.name}: {self.layout.describe()}.",
            f"Here {self.input_format.describe()}.",
            f"{sure}{kept}.",
            f"{self.names_source}.",
            f"{self.choice.reason}.",
        ]

    # ---------------------------------------------------------------- inside

    def _choose_layout(self, pictures: list[Picture], decode: str | None, classes: int | None) -> LayoutChoice:
        """The reading of the outputs that suits the boxes in these pictures.

        How a picture goes in depends on the reading, and the reading on what comes out: each is tried with its own.
        """
        size = self._read_input_size() or (DEFAULT_INPUT_SIDE, DEFAULT_INPUT_SIDE)
        start = InputFormat(
            size, has_unit_range=self.input.type != "tensor(uint8)", is_channels_last=self.is_channels_last
        )
        outputs = self._run_network(pictures[0], start)[0]
        candidates = list_layouts(
            outputs, size, decode=decode, class_count=classes, is_y_first=self.is_channels_last, path=str(self.path)
        )
        outputs_of = lru_cache(maxsize=4)(lambda picture, way: self._run_network(pictures[picture], way))

        def run(layout: Layout, picture: int) -> tuple[Detections, tuple[int, int]]:
            arrays, placed, shape = outputs_of(picture, self._choose_input_format(layout))
            found = layout.decode(arrays, shape, 0.0)
            return Detections(placed.to_picture_origin(found.boxes), found.scores, found.labels), placed.shape

        return choose_layout(candidates, run, len(pictures), path=str(self.path), is_certain=decode is not None)

    def _choose_input_format(self, layout: Layout) -> InputFormat:
        """How a picture goes in for a reading."""
        way = _make_input_format(
            layout, self._read_input_size(), self._read_imgsz(), INPUT_TYPES[self.input.type] is np.uint8
        )
        return replace(way, is_channels_last=self.is_channels_last)

    def _run_network(
        self, image: Picture, input_format: InputFormat
    ) -> tuple[dict[str, NDArray[Any]], Any, tuple[int, int]]:
        planes, placed = input_format(image)
        tensor = planes if self.is_batched else planes[0]
        kind = INPUT_TYPES[self.input.type]
        try:
            arrays = self.session.run(None, {self.input.name: tensor.astype(kind, copy=False)})
        except Exception as error:  # onnxruntime raises its own kinds, none of which it exports
            raise DataError(f"it cannot be run ({str(error)[:200]})", path=self.path) from None
        names = [output.name for output in self.session.get_outputs()]
        height, width = planes.shape[1:3] if self.is_channels_last else planes.shape[2:]
        return remove_filler(dict(zip(names, arrays, strict=True))), placed, (height, width)

    def _read_input_size(self) -> tuple[int, int] | None:
        """Height and width of the input where they are fixed."""
        *_, channels, height, width = self.input.shape
        if self.is_channels_last:
            *_, height, width, channels = self.input.shape
        if isinstance(channels, int) and channels != 3:
            found = f"an input of shape {self.input.shape}"
            raise DataError(found, path=self.path, expected="(1, 3, H, W), (1, H, W, 3) or one of these without its 1")
        fixed = isinstance(height, int) and isinstance(width, int)
        return (height, width) if fixed else None

    def _read_imgsz(self) -> tuple[int, int] | None:
        """Height and width that the metadata names."""
        sizes = _parse_literal(self.metadata.get("imgsz"))
        if isinstance(sizes, int):
            sizes = [sizes, sizes]
        whole = isinstance(sizes, (list, tuple)) and len(sizes) == 2 and all(isinstance(n, int) for n in sizes)
        return (sizes[0], sizes[1]) if whole else None

    def _choose_names(self, named: dict[str, int] | None) -> tuple[dict[str, int], bool]:
        """The class names, and whether they are all."""
        n = self.layout.class_count
        if named is not None and isinstance(self.layout, ClassScoresLayout) and self.layout.background:
            named = remove_background(named)
        if named is not None:
            gaps = self.layout.kind == "boxes"  # DETR keeps COCO's numbers, which leave some out
            fits = n is None or (max(named.values()) < n if gaps else sorted(named.values()) == list(range(n)))
            if not fits:
                found = f"{len(named)} class names for {n} classes ({join_names(named)})"
                raise DataError(found, path=self.path, expected="a name a class, counted from 0")
            self.names_source = f"Class names: {len(named)}, given by the user or the file's metadata"
            return named, True
        if n == len(COCO):
            self.names_source = "Class names: none in the file; with 80 classes they are taken to be COCO's"
            return number_names(COCO), True
        self.names_source = "Class names: none in the file, so that they are class_0 and so on; --names gives them"
        return ({}, False) if n is None else (number_names(f"class_{i}" for i in range(n)), True)

    def _register_labels(self, labels: NDArray[np.int64]) -> None:
        """Name the labels that have no name yet; where all names are known, none may be beyond the last.

        Raises:
            DataError: one is.
        """
        if not self.has_fixed_classes:
            for label in np.unique(labels).tolist():
                self.classes.setdefault(f"class_{label}", label)
            return
        last = max(self.classes.values())
        if labels.max(initial=0) > last:
            name = _find_name(self.classes, last)
            found = f"a box with the label {labels.max()}, but the last class name ({name}) is for {last}"
            expected = "--names with a name for each label, counted from 0: labels from 1 need a first name, background"
            raise DataError(found, path=self.path, expected=expected)


def remove_background(named: dict[str, int]) -> dict[str, int]:
    """Class names without a first or last one for nothing; the others count from 0.

    >>> remove_background({"background": 0, "car": 1, "bus": 2})
    {'car': 0, 'bus': 1}
    """
    numbers = sorted(named.values())
    for name, number in named.items():
        if normalise_name(name).strip("[]()") in BACKGROUND_NAMES and number in (numbers[0], numbers[-1]):
            shift = int(number == numbers[0])
            return {other: value - shift for other, value in named.items() if other != name}
    return named


def _find_name(classes: dict[str, int], label: int) -> str:
    return next(name for name, number in classes.items() if number == label)


def suppress_duplicates(found: Detections, overlap: float) -> Detections:
    """The detections without those that overlap a surer one of their class by more than ``overlap`` (IoU)."""
    import torch
    from torchvision.ops import batched_nms

    boxes, scores, labels = (
        torch.from_numpy(np.ascontiguousarray(a)) for a in (found.boxes, found.scores, found.labels)
    )
    kept = batched_nms(boxes, scores, labels, overlap).numpy()
    return Detections(found.boxes[kept], found.scores[kept], found.labels[kept])


def _open_session(path: Path, threads: int) -> Any:
    import onnxruntime

    if not path.is_file():
        raise DataError("no such file", path=path, expected="an ONNX file")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # as above
        raise DataError(f"cannot be read ({str(error)[:200]})", path=path, expected="an ONNX file") from None


def _read_single_input(session: Any, path: Path) -> Any:
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type not in INPUT_TYPES or len(inputs[0].shape) not in (3, 4):
        found = "inputs " + ", ".join(f"{i.name} {i.shape} {i.type}" for i in inputs)
        raise DataError(found, path=path, expected="one picture, (1, 3, H, W) or (3, H, W), of floats or uint8")
    return inputs[0]


def _make_input_format(
    layout: Layout, size: tuple[int, int] | None, imgsz: tuple[int, int] | None, is_uint8: bool
) -> InputFormat:
    if layout.kind == "yolox":
        return InputFormat(
            size or imgsz or (DEFAULT_INPUT_SIDE, DEFAULT_INPUT_SIDE),
            is_centred=False,
            is_bgr=True,
            has_unit_range=False,
        )
    if layout.kind == "boxes" and imgsz is None:
        return InputFormat(size, has_unit_range=not is_uint8, is_stretched=layout.is_stretched)
    return InputFormat(
        size or imgsz or (DEFAULT_INPUT_SIDE, DEFAULT_INPUT_SIDE),
        has_unit_range=not is_uint8,
        is_stretched=layout.is_stretched,
    )


def _read_metadata_names(metadata: dict[str, str], path: Path) -> dict[str, int] | None:
    names = _parse_literal(metadata.get("names"))
    return None if not names else parse_names(names, path, "class names in the metadata, as a list or {number: name}")


def _parse_literal(text: str | None) -> Any:
    """What exporters write with ``str()``: a list or a mapping as Python spells it. Nothing is run."""
    try:
        return None if text is None else ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None
