"""Sets the number of threads to one, for calls that are timed in turns.

Import it before NumPy: threads are counted when that is loaded. :mod:`turns` leaves their number to the libraries.
"""

from __future__ import annotations

import os

from benchmarks.lib.turns import RESULTS, format_table, time_in_turns

__all__ = ["RESULTS", "format_table", "time_in_turns"]

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
