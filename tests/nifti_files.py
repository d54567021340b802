"""NIfTI files for tests."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.nifti1 import Nifti1Extension


def read_stored_bytes(path: Path) -> bytes:
    packed = path.read_bytes()
    return gzip.decompress(packed) if path.name.endswith(".gz") else packed


def write_raw_nifti(
    path: Path, raw: np.ndarray, slope: float = 0, inter: float = 0, affine: np.ndarray | None = None
) -> Path:
    """A file whose stored numbers are ``raw``, byte by byte, with this scaling and a header full of things to keep."""
    header = nib.Nifti1Header(endianness=">" if raw.dtype.byteorder == ">" else "<")
    header.set_data_dtype(raw.dtype)
    header.set_data_shape(raw.shape)
    header.set_sform(np.eye(4) if affine is None else affine, code=2)
    header.set_qform(np.eye(4) if affine is None else affine, code=1, strip_shears=True)
    header["scl_slope"], header["scl_inter"] = slope, inter
    header["descrip"], header["cal_max"], header["toffset"], header["slice_code"] = b"scanner 7", 88, 1.5, 3
    header.set_xyzt_units("mm", "sec")
    header.extensions.append(Nifti1Extension("comment", b"a remark"))
    with (gzip.open if path.name.endswith(".gz") else open)(path, "wb") as file:
        header.write_to(file)
        file.write(raw.tobytes(order="F"))
    return path
