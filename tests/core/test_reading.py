"""What a person gives in a file's place: only regular files are opened, and only what is text is read as text."""

from __future__ import annotations

import math
import os
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from domaingan.adapters.class_definitions import read_classes
from domaingan.adapters.frames.picture_io import read_picture
from domaingan.adapters.nifti.nifti_reading import read_nifti_image
from domaingan.adapters.sample_table import read_sample_table
from domaingan.banks import Bank
from domaingan.baselines.weights import read_metadata
from domaingan.core.errors import DataError
from domaingan.core.reading import check_regular_file, open_regular_file, read_bytes, read_json, read_text
from domaingan.gan.training.checkpoint import hash_file
from domaingan.gan.training.training_log import read_log
from domaingan.robustness_eval.class_names import read_names


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_link_to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def make_folder(path: Path) -> None:
    path.mkdir()


def make_dead_link(path: Path) -> None:
    path.symlink_to(path.parent / "elsewhere")


def make_loop(path: Path) -> None:
    path.symlink_to(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


KINDS: dict[str, tuple[Callable[[Path], None], str]] = {
    "pipe": (make_pipe, "a named pipe; expected a regular file"),
    "device": (make_link_to_device, "a device; expected a regular file"),
    "folder": (make_folder, "a folder; expected a regular file"),
    "socket": (make_socket, "a socket; expected a regular file"),
    "dead link": (make_dead_link, "a link to a file that is not there"),
    "loop": (make_loop, r"cannot be read \(Too many levels of symbolic links\)"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "read", [check_regular_file, open_regular_file, read_bytes, read_text, read_json, read_nifti_image, hash_file]
)
def test_only_regular_files_are_opened(tmp_path: Path, kind: str, read: Callable[[Path], object]) -> None:
    make, message = KINDS[kind]
    path = tmp_path / "a"
    make(path)
    with pytest.raises(DataError, match=message) as caught:
        read(path)
    assert caught.value.path == str(path)


def test_every_table_of_a_dataset_is_opened_so(tmp_path: Path) -> None:
    make_pipe(tmp_path / "classes.json")
    make_link_to_device(tmp_path / "samples.csv")
    make_pipe(tmp_path / "a.png")
    make_link_to_device(tmp_path / "model.safetensors")
    readers: list[tuple[Callable[[], object], str]] = [
        (lambda: read_classes(tmp_path), "pipe"),
        (lambda: read_sample_table(tmp_path, []), "device"),
        (lambda: read_picture(tmp_path / "a.png"), "pipe"),
        (lambda: read_metadata(tmp_path / "model.safetensors"), "device"),
        (lambda: read_names(str(tmp_path / "a.png")), "pipe"),
    ]
    for read, kind in readers:
        with pytest.raises(DataError, match=kind):
            read()


@pytest.mark.parametrize("name", ["images.npy", "masks.npy", "entries.npy"])
def test_bank_does_not_wait_for_a_pipe(tmp_path: Path, name: str) -> None:
    from domaingan.banks import BankInfo, create_entries

    info = BankInfo(spatial_dims=2, channels=["t1"], classes={"cyst": 1})
    images, masks = np.zeros((1, 1, 8, 8), np.float16), np.ones((1, 8, 8), np.uint8)
    Bank(info, images, masks, create_entries(info, 1)).save(tmp_path / "bank")
    (tmp_path / "bank" / name).unlink()
    make_pipe(tmp_path / "bank" / name)
    with pytest.raises(DataError, match="a named pipe") as caught:
        Bank.load(tmp_path / "bank")
    assert caught.value.path == str(tmp_path / "bank" / name)


def test_larger_file_than_asked_for_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        file.truncate(1 << 40)  # sparse: it takes no room
    with pytest.raises(DataError, match=r"1099511627776 bytes; expected at most"):
        read_text(tmp_path / "a")
    assert read_bytes(Path(__file__), 1 << 20) == Path(__file__).read_bytes()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_json_in_any_unicode(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.json").write_bytes('{"größe": [1, 2.5]}'.encode(encoding))
    assert read_json(tmp_path / "a.json") == {"größe": [1, 2.5]}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 200_000, "nested too deeply"),
        ('{"a":' * 200_000, "nested too deeply"),
        ('{"a": 1, "b": 2, "a": 3}', "'a' is there twice"),
        ('[{"x": {"k": 1, "k": 1}}]', "'k' is there twice"),
        ("[NaN]", "NaN"),
        ("[1, -Infinity]", "-Infinity"),
        ("[1e999]", "1e999"),
        ("[-2E+00310]", "310"),
        (f"[{'9' * 400}.5]", "the number 999"),
        (f"[{'9' * 10_000}]", "JSON"),
        ('["\\ud800"]', "half a surrogate pair"),
        ('{"\\uDFFF": 1}', "half a surrogate pair"),
        ("", "JSON"),
        ("[1, 2", "JSON"),
        ("\0", "JSON"),
    ],
)
def test_json_that_is_none(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=reason) as caught:
        read_json(tmp_path / "a.json")
    assert caught.value.path == str(tmp_path / "a.json")
    assert len(str(caught.value)) < 300


def test_what_is_large_or_odd_but_right_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(f'["\\ud83d\\ude00", 1e300, 1e-999, {"[" * 100}{"]" * 100}, "x 1e999"]')
    face, large, tiny, *_ = read_json(tmp_path / "a.json")
    assert (face, large, tiny) == ("😀", 1e300, 0.0)
    (tmp_path / "b.json").write_text("[NaN, 1e999]")
    first, second = read_json(tmp_path / "b.json", is_finite_only=False)
    assert math.isnan(first)
    assert second == math.inf


def test_text_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"sample,grade\nb\xe9,1\n")
    with pytest.raises(DataError, match="byte 0xe9 at 14; expected text in UTF-8"):
        read_text(tmp_path / "a")
    (tmp_path / "b").write_bytes(b"a\0b")
    with pytest.raises(DataError, match="a NUL byte"):
        read_text(tmp_path / "b")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_rows_end_where_csv_says(tmp_path: Path, end: str) -> None:
    separator = chr(0x2028)  # Python's own splitting of lines would end the row here
    text = end.join(["sample,remark", f"a,one{separator}two", 'b,"x, y"', ""])
    (tmp_path / "samples.csv").write_text(text, encoding="utf-8", newline="")
    rows = read_sample_table(tmp_path, ["a", "b"]).rows
    assert rows == {"a": {"remark": f"one{separator}two"}, "b": {"remark": "x, y"}}


@pytest.mark.parametrize(
    "cell",
    ["x" * 200_000, '"open', "\0", "9" * 400, "1e400", "9" * 6000],
    ids=["long", "open", "nul", "int", "exp", "digits"],
)
def test_cells_that_nothing_can_be_made_of(tmp_path: Path, cell: str) -> None:
    (tmp_path / "samples.csv").write_text(f"sample,grade\na,{cell}\n")
    with pytest.raises(DataError) as caught:
        read_sample_table(tmp_path, ["a"])
    assert caught.value.path == str(tmp_path / "samples.csv")
    assert len(str(caught.value)) < 300


def test_log_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("step,loss_d\n1,0.5\n2,half\n")
    with pytest.raises(DataError, match="half"):
        read_log(tmp_path / "log.csv")
    (tmp_path / "log.csv").write_text("step,loss_d\n1,0.5\n2,\n")
    assert read_log(tmp_path / "log.csv") == [{"step": 1.0, "loss_d": 0.5}, {"step": 2.0}]
