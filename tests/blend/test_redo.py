"""Records from which a paste can be done again, to the byte."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from balls import a_bank, a_host
from hypothesis import given, settings
from hypothesis import strategies as st

from domaingan import phantoms
from domaingan.augmentation.offline.slice_pasting import paste_slices
from domaingan.banks.crops import crops
from domaingan.blend import Paste, Variation
from domaingan.core.errors import DataError
from domaingan.data import Sample
from domaingan.views.slices import slice_volumes

FRAMES = phantoms.load_phantom("driving", sequences=3, frames=2).load_into_memory()
FRAME_BANK = crops(FRAMES, size=32)


def same(one: Sample, two: Sample) -> bool:
    arrays = [(s.image, s.mask, s.boxes, s.labels, s.instances) for s in (one, two)]
    pairs = zip(*arrays, strict=True)
    return all((a is None and b is None) or a.tobytes() == b.tobytes() for a, b in pairs)  # type: ignore[union-attr]


def stored(sample: Sample) -> list[dict]:
    """Its records after a while on disk."""
    return json.loads(json.dumps([crop.to_dict() for crop in sample.pasted_crops]))


@settings(max_examples=25)
@given(
    dims=st.sampled_from([2, 3]),
    seed=st.integers(0, 2**20),
    method=st.sampled_from(["feather", "poisson+noise", "laplacian+histogram"]),
    placement=st.sampled_from(["uniform", "prior"]),
)
def test_scans(dims: int, seed: int, method: str, placement: str) -> None:
    rng = np.random.default_rng(seed)
    bank, host = a_bank(dims, rng, n=4), a_host(dims, rng)
    bank.info.hosts.append("host")
    bank.entries["host"][0], bank.entries["place"][0], bank.entries["source_size"] = 0, 20, 40
    bank.entries["centre"] = rng.uniform(0.2, 0.8, (4, dims))
    varied = Variation(elastic=0.3, width=(1, 5), contrast=(0.5, 1.5))
    paste = Paste(bank, method, (1, 4), variation=varied, placement=placement)
    after = paste(host, rng)
    again = Paste(bank, method, variation=varied, placement=placement).redo(host, stored(after))
    assert same(after, again) and stored(again) == stored(after)
    assert all(0 <= crop.seed < 2**63 for crop in after.pasted_crops)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**20), number=st.integers(0, 5))
def test_frames(seed: int, number: int) -> None:
    varied = Variation(rotate=3.0, elastic=0.1, width=(1, 5))
    paste = Paste(FRAME_BANK, "feather+noise", (1, 3), variation=varied, schema=FRAMES.schema)
    after = paste(FRAMES[number], np.random.default_rng(seed))
    assert same(after, paste.redo(FRAMES[number], stored(after)))


def test_slices_of_volumes() -> None:
    volumes = phantoms.load_phantom("medical", subjects=2, shape=(40, 40, 16))
    paste, host = Paste(crops(slice_volumes(volumes), size=16)), volumes[0]
    after = paste_slices(paste, host, 2, volumes.schema, np.random.default_rng(4))
    again = paste_slices(paste, host, 2, volumes.schema, np.random.default_rng(5), stored(after))
    assert any(crop.is_placed for crop in after.pasted_crops) and same(after, again)
    assert stored(again) == stored(after)


def test_records_of_another_bank_are_refused(rng: np.random.Generator) -> None:
    host, paste = a_host(2, rng), Paste(a_bank(2, rng, n=3))
    records = stored(paste(host, rng))
    with pytest.raises(DataError, match="index 7"):
        paste.redo(host, [records[0] | {"index": 7}])
    assert paste.redo(replace(host, mask=None), records).pasted_crops == ()
