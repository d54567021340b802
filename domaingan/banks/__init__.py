"""The Bank: generated or collected crops and scenes on disk, memory-mapped, cheap to draw from."""

from domaingan.banks.bank import Bank, Crop, bank_of, register_opener
from domaingan.banks.info import (
    BOUND_REACH,
    CLASS_CONDITIONS,
    FORMAT,
    HEALTHY,
    UNLABELLED,
    BankInfo,
    entry_dtype,
    extent_of,
    new_entries,
)

__all__ = [
    "BOUND_REACH",
    "CLASS_CONDITIONS",
    "FORMAT",
    "HEALTHY",
    "UNLABELLED",
    "Bank",
    "BankInfo",
    "Crop",
    "bank_of",
    "entry_dtype",
    "extent_of",
    "new_entries",
    "register_opener",
]
