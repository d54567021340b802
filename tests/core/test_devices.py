"""Names of devices and precisions, and where networks and tensors go."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from domaingan.core.devices import ComputeSettings, check_device, choose_compute, choose_device
from domaingan.core.errors import DataError


@pytest.mark.parametrize("device", ["tpu", "cuda:", "cuda:x", "cpu:0", "", "mps"])
def test_an_unknown_device_is_refused(device: str) -> None:
    with pytest.raises(DataError, match="expected auto, cpu, cuda or cuda:N"):
        check_device(device)


def test_a_gpu_that_is_not_here_is_refused() -> None:
    with pytest.raises(DataError, match="no device 'cuda:99'; expected auto or cpu"):
        choose_compute("cuda:99")


def test_auto_is_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == "cuda" and choose_device("cpu") == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == "cpu"


def test_precision_follows_the_name_and_auto_may_be_float32_on_cpus() -> None:
    assert choose_compute("cpu", "bf16").dtype == torch.bfloat16
    assert choose_compute("cpu", "32", 3) == ComputeSettings(torch.device("cpu"), torch.float32, 3)
    assert choose_compute("cpu", is_float32_on_cpu=True).dtype == torch.float32
    assert choose_compute("cpu", "bf16", is_float32_on_cpu=True).dtype == torch.bfloat16
    with pytest.raises(DataError, match="precision '16'"):
        choose_compute("cpu", "16")


def test_autocast_runs_in_the_precision() -> None:
    for dtype in (torch.float32, torch.bfloat16):
        with ComputeSettings(dtype=dtype).autocast():
            assert nn.Linear(2, 2)(torch.ones(1, 2)).dtype == dtype


def test_networks_go_to_the_device_with_channels_last_in_2d() -> None:
    on_meta = ComputeSettings(torch.device("meta"))
    flat = on_meta.place_network(nn.Conv2d(3, 4, 3), 2)
    assert flat.weight.is_meta and flat.weight.is_contiguous(memory_format=torch.channels_last)
    assert on_meta.place_network(nn.Conv3d(3, 4, 3), 3).weight.is_contiguous()
    assert on_meta.move_tensor(torch.ones(1)).is_meta
