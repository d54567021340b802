"""A set that goes on after an interruption goes on with the same bank and the same samples, or not at all."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from written_sets import write_dataset

from domaingan import phantoms
from domaingan.adapters import load
from domaingan.augmentation import AugmentedDataset
from domaingan.augmentation.offline.donors import plan_sides
from domaingan.augmentation.offline.fingerprints import fingerprint_bank, fingerprint_data
from domaingan.augmentation.offline.write_augmented import ProgressCallbacks, write_augmented_dataset
from domaingan.banks import Bank
from domaingan.banks.crops import crops
from domaingan.blend import Paste
from domaingan.core.errors import DataError

PEOPLE = phantoms.load_phantom("medical", subjects=3, shape=(32, 32, 16))
BANK = crops(PEOPLE, size=16)


class Stopped(Exception):
    pass


def stop(done: int, total: int) -> None:
    if done == 2:
        raise Stopped


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    write_dataset(PEOPLE, PEOPLE, tmp_path / "scans")
    return tmp_path / "scans"


def changed_bank() -> Bank:
    images = np.asarray(BANK.images).copy()
    images[-1, 0, 0, 0, 0] += 1
    return Bank(BANK.info, images, BANK.masks, BANK.entries)


def test_another_bank_is_refused_and_the_same_goes_on(scans: Path, tmp_path: Path) -> None:
    data, out = load(scans), tmp_path / "out"
    offline = AugmentedDataset(data, Paste(BANK), None, 0, plan_sides(data))
    with pytest.raises(Stopped):
        write_augmented_dataset(offline, data.schema, out, {}, workers=1, callbacks=ProgressCallbacks(update=stop))
    with pytest.raises(DataError, match="another bank than it was begun with; expected the same, or --overwrite"):
        write_augmented_dataset(
            replace(offline, blender=Paste(changed_bank())), data.schema, out, {}, workers=1, resume=True
        )
    for other in (replace(offline, copies=1), replace(offline, is_text_stripped=True), replace(offline, seed=1)):
        with pytest.raises(DataError, match=r"config\.json"):
            write_augmented_dataset(other, data.schema, out, {}, workers=1, resume=True)
    with pytest.raises(DataError, match="own True"):
        write_augmented_dataset(
            replace(offline, sides=plan_sides(data, is_own_allowed=True)), data.schema, out, {}, workers=1, resume=True
        )
    with pytest.raises(DataError, match="other sides of the split"):
        write_augmented_dataset(replace(offline, sides=None), data.schema, out, {}, workers=1, resume=True)
    assert len(write_augmented_dataset(offline, data.schema, out, {}, workers=1, resume=True)) == 3


def rewrite(path: Path) -> None:
    """The same length and time, other contents."""
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    contents = bytearray(gzip.decompress(path.read_bytes()))
    contents[-1] ^= 1
    path.write_bytes(gzip.compress(bytes(contents)))
    os.utime(path, ns=times)


@pytest.mark.parametrize(
    "change",
    [
        lambda scans: rewrite(next(scans.glob("*/seg.nii.gz"))),
        lambda scans: rewrite(next(path for path in scans.glob("*/*.nii.gz") if path.name != "seg.nii.gz")),
        lambda scans: next(scans.glob("*/seg.nii.gz")).unlink(),
        lambda scans: (scans / "samples.csv").write_text((scans / "samples.csv").read_text() + "\n"),
    ],
)
def test_samples_that_changed_meanwhile_are_refused(
    scans: Path, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    data, out = load(scans), tmp_path / "out"
    with pytest.raises(Stopped):
        write_augmented_dataset(
            AugmentedDataset(data, Paste(BANK), None, 0),
            data.schema,
            out,
            {},
            workers=1,
            callbacks=ProgressCallbacks(update=stop),
        )
    change(scans)
    again = AugmentedDataset(load(scans), Paste(BANK), None, 0)
    with pytest.raises(DataError, match="samples that have changed since it was begun"):
        write_augmented_dataset(again, data.schema, out, {}, workers=1, resume=True)


def test_fingerprints_tell_contents_and_no_times(scans: Path) -> None:
    before = fingerprint_data(load(scans))
    for path in scans.rglob("*.nii.gz"):
        os.utime(path)  # copied anew, with the same contents
    assert fingerprint_data(load(scans)) == before
    assert fingerprint_data(load(scans)[:2]) != before
    assert fingerprint_bank(BANK) == fingerprint_bank(Bank(BANK.info, BANK.images, BANK.masks, BANK.entries))
    assert fingerprint_bank(changed_bank()) != fingerprint_bank(BANK)
    entries = BANK.entries.copy()
    entries["centre"] += 0.125
    assert fingerprint_bank(Bank(BANK.info, BANK.images, BANK.masks, entries)) != fingerprint_bank(BANK)
