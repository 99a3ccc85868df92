"""Import whole networks that Keras 2 saved as .h5 files. Nothing in such a file is ever executed; see ADR 0207."""
