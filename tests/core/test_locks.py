"""One writer a folder, and disks without room: real locks, real processes, real limits."""

from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from domaingan.core.errors import DataError, WriteError
from domaingan.core.files import (
    LOCK_FILE,
    write_arrays,
    write_file_atomically,
    write_folder_atomically,
    write_json,
)
from domaingan.core.locks import lock_folder
from domaingan.core.reading import read_json
from domaingan.core.run_folder import RunFolder

FORK = multiprocessing.get_context("fork")


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _hold(out: Path, parent: Connection) -> None:
    with lock_folder(out):
        parent.send("held")
        parent.recv()


@contextmanager
def held(out: Path) -> Iterator[multiprocessing.process.BaseProcess]:
    """A process that holds the folder while the block runs."""
    ours, reference = FORK.Pipe()
    process = FORK.Process(target=_hold, args=(out, reference))
    process.start()
    assert ours.recv() == "held"
    try:
        yield process
    finally:
        ours.send("end")
        process.join(30)


def test_another_process_is_kept_out_and_named(tmp_path: Path) -> None:
    with held(tmp_path / "run") as process:
        with (
            pytest.raises(DataError, match=rf"another process is writing here \(process {process.pid} on .+\)"),
            lock_folder(tmp_path / "run"),
        ):
            pytest.fail("the block must not run")
        assert listing(tmp_path / "run") == [LOCK_FILE]
    assert listing(tmp_path) == []


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    with held(tmp_path / "run") as process:
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join(30)
        assert listing(tmp_path / "run") == [LOCK_FILE]
        with lock_folder(tmp_path / "run"):
            write_json(tmp_path / "run" / "a.json", 1)
    assert listing(tmp_path / "run") == ["a.json"]


def _add(out: Path, begin: Event) -> None:
    begin.wait(30)
    for _ in range(20):
        try:
            with lock_folder(out):
                n = read_json(out / "n.json")
                write_json(out / "n.json", n + 1)
                with (out / "entered").open("a") as file:
                    file.write(".")
        except DataError:
            time.sleep(0.001)


def test_never_two_at_once(tmp_path: Path) -> None:
    write_json(tmp_path / "n.json", 0)
    begin = FORK.Event()
    workers = [FORK.Process(target=_add, args=(tmp_path, begin)) for _ in range(4)]
    for worker in workers:
        worker.start()
    begin.set()
    for worker in workers:
        worker.join(60)
    entered = len((tmp_path / "entered").read_text())
    assert read_json(tmp_path / "n.json") == entered >= 4
    assert listing(tmp_path) == ["entered", "n.json"]


def test_an_error_gives_the_folder_back_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "precious").touch()
    (tmp_path / "empty").mkdir()
    for name in ("old", "new", "empty"):
        with pytest.raises(RuntimeError), lock_folder(tmp_path / name):
            raise RuntimeError
    assert listing(tmp_path) == ["empty", "old"]
    assert listing(tmp_path / "old") == ["precious"]
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="a file; expected a folder"), lock_folder(tmp_path / "file"):
        pytest.fail("the block must not run")


def test_a_run_begins_in_a_held_folder_and_overwrites_all_but_the_lock(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with lock_folder(run):
        RunFolder(run).prepare({"seed": 1}, resume=False, overwrite=False)
    (run / "deep").mkdir()
    (run / "deep" / "old").touch()
    with lock_folder(run):
        with pytest.raises(DataError, match="exists already"):
            RunFolder(run).prepare({"seed": 2}, resume=False, overwrite=False)
        RunFolder(run).prepare({"seed": 2}, resume=False, overwrite=True)
        assert listing(run) == [LOCK_FILE, "config.json"]
        RunFolder(run).prepare({"seed": 2}, resume=True, overwrite=False)
    assert listing(run) == ["config.json"]


# ------------------------------------------------------------------ no room


@contextmanager
def largest_file(n: int) -> Iterator[None]:
    """No file of this process may grow beyond ``n`` bytes, as on a disk that is full."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def _write_picture(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200), dtype=np.uint8)
    with write_file_atomically(path.with_suffix(".png")) as temporary:
        Image.fromarray(noise).save(temporary)


def _write_array(path: Path) -> None:
    with write_folder_atomically(path) as folder:
        np.save(folder / "a.npy", np.zeros(100_000))


WRITERS: list[Callable[[Path], None]] = [
    lambda path: write_json(path, ["x" * 100_000]),
    lambda path: write_arrays(path.with_suffix(".npz"), {"a": np.random.default_rng(0).random(100_000)}),
    _write_array,
    _write_picture,
]


@pytest.mark.parametrize("write", WRITERS, ids=["json", "arrays", "folder", "picture"])
def test_what_has_no_room_is_one_line_and_leaves_nothing(tmp_path: Path, write: Callable[[Path], None]) -> None:
    with largest_file(4096), pytest.raises(WriteError, match=r"cannot be written \(.+MB are free") as caught:
        write(tmp_path / "a")
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)
    assert listing(tmp_path) == []


def test_what_was_there_stays(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", "old")
    with largest_file(4096), pytest.raises(WriteError, match="what was there is kept"):
        write_json(tmp_path / "a.json", "x" * 100_000)
    assert read_json(tmp_path / "a.json") == "old"


def test_a_run_says_how_it_goes_on(tmp_path: Path) -> None:
    with largest_file(4096), pytest.raises(WriteError, match="then --resume"), lock_folder(tmp_path / "run"):
        write_json(tmp_path / "run" / "a.json", 1)
        write_json(tmp_path / "run" / "b.json", "x" * 100_000)
    assert listing(tmp_path / "run") == ["a.json"]
    with largest_file(4096), pytest.raises(WriteError, match="then --resume"), lock_folder(tmp_path / "run"):
        (tmp_path / "run" / "log.csv").write_text("x" * 100_000)  # what is not written at once


def test_needed_room_is_reported(tmp_path: Path) -> None:
    with (
        largest_file(4096),
        pytest.raises(WriteError, match=r"expected 0\.8 MB there"),
        write_folder_atomically(tmp_path / "a", needed_bytes=800_000) as folder,
    ):
        np.save(folder / "a.npy", np.zeros(100_000))


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="broken") as caught, write_file_atomically(tmp_path / "a"):
        raise OSError(errno.EIO, "broken")
    assert caught.value.errno == errno.EIO


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_stdout_without_room_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "domaingan", "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["domaingan: what was to be written: No space left on device"]
