"""A hospital whose parts are killed while studies arrive, and what is left of them in the archive."""
