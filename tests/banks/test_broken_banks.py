"""Banks on disk that are damaged, foreign or of an older format: refused in one line, or read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from example_banks import are_same_banks, make_bank

from domaingan.banks import BANK_FORMAT, Bank
from domaingan.core.errors import DataError
from domaingan.data import FRAME


@pytest.mark.parametrize("name", ["images.npy", "masks.npy", "entries.npy"])
@pytest.mark.parametrize("fault", ["missing", "empty", "truncated", "garbage", "pickle", "archive"])
def test_a_broken_array_is_refused(tmp_path: Path, name: str, fault: str) -> None:
    make_bank().save(tmp_path / "bank")
    path = tmp_path / "bank" / name
    whole = path.read_bytes()
    if fault == "missing":
        path.unlink()
    elif fault == "pickle":
        np.save(path, np.array([{}] * 6, dtype=object), allow_pickle=True)
    elif fault == "archive":
        with path.open("wb") as file:
            np.savez(file, a=np.zeros(6))
    else:
        path.write_bytes({"empty": b"", "truncated": whole[:-9], "garbage": b"x" * len(whole)}[fault])
    with pytest.raises(DataError) as caught:
        Bank.load(tmp_path / "bank")
    assert caught.value.path == str(path)
    assert "\n" not in str(caught.value)


def rewrite(folder: Path, **changes: object) -> None:
    stored = json.loads((folder / "bank.json").read_text())
    (folder / "bank.json").write_text(json.dumps(stored | changes))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"format": BANK_FORMAT + 1, "colour": 1},
            f"bank format {BANK_FORMAT + 1}; expected {BANK_FORMAT}: update domaingan",
        ),
        ({"colour": 1}, "colour"),
        ({"channels": 3}, "channels"),
        ({"channels": ["t1"]}, "expected 1 channels"),
        ({"subjects": ["s0"]}, "subject 2; expected at most 1"),
        ({"conditions": {"lesion": ["oedema"]}}, "condition:lesion 1"),
        ({"conditions": {}}, "expected those of bank.json"),
        ({"spatial_dims": 3}, "expected those of bank.json"),
    ],
)
def test_a_bank_that_does_not_match_its_description(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    make_bank().save(tmp_path / "bank")
    rewrite(tmp_path / "bank", **changes)
    with pytest.raises(DataError, match=reason):
        Bank.load(tmp_path / "bank")


def test_parts_that_do_not_fit_together() -> None:
    bank = make_bank()
    for images, masks, entries in [
        (bank.images[:3], bank.masks, bank.entries),
        (bank.images[:, :1], bank.masks, bank.entries),
        (bank.images[..., :4], bank.masks, bank.entries),
        (bank.images[..., 0], bank.masks[..., 0], bank.entries),
    ]:
        with pytest.raises(DataError):
            Bank(bank.info, images, masks, entries)


@pytest.mark.parametrize("content", ["", "[]", "{}"])
def test_a_folder_that_is_no_bank(tmp_path: Path, content: str) -> None:
    with pytest.raises(DataError, match=r"no bank; expected a folder with bank\.json"):
        Bank.load(tmp_path)
    (tmp_path / "bank.json").write_text(content)
    with pytest.raises(DataError, match=r"bank\.json: "):
        Bank.load(tmp_path)


def spoil(folder: Path, name: str, column: str | None = None, value: object = None, **header: object) -> None:
    """Write other rows, or another header before the same bytes, into a saved bank."""
    path = folder / name
    if column is not None:
        entries = np.load(path)
        entries[column][-1] = value
        np.save(path, entries)
        return
    whole = np.load(path)
    described = {"descr": np.lib.format.dtype_to_descr(whole.dtype), "fortran_order": False, "shape": whole.shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, described | header)
        file.write(whole.tobytes())


@pytest.mark.parametrize(
    ("name", "header", "reason"),
    [
        ("masks.npy", {"descr": "|b1"}, "an array of bool; expected uint8"),
        ("masks.npy", {"descr": "<f8"}, "an array of float64; expected uint8"),
        ("images.npy", {"descr": "<i2"}, "an array of int16; expected float16 or float32"),
        ("images.npy", {"descr": "|O"}, "an array of object"),
        ("images.npy", {"shape": (-6, 2, 8, 8)}, "an array of shape .-6"),
        ("masks.npy", {"shape": (2**62, 2**62, 8)}, "bytes of the"),
        ("masks.npy", {"shape": (6, 8)}, "expected 3 sizes"),
        ("entries.npy", {"shape": (10**12,)}, "bytes of the"),
        ("entries.npy", {"shape": ()}, "expected 1 sizes"),
    ],
)
def test_a_header_that_the_file_cannot_fill(tmp_path: Path, name: str, header: dict[str, object], reason: str) -> None:
    make_bank().save(tmp_path / "bank")
    spoil(tmp_path / "bank", name, **header)
    with pytest.raises(DataError, match=reason) as caught:
        Bank.load(tmp_path / "bank")
    assert caught.value.path == str(tmp_path / "bank" / name) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "header", ["{'descr': " + "(" * 3000, "{}", "{'descr': '<f2', 'fortran_order': 3, 'shape': 1}"]
)
def test_a_header_that_says_nothing(tmp_path: Path, header: str) -> None:
    make_bank().save(tmp_path / "bank")
    text = header.ljust(9000).encode()
    (tmp_path / "bank" / "masks.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
    with pytest.raises(DataError, match="cannot be read"):
        Bank.load(tmp_path / "bank")


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("spacing", (np.nan, 1), "spacing nan; expected positive"),
        ("spacing", (np.inf, 1), "spacing inf"),
        ("spacing", (1, 0), "spacing 0"),
        ("spacing", (-1, 1), "spacing -1"),
        ("subject", -2, "subject -2"),
        ("host", -5, "host -5"),
        ("condition:lesion", -2, "condition:lesion -2"),
        ("centre", (np.nan, 0), "centre that is no number"),
        ("radius_mm", np.inf, "radius_mm that is no number"),
        ("radius_mm", -3, "radius_mm -3"),
        ("contrast", np.nan, "contrast that is no number"),
        ("source_size", (-4, 4), "source_size -4"),
    ],
)
def test_rows_that_no_entry_has(tmp_path: Path, column: str, value: object, reason: str) -> None:
    make_bank().save(tmp_path / "bank")
    spoil(tmp_path / "bank", "entries.npy", column, value)
    with pytest.raises(DataError, match=reason):
        Bank.load(tmp_path / "bank")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"domain": "frame"}, "domain 'frame' with the condition 'lesion'; expected \"domain\": \"scan\""),
        ({"supporting_classes": {"oedema": {"road": 3}}}, "domain 'scan' with what objects stand on"),
        ({"spatial_dims": 7}, "spatial_dims 7; expected 2 or 3"),
        ({"channels": ["a", "a"]}, "channels with a name twice"),
        ({"channels": []}, "no channels"),
        ({"classes": {"oedema": 300}}, "class oedema of value 300"),
        ({"classes": {"oedema": 0}}, "class oedema of value 0"),
    ],
)
def test_a_description_that_no_bank_has(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    make_bank().save(tmp_path / "bank")
    rewrite(tmp_path / "bank", **changes)
    with pytest.raises(DataError, match=reason):
        Bank.load(tmp_path / "bank")


def test_arrays_of_another_order_of_axes_are_read_as_they_are(tmp_path: Path) -> None:
    bank = make_bank().save(tmp_path / "bank")
    images = np.array(bank.images)
    np.save(tmp_path / "bank" / "images.npy", np.asfortranarray(images))
    assert np.array_equal(Bank.load(tmp_path / "bank")[3].image, images[3])


def test_pixels_that_are_no_numbers_are_reported_when_they_are_drawn() -> None:
    bank = make_bank()
    bank.images[2].flat[5] = np.nan
    assert bank[1].index == 1
    with pytest.raises(DataError, match="NaN or infinity in entry 2"):
        bank[2]


def test_a_bank_of_the_format_before_is_read(tmp_path: Path) -> None:
    bank = make_bank()
    bank.info.domain, bank.info.conditions = FRAME, {"object": ["enhancing", "oedema"]}
    bank.info.supporting_classes = {"oedema": {"road": 3}}
    bank.entries.dtype.names = [name.replace("lesion", "object") for name in bank.entries.dtype.names]
    bank.entries["source_size"], bank.entries["depth"] = (40, 50), np.arange(6)
    folder = bank.save(tmp_path / "bank").path
    assert folder is not None
    stored = json.loads((folder / "bank.json").read_text())
    stored["ground"] = stored.pop("supporting_classes")
    (folder / "bank.json").write_text(json.dumps(stored | {"format": 2}))
    entries = np.load(folder / "entries.npy")
    today = {"source_size": "extent", "depth": "depth_mm"}
    entries.dtype.names = [today.get(name, name) for name in entries.dtype.names]
    np.save(folder / "entries.npy", entries)
    again = Bank.load(folder)
    assert are_same_banks(again, bank)
    assert again[3].entry["depth"] == 3
    rewrite(folder, format=1)
    with pytest.raises(DataError, match="bank format 1; expected 3: make the bank again"):
        Bank.load(folder)
