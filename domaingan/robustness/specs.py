"""From what a user writes (``onnx:FILE``, ``torchvision:NAME``, …) to a model."""

from __future__ import annotations

from dataclasses import dataclass

from domaingan.errors import DataError
from domaingan.robustness.model import Model, Picture

SPECS = "a run folder, torchvision:NAME[=WEIGHTS_FILE], onnx:FILE or python:MODULE:FUNCTION"


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


def open_model(spec: str, example: Picture, reading: Reading | None = None) -> Model:
    """The model that a spec names.

    Args:
        spec: see :data:`SPECS`.
        example: a picture to try it on, where it has to be seen at work to be understood.
        reading: how it is to be read.

    Raises:
        DataError: there is no such model, or it cannot be read.
    """
    reading = reading or Reading()
    scheme, found, rest = spec.partition(":")
    if scheme == "onnx" and found:
        from domaingan.robustness.onnx_model import OnnxDetector

        return OnnxDetector(rest, example, reading)
    if scheme == "torchvision" and found:
        from domaingan.robustness.torchvision_model import TorchvisionDetector

        return TorchvisionDetector(rest, reading)
    if scheme == "python" and found:
        from domaingan.robustness.python_model import open_function

        return open_function(rest, example)
    if found and len(scheme) > 1 and "/" not in scheme:
        raise DataError(f"--model {spec}", expected=SPECS)
    from domaingan.robustness.ours import load

    return load(spec)
