"""A person's reading of a scan: its place in the queue, and the sentences offered for it."""
