"""timm's networks with weights on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import domaingan.core.timm_weights
from domaingan.baselines.backbones import Backbone
from domaingan.core.errors import DataError
from domaingan.core.timm_weights import WEIGHT_PACKAGES, TimmModel

LITE = TimmModel("tf_efficientnet_lite0")


def small() -> TimmModel:
    return TimmModel("mobilenetv3_small_050")


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    return dict(small().build_network().state_dict())


def test_packaged_weights_are_mapped_to_timms_names() -> None:
    pytest.importorskip(WEIGHT_PACKAGES[LITE.name])
    state = LITE.load_weights()
    assert state is not None and len(state) == 296
    network = LITE.build_network()
    network.load_state_dict(state)
    assert LITE.has_weights and LITE.weights_source == "ImageNet weights"
    assert not torch.equal(state["bn1.running_var"], torch.ones(32))  # the stem has seen pictures


def test_without_the_package_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domaingan.core.timm_weights, "find_spec", lambda name: None)
    assert LITE.load_weights() is None and not LITE.has_weights and LITE.weights_source == "random weights"
    assert "domaingan[pretrained]" in Backbone(LITE.name).describe()


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_weights_of_a_file(suffix: str, tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    path = tmp_path / f"w{suffix}"
    kept = {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}
    if suffix == ".safetensors":
        save_file(kept, path)
    else:
        torch.save({"model_state_dict": kept, "epoch": 3}, path)
    read = TimmModel(small().name, str(path)).load_weights()
    assert read is not None and read.keys() == state.keys()
    assert all(torch.equal(read[name], value) for name, value in kept.items())


def test_files_that_do_not_fit(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    path = tmp_path / "w.pth"
    model = TimmModel(small().name, str(path))
    path.write_bytes(b"torn")
    with pytest.raises(DataError, match=r"w\.pth: cannot be read"):
        model.load_weights()
    torch.save([1, 2], path)
    with pytest.raises(DataError, match="expected"):
        model.load_weights()
    torch.save({"conv_stem.weight": state["conv_stem.weight"]}, path)
    with pytest.raises(DataError, match=r"no 'bn1\.weight'"):
        model.load_weights()
    torch.save(state | {"conv_stem.weight": torch.zeros(2, 3)}, path)
    with pytest.raises(DataError, match=r"conv_stem.weight \(2, 3\)"):
        model.load_weights()


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return (print, ("code was run",))


def test_no_code_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"a": Bomb()}, tmp_path / "w.pth")
    with pytest.raises(DataError, match="cannot be read"):
        TimmModel(small().name, str(tmp_path / "w.pth")).load_weights()
    assert "code was run" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("resnet18", "expected timm:NAME"),
        ("timm:", "expected timm:NAME"),
        ("timm:resnet1800", "timm has no model 'resnet1800'"),
        ("timm:resnet18=nowhere.pth", r"nowhere\.pth: no such file"),
    ],
)
def test_specs_that_name_nothing(text: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        TimmModel.parse(text)


def test_a_backbone_is_parsed_as_one() -> None:
    assert Backbone.parse("timm:resnet18") == Backbone("resnet18")


def test_global_randomness_stays_as_it_was() -> None:
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    small().build_network()
    assert torch.equal(torch.rand(1), expected)
