"""Windows of hosts for generators that paint into them."""
