"""A small network that finds the lungs in a chest X-ray or a CT slice."""
