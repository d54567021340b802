"""Where the models of a robustness run compute: on the device that was chosen, or in one line why not."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from domaingan.core.devices import ComputeSettings
from domaingan.core.errors import DataError
from domaingan.robustness_eval import model_specs
from domaingan.robustness_eval.model_specs import ModelOptions, open_model
from domaingan.robustness_eval.onnx_detector.onnx_session import (
    CPU_PROVIDER,
    CUDA_PROVIDER,
    list_providers,
    open_session,
)

PICTURE = np.zeros((12, 16, 3), np.uint8)

FUNCTIONS = """
import numpy as np

def find(image, device="nowhere"):
    find.devices.append(device)
    return {"boxes": [], "scores": [], "labels": []}

find.devices = []
find.classes = ["car"]

def segment(image):
    return np.zeros(image.shape[:2], int)
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a module of the user's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "device_functions.py").write_text(FUNCTIONS)
    sys.modules.pop("device_functions", None)
    return tmp_path


@pytest.mark.parametrize("device", ["cuda:99", "gpu"])
def test_a_device_that_is_not_here_is_refused_before_a_model_is_opened(device: str) -> None:
    with pytest.raises(DataError, match=f"device '{device}'; expected auto"):
        ModelOptions(device=device)


def test_a_function_with_a_parameter_for_it_gets_the_device() -> None:
    model = open_model("python:device_functions:find", PICTURE, ModelOptions(device="cpu"))
    model.predict(PICTURE)
    assert set(sys.modules["device_functions"].find.devices) == {"cpu"}
    assert model.classes == {"car": 0} and model.has_fixed_classes


def test_a_function_that_chooses_its_device_is_not_told_one() -> None:
    assert open_model("python:device_functions:segment", PICTURE).task == "segmentation"
    with pytest.raises(DataError, match="device 'cpu' for python:device_functions:segment; expected a parameter 'dev"):
        open_model("python:device_functions:segment", PICTURE, ModelOptions(device="cpu"))


def test_onnxruntime_is_given_the_gpu_that_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    with_cuda = [CUDA_PROVIDER, CPU_PROVIDER]
    assert list_providers("cuda:3", with_cuda) == [(CUDA_PROVIDER, {"device_id": 3}), CPU_PROVIDER]
    assert list_providers("cpu", with_cuda) == [CPU_PROVIDER]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert list_providers("auto", with_cuda) == [(CUDA_PROVIDER, {"device_id": 0}), CPU_PROVIDER]
    assert list_providers("auto", [CPU_PROVIDER]) == [CPU_PROVIDER]
    with pytest.raises(DataError, match="device 'cuda' for an ONNX file: this onnxruntime was built without CUDA"):
        list_providers("cuda", [CPU_PROVIDER])


def test_a_session_that_falls_back_to_the_cpu_is_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA_PROVIDER, CPU_PROVIDER])
    session = SimpleNamespace(get_providers=lambda: [CPU_PROVIDER])
    asked: list[Any] = []

    def open_fake(path: str, options: Any, providers: list[Any]) -> Any:
        asked.extend(providers)
        return session

    monkeypatch.setattr(onnxruntime, "InferenceSession", open_fake)
    (here / "model.onnx").write_bytes(b"")
    with pytest.raises(DataError, match="onnxruntime does not start on 'cuda'; expected the CUDA libraries"):
        open_session(here / "model.onnx", ModelOptions(device="cuda"))
    assert asked[0] == (CUDA_PROVIDER, {"device_id": 0})
    assert open_session(here / "model.onnx", ModelOptions(device="cpu")) is session


def test_runs_of_evaluate_are_loaded_onto_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    from domaingan.robustness_eval import baseline_model

    loaded: list[ComputeSettings] = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(baseline_model, "load_baseline", lambda source, compute: loaded.append(compute))
    model_specs.open_model("runs/a", PICTURE, ModelOptions(device="cuda:1"))
    assert loaded == [ComputeSettings(torch.device("cuda:1"), torch.float32)]


def test_torchvisions_detectors_compute_on_the_device(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.models import get_model

    name = "ssdlite320_mobilenet_v3_large"
    torch.save(get_model(name, weights=None, weights_backbone=None, num_classes=3).state_dict(), here / "w.pth")
    on_meta = ComputeSettings(torch.device("meta"))
    monkeypatch.setattr(ModelOptions, "choose_compute", lambda self: on_meta)
    model: Any = open_model(f"torchvision:{name}=w.pth", PICTURE)
    assert all(parameter.is_meta for parameter in model.network.parameters())
    model.network = lambda images: [_make_answer(images[0])]
    with pytest.raises(NotImplementedError):  # its picture lies on the device too, which holds no values
        model.predict(PICTURE)


def _make_answer(picture: torch.Tensor) -> dict[str, torch.Tensor]:
    assert picture.is_meta
    return dict.fromkeys(("boxes", "scores", "labels"), picture)
