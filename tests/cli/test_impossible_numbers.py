"""Numbers that nothing can hold are refused before anything is opened."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from domaingan import phantoms
from domaingan.cli import main
from domaingan.core.errors import DataError
from domaingan.views.regrid import resample_to_spacing


@pytest.mark.parametrize("argument", ["9" * 23, "-" + "1" * 19, "9" * 30 + ",5"])
def test_arguments(
    tmp_path: Path, argument: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "m")
    monkeypatch.setattr(sys, "argv", ["domaingan", "train", str(tmp_path), "--out", out, "--width", argument])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    assert capsys.readouterr().err == f"domaingan: the number {argument[:40]}; expected one of at most 18 digits\n"
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("millimetres", [0, -1, float("nan"), 1e300, 50.1])
def test_spacings(millimetres: float) -> None:
    people = phantoms.load_phantom("medical", subjects=1, shape=(32, 32, 16))
    with pytest.raises(DataError, match="expected above 0 and at most 50"):
        resample_to_spacing(people, millimetres)
    assert resample_to_spacing(people, 50).records[0].shape == (4, 4, 2)  # of 32 × 32 × 16 voxels of 6 mm
