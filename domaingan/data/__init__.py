"""The Sample and the Dataset of samples: the one currency of the package."""

from domaingan.data.dataset import Dataset
from domaingan.data.record import Problem, Reader, Record
from domaingan.data.region import parse_region
from domaingan.data.sample import BLOCK, Crowd, Region, Sample, Schema, Value

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
