"""From what a user writes (``onnx:FILE``, ``torchvision:NAME``, …) to a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from domaingan.core.errors import DataError
from domaingan.robustness.model import Model, Picture

SPECS = "a run folder, torchvision:NAME[=WEIGHTS_FILE], onnx:FILE (or FILE.onnx) or python:MODULE:FUNCTION"

SCHEMES = ("onnx", "torchvision", "python")


@dataclass(frozen=True)
class Reading:
    """How a model is to be read, where it does not say itself.

    Attributes:
        score: detections below it are left out.
        decode: how an ONNX file's outputs are read; found out unless given, see :mod:`domaingan.robustness.layouts`.
        names: class names, see :func:`domaingan.robustness.names.read_names`.
        threads: of an ONNX session.
    """

    score: float = 0.05
    decode: str | None = None
    names: str | None = None
    threads: int = 1


def open_model(spec: str, examples: Picture | Sequence[Picture], reading: Reading | None = None) -> Model:
    """The model that a spec names.

    Args:
        spec: see :data:`SPECS`.
        examples: a picture, or the first few, to try it on where it has to be seen at work to be understood.
        reading: how it is to be read.

    Raises:
        DataError: there is no such model, or it cannot be read.
    """
    reading = reading or Reading()
    scheme, found, rest = spec.partition(":")
    if Path(spec).suffix.lower() == ".onnx" and scheme not in SCHEMES:
        scheme, found, rest = "onnx", ":", spec
    if scheme == "onnx" and found:
        from domaingan.robustness.onnx_model import OnnxDetector

        return OnnxDetector(rest, examples, reading)
    if scheme == "torchvision" and found:
        from domaingan.robustness.torchvision_model import TorchvisionDetector

        return TorchvisionDetector(rest, reading)
    if scheme == "python" and found:
        from domaingan.robustness.python_model import open_function
        from domaingan.robustness.readings import first_pictures

        return open_function(rest, first_pictures(examples)[0])
    if found and len(scheme) > 1 and "/" not in scheme:
        raise DataError(f"--model {spec}", expected=SPECS)
    from domaingan.robustness.ours import load

    return load(spec)
