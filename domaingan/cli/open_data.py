"""Opening the dataset that the options of a command describe."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from domaingan.cli.option_groups import CommonOptions, DataOptions, FilterOptions, GridOptions
from domaingan.cli.parse_options import parse_conditions, parse_height_width, parse_limits, parse_range
from domaingan.core.errors import DataError

if TYPE_CHECKING:
    from domaingan.data import Dataset


def open_data(data: str, source: FilterOptions, common: CommonOptions, *, is_quiet: bool = False) -> Dataset:
    """Open the dataset that the shared options describe.

    Files that are left out, and body masks that are used, are named on stderr; with ``verbose`` also the dataset.

    Args:
        data: a folder, or the name of phantoms.
        source: which samples are used.
        common: the seed of what is drawn, and whether more details are printed.
        is_quiet: print nothing and leave out files with problems, as ``inspect`` lists them itself.

    Raises:
        DataError: nothing can be read there, a file has a problem, or a filter names nothing.
    """
    import numpy as np

    from domaingan.adapters import load
    from domaingan.imaging.ranges import with_ranges

    dataset = load(data, source.layout)
    if isinstance(source, DataOptions) and source.intensity_range is not None:
        dataset = with_ranges(dataset, parse_range(source.intensity_range))
    is_skipping = is_quiet or getattr(source, "skip_problems", False)
    if dataset.problems and not is_skipping:
        _raise_first_problem(dataset)
    if not len(dataset):
        raise DataError("no usable sample", path=data, expected="at least one: see domaingan inspect")
    dataset = dataset.where(**parse_conditions(source.where, "--where"))
    rng = np.random.default_rng(common.seed)
    for name, value, n in parse_limits(source.limit):
        dataset = dataset.limit(name, value, n, rng)
    if not is_quiet:
        _print_assumptions(dataset)
        if common.verbose:
            print(dataset, file=sys.stderr)
    return dataset


def _raise_first_problem(dataset: Dataset) -> None:
    first = dataset.problems[0]
    n_others = len(dataset.problems) - 1
    others = f"and {n_others} more problems, which inspect lists; " if n_others else ""
    raise DataError(f"{first.reason} ({others}--skip-problems goes on without)", path=first.path)


def _print_assumptions(dataset: Dataset) -> None:
    """Print which files are left out, and how many samples come with a mask of the body."""
    n_problems = len(dataset.problems)
    if n_problems:
        first = dataset.problems[0]
        files = "1 file" if n_problems == 1 else f"{n_problems} files, first"
        print(f"left out: {files} {first.path}: {first.reason}", file=sys.stderr)
    n_masked = sum("foreground" in record.files for record in dataset.records)
    if n_masked:
        message = f"{n_masked} of {len(dataset)} samples have a mask of the body (brainmask, bodymask), which is used"
        print(message, file=sys.stderr)


def apply_grid_options(dataset: Dataset, grid: GridOptions) -> Dataset:
    """Bring a dataset to the grid that ``--dims``, ``--spacing`` and ``--resize`` ask for.

    Raises:
        DataError: the grid does not fit the data.
    """
    from domaingan.views.regrid import view

    return view(dataset, dims=grid.dims, spacing=grid.spacing, resize=parse_height_width(grid.resize))
