"""Arguments of another kind than is meant, as people first write them with frames: taken, or refused in one line."""

from __future__ import annotations

from collections.abc import Callable

import albumentations as A
import numpy as np
import pytest
from frame_targets import BANK, FRAMES, SCHEMA, frame

import domaingan as dg
from domaingan.core.errors import DataError


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: dg.Paste(BANK, schema=SCHEMA.classes), "a schema that is a dict; expected the schema of a dataset"),
        (lambda: dg.Paste(BANK, schema=SCHEMA)("a.png", 0), "a host that is a str; expected a sample"),
        (lambda: dg.Paste(BANK, schema=SCHEMA)(FRAMES, 0), "a host that is a Dataset; expected a sample"),
        (lambda: dg.Paste(BANK, schema=SCHEMA, method=3), "no method '3'; expected one of alpha"),
        (lambda: dg.Paste(BANK, schema=SCHEMA, variation="rotate=3"), "variation 'rotate=3'; expected a Variation"),
        (lambda: dg.Paste(BANK, schema=SCHEMA, variation={"rotat": 3}), "no variation 'rotat'; expected some of flip"),
        (lambda: dg.crops(FRAMES, size="32"), "size 32; expected a power of two"),
        (lambda: dg.crops(FRAMES, size=(32, 32)), r"size \(32, 32\); expected a power of two"),
        (lambda: dg.view(FRAMES, resize=64), "size 64; expected 2 positive numbers"),
        (lambda: dg.view(FRAMES, resize="64,96"), "size 64,96; expected 2 positive numbers"),
        (lambda: FRAMES.holdout("30%", 0), "a share of '30%'; expected a number from 0 to 1"),
        (lambda: FRAMES.holdout(2, 0), "a share of 2; expected a number from 0 to 1"),
        (lambda: FRAMES.split_folds("3", 0), "3 folds; expected 2 to"),
        (lambda: dg.load(None), "a source that is a NoneType; expected a folder"),
        (lambda: dg.load(["a", "b"]), "a source that is a list; expected a folder"),
        (lambda: dg.corrupt("a.png", "fog", 3, 0), "an image that is a str; expected a NumPy array"),
        (lambda: dg.corrupt(FRAMES[0].image, "fog", "3", 0), "no severity '3'; expected 1, 2, 3, 4 or 5"),
        (lambda: dg.show(BANK, "a.png"), "n 'a.png'; expected a whole number of at least 1"),
        (lambda: dg.evaluate(FRAMES, task="detection", steps=-1), "steps -1; expected .*greater than or equal to 1"),
        (lambda: dg.evaluate(FRAMES, task="detection", steps=0), "steps 0; expected .*greater than or equal to 1"),
        (lambda: dg.evaluate(FRAMES, task="detection", seeds="3"), "'3' seeds; expected a whole number"),
    ],
)
def test_arguments_of_another_kind_are_one_line(call: Callable[[], object], said: str) -> None:
    with pytest.raises(DataError, match=said):
        call()


def test_what_is_meant_is_taken() -> None:
    rotated = dg.Paste(BANK, schema=SCHEMA, variation={"rotate": 3})(FRAMES[0], 1)
    assert np.array_equal(
        rotated.image, dg.Paste(BANK, schema=FRAMES, variation=dg.Variation(rotate=3))(FRAMES[0], 1).image
    )
    image = FRAMES[0].image
    assert np.array_equal(dg.corrupt(image, "fog", 3.0, 0), dg.corrupt(image, "fog", 3, 0))


def test_a_replay_for_an_image_of_another_size_is_refused() -> None:
    host = {name: frame(0)[name] for name in ("image", "mask")}
    out = A.ReplayCompose([dg.albumentations.Paste(BANK, SCHEMA, p=1)])(**host)
    smaller = {name: array[:48] for name, array in host.items()}
    with pytest.raises(DataError, match=r"a replay for an image \(48, 160\); expected \(96, 160\)"):
        A.ReplayCompose.replay(out["replay"], **smaller)
