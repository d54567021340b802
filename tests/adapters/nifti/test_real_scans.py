"""The adapters on real data: what lies there opens without a problem and comes back as it was."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from written_sets import write_dataset

from domaingan.adapters import load

pytestmark = pytest.mark.real


@pytest.mark.parametrize(
    ("name", "layout", "n", "channels"),
    [("brats", "nifti", 4, ("flair", "t1c")), ("fcd", "nnunet", 40, ("FLAIR",)), ("sarcoma", "nifti", 13, ("t1",))],
)
def test_real_data_opens(real_data: Path, name: str, layout: str, n: int, channels: tuple[str, ...]) -> None:
    dataset = load(real_data / name)
    assert dataset.problems == ()
    assert (dataset.schema.layout, len(dataset), dataset.schema.channels) == (layout, n, channels)
    sample = dataset[0]
    assert sample.mask is not None and sample.mask.any()
    assert (sample.foreground is not None) == (name == "brats")


@pytest.mark.parametrize("name", ["brats", "fcd", "sarcoma"])
def test_real_data_comes_back_as_it_was(real_data: Path, tmp_path: Path, name: str) -> None:
    dataset = load(real_data / name)[:1]
    write_dataset(dataset, dataset, tmp_path / "out")
    back = load(tmp_path / "out")
    assert back.schema == dataset.schema and back.problems == ()
    one, other = back[0], dataset[0]
    assert np.array_equal(one.image, other.image)
    assert one.mask is not None and other.mask is not None and np.array_equal(one.mask, other.mask)
    for key, path in back.records[0].files.items():
        original = dataset.records[0].files[key]
        if key == "foreground":  # BraTS stores 1 as 0.99999997, which is read as 1 and written as near it as can be
            assert np.array_equal(one.foreground, other.foreground)
            continue
        assert gzip.decompress(path.read_bytes()) == gzip.decompress(original.read_bytes()), path.name
