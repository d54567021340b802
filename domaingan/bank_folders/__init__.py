"""Folders where functions work on banks and datasets: opened, or made from crops as people have them."""

from domaingan.bank_folders.open_bank import open_bank
from domaingan.banks import register_opener

register_opener(open_bank)

__all__ = ["open_bank"]
