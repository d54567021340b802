"""From what a user writes (``onnx:FILE``, ``torchvision:NAME``, …) to a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from domaingan.core.errors import DataError
from domaingan.robustness_eval.model_under_test import Model, Picture

MODEL_SPECS = "a run folder, torchvision:NAME[=WEIGHTS_FILE], onnx:FILE (or FILE.onnx) or python:MODULE:FUNCTION"

SPEC_SCHEMES = ("onnx", "torchvision", "python")


@dataclass(frozen=True)
class ModelOptions:
    """How a model is to be read, where it does not say itself.

    Attributes:
        score: detections below it are left out.
        decode: how an ONNX file's outputs are read; found out unless given, see
            :mod:`domaingan.robustness_eval.output_layouts`.
        names: class names, see :func:`domaingan.robustness_eval.class_names.read_names`.
        threads: of an ONNX session.
    """

    min_score: float = 0.05
    decode: str | None = None
    class_names: str | None = None
    threads: int = 1


def open_model(spec: str, examples: Picture | Sequence[Picture], options: ModelOptions | None = None) -> Model:
    """The model that a spec names.

    Args:
        spec: see :data:`SPECS`.
        examples: a picture, or the first few, to try it on where it has to be seen at work to be understood.
        reading: how it is to be read.

    Raises:
        DataError: there is no such model, or it cannot be read.
    """
    options = options or ModelOptions()
    scheme, found, rest = spec.partition(":")
    if Path(spec).suffix.lower() == ".onnx" and scheme not in SPEC_SCHEMES:
        scheme, found, rest = "onnx", ":", spec
    if scheme == "onnx" and found:
        from domaingan.robustness_eval.onnx_model import OnnxDetector

        return OnnxDetector(rest, examples, options)
    if scheme == "torchvision" and found:
        from domaingan.robustness_eval.torchvision_model import TorchvisionDetector

        return TorchvisionDetector(rest, options)
    if scheme == "python" and found:
        from domaingan.robustness_eval.python_model import open_function
        from domaingan.robustness_eval.readings import as_picture_list

        return open_function(rest, as_picture_list(examples)[0])
    if found and len(scheme) > 1 and "/" not in scheme:
        raise DataError(f"--model {spec}", expected=MODEL_SPECS)
    from domaingan.robustness_eval.baseline_model import load_baseline

    return load_baseline(spec)
