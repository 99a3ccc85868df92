"""What `make demo` shows: a clinic with its staff, invented patients, and images drawn by formulas."""
