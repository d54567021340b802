"""Anyone's model as a function: ``python:MODULE:FUNCTION``, imported from the working folder, its answers checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.core.user_functions import describe_user_error, import_function
from domaingan.metrics.detections import Detections
from domaingan.robustness_eval.class_names import number_names, parse_names
from domaingan.robustness_eval.model_specs import ModelOptions
from domaingan.robustness_eval.model_under_test import ModelTask, Picture
from domaingan.robustness_eval.onnx_detector.choose_layout import MAX_OVERHANG

MAX_RELATIVE_COORDINATE = 1.05
"""If the first boxes end before it, all boxes are shares of the picture."""

EXPECTED_ANSWER = (
    '{"boxes": (N, 4) xyxy in pixels, "scores": (N,) from 0 to 1, "labels": N class names} for a detector, '
    "an (H, W) integer mask for a segmenter"
)

PictureFunction = Callable[[Picture], Any]
"""A user's function: it takes an ``(H, W, 3)`` uint8 RGB picture."""

DEVICE_PARAMETER = "device"
"""A function that has a parameter of this name is called with PyTorch's name of the device."""


def open_function(
    text: str, example: Picture, options: ModelOptions | None = None
) -> FunctionDetector | FunctionSegmenter:
    """Import a user's function as a model, and try it on a picture to see whether it detects or segments.

    Args:
        text: ``MODULE:FUNCTION``.
        example: ``(H, W, 3)`` uint8 RGB.
        options: name the device, see :data:`DEVICE_PARAMETER`.

    Raises:
        DataError: it cannot be imported or called, its answer is not as expected, or a device was chosen and it cannot
            be told.
    """
    function = _bind_device(import_function(text), text, options or ModelOptions())
    answer = _call_function(function, text, example)
    if not isinstance(answer, dict):
        segmenter = FunctionSegmenter(function, text)
        segmenter.predict(example)
        return segmenter
    detector = FunctionDetector(function, text)
    found = detector.predict(example)
    _check_boxes_inside(found, example, text)
    return detector


def _bind_device(function: Callable[..., Any], text: str, options: ModelOptions) -> PictureFunction:
    """Bind the device to a function that has a parameter for it.

    Raises:
        DataError: a device was chosen, and the function has no such parameter.
    """
    try:
        has_parameter = DEVICE_PARAMETER in inspect.signature(function).parameters
    except (TypeError, ValueError):  # of some functions in C nothing is known
        has_parameter = False
    if has_parameter:
        bound = partial(function, **{DEVICE_PARAMETER: str(options.choose_compute().device)})
        if hasattr(function, "classes"):
            bound.classes = function.classes  # type: ignore[attr-defined]
        return bound
    if options.device != "auto":
        raise DataError(f"device {options.device!r} for python:{text}", expected=f"a parameter {DEVICE_PARAMETER!r}")
    return function


def _check_boxes_inside(found: Detections, example: Picture, text: str) -> None:
    """Refuse boxes of which most (weighted by score) reach beyond the picture.

    Raises:
        DataError: it is so; they may be pixels of another size of the picture.
    """
    height, width = example.shape[:2]
    ends = found.boxes[:, 2:]
    limits = np.array([width, height]) * (1 + MAX_OVERHANG)
    is_outside = (ends > limits).any(axis=1)
    if 2 * float(found.scores[is_outside].sum()) > float(found.scores.sum()):
        right, bottom = ends.max(initial=0, axis=0).tolist()
        boxes = f"boxes that reach to ({right:.0f}, {bottom:.0f}) in a picture of {width}×{height}"
        raise DataError(f"python:{text} returned {boxes}", expected="xyxy in the pixels of the picture as it was given")


class FunctionDetector:
    """A function that returns boxes, scores and class names.

    It knows the class names of its attribute ``classes``, if it has one. Otherwise names are added as it uses them.

    Args:
        function: takes a picture, returns a dictionary with ``boxes``, ``scores`` and ``labels``.
        name: ``MODULE:FUNCTION``, for messages.
    """

    task: ModelTask = "detection"

    def __init__(self, function: PictureFunction, name: str) -> None:
        self.function = function
        self.name = name
        self.is_relative: bool | None = None
        known_names = getattr(function, "classes", None)
        self.has_fixed_classes = known_names is not None
        self.classes: dict[str, int] = {}
        if known_names is not None:
            self.classes = parse_names(list(known_names), "", "a list of names as the function's `classes`")

    def predict(self, image: Picture) -> Detections:
        """Call the function and check its boxes.

        Args:
            image: ``(H, W, 3)`` uint8 RGB.

        Returns:
            Boxes in pixels; labels count the class names in the order in which they became known.

        Raises:
            DataError: the answer is not as expected.
        """
        answer = _call_function(self.function, self.name, image)
        if not isinstance(answer, dict):
            raise self._make_error(type(answer).__name__)
        if not {"boxes", "scores", "labels"} <= set(answer):
            raise self._make_error(f"a dict of {', '.join(map(str, answer))}")
        names = list(answer["labels"])
        boxes = self._read_numbers(answer["boxes"], "boxes")
        scores = self._read_numbers(answer["scores"], "scores")
        if boxes.size == 0:
            boxes = boxes.reshape(-1, 4)
        self._check_arrays(boxes, scores, len(names))
        boxes = self._to_pixels(boxes, image)
        labels = [self._read_label(name) for name in names]
        return Detections(boxes, scores, np.array(labels, dtype=np.int64))

    def describe(self) -> list[str]:
        """Say where the function comes from and which class names it knows."""
        source = "it does not say which classes it knows; those found were"
        if self.has_fixed_classes:
            source = "its attribute `classes` names"
        names = ", ".join(self.classes) or "none"
        sentences = [f"{self.name}, a detector as a Python function; {source} {names}."]
        if self.is_relative:
            sentences.append("Its boxes end before 1: they are read as shares of the picture's width and height.")
        return sentences

    def _check_arrays(self, boxes: NDArray[np.float32], scores: NDArray[np.float32], count: int) -> None:
        """Refuse boxes and scores of the wrong shape or range."""
        if boxes.shape != (count, 4) or scores.shape != (count,):
            raise self._make_error(f"boxes {boxes.shape}, scores {scores.shape} and {count} labels")
        if scores.size and not (scores.min() >= 0 and scores.max() <= 1):
            raise self._make_error(f"scores from {scores.min():.3g} to {scores.max():.3g}")
        is_reversed = (boxes[:, 2:] < boxes[:, :2]).any(axis=1)
        if is_reversed.any():
            first = boxes[is_reversed][0].tolist()
            raise self._make_error(f"a box {first} whose end lies before its start")

    def _to_pixels(self, boxes: NDArray[np.float32], image: Picture) -> NDArray[np.float32]:
        """Convert boxes to pixels; the first boxes with an area tell whether they are shares of the picture.

        Raises:
            DataError: the first boxes were shares, and one of these is not.
        """
        has_area = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        largest = float(boxes[has_area].max(initial=0))
        if self.is_relative is None and has_area.any():
            self.is_relative = largest <= MAX_RELATIVE_COORDINATE
        if not self.is_relative:
            return boxes
        if largest > MAX_RELATIVE_COORDINATE:
            found = f"a box that reaches to {largest:.4g}, after boxes that were shares of the picture"
            raise self._make_error(found)
        height, width = image.shape[:2]
        return boxes * np.array([width, height, width, height], np.float32)

    def _read_label(self, name: Any) -> int:
        """Return the number of a class name; a new name gets the next number."""
        if not isinstance(name, str):
            raise self._make_error(f"a label {name!r}")
        if name not in self.classes and self.has_fixed_classes:
            raise self._make_error(f"a label {name!r} that its attribute `classes` does not have")
        return self.classes.setdefault(name, len(self.classes))

    def _read_numbers(self, value: Any, what: str) -> NDArray[np.float32]:
        """Read an array or tensor (on any device) as finite float32 numbers."""
        try:
            if hasattr(value, "detach"):
                value = value.detach().cpu()
            array = np.asarray(value, dtype=np.float32)
        except (TypeError, ValueError):
            raise self._make_error(f"{what} that are not numbers") from None
        if not np.isfinite(array).all():
            raise self._make_error(f"NaN or infinite {what}")
        return array

    def _make_error(self, found: str) -> DataError:
        return DataError(f"python:{self.name} returned {found}", expected=EXPECTED_ANSWER)


class FunctionSegmenter:
    """A function that returns a mask of class values.

    Its attribute ``classes``, a list of names by value or ``{name: value}``, says what the values are. Without it they
    are the data's own.

    Args:
        function: takes a picture, returns an ``(H, W)`` integer mask.
        name: ``MODULE:FUNCTION``, for messages.
    """

    task: ModelTask = "segmentation"

    def __init__(self, function: PictureFunction, name: str) -> None:
        self.function = function
        self.name = name
        known_names = getattr(function, "classes", None)
        self.has_fixed_classes = known_names is not None
        self.classes: dict[str, int] = {}
        if isinstance(known_names, dict):
            self.classes = {str(key): int(value) for key, value in known_names.items()}
        elif known_names is not None:
            self.classes = number_names(map(str, known_names))

    def predict(self, image: Picture) -> NDArray[np.integer]:
        """Call the function and check its mask.

        Args:
            image: ``(H, W, 3)`` uint8 RGB.

        Returns:
            The ``(H, W)`` mask, in the function's own values.

        Raises:
            DataError: the answer is not as expected.
        """
        try:
            mask = np.asarray(_call_function(self.function, self.name, image))
        except (TypeError, ValueError):
            raise self._make_error("no array") from None
        if mask.shape != image.shape[:2] or not np.issubdtype(mask.dtype, np.integer):
            raise self._make_error(f"{mask.dtype} of shape {mask.shape} for a picture of shape {image.shape}")
        return mask

    def describe(self) -> list[str]:
        """Say where the function comes from and what its values are."""
        values = "its values are the data's own"
        if self.has_fixed_classes:
            values = "its values: " + ", ".join(f"{name} {value}" for name, value in self.classes.items())
        return [f"{self.name}, a segmenter as a Python function; {values}."]

    def _make_error(self, found: str) -> DataError:
        return DataError(f"python:{self.name} returned {found}", expected=EXPECTED_ANSWER)


def _call_function(function: PictureFunction, name: str, image: Picture) -> Any:
    """Call a user's function with a copy of a picture, which it may change."""
    try:
        return function(image.copy())
    except Exception as error:  # whatever the user's function raises
        reason = describe_user_error(error)
        raise DataError(f"python:{name} failed on a picture {image.shape} uint8 ({reason})") from error
