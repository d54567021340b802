"""Anyone's model as a function: ``python:MODULE:FUNCTION``, imported from the working folder, its answers checked."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.metrics.detections import Detections
from domaingan.robustness_eval.class_names import number_names, parse_names
from domaingan.robustness_eval.model_under_test import ModelTask, Picture
from domaingan.robustness_eval.readings import MAX_OVERHANG

MAX_RELATIVE_COORDINATE = 1.05
"""Boxes that end before it are shares of the picture; the first boxes decide."""

EXPECTED_ANSWER = (
    '{"boxes": (N, 4) xyxy in pixels, "scores": (N,) from 0 to 1, "labels": N class names} for a detector, '
    "an (H, W) integer mask for a segmenter"
)


def open_function(text: str, example: Picture) -> FunctionDetector | FunctionSegmenter:
    """The model that ``MODULE:FUNCTION`` names; it is tried on ``example`` to see what it is.

    Raises:
        DataError: it cannot be imported or called, or answers in another way than expected.
    """
    module, _, name = text.rpartition(":")
    if not module or not name:
        raise DataError(f"--model python:{text}", expected="python:MODULE:FUNCTION")
    function = _import_function(module, name)
    answer = _call_function(function, text, example)
    kind = FunctionDetector if isinstance(answer, dict) else FunctionSegmenter
    model = kind(function, text)
    found = model.predict(example)
    if isinstance(model, FunctionDetector) and isinstance(found, Detections):
        _check_boxes_inside(found, example, text)
    return model


def _check_boxes_inside(found: Detections, example: Picture, text: str) -> None:
    """Refuse boxes most of which (by their scores) reach beyond the picture.

    Raises:
        DataError: it is so: they may be pixels of another size of the picture.
    """
    height, width = example.shape[:2]
    ends = found.boxes.max(initial=0, axis=0)[2:].tolist()
    is_outside = (found.boxes[:, 2:] > np.array([width, height]) * (1 + MAX_OVERHANG)).any(axis=1)
    if 2 * float(found.scores[is_outside].sum()) > float(found.scores.sum()):
        said = f"boxes that reach to ({ends[0]:.0f}, {ends[1]:.0f}) in a picture of {width}×{height}"
        raise DataError(f"python:{text} returned {said}", expected="xyxy in the pixels of the picture as it was given")


class FunctionDetector:
    """A function that returns boxes, scores and class names.

    The names that it knows are those of its attribute ``classes``, if it has one; else they become known as it uses
    them.
    """

    task: ModelTask = "detection"

    def __init__(self, function: Callable[[Picture], Any], name: str) -> None:
        self.function, self.name = function, name
        known = getattr(function, "classes", None)
        self.has_fixed_classes = known is not None
        self.is_relative: bool | None = None
        self.classes = (
            {} if known is None else parse_names(list(known), "", "a list of names as the function's `classes`")
        )

    def predict(self, image: Picture) -> Detections:
        """Its boxes; labels count its names in the order in which they became known.

        Raises:
            DataError: it answers in another way.
        """
        answer = _call_function(self.function, self.name, image)
        if not isinstance(answer, dict) or not {"boxes", "scores", "labels"} <= set(answer):
            keys = f"a dict of {', '.join(map(str, answer))}" if isinstance(answer, dict) else type(answer).__name__
            raise self._make_error(keys)
        labels = list(answer["labels"])
        boxes, scores = self._read_numbers(answer["boxes"], "boxes"), self._read_numbers(answer["scores"], "scores")
        boxes = boxes.reshape(-1, 4) if boxes.size == 0 else boxes
        if boxes.shape != (len(labels), 4) or scores.shape != (len(labels),):
            raise self._make_error(f"boxes {boxes.shape}, scores {scores.shape} and {len(labels)} labels")
        if scores.size and not (scores.min() >= 0 and scores.max() <= 1):
            raise self._make_error(f"scores from {scores.min():.3g} to {scores.max():.3g}")
        if (boxes[:, 2:] < boxes[:, :2]).any():
            first = boxes[(boxes[:, 2:] < boxes[:, :2]).any(axis=1)][0].tolist()
            raise self._make_error(f"a box {first} whose end lies before its start")
        boxes = self._to_pixels(boxes, image)
        return Detections(boxes, scores, np.array([self._read_label(name) for name in labels], dtype=np.int64))

    def describe(self) -> list[str]:
        """Where it comes from and which names it knows."""
        known = (
            "its attribute `classes` names"
            if self.has_fixed_classes
            else "it does not say which classes it knows: met were"
        )
        said = [f"{self.name}, a detector as a Python function; {known} {', '.join(self.classes) or 'none'}."]
        if self.is_relative:
            said.append("Its boxes end before 1: they are read as shares of the picture's width and height.")
        return said

    def _to_pixels(self, boxes: NDArray[np.float32], image: Picture) -> NDArray[np.float32]:
        """The boxes in pixels: the first with an area tell whether they are shares of the picture.

        Raises:
            DataError: shares first, then a box that is none.
        """
        sized = boxes[(boxes[:, 2:] > boxes[:, :2]).all(axis=1)]
        largest = float(sized.max(initial=0))
        if self.is_relative is None and len(sized):
            self.is_relative = largest <= MAX_RELATIVE_COORDINATE
        if not self.is_relative:
            return boxes
        if largest > MAX_RELATIVE_COORDINATE:
            raise self._make_error(f"a box that reaches to {largest:.4g}, after boxes that were shares of the picture")
        return boxes * np.array([image.shape[1], image.shape[0]] * 2, np.float32)

    def _read_label(self, name: Any) -> int:
        if not isinstance(name, str):
            raise self._make_error(f"a label {name!r}")
        if name not in self.classes and self.has_fixed_classes:
            raise self._make_error(f"a label {name!r} that its attribute `classes` does not have")
        return self.classes.setdefault(name, len(self.classes))

    def _read_numbers(self, value: Any, what: str) -> NDArray[np.float32]:
        try:
            value = value.detach().cpu() if hasattr(value, "detach") else value  # a tensor, on whatever device
            array = np.asarray(value, dtype=np.float32)
        except (TypeError, ValueError):
            raise self._make_error(f"{what} that are no numbers") from None
        if not np.isfinite(array).all():
            raise self._make_error(f"NaN or infinite {what}")
        return array

    def _make_error(self, found: str) -> DataError:
        return DataError(f"python:{self.name} returned {found}", expected=EXPECTED_ANSWER)


class FunctionSegmenter:
    """A function that returns a mask of class values.

    Its attribute ``classes``, a list of names by value or ``{name: value}``, says what the values are; without it they
    are the data's own.
    """

    task: ModelTask = "segmentation"

    def __init__(self, function: Callable[[Picture], Any], name: str) -> None:
        self.function, self.name = function, name
        known = getattr(function, "classes", None)
        self.has_fixed_classes = known is not None
        if isinstance(known, dict):
            self.classes = {str(name): int(value) for name, value in known.items()}
        else:
            self.classes = {} if known is None else number_names(map(str, known))

    def predict(self, image: Picture) -> NDArray[np.integer]:
        """Its mask.

        Raises:
            DataError: it answers in another way.
        """
        try:
            mask = np.asarray(_call_function(self.function, self.name, image))
        except (TypeError, ValueError):
            raise self._make_error("no array") from None
        if mask.shape != image.shape[:2] or not np.issubdtype(mask.dtype, np.integer):
            raise self._make_error(f"{mask.dtype} of shape {mask.shape} for a picture of shape {image.shape}")
        return mask

    def describe(self) -> list[str]:
        """Where it comes from and what its values are."""
        known = ", ".join(f"{name} {value}" for name, value in self.classes.items())
        values = f"its values: {known}" if self.has_fixed_classes else "its values are the data's own"
        return [f"{self.name}, a segmenter as a Python function; {values}."]

    def _make_error(self, found: str) -> DataError:
        return DataError(f"python:{self.name} returned {found}", expected=EXPECTED_ANSWER)


def _import_function(module: str, name: str) -> Callable[[Picture], Any]:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        function = getattr(importlib.import_module(module), name)
    except AttributeError:
        raise DataError(f"no {name!r} in the module {module!r}", expected="a function") from None
    except Exception as error:  # whatever the user's module raises while it is imported
        raise DataError(f"module {module!r} cannot be imported from {here} ({_describe_error(error)})") from None
    if not callable(function):
        raise DataError(f"{module}:{name} is {type(function).__name__}", expected="a function")
    called: Callable[[Picture], Any] = function
    return called


def _call_function(function: Callable[[Picture], Any], name: str, image: Picture) -> Any:
    try:
        return function(image.copy())
    except Exception as error:  # whatever the user's function raises
        raise DataError(f"python:{name} failed on a picture {image.shape} uint8 ({_describe_error(error)})") from error


def _describe_error(error: Exception) -> str:
    """The error with the place in the user's own file."""
    places = traceback.extract_tb(error.__traceback__)
    where = f", {Path(places[-1].filename).name} line {places[-1].lineno}" if places else ""
    return f"{type(error).__name__}: {error}{where}"
