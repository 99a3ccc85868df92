"""The flow: upload → scan → analysis → prediction → review → report."""
