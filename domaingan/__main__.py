"""``python -m domaingan``."""

from domaingan.cli import main

main()
