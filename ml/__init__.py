"""Chest imaging classifiers: plain Python and Keras, without Django."""
