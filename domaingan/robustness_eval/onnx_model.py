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
from domaingan.metrics.average_precision import Detections
from domaingan.robustness_eval.class_names import COCO, listed, names_of, numbered, read_names, same
from domaingan.robustness_eval.decode import Layout, Scored
from domaingan.robustness_eval.letterbox import Preparation
from domaingan.robustness_eval.model_specs import Reading
from domaingan.robustness_eval.model_under_test import Kind, Picture
from domaingan.robustness_eval.output_layouts import candidate_layouts, without_filler
from domaingan.robustness_eval.readings import Choice, choose_layout, first_pictures

EDGE = 640
"""Input of a detector that takes any size and does not say which is meant."""

OVERLAP = 0.5
"""Of two boxes of a class that overlap by more (IoU) the surer one is kept."""

NOTHING = ("background", "bg", "noobject", "n/a")
"""Names of a class that stands for no object."""

TYPES: dict[str, type[np.generic]] = {
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

    task: Kind = "detection"

    def __init__(self, file: str, examples: Picture | Sequence[Picture], reading: Reading) -> None:
        self.path = Path(file).expanduser()
        self.name, self.threshold = self.path.name, reading.score
        self.session = _session(self.path, reading.threads)
        self.metadata = dict(self.session.get_modelmeta().custom_metadata_map)
        self.input = _only_input(self.session, self.path)
        self.batched = len(self.input.shape) == 4
        self.channels_last = self.input.shape[-1] == 3 and self.input.shape[-3] != 3
        named = read_names(reading.names) if reading.names else _named(self.metadata, self.path)
        pictures = first_pictures(examples)
        self.choice = self._choose(pictures, reading.decode, len(without_background(named)) if named else None)
        self.layout: Layout = self.choice.layout
        self.preparation = self._preparation(self.layout)
        self.classes, self.complete = self._names(named)

    def predict(self, image: Picture) -> Detections:
        """The boxes in a picture, duplicates suppressed class by class."""
        outputs, placed, size = self._outputs(image, self.preparation)
        found = self.layout.decode(outputs, size, self.threshold)
        if not self.layout.suppressed:
            found = suppressed(found, OVERLAP)
        self._meet(found.labels)
        return Detections(placed.back(found.boxes, image.shape[:2]), found.scores, found.labels)

    def describe(self) -> list[str]:
        """How its outputs are read, how a picture goes in, and where the names come from."""
        sure = f"Scores from {self.threshold:g} on count"
        kept = (
            "" if self.layout.suppressed else f"; of boxes of a class with an IoU above {OVERLAP:g} the surest is kept"
        )
        return [
            f"{self.name}: {self.layout.said()}.",
            f"Here {self.preparation.said()}.",
            f"{sure}{kept}.",
            f"{self.names_from}.",
            f"{self.choice.reason}.",
        ]

    # ---------------------------------------------------------------- inside

    def _choose(self, pictures: list[Picture], decode: str | None, classes: int | None) -> Choice:
        """The reading of the outputs that suits the boxes in these pictures.

        How a picture goes in depends on the reading, and the reading on what comes out: each is tried with its own.
        """
        size = self._size() or (EDGE, EDGE)
        start = Preparation(size, unit=self.input.type != "tensor(uint8)", channels_last=self.channels_last)
        outputs = self._outputs(pictures[0], start)[0]
        candidates = candidate_layouts(
            outputs, size, decode=decode, classes=classes, rows_first=self.channels_last, path=str(self.path)
        )
        outputs_of = lru_cache(maxsize=4)(lambda picture, way: self._outputs(pictures[picture], way))

        def run(layout: Layout, picture: int) -> tuple[Detections, tuple[int, int]]:
            arrays, placed, shape = outputs_of(picture, self._preparation(layout))
            found = layout.decode(arrays, shape, 0.0)
            return Detections(placed.inside(found.boxes), found.scores, found.labels), placed.shape

        return choose_layout(candidates, run, len(pictures), path=str(self.path), sure=decode is not None)

    def _preparation(self, layout: Layout) -> Preparation:
        """How a picture goes in for a reading."""
        way = _preparation(layout, self._size(), self._imgsz(), TYPES[self.input.type] is np.uint8)
        return replace(way, channels_last=self.channels_last)

    def _outputs(
        self, image: Picture, preparation: Preparation
    ) -> tuple[dict[str, NDArray[Any]], Any, tuple[int, int]]:
        planes, placed = preparation(image)
        tensor = planes if self.batched else planes[0]
        kind = TYPES[self.input.type]
        try:
            arrays = self.session.run(None, {self.input.name: tensor.astype(kind, copy=False)})
        except Exception as error:  # onnxruntime raises its own kinds, none of which it exports
            raise DataError(f"it cannot be run ({str(error)[:200]})", path=self.path) from None
        names = [output.name for output in self.session.get_outputs()]
        height, width = planes.shape[1:3] if self.channels_last else planes.shape[2:]
        return without_filler(dict(zip(names, arrays, strict=True))), placed, (height, width)

    def _size(self) -> tuple[int, int] | None:
        """Height and width of the input where they are fixed."""
        *_, channels, height, width = self.input.shape
        if self.channels_last:
            *_, height, width, channels = self.input.shape
        if isinstance(channels, int) and channels != 3:
            found = f"an input of shape {self.input.shape}"
            raise DataError(found, path=self.path, expected="(1, 3, H, W), (1, H, W, 3) or one of these without its 1")
        fixed = isinstance(height, int) and isinstance(width, int)
        return (height, width) if fixed else None

    def _imgsz(self) -> tuple[int, int] | None:
        """Height and width that the metadata names."""
        sizes = _literal(self.metadata.get("imgsz"))
        if isinstance(sizes, int):
            sizes = [sizes, sizes]
        whole = isinstance(sizes, (list, tuple)) and len(sizes) == 2 and all(isinstance(n, int) for n in sizes)
        return (sizes[0], sizes[1]) if whole else None

    def _names(self, named: dict[str, int] | None) -> tuple[dict[str, int], bool]:
        """The class names, and whether they are all."""
        n = self.layout.classes
        if named is not None and isinstance(self.layout, Scored) and self.layout.background:
            named = without_background(named)
        if named is not None:
            gaps = self.layout.kind == "boxes"  # DETR keeps COCO's numbers, which leave some out
            fits = n is None or (max(named.values()) < n if gaps else sorted(named.values()) == list(range(n)))
            if not fits:
                found = f"{len(named)} class names for {n} classes ({listed(named)})"
                raise DataError(found, path=self.path, expected="a name a class, counted from 0")
            self.names_from = f"Class names: {len(named)}, given by the user or the file's metadata"
            return named, True
        if n == len(COCO):
            self.names_from = "Class names: none in the file; with 80 classes they are taken to be COCO's"
            return numbered(COCO), True
        self.names_from = "Class names: none in the file, so that they are class_0 and so on; --names gives them"
        return ({}, False) if n is None else (numbered(f"class_{i}" for i in range(n)), True)

    def _meet(self, labels: NDArray[np.int64]) -> None:
        """Name the labels that have no name yet; where all names are known, none may be beyond the last.

        Raises:
            DataError: one is.
        """
        if not self.complete:
            for label in np.unique(labels).tolist():
                self.classes.setdefault(f"class_{label}", label)
            return
        last = max(self.classes.values())
        if labels.max(initial=0) > last:
            name = _name_of(self.classes, last)
            found = f"a box with the label {labels.max()}, but the last class name ({name}) is for {last}"
            expected = "--names with a name for each label, counted from 0: labels from 1 need a first name, background"
            raise DataError(found, path=self.path, expected=expected)


def without_background(named: dict[str, int]) -> dict[str, int]:
    """Class names without a first or last one for nothing; the others count from 0.

    >>> without_background({"background": 0, "car": 1, "bus": 2})
    {'car': 0, 'bus': 1}
    """
    numbers = sorted(named.values())
    for name, number in named.items():
        if same(name).strip("[]()") in NOTHING and number in (numbers[0], numbers[-1]):
            shift = int(number == numbers[0])
            return {other: value - shift for other, value in named.items() if other != name}
    return named


def _name_of(classes: dict[str, int], label: int) -> str:
    return next(name for name, number in classes.items() if number == label)


def suppressed(found: Detections, overlap: float) -> Detections:
    """The detections without those that overlap a surer one of their class by more than ``overlap`` (IoU)."""
    import torch
    from torchvision.ops import batched_nms

    boxes, scores, labels = (
        torch.from_numpy(np.ascontiguousarray(a)) for a in (found.boxes, found.scores, found.labels)
    )
    kept = batched_nms(boxes, scores, labels, overlap).numpy()
    return Detections(found.boxes[kept], found.scores[kept], found.labels[kept])


def _session(path: Path, threads: int) -> Any:
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


def _only_input(session: Any, path: Path) -> Any:
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type not in TYPES or len(inputs[0].shape) not in (3, 4):
        found = "inputs " + ", ".join(f"{i.name} {i.shape} {i.type}" for i in inputs)
        raise DataError(found, path=path, expected="one picture, (1, 3, H, W) or (3, H, W), of floats or uint8")
    return inputs[0]


def _preparation(
    layout: Layout, size: tuple[int, int] | None, imgsz: tuple[int, int] | None, bytes_wanted: bool
) -> Preparation:
    if layout.kind == "yolox":
        return Preparation(size or imgsz or (EDGE, EDGE), centred=False, bgr=True, unit=False)
    if layout.kind == "boxes" and imgsz is None:
        return Preparation(size, unit=not bytes_wanted, stretched=layout.stretched)
    return Preparation(size or imgsz or (EDGE, EDGE), unit=not bytes_wanted, stretched=layout.stretched)


def _named(metadata: dict[str, str], path: Path) -> dict[str, int] | None:
    names = _literal(metadata.get("names"))
    return None if not names else names_of(names, path, "class names in the metadata, as a list or {number: name}")


def _literal(text: str | None) -> Any:
    """What exporters write with ``str()``: a list or a mapping as Python spells it. Nothing is run."""
    try:
        return None if text is None else ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None
