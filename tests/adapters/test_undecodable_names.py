"""File names whose bytes are no UTF-8: problems that are told, never a traceback or a file that cannot be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from domaingan.adapters import load
from domaingan.core.errors import DataError, check_utf8_name


def write_people(root: Path, *names: bytes, channel: bytes = b"t1") -> None:
    values = np.random.default_rng(0).random((12, 12, 8)).astype(np.float32)
    for name in names:
        folder = root / os.fsdecode(name)
        folder.mkdir(parents=True)
        for kind, array in ((channel, values), (b"seg", (values > 0.9).astype(np.uint8))):
            nib.save(nib.Nifti1Image(array, np.eye(4)), root / "x.nii")
            (root / "x.nii").rename(folder / os.fsdecode(kind + b".nii"))


def test_a_sample_is_a_problem_and_the_others_are_read(tmp_path: Path) -> None:
    write_people(tmp_path, b"anna", b"bj\xf6rn")
    data = load(tmp_path)
    assert [record.name for record in data.records] == ["anna"]
    (problem,) = data.problems
    assert problem.reason == r"the name 'bj\udcf6rn' is no UTF-8; expected a name that is text"


def test_a_channel_or_a_root_is_refused(tmp_path: Path) -> None:
    write_people(tmp_path / "a", b"anna", b"bob", channel=b"t\xff1")
    with pytest.raises(DataError, match="is no UTF-8"):
        load(tmp_path / "a")
    root = tmp_path / os.fsdecode(b"\xffroot")
    write_people(root, b"anna")
    with pytest.raises(DataError, match="is no UTF-8"):
        load(root)
    check_utf8_name("Björn 😀", "")


def test_the_command_line_says_so(tmp_path: Path) -> None:
    write_people(tmp_path, b"anna", b"bj\xf6rn")
    command = [sys.executable, "-m", "domaingan", "inspect", tmp_path, "--json"]
    done = subprocess.run(command, capture_output=True, check=False, env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert rb"bj\udcf6rn" in done.stdout
    wrong = subprocess.run([*command[:4], b"\xff"], capture_output=True, check=False)
    assert wrong.returncode == 2
    assert wrong.stderr.count(b"\n") == 1
