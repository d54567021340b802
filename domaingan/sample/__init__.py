"""The Sample and the Dataset of samples: the one currency of the package."""

from domaingan.sample.dataset import Dataset
from domaingan.sample.record import Problem, Reader, Record
from domaingan.sample.region import parse_region
from domaingan.sample.sample import BLOCK, Crowd, Region, Sample, Schema, Value

__all__ = [
    "BLOCK",
    "Crowd",
    "Dataset",
    "Problem",
    "Reader",
    "Record",
    "Region",
    "Sample",
    "Schema",
    "Value",
    "parse_region",
]
