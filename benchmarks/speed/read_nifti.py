"""Reading a gzipped scan: ours (isal) against nibabel's own way (zlib), on the same file in the same run.

    python -m benchmarks.speed.read_nifti [FILE.nii.gz]

Without a file, a 240 × 240 × 155 volume of smooth noise is written to a temporary folder first. Prints the best of five
of each and their ratio; both end with the same float32 array in memory, which is checked.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy import ndimage

from domaingan.adapters.nifti.nifti_reading import read_nifti_image

REPEATS = 5


def time_best(function: Callable[[], object]) -> float:
    """Seconds of the fastest of several calls."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Time both and print a line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder) / "volume.nii.gz"
        if len(sys.argv) == 1:
            noise = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(240, 240, 155)), 2)
            nib.save(nib.Nifti1Image((noise * 1e4).astype(np.int16), np.eye(4)), path)
        ours, theirs = read_nifti_image(path)[0], nib.load(path).get_fdata(dtype=np.float32)
        assert np.array_equal(np.asarray(ours).squeeze(), theirs.squeeze())
        own = time_best(lambda: read_nifti_image(path))
        peer = time_best(lambda: nib.load(path).get_fdata(dtype=np.float32))
    print(f"read_nifti: ours {own:.3f} s, nibabel {nib.__version__} {peer:.3f} s, ratio {peer / own:.2f}")


if __name__ == "__main__":
    main()
