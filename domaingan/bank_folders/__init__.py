"""Folders in the place of banks and datasets: opened, or built from crops and pictures as people keep them."""

from domaingan.bank_folders.open_bank import open_bank
from domaingan.banks import register_opener

register_opener(open_bank)

__all__ = ["open_bank"]
