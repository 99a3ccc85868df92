"""A patient's record over time: earlier scans, trend, changes of the record."""
