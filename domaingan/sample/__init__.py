"""The Sample and the Dataset of samples: the one currency of the package."""

from domaingan.sample.dataset import Dataset
from domaingan.sample.record import Problem, Reader, Record
from domaingan.sample.sample import BLOCK, Sample, Schema, Value

__all__ = ["BLOCK", "Dataset", "Problem", "Reader", "Record", "Sample", "Schema", "Value"]
