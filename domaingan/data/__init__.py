"""The Sample and the Dataset of samples: the one currency of the package."""

from domaingan.data.dataset import Dataset
from domaingan.data.domain import DOMAINS, FRAME, SCAN, Domain, DomainName, StoredDomain, read_domain
from domaingan.data.record import Problem, Reader, Record
from domaingan.data.region import parse_region
from domaingan.data.sample import BLOCK, Crowd, Region, Sample, Schema, Value

__all__ = [
    "BLOCK",
    "DOMAINS",
    "FRAME",
    "SCAN",
    "Crowd",
    "Dataset",
    "Domain",
    "DomainName",
    "Problem",
    "Reader",
    "Record",
    "Region",
    "Sample",
    "Schema",
    "StoredDomain",
    "Value",
    "parse_region",
    "read_domain",
]
