"""The Bank: real or generated crops and scenes on disk, memory-mapped, cheap to draw from."""

from domaingan.banks.bank import Bank, Crop, register_opener, resolve_bank
from domaingan.banks.info import (
    BANK_FORMAT,
    BOUND_REACH_PIXELS,
    CLASS_CONDITIONS,
    HEALTHY_VALUE,
    UNLABELLED_NAME,
    BankInfo,
    BankKind,
    create_entries,
    entry_dtype,
    measure_source_size,
)

__all__ = [
    "BANK_FORMAT",
    "BOUND_REACH_PIXELS",
    "CLASS_CONDITIONS",
    "HEALTHY_VALUE",
    "UNLABELLED_NAME",
    "Bank",
    "BankInfo",
    "BankKind",
    "Crop",
    "create_entries",
    "entry_dtype",
    "measure_source_size",
    "register_opener",
    "resolve_bank",
]
