"""The pages of the unmatched worklist."""
