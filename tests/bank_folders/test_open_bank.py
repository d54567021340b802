"""Banks as people have them: a bank folder, or pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from domaingan.bank_folders import open_bank
from domaingan.core.errors import DataError


def pictures(folder: Path, *names: str) -> Path:
    rng = np.random.default_rng(0)
    folder.mkdir()
    for i, name in enumerate(names):
        Image.fromarray(rng.integers(0, 255, (30 + i, 50, 3), dtype=np.uint8)).save(folder / name)
    return folder


def test_pictures_are_a_bank_of_scenes(tmp_path: Path) -> None:
    bank = open_bank(pictures(tmp_path / "refs", "a.png", "b.JPG", "c.tiff", "d.webp"))
    assert bank.info.kind == "scenes" and not bank.info.generated and bank.size == (256, 256)
    assert bank.subjects == ("a", "b", "c", "d") and bank.info.conditions == {}
    assert bank.entries["source_size"].tolist() == [[30, 50], [31, 50], [32, 50], [33, 50]]


def test_a_bank_folder_is_loaded(tmp_path: Path) -> None:
    bank = open_bank(pictures(tmp_path / "refs", "a.png")).save(tmp_path / "bank")
    again = open_bank(str(tmp_path / "bank"))
    assert again.path == tmp_path / "bank" and (again.images == bank.images).all()


def test_bad_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        open_bank(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no bank; expected a folder that crops or sample wrote, one of pictures"):
        open_bank(tmp_path / "empty")
    (tmp_path / "file.png").write_bytes(b"x")
    with pytest.raises(DataError, match="a file"):
        open_bank(tmp_path / "file.png")
    refs = pictures(tmp_path / "refs", "a.png", "b.jpg")
    (refs / "b.jpg").write_bytes((refs / "b.jpg").read_bytes()[:300])
    with pytest.raises(DataError, match=r"b\.jpg"):
        open_bank(refs)


def test_a_table_gives_pictures_conditions(tmp_path: Path) -> None:
    refs = pictures(tmp_path / "refs", "a.png", "b.jpg", "c.png")
    (refs / "samples.csv").write_text("sample,subject,lighting\na,x,dusk\nb,x,day\nc,y,dusk\n")
    bank = open_bank(refs, "scenes")
    assert bank.count_conditions() == {"lighting": {"day": 1, "dusk": 2}} and bank.subjects == ("x", "y")
    (refs / "samples.csv").write_text("sample,lighting\nz,dusk\n")
    with pytest.raises(DataError, match=r"samples\.csv: sample 'z' is not there"):
        open_bank(refs)


def test_a_bank_that_lost_its_description(tmp_path: Path) -> None:
    open_bank(pictures(tmp_path / "refs", "a.png")).save(tmp_path / "bank")
    (tmp_path / "bank" / "bank.json").unlink()
    with pytest.raises(DataError, match=r"no bank; expected a folder with bank\.json"):
        open_bank(tmp_path / "bank")
