"""Hosts that a bank does not fit are refused in a line, by the core itself; where there is no room nothing is done."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from balls import a_bank, a_host

from domaingan.banks import Bank
from domaingan.blend import Paste, Relight
from domaingan.blend.checks import is_finite
from domaingan.core.errors import DataError


def scenes_of(dims: int, rng: np.random.Generator) -> Bank:
    bank = a_bank(dims, rng)
    return Bank(bank.info.model_copy(update={"kind": "scenes"}), bank.images, bank.masks, bank.entries)


@pytest.mark.parametrize("dims", [2, 3])
def test_hosts_themselves_are_looked_at_whoever_pastes(dims: int, rng: np.random.Generator) -> None:
    host, other = a_host(dims, rng), a_host(5 - dims, rng)
    paste, relight = Paste(a_bank(dims, rng)), Relight(scenes_of(dims, rng))
    torn = host.image.copy()
    torn[(0, *[5] * dims)] = np.nan
    assert host.mask is not None
    wrong = {
        f"host: a {5 - dims}D image; expected {dims}D, as the bank is": other,
        "host: 1 channel; expected 2, as the bank has: c0, c1": replace(host, image=host.image[:1]),
        "host: 4 channels; expected 2": replace(host, image=np.repeat(host.image, 2, axis=0)),
        "host: a mask": replace(host, mask=host.mask[1:]),
        "host: NaN or infinite values; expected finite": replace(host, image=torn),
    }
    for message, sample in wrong.items():
        for run in (lambda s: paste(s, rng), lambda s: paste.redo(s, []), lambda s: relight(s, rng)):
            with pytest.raises(DataError, match=message):
                run(replace(sample, meta={"name": "host"}))


@pytest.mark.parametrize("dims", [2, 3])
def test_without_a_body_and_where_all_is_body_or_labelled(dims: int, rng: np.random.Generator) -> None:
    host, paste = a_host(dims, rng), Paste(a_bank(dims, rng), per_image=(2, 2))
    bodies = {body: replace(host, meta={"foreground": np.full(host.shape, body)}) for body in (True, False)}
    assert all(record.is_placed for record in paste(bodies[True], rng).pasted_crops)
    for sample in (bodies[False], replace(host, mask=np.ones_like(np.asarray(host.mask)))):
        after = paste(sample, rng)
        assert [record.place for record in after.pasted_crops] == [None, None]
        assert np.array_equal(after.image, host.image) and np.array_equal(np.asarray(after.mask), sample.mask)
    relit = Relight(scenes_of(dims, rng))(bodies[False], rng)
    assert not relit.relight_result.is_relit and relit.image is host.image


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.int16, np.uint8])
def test_finite(kind: type) -> None:
    image: np.ndarray = np.full((2, 5, 5), 7, dtype=kind)
    assert is_finite(image)
    for value in (np.nan, np.inf, -np.inf) if image.dtype.kind == "f" else ():
        for place in ((0, 0, 0), (1, 4, 4)):
            torn = image.copy()
            torn[place] = value
            assert not is_finite(torn)
