"""Fit, measure and release the network that finds lungs. Imports Keras."""
