"""Writing samples in several processes, each with one thread."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

MIN_SAMPLES_PER_WORKER = 8
"""Samples that are worth starting another process for, which takes seconds."""


def run_jobs(job: Callable[[int], None], indices: Sequence[int], workers: int | None) -> Iterator[None]:
    """Run a job for each sample, in as many processes as are worth it.

    Args:
        job: makes and writes the sample of an index.
        indices: of the samples.
        workers: number of processes; None for as many as there are cores, unless there are few samples.

    Yields:
        None for each sample that is done, in order.
    """
    n_useful = min(os.cpu_count() or 1, len(indices) // MIN_SAMPLES_PER_WORKER)
    n_workers = workers or max(1, n_useful)
    if n_workers == 1:
        yield from map(job, indices)
        return
    context = get_context("spawn")
    with ProcessPoolExecutor(n_workers, context, initializer=_start_worker, initargs=(job,)) as pool:
        try:
            yield from pool.map(_run_worker_job, indices)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


_WORKER_JOBS: list[Callable[[int], None]] = []
"""The job of a worker process. It is sent once, as a bank in memory is too large to be sent with every sample."""


def _run_worker_job(index: int) -> None:
    _WORKER_JOBS[0](index)


def _start_worker(job: Callable[[int], None]) -> None:
    """Keep the job, and use one thread, as there is a process for every core."""
    import cv2
    import torch

    _WORKER_JOBS[:] = [job]

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
