"""Files and requests that nobody sends in good faith, the same ones for the same seed: `python -m tests.fuzz`."""
