"""How the pages of a clinic grow with its history: `make bench-scale`."""
