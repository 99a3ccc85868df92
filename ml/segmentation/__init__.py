"""Fit, measure and pack the small network that finds the lungs in a chest X-ray or a CT slice."""
