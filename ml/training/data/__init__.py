"""What to train on: the manifest, its split by group, batches, variations and which images an epoch shows."""
