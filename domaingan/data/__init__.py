"""The Sample and the Dataset of samples: the one currency of the package."""

from domaingan.data.blend_results import PastedCrop, PasteResult, RelightResult, read_pasted_crops
from domaingan.data.dataset import Dataset
from domaingan.data.domain import DOMAINS, FRAME, SCAN, Domain, DomainName, StoredDomain, read_domain
from domaingan.data.geometry import Geometry, IntensityRange
from domaingan.data.record import Problem, Reader, Record
from domaingan.data.region import parse_region
from domaingan.data.sample import ConditionValue, Crowd, Sample
from domaingan.data.schema import RegionCorners, Schema
from domaingan.data.source import BLOCK_SECONDS, Source

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
    "Geometry",
    "IntensityRange",
    "PasteResult",
    "PastedCrop",
    "Problem",
    "Reader",
    "Record",
    "RegionCorners",
    "RelightResult",
    "Sample",
    "Schema",
    "Source",
    "StoredDomain",
    "parse_region",
    "read_domain",
    "read_pasted_crops",
]
