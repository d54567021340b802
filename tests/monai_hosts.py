"""Banks and hosts for MONAI's transforms."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from balls import a_bank, a_host
from monai.data import MetaTensor

import domaingan as dg

BANKS = {dims: a_bank(dims, np.random.default_rng(dims)) for dims in (2, 3)}

HOSTS = {dims: [a_host(dims, np.random.default_rng(seed)) for seed in range(3)] for dims in (2, 3)}

KEYS = ["image", "label"]


def make_item(dims: int, index: int = 0) -> dict[str, Any]:
    """A host as tensors that know nothing but themselves."""
    sample = HOSTS[dims][index]
    assert sample.mask is not None
    return {"image": torch.from_numpy(sample.image.copy()), "label": torch.from_numpy(sample.mask.copy())[None]}


def make_placed_item(dims: int, affine: Any, index: int = 0, **meta: Any) -> dict[str, Any]:
    affine = torch.as_tensor(np.asarray(affine, dtype=np.float64))
    given = make_item(dims, index)
    return {key: MetaTensor(given[key], affine=affine, meta={"filename_or_obj": "a.nii", **meta}) for key in KEYS}


def make_rand_paste(dims: int, **settings: Any) -> dg.monai.RandPasted:
    paste = dg.monai.RandPasted(KEYS, BANKS[dims], **{"prob": 1.0, "per_image": (2, 2), **settings})
    return paste.set_random_state(0)
