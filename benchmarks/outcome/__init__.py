"""Whether it helps: arms trained and tested on real data."""
