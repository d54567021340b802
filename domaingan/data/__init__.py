"""The Sample and the Dataset of samples: the one currency of the package."""

from domaingan.data.dataset import Dataset
from domaingan.data.domain import DOMAINS, FRAME, SCAN, Domain, DomainName, StoredDomain, read_domain
from domaingan.data.record import Problem, Reader, Record
from domaingan.data.region import parse_region
from domaingan.data.sample import BLOCK_SECONDS, ConditionValue, Crowd, RegionCorners, Sample, Schema

__all__ = [
    "BLOCK_SECONDS",
    "DOMAINS",
    "FRAME",
    "SCAN",
    "ConditionValue",
    "Crowd",
    "Dataset",
    "Domain",
    "DomainName",
    "Problem",
    "Reader",
    "Record",
    "RegionCorners",
    "Sample",
    "Schema",
    "StoredDomain",
    "parse_region",
    "read_domain",
]
