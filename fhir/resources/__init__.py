"""The types of resources, one a file."""
