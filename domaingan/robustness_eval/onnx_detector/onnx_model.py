"""Anyone's exported detector: an ONNX file, run by onnxruntime on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.metrics.detections import Detections
from domaingan.robustness_eval.class_names import COCO, join_names, number_names, read_names
from domaingan.robustness_eval.model_specs import ModelOptions
from domaingan.robustness_eval.model_under_test import ModelTask, Picture, as_picture_list
from domaingan.robustness_eval.onnx_detector.choose_layout import LayoutChoice, choose_layout
from domaingan.robustness_eval.onnx_detector.find_layouts import list_layouts, remove_filler
from domaingan.robustness_eval.onnx_detector.layout import Layout
from domaingan.robustness_eval.onnx_detector.letterbox import InputFormat, PlacedPicture
from domaingan.robustness_eval.onnx_detector.onnx_names import (
    read_metadata_names,
    read_metadata_size,
    remove_background,
)
from domaingan.robustness_eval.onnx_detector.onnx_session import open_session
from domaingan.robustness_eval.onnx_detector.separate_layouts import ClassScoresLayout

DEFAULT_INPUT_SIDE = 640
"""Side of the input, in pixels, of a detector that takes any size and does not say which is meant."""

MAX_OVERLAP = 0.5
"""Of two boxes of a class whose IoU is larger, the one with the higher score is kept."""

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
        examples: a picture or several; the boxes found in them show how the outputs are laid out.
        options: how the file is to be read, where it does not say itself.

    Raises:
        DataError: the file cannot be read, takes no picture, or gives no boxes that can be read.
    """

    task: ModelTask = "detection"

    def __init__(self, file: str, examples: Picture | Sequence[Picture], options: ModelOptions) -> None:
        self.path = Path(file).expanduser()
        self.name = self.path.name
        self.threshold = options.min_score
        self.session = open_session(self.path, options)
        self.metadata = dict(self.session.get_modelmeta().custom_metadata_map)
        self.input = _read_single_input(self.session, self.path)
        self.is_batched = len(self.input.shape) == 4
        self.is_channels_last = self.input.shape[-1] == 3 and self.input.shape[-3] != 3
        if options.class_names:
            names: dict[str, int] | None = read_names(options.class_names)
        else:
            names = read_metadata_names(self.metadata, self.path)
        class_count = len(remove_background(names)) if names else None
        self.choice = self._choose_layout(as_picture_list(examples), options.decode, class_count)
        self.layout: Layout = self.choice.layout
        self.input_format = self._choose_input_format(self.layout)
        self.classes, self.has_fixed_classes, self.names_source = self._choose_names(names)

    def predict(self, image: Picture) -> Detections:
        """Find the boxes in a picture; duplicates are suppressed class by class.

        Args:
            image: ``(H, W, 3)`` uint8 RGB.

        Returns:
            Boxes in pixels of the picture; labels in the file's own numbers.

        Raises:
            DataError: a label has no name although all names are known.
        """
        outputs, placed, size = self._run_network(image, self.input_format)
        found = self.layout.decode(outputs, size, self.threshold)
        if not self.layout.has_nms:
            found = suppress_duplicates(found, MAX_OVERLAP)
        self._register_labels(found.labels)
        boxes = placed.unletterbox(found.boxes, image.shape[:2])
        return Detections(boxes, found.scores, found.labels)

    def describe(self) -> list[str]:
        """Say how outputs are read, how a picture goes in, and where the names come from."""
        threshold = f"Scores from {self.threshold:g} on count"
        if not self.layout.has_nms:
            threshold += (
                f"; of boxes of a class with an IoU above {MAX_OVERLAP:g} the one with the highest score is kept"
            )
        return [
            f"{self.name}: {self.layout.describe()}.",
            f"Here {self.input_format.describe()}.",
            f"{threshold}.",
            f"{self.names_source}.",
            f"{self.choice.reason}.",
        ]

    def _choose_layout(self, pictures: list[Picture], decode: str | None, class_count: int | None) -> LayoutChoice:
        """Choose the layout that suits the boxes in these pictures.

        How a picture goes in depends on the layout, and the layout on what comes out: each layout is tried with its
        own input format.
        """
        size = self._read_input_size() or (DEFAULT_INPUT_SIDE, DEFAULT_INPUT_SIDE)
        has_unit_range = self.input.type != "tensor(uint8)"
        first_format = InputFormat(size, has_unit_range=has_unit_range, is_channels_last=self.is_channels_last)
        first_outputs, _, _ = self._run_network(pictures[0], first_format)
        candidates = list_layouts(
            first_outputs,
            size,
            decode=decode,
            class_count=class_count,
            is_y_first=self.is_channels_last,
            path=str(self.path),
        )

        @lru_cache(maxsize=4)
        def run_picture(number: int, input_format: InputFormat) -> Any:
            return self._run_network(pictures[number], input_format)

        def run_layout(layout: Layout, number: int) -> tuple[Detections, tuple[int, int]]:
            outputs, placed, input_size = run_picture(number, self._choose_input_format(layout))
            found = layout.decode(outputs, input_size, 0.0)
            boxes = placed.to_picture_origin(found.boxes)
            return Detections(boxes, found.scores, found.labels), placed.shape

        is_certain = decode is not None
        return choose_layout(candidates, run_layout, len(pictures), path=str(self.path), is_certain=is_certain)

    def _choose_input_format(self, layout: Layout) -> InputFormat:
        """Choose how a picture goes in for a layout."""
        fixed_size = self._read_input_size()
        metadata_size = read_metadata_size(self.metadata)
        size = fixed_size or metadata_size or (DEFAULT_INPUT_SIDE, DEFAULT_INPUT_SIDE)
        if layout.kind == "yolox":
            chosen = InputFormat(size, is_centred=False, is_bgr=True, has_unit_range=False)
        else:
            takes_any_size = layout.kind == "boxes" and metadata_size is None
            chosen = InputFormat(
                fixed_size if takes_any_size else size,
                has_unit_range=INPUT_TYPES[self.input.type] is not np.uint8,
                is_stretched=layout.is_stretched,
            )
        return replace(chosen, is_channels_last=self.is_channels_last)

    def _run_network(
        self, image: Picture, input_format: InputFormat
    ) -> tuple[dict[str, NDArray[Any]], PlacedPicture, tuple[int, int]]:
        """Run the network on a picture.

        Returns:
            The outputs by name, where the picture lies in the input, and the input's height and width.
        """
        values, placed = input_format(image)
        tensor = values if self.is_batched else values[0]
        tensor = tensor.astype(INPUT_TYPES[self.input.type], copy=False)
        try:
            arrays = self.session.run(None, {self.input.name: tensor})
        except Exception as error:  # onnxruntime raises its own kinds, none of which it exports
            raise DataError(f"it cannot be run ({str(error)[:200]})", path=self.path) from None
        names = [output.name for output in self.session.get_outputs()]
        height, width = values.shape[1:3] if self.is_channels_last else values.shape[2:]
        outputs = dict(zip(names, arrays, strict=True))
        return remove_filler(outputs), placed, (height, width)

    def _read_input_size(self) -> tuple[int, int] | None:
        """Read height and width of the input; None where they are not fixed."""
        if self.is_channels_last:
            height, width, channels = self.input.shape[-3:]
        else:
            channels, height, width = self.input.shape[-3:]
        if isinstance(channels, int) and channels != 3:
            found = f"an input of shape {self.input.shape}"
            raise DataError(found, path=self.path, expected="(1, 3, H, W), (1, H, W, 3) or one of these without its 1")
        if isinstance(height, int) and isinstance(width, int):
            return (height, width)
        return None

    def _choose_names(self, names: dict[str, int] | None) -> tuple[dict[str, int], bool, str]:
        """Choose the class names.

        Returns:
            ``{name: number}``, whether these are all names, and a sentence that says where they come from.
        """
        class_count = self.layout.class_count
        if names is not None:
            if isinstance(self.layout, ClassScoresLayout) and self.layout.background:
                names = remove_background(names)
            self._check_name_count(names, class_count)
            return names, True, f"Class names: {len(names)}, given by the user or the file's metadata"
        if class_count == len(COCO):
            source = "Class names: none in the file; with 80 classes they are taken to be COCO's"
            return number_names(COCO), True, source
        source = "Class names: none in the file, so they are class_0 and so on; --names gives them"
        if class_count is None:
            return {}, False, source
        return number_names(f"class_{number}" for number in range(class_count)), True, source

    def _check_name_count(self, names: dict[str, int], class_count: int | None) -> None:
        """Refuse class names that are not as many as the classes."""
        if class_count is None:
            return
        if self.layout.kind == "boxes":  # DETR keeps COCO's numbers, which leave some out
            is_fitting = max(names.values()) < class_count
        else:
            is_fitting = sorted(names.values()) == list(range(class_count))
        if not is_fitting:
            found = f"{len(names)} class names for {class_count} classes ({join_names(names)})"
            raise DataError(found, path=self.path, expected="a name a class, counted from 0")

    def _register_labels(self, labels: NDArray[np.int64]) -> None:
        """Name the labels that have no name yet.

        Raises:
            DataError: all names are known, and a label lies beyond the last one.
        """
        if not self.has_fixed_classes:
            for label in np.unique(labels).tolist():
                self.classes.setdefault(f"class_{label}", label)
            return
        last_name = max(self.classes, key=self.classes.__getitem__)
        last = self.classes[last_name]
        if labels.max(initial=0) > last:
            found = f"a box with the label {labels.max()}, but the last class name ({last_name}) is for {last}"
            expected = "--names with a name for each label, counted from 0: labels from 1 need a first name, background"
            raise DataError(found, path=self.path, expected=expected)


def suppress_duplicates(found: Detections, max_overlap: float) -> Detections:
    """Drop detections that overlap another of their class with a higher score.

    Args:
        found: the detections of one picture.
        max_overlap: the intersection over union from which on two boxes are duplicates.
    """
    import torch
    from torchvision.ops import batched_nms

    boxes = torch.from_numpy(np.ascontiguousarray(found.boxes))
    scores = torch.from_numpy(np.ascontiguousarray(found.scores))
    labels = torch.from_numpy(np.ascontiguousarray(found.labels))
    rows = batched_nms(boxes, scores, labels, max_overlap).numpy()
    return Detections(found.boxes[rows], found.scores[rows], found.labels[rows])


def _read_single_input(session: Any, path: Path) -> Any:
    """Read the one input of a network that takes a picture."""
    inputs = session.get_inputs()
    if len(inputs) == 1 and inputs[0].type in INPUT_TYPES and len(inputs[0].shape) in (3, 4):
        return inputs[0]
    found = "inputs " + ", ".join(f"{each.name} {each.shape} {each.type}" for each in inputs)
    raise DataError(found, path=path, expected="one picture, (1, 3, H, W) or (3, H, W), of floats or uint8")
